"""Pickle variables so that a later kernel has the same objects, sharing included.

All variables go into one pickle: objects that two of them share are shared again. Large buffers
of arrays are left out of it (PEP 574), so that they can be mapped. What pickle would get wrong
without an error is handled here:

* Functions and classes of cells are pickled by their code; their globals are those of
  the kernel.
* An array that is a view of another one is pickled as such. Blocks of pandas are not: two frames
  that share memory by copy-on-write get a memory of their own, since pandas' count of who shares
  it is not pickled.
* What can't be what it was in another process (modules of the workspace, memory-mapped arrays,
  IPython's own objects) is refused.

Sources: PEP 574; pickle's documentation, "Custom Reduction for Types, Functions, and Other
Objects"; Kishu (Li et al., VLDB 2025) for snapshots of the objects that variables share.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import dataclasses
import enum
import functools
import importlib
import io
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from inside import snapshot_makers  # type: ignore[import-not-found]
from inside.snapshot_prints import root_of  # type: ignore[import-not-found]

MAIN = "__main__"
MAKERS = "inside.snapshot_makers"
LARGE_BYTES = 64 * 1024
"""Buffers of at least this size are kept out of the pickle."""
OWN_PLACES = ("/workspace", "/tmp", "/dev/shm")  # noqa: S108 (the sandbox's own)
CODE_FIELDS = (
    "argcount", "posonlyargcount", "kwonlyargcount", "nlocals", "stacksize", "flags", "code",
    "consts", "names", "varnames", "filename", "name", "qualname", "firstlineno", "linetable",
    "exceptiontable", "freevars", "cellvars",
)  # fmt: skip
CLASS_OWN = frozenset({"__dict__", "__weakref__", "__module__", "__qualname__", "_abc_impl"})
FUNCTION_FIELDS = ("__kwdefaults__", "__annotations__", "__doc__", "__qualname__", "__module__")


_DEFINED = (types.ModuleType, types.FunctionType, type)


class NotHeld(pickle.PicklingError):
    """An object that a snapshot can't hold; the text says why."""


class TooLarge(Exception):
    """The pickle would be larger than it may be."""


class _Nothing:
    """Stands for a module that there is not."""


class Pickled:
    """The pickle of some variables, and the buffers left out of it."""

    def __init__(self, most_bytes: int) -> None:
        """Take up to *most_bytes* of pickle, besides the buffers."""
        self._parts: list[bytes] = []
        self._most = most_bytes
        self.size = 0
        self.buffers: list[pickle.PickleBuffer] = []

    def write(self, data: Any) -> None:
        """Take *data* from the pickler."""
        self.size += len(data)
        if self.size > self._most:
            raise TooLarge
        self._parts.append(bytes(data))

    def take_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        """Keep a large *buffer* out of the pickle; return whether it belongs into it."""
        try:
            raw = buffer.raw()
        except BufferError:
            return True
        if raw.nbytes < LARGE_BYTES:
            return True
        self.buffers.append(buffer)
        return False

    def content(self) -> bytes:
        """Return the pickle."""
        return b"".join(self._parts)


def pickled(values: Mapping[str, Any], most_bytes: int) -> Pickled:
    """Pickle *values*, name → value.

    Args:
        values: What to pickle.
        most_bytes: Longest pickle, besides the buffers.

    Raises:
        TooLarge: It would be longer.
        NotHeld: What can't be what it is in another process is among them.
        Exception: Whatever the objects' own code raises.
    """
    taken = Pickled(most_bytes)
    pickler = _Pickler(taken)
    first = {name: value for name, value in values.items() if isinstance(value, _DEFINED)}
    for part in (first, {n: value for n, value in values.items() if n not in first}):
        pickler.dump(part)
    if pickler.shared_with_pandas():
        raise NotHeld("a frame and an array that can be written share their memory")
    return taken


def unpickled(
    content: bytes,
    buffers: Iterable[Any],
    define: Callable[[dict[str, Any]], None] = lambda defined: None,
) -> dict[str, Any]:
    """Return name → value of what `pickled` made.

    Args:
        content: The pickle.
        buffers: Its buffers, in order.
        define: Called with the modules, functions and classes, before the other variables are
            made: their code may need them.
    """
    unpickler = _Unpickler(io.BytesIO(content), buffers=buffers)
    values: dict[str, Any] = unpickler.load()
    define(values)
    values |= unpickler.load()
    return values


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # pickle's own would raise the audit event that refuses cells to unpickle.
        if module == MAIN:
            raise pickle.UnpicklingError(f"{name} of a cell is pickled by its name only")
        if module.partition(".")[0] == "inside" and module != MAKERS:
            raise pickle.UnpicklingError(f"{module} is the kernel's own")
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found


