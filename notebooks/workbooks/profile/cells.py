"""Cells: addresses, blanks, classes of values, and values as Python literals or JSON."""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..formats.addresses import address, column_index

Row = Sequence[Any]

BLANK, TEXT, NUMBER, DATE, TIME, BOOLEAN, ERROR = (
    "blank text number date time boolean error".split()
)
CLASS_OF_TYPE: dict[type, str] = {
    type(None): BLANK,
    bool: BOOLEAN,
    int: NUMBER,
    float: NUMBER,
    datetime.datetime: DATE,
    datetime.date: DATE,
    datetime.time: TIME,
    datetime.timedelta: TIME,
}
MAX_TEXT = 200
_ADDRESS = re.compile(r"\$?([A-Z]{1,3})\$?(\d+)")


def is_blank(value: Any) -> bool:
    """Return whether a cell shows nothing: no value, or text of blanks only."""
    return value is None or (isinstance(value, str) and not value.strip())


def class_of(value: Any) -> str:
    """Return the class of a cell's value: one of the constants of this module."""
    found = CLASS_OF_TYPE.get(type(value))
    if found is None:
        found = ERROR if is_error(value) else TEXT
    return BLANK if found is TEXT and not str(value).strip() else found


def is_error(value: Any) -> bool:
    """Return whether *value* stands for an error cell such as ``#N/A``."""
    return type(value).__name__ == "CellError"


def error_name(value: Any) -> str:
    """Return what an error cell shows, such as ``#N/A``; ``#ERROR`` for what is no error's name."""
    text = str(value)
    return text if re.fullmatch(r"#[A-Z0-9/_]{1,20}[!?]?", text) else "#ERROR"


def range_address(top: int, left: int, bottom: int, right: int) -> str:
    """Return a range such as ``A1:C9``; rows and columns count from 0, both ends included."""
    return f"{address(top, left)}:{address(bottom, right)}"


def parse_range(text: str) -> tuple[int, int, int, int] | None:
    """Return (top, left, bottom, right) from 0 of a range such as ``$A$1:C9`` or ``B2``."""
    ends = _ADDRESS.findall(text.upper())
    if not ends:
        return None
    (first, top), (last, bottom) = ends[0], ends[-1]
    return int(top) - 1, column_index(first), int(bottom) - 1, column_index(last)


def types_of(values: Sequence[Any]) -> Counter[type]:
    """Return type → count."""
    kinds = set(map(type, values))  # mostly one: then nothing is to be counted
    return Counter({kinds.pop(): len(values)}) if len(kinds) == 1 else Counter(map(type, values))


def literal(value: Any) -> str:
    """Return *value* as Python code: ``'Net  Amount'``, ``2023``, ``datetime(2024, 1, 31)``."""
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))
    if isinstance(value, datetime.datetime):
        parts = [value.year, value.month, value.day, value.hour, value.minute, value.second]
        while len(parts) > 3 and not parts[-1]:
            parts.pop()
        return f"datetime({', '.join(map(str, parts))})"
    if isinstance(value, datetime.date):
        return f"datetime({value.year}, {value.month}, {value.day})"
    return repr(value)


def shown(value: Any, limit: int = MAX_TEXT) -> str:
    """Return *value* as a person reads it, cut to *limit* characters; blanks are kept."""
    if isinstance(value, float) and math.isfinite(value):
        value = int(value) if value.is_integer() else float(f"{value:.12g}")
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    text = error_name(value) if is_error(value) else str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def to_json(value: Any) -> Any:
    """Return *value* for JSON: text, numbers and truth as they are, others named by their class."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    return {class_of(value): shown(value)}
