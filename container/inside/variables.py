"""Describe the user's variables without running their code.

No ``__repr__``, ``__len__`` or property of a user's class is called. Only values of exactly
known types are inspected; of others only the type's name is given.
"""

from __future__ import annotations

import datetime
import decimal
import sys
from typing import Any

MAX_VARIABLES = 200
MAX_COLUMNS = 60
PREVIEW = 120
PREVIEW_ROWS = 3
PREVIEW_CELL = 40
_SCALARS = (int, float, str, bool, type(None), complex)
_DATES = (datetime.date, datetime.datetime, datetime.time, datetime.timedelta, decimal.Decimal)
_CONTAINERS = (list, tuple, dict, set, frozenset)


def _name(kind: type) -> str:
    """Return the name of *kind*, bypassing its metaclass."""
    name: str = vars(type)["__name__"].__get__(kind)
    return name


def _cell(item: Any) -> str:
    kind = type(item)
    if kind is str:
        return repr(item[:PREVIEW_CELL])
    if kind in _SCALARS or kind in _DATES:
        return str(item)[:PREVIEW_CELL]
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return _name(kind)
    plain = (pandas.Timestamp, pandas.Timedelta, pandas.Period, pandas.Interval)
    if kind in plain or item is pandas.NaT or item is pandas.NA:
        return str(item)
    return _name(kind)


def _preview(rows: Any) -> str:
    """Return the values of an array of one or two dimensions as short text."""
    shown = [
        ", ".join(_cell(item) for item in row) if type(row) is list else _cell(row)
        for row in rows.tolist()
    ]
    return "; ".join(shown)[:PREVIEW]


def _column(name: Any) -> str:
    """Return a column's name; a MultiIndex name as a tuple of its parts."""
    if type(name) is str:
        return name[:PREVIEW]
    if type(name) is tuple:
        return f"({', '.join(_cell(part) for part in name)})"[:PREVIEW]
    return _cell(name)


def _describe_frame(value: Any) -> dict[str, Any]:
    columns = [_column(column) for column in list(value.columns)[:MAX_COLUMNS]]
    dtypes = [str(dtype) for dtype in list(value.dtypes)[:MAX_COLUMNS]]
    return {
        "shape": list(value.shape),
        "columns": columns,
        "dtypes": dtypes,
        "bytes": int(value.memory_usage(deep=False).sum()),
        "preview": _preview(value.iloc[:PREVIEW_ROWS, :MAX_COLUMNS].to_numpy(dtype=object)),
    }


def describe(name: str, value: Any) -> dict[str, Any]:
    """Describe one variable: name, type, and shape, columns, dtypes, bytes or preview."""
    kind = type(value)
    found: dict[str, Any] = {"name": name, "type": _name(kind)}
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if kind in _SCALARS:
        text = repr(value[:PREVIEW] if kind is str else value)
        found["preview"] = text if len(text) <= PREVIEW + 2 else text[:PREVIEW] + "…"
    elif kind in _CONTAINERS:
        found["shape"] = [len(value)]
        if kind is list and all(type(item) in _SCALARS for item in value[:5]):
            found["preview"] = repr([i[:40] if type(i) is str else i for i in value[:5]])[:PREVIEW]
    elif pandas is not None and kind is pandas.DataFrame:
        found |= _describe_frame(value)
    elif pandas is not None and kind is pandas.Series:
        found |= {
            "shape": [len(value)],
            "dtypes": [str(value.dtype)],
            "bytes": int(value.memory_usage(deep=False)),
            "preview": _preview(value.iloc[:PREVIEW_ROWS].to_numpy(dtype=object)),
        }
    elif numpy is not None and kind is numpy.ndarray:
        found |= {
            "shape": list(value.shape),
            "dtypes": [str(value.dtype)],
            "bytes": int(value.nbytes),
            "preview": _preview(value.reshape(-1)[:PREVIEW_ROWS].astype(object)),
        }
    return found


class Variables:
    """The variables the user has defined, which IPython displays as JSON."""

    def __init__(self, namespace: dict[str, Any], hidden: dict[str, Any]) -> None:
        """Describe the variables.

        Args:
            namespace: The shell's ``user_ns``.
            hidden: The shell's ``user_ns_hidden``: names IPython put there itself.
        """
        self._found = _described(namespace, hidden)

    def _repr_json_(self) -> list[dict[str, Any]]:
        return self._found


def _described(namespace: dict[str, Any], hidden: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, value in list(namespace.items()):
        if (
            type(name) is not str
            or name.startswith("_")
            or _name(type(value)) in ("module", "function", "type")
        ):
            continue
        if name in hidden and hidden[name] is value:
            continue
        if len(found) == MAX_VARIABLES:
            break
        try:
            found.append(describe(name, value))
        except Exception:  # noqa: BLE001 (a broken object must not hide the others)
            found.append({"name": name, "type": _name(type(value))})
    return found
