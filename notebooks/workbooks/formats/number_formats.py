"""Which number formats show a date, and what date a serial number is.

Source: ECMA-376 part 1, 18.8.30 numFmt (built-in formats, date codes) and 18.17.4.1 (serials).
"""

from __future__ import annotations

import datetime
import re
from functools import lru_cache
from typing import Literal

from ..values import Value, number_value

Kind = Literal["number", "date", "duration"]

_DATES = {*range(14, 23), *range(27, 37), *range(50, 59)}
_DURATIONS = {46}
_LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
_LAST_SERIAL = 2_958_466
"""The first serial after 9999-12-31."""


@lru_cache(maxsize=4096)
def kind_of(code: str) -> Kind:
    """Return what a value with the format *code*, such as ``"yyyy-mm-dd"``, is."""
    plain = _LITERALS.sub("", code.split(";")[0]).lower()
    if re.search(r"\[(h+|m+|s+)\]", plain):
        return "duration"
    if "general" in plain:
        return "number"
    return "date" if re.search(r"[dmysh]|e(?![+-])|[年月日時分秒]", plain) else "number"


def kind_of_id(number: int, codes: dict[int, str]) -> Kind:
    """Return what a value with format *number* is.

    Args:
        number: A ``numFmtId``.
        codes: The formats that the file itself defines.
    """
    if number in codes:
        return kind_of(codes[number])
    if number in _DURATIONS:
        return "duration"
    return "date" if number in _DATES else "number"


def from_serial(number: float, kind: Kind, *, from_1904: bool) -> Value:
    """Return the value of a cell that holds *number*.

    Args:
        number: Days since the epoch of the file, with the time as a fraction.
        kind: What its format shows.
        from_1904: The file counts from 1904-01-01.
    """
    if kind == "number" or not -_LAST_SERIAL < number < _LAST_SERIAL:
        return number_value(number)
    if kind == "duration":
        return datetime.timedelta(milliseconds=round(number * 86_400_000))
    if number < 0:
        return number_value(number)  # no calendar has it; Excel shows ####
    exact = datetime.timedelta(milliseconds=round(number * 86_400_000))
    if exact < datetime.timedelta(days=1) and not from_1904:
        return (datetime.datetime.min + exact).time()
    if from_1904:
        return datetime.datetime(1904, 1, 1) + exact
    # Excel counts a 29 February 1900 that never was, as number 60.
    day_zero = datetime.datetime(1899, 12, 31 if number < 60 else 30)
    return day_zero + exact
