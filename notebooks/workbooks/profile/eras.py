"""Dates of the Japanese eras: 令和8年3月1日, R8.3.1, and 令和元年 for the first year of one."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection

from .dates import DateText, names_a_date
from .signs import narrow

ERAS = {"令和": 2018, "R": 2018, "平成": 1988, "H": 1988, "昭和": 1925, "S": 1925}
"""Era → the year before its first one (Era Name Act of Japan and the orders by it)."""
FORMAT = "Japanese era"
_ERA = re.compile(
    r"(令和|平成|昭和|[RHS])\s*(元|\d{1,2})[年.\-/]\s*(\d{1,2})[月.\-/]\s*(\d{1,2})日?"
)


def read_era_dates(texts: Collection[str], name: object) -> DateText | None:
    """Return that *texts* are dates of Japanese eras, ``None`` if they are not.

    A letter alone (``R8.3.1``) may be a section's number: the column's *name* must say date.
    """
    found = [_ERA.fullmatch(narrow(text).strip()) for text in texts]
    if not found or not all(found):
        return None
    parts = [each.groups() for each in found if each]
    letters = any(era in "RHS" for era, *_ in parts)
    if (letters and not names_a_date(name)) or not all(_is_day(*each) for each in parts):
        return None
    return DateText(FORMAT, proven=True)


def _is_day(era: str, year: str, month: str, day: str) -> bool:
    try:
        datetime.date(ERAS[era] + (1 if year == "元" else int(year)), int(month), int(day))
    except ValueError:
        return False
    return True
