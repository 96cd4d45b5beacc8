"""What the pickles of snapshots call to make objects again (see `inside.snapshot_values`)."""

from __future__ import annotations

import abc
import collections
import contextlib
import functools
import importlib
import types
from collections.abc import Mapping
from typing import Any

MAIN = "__main__"


def make_code(fields: tuple[Any, ...]) -> types.CodeType:
    """Return the code with these fields, in the order of its constructor."""
    return types.CodeType(*fields)


def make_function(code: Any, module: str, name: str, cells: int) -> Any:
    """Return a function whose globals are those of *module*, with *cells* empty cells."""
    closure = tuple(types.CellType() for _ in range(cells)) if cells else None
    return types.FunctionType(code, vars(importlib.import_module(module)), name, None, closure)


def set_function(function: Any, state: dict[str, Any]) -> None:
    """Give a function of `make_function` the rest of what it had."""
    cells = state.pop("cells")
    for ours, theirs in zip(function.__closure__ or (), cells or (), strict=True):
        with contextlib.suppress(ValueError):
            ours.cell_contents = theirs.cell_contents
    vars(function).update(state.pop("__dict__"))
    for name, value in state.items():
        setattr(function, name, value)


def make_cell() -> Any:
    """Return an empty cell of a closure."""
    return types.CellType()


def fill_cell(cell: Any, content: tuple[Any, ...]) -> None:
    """Fill a cell with the one item of *content*, if there is one."""
    if content:
        cell.cell_contents = content[0]


def make_class(kind: Any, name: str, qualname: str, bases: Any, slots: Any) -> Any:
    """Return an empty class of a cell."""

    def fill(body: dict[str, Any]) -> None:
        body |= {"__module__": MAIN, "__qualname__": qualname}
        if slots is not None:
            body["__slots__"] = slots

    return types.new_class(name, bases, {"metaclass": kind}, fill)


def set_class(made: Any, state: dict[str, Any]) -> None:
    """Give a class of `make_class` its attributes."""
    for name, value in state.items():
        with contextlib.suppress(AttributeError):  # __doc__ of a class with slots
            setattr(made, name, value)
    if hasattr(made, "__abstractmethods__"):
        abc.update_abstractmethods(made)


def make_cached_property(function: Any, name: str | None) -> Any:
    """Return a cached property with its name."""
    made: Any = functools.cached_property(function)
    if name is not None:
        made.__set_name__(None, name)
    return made


def make_lru_cache(function: Any, parameters: Mapping[str, Any]) -> Any:
    """Return *function* with an empty cache."""
    return functools.lru_cache(**parameters)(function)


def make_named_tuple(name: str, fields: Any, defaults: Any) -> Any:
    """Return a named tuple's class."""
    return collections.namedtuple(name, fields, defaults=defaults, module=MAIN)


def view(root: Any, dtype: Any, shape: Any, strides: Any, start: int, fixed: Any) -> Any:
    """Return a view of *root*, an array, from its byte *start* on."""
    import numpy as np

    if dtype.hasobject:
        flat = root.ravel(order="K")[start // dtype.itemsize :]
        made = np.lib.stride_tricks.as_strided(flat, shape, strides)
    else:
        whole = root if root.flags.c_contiguous else root.T
        made = np.ndarray(shape, dtype, whole, start, strides)
    if fixed:
        made.flags.writeable = False
    return made


def read_only(array: Any) -> Any:
    """Return *array*, which can't be written any more."""
    array.flags.writeable = False
    return array