class _Pickler(pickle.Pickler):
    """See the module."""

    def __init__(self, file: Pickled) -> None:
        super().__init__(file, protocol=5, buffer_callback=file.take_buffer)
        self._of_pandas: dict[int, Any] = {}
        self._pandas_roots: dict[int, Any] = {}
        self._written_roots: dict[int, Any] = {}
        self._only_roots: set[int] = set()
        self._numpy, self._block, self._of_index = _ndarray(), _pandas_block(), _pandas_index()
        self._series = _pandas_series()
        self._sentinels = {id(value): name for name, value in _dataclass_sentinels()}

    def shared_with_pandas(self) -> bool:
        """Whether a frame shares memory with an array that cells may write."""
        return not self._pandas_roots.keys().isdisjoint(self._written_roots)

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is self._numpy:
            return self._array(obj)
        if self._block is not None and issubclass(kind, self._block):
            return self._pandas(obj)
        if kind is self._series:  # its own way leaves the block out
            return kind, (obj.blocks[0], obj.axes[0])
        if issubclass(kind, self._of_index):  # nobody writes the arrays of an index
            for array in _arrays_of(obj, self._numpy):
                self._of_pandas[id(array)] = array
            return NotImplemented
        if kind is types.FunctionType:
            return self._function(obj)
        if issubclass(kind, type):
            return self._class(obj)
        handle = _HANDLED.get(kind)
        if handle is not None:
            return handle(obj)
        if id(obj) in self._sentinels:
            return getattr, (dataclasses, self._sentinels[id(obj)])
        if str(kind.__module__).startswith(("ipykernel.", "inside.", "zmq.")):
            raise NotHeld(f"{kind.__module__}.{kind.__name__} belongs to the kernel")
        if kind.__name__ == "memmap":
            raise NotHeld("it is mapped from a file")
        return NotImplemented

    def _array(self, array: Any) -> Any:
        if id(array) in self._of_pandas:
            return NotImplemented
        root = root_of(array)
        if array.flags.writeable and id(array) not in self._only_roots:
            self._written_roots[id(root)] = root
        if root is not array:
            if not root.flags.forc:
                raise NotHeld("an array is a view of memory with gaps")
            self._only_roots.add(id(root))
            start = _address(array) - _address(root)
            facts = (array.dtype, array.shape, array.strides, start, not array.flags.writeable)
            return snapshot_makers.view, (root, *facts)
        if array.flags.writeable or array.nbytes >= LARGE_BYTES:
            return NotImplemented  # a large buffer says itself that it is read-only
        return snapshot_makers.read_only, (array.copy("K"),)

    def _pandas(self, block: Any) -> Any:
        rebuild, (values, *others) = block.__reduce__()
        for array in _arrays_of(values, self._numpy):
            root = root_of(array)
            self._pandas_roots[id(root)] = root
        if type(values) is self._numpy and not values.flags.forc:
            values = values.copy("K")
        else:
            with contextlib.suppress(AttributeError, TypeError, NotImplementedError):
                values = values.view()
        for array in _arrays_of(values, self._numpy):
            self._of_pandas[id(array)] = array  # and keeps it, so that its id stays its own
        self._of_pandas[id(values)] = values
        return rebuild, (values, *others)

    def _function(self, function: Any) -> Any:
        if function.__module__ != MAIN and _is_importable(function):
            _refuse_own(function.__module__)
            return NotImplemented
        module = function.__globals__.get("__name__")
        if vars(sys.modules.get(module, _Nothing)) is not function.__globals__:
            raise NotHeld(f"function {function.__qualname__} is of no module")
        state = {name: getattr(function, name) for name in FUNCTION_FIELDS}
        cells = function.__closure__
        whole = state | {
            "__defaults__": function.__defaults__,
            "__dict__": vars(function),
            "cells": None if cells is None else list(cells),
        }
        made = (function.__code__, module, function.__name__, len(cells or ()))
        return snapshot_makers.make_function, made, whole, None, None, snapshot_makers.set_function

    def _class(self, kind: Any) -> Any:
        if (name := _INTERPRETERS.get(kind)) is not None:
            return getattr, (types, name)
        if kind.__module__ != MAIN:
            _refuse_own(kind.__module__)
            return NotImplemented
        if issubclass(kind, enum.Enum):
            raise NotHeld(f"{kind.__name__} is an enumeration that a cell defines")
        if tuple in kind.__bases__ and hasattr(kind, "_field_defaults"):
            return _named_tuple(kind)
        bases, slots = kind.__bases__, vars(kind).get("__slots__")
        state = {n: v for n, v in vars(kind).items() if n not in CLASS_OWN and n != "__slots__"}
        state = {n: v for n, v in state.items() if type(v) is not types.MemberDescriptorType}
        made = (type(kind), kind.__name__, kind.__qualname__, bases, slots)
        return snapshot_makers.make_class, made, state, None, None, snapshot_makers.set_class


