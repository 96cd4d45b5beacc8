"""Describe the user's variables without trusting their code.

No ``__repr__``, ``__len__`` or property of a user's class is called: only types
known by exact identity are looked into, everything else is named by its type.
"""

from __future__ import annotations

import datetime
import decimal
import json
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


def _cell(item: Any) -> str:
    kind = type(item)
    if kind is str:
        return repr(item[:PREVIEW_CELL])
    if kind in _SCALARS or kind in _DATES:
        return str(item)[:PREVIEW_CELL]
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return kind.__name__
    if kind in (pandas.Timestamp, pandas.Timedelta) or item is pandas.NaT or item is pandas.NA:
        return str(item)
    return kind.__name__


def _preview(rows: Any) -> str:
    """Return the values of an array of one or two dimensions as short text."""
    shown = [
        ", ".join(_cell(item) for item in row) if type(row) is list else _cell(row)
        for row in rows.tolist()
    ]
    return "; ".join(shown)[:PREVIEW]


def _describe_frame(value: Any) -> dict[str, Any]:
    columns = [str(column)[:PREVIEW] for column in list(value.columns)[:MAX_COLUMNS]]
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
    found: dict[str, Any] = {"name": name, "type": kind.__name__}
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


def variables_json(namespace: dict[str, Any], hidden: dict[str, Any]) -> str:
    """Return a JSON list describing the variables of *namespace* that the user made.

    Args:
        namespace: The shell's ``user_ns``.
        hidden: The shell's ``user_ns_hidden``: names IPython put there itself.
    """
    found: list[dict[str, Any]] = []
    for name, value in list(namespace.items()):
        if name.startswith("_") or type(value).__name__ in ("module", "function", "type"):
            continue
        if name in hidden and hidden[name] is value:
            continue
        if len(found) == MAX_VARIABLES:
            break
        try:
            found.append(describe(name, value))
        except Exception:  # noqa: BLE001 (a broken object must not hide the others)
            found.append({"name": name, "type": type(value).__name__})
    return json.dumps(found, default=str)