def _ndarray() -> Any:
    numpy = sys.modules.get("numpy")
    return numpy.ndarray if numpy is not None else _Nothing


def _pandas_block() -> Any:
    internals = sys.modules.get("pandas._libs.internals")
    return getattr(internals, "Block", None)


def _pandas_series() -> Any:
    managers = sys.modules.get("pandas.core.internals.managers")
    return getattr(managers, "SingleBlockManager", None)


def _pandas_index() -> Any:
    pandas = sys.modules.get("pandas")
    return () if pandas is None else (pandas.Index, pandas.api.extensions.ExtensionArray)


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _arrays_of(values: Any, ndarray: Any) -> list[Any]:
    """Return the arrays in a block's values: an array, or what an extension array has of them."""
    if type(values) is ndarray:
        return [values]
    named = (getattr(values, name, None) for name in ("_ndarray", "_data", "_mask"))
    return [array for array in named if type(array) is ndarray]


def _dataclass_sentinels() -> list[tuple[str, Any]]:
    names = ("MISSING", "KW_ONLY", "_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR")
    return [(n, getattr(dataclasses, n)) for n in names if hasattr(dataclasses, n)]


def _is_importable(function: Any) -> bool:
    found: Any = sys.modules.get(function.__module__ or "")
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is function


def _code(code: types.CodeType) -> Any:
    return snapshot_makers.make_code, (
        tuple(getattr(code, f"co_{field}") for field in CODE_FIELDS),
    )


def _refuse_own(name: str) -> None:
    """Raise `NotHeld` for what a module in the workspace defines: its file may change."""
    if (getattr(sys.modules.get(name), "__file__", None) or "").startswith(OWN_PLACES):
        raise NotHeld(f"module {name} is no installed one")


def _module(module: types.ModuleType) -> Any:
    name = module.__name__
    place = getattr(module, "__file__", None) or ""
    if name == MAIN or sys.modules.get(name) is not module or place.startswith(OWN_PLACES):
        raise NotHeld(f"module {name} is no installed one")
    if name.partition(".")[0] == "inside":
        raise NotHeld(f"module {name} is the kernel's own")
    return importlib.import_module, (name,)


def _named_tuple(kind: Any) -> Any:
    defaults = tuple(kind._field_defaults.values())
    usual = vars(collections.namedtuple("usual", kind._fields))
    state = {name: value for name, value in vars(kind).items() if name not in usual}
    state["__qualname__"] = kind.__qualname__
    made = (kind.__name__, kind._fields, defaults)
    return snapshot_makers.make_named_tuple, made, state, None, None, snapshot_makers.set_class


def _closure_cell(cell: Any) -> Any:
    try:
        content = (cell.cell_contents,)
    except ValueError:
        content = ()  # type: ignore[assignment]
    return snapshot_makers.make_cell, (), content, None, None, snapshot_makers.fill_cell


def _descriptor(found: Any) -> Any:
    return type(found), (found.__func__,)


def _property(found: property) -> Any:
    return property, (found.fget, found.fset, found.fdel, found.__doc__)


def _cached_property(found: Any) -> Any:
    return snapshot_makers.make_cached_property, (found.func, found.attrname)


def _lru_cache(found: Any) -> Any:
    if _is_importable(found) and found.__module__ != MAIN:
        return found.__qualname__
    return snapshot_makers.make_lru_cache, (found.__wrapped__, found.cache_parameters())


def _iterator(found: Any) -> Any:
    raise NotHeld(f"{type(found).__name__} is used up as it is read")


_HANDLED: dict[type, Callable[[Any], Any]] = {
    types.CodeType: _code,
    types.ModuleType: _module,
    types.CellType: _closure_cell,
    staticmethod: _descriptor,
    classmethod: _descriptor,
    property: _property,
    functools.cached_property: _cached_property,
    type(functools.lru_cache(len)): _lru_cache,
    types.MappingProxyType: lambda found: (types.MappingProxyType, (dict(found),)),
    types.GeneratorType: _iterator,
    types.CoroutineType: _iterator,
    types.AsyncGeneratorType: _iterator,
}


_INTERPRETERS = {
    kind: name
    for name, kind in vars(types).items()
    if isinstance(kind, type) and not hasattr(builtins, kind.__name__)
}
"""Types of the interpreter that have a name in ``types`` only."""
