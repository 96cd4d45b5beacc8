"""Columns with true dates among which some are kept as text or as Excel's day number.

A program that reads dates in another order of day and month leaves those it can't read as text,
and swaps day and month of the others.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .cells import shown
from .column import SAMPLE_TEXT
from .dates import DateText, read_dates
from .placeholders import PLACEHOLDERS

NEAR = 3 * 366
"""Days from the true dates that a day number may lie."""
_LOCAL = ("mm-dd-yy", "m/d/yy h:mm")
"""Built-in formats that each computer shows in its own order (ECMA-376 part 1, 18.8.30)."""
_EPOCH = datetime.date(1899, 12, 30)


@dataclass(frozen=True)
class MixedDates:
    """What a column of dates holds beside true dates.

    Attributes:
        texts: How those kept as text are written, ``None`` if none is.
        serials: How many are kept as Excel's day number.
        swapped: Day and month of the true dates may have changed places.
        strays: Placeholders → count.
    """

    texts: DateText | None
    serials: int
    swapped: bool
    strays: dict[str, int]


def read_mixed_dates(
    values: Sequence[Any], texts: Counter[str], form: str, order: str
) -> MixedDates | None:
    """Return what the dates among *values* are, ``None`` if others than dates are there.

    Args:
        values: A column's cells: true dates, texts and numbers.
        texts: How often each text occurs.
        form: The number format of most cells, which shows the order of day and month.
        order: ``"dmy"`` or ``"mdy"`` if the rest of the workbook proves one.
    """
    days = [v for v in values if isinstance(v, datetime.date)]
    numbers = [v for v in values if type(v) in (int, float)]
    if not _are_near(numbers, days):
        return None
    strays = {t: n for t, n in texts.items() if t.strip().lower() in PLACEHOLDERS}
    real = [t for t in texts if t not in strays]
    found = None
    if real:
        found = read_dates(real, order=order or _order_of(form))
        if found is None or found.unread:
            return None
    if found is None and not numbers:
        return None
    kept = {shown(t, SAMPLE_TEXT): n for t, n in Counter(strays).most_common(5)}
    swapped = found is not None and _are_swapped(real, days, found)
    return MixedDates(found and replace(found, unread=0), len(numbers), swapped, kept)


def _are_near(numbers: Sequence[float], days: Sequence[datetime.date]) -> bool:
    """Return whether *numbers* are day numbers of about the time of the true dates."""
    if not numbers:
        return True
    known = [_number(day) for day in days]
    low, high = min(known) - NEAR, max(known) + NEAR
    return all(float(n).is_integer() and low <= n <= high for n in numbers)


def _number(day: datetime.date) -> int:
    return (datetime.date(day.year, day.month, day.day) - _EPOCH).days


def _order_of(form: str) -> str:
    """Return the order of day and month that a number format shows, ``""`` if it shows none."""
    if form in _LOCAL:
        return ""
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", form.lower())
    day, month = bare.find("d"), bare.find("m")
    if day < 0 or month < 0 or "mmm" in bare or bare.lstrip().startswith("y"):
        return ""
    return "dmy" if day < month else "mdy"


def _are_swapped(texts: Sequence[str], days: Sequence[datetime.date], found: DateText) -> bool:
    """Return whether just the dates with days up to 12, whose order is no matter, are true ones."""
    if found.format[:2] not in ("%d", "%m") or "%b" in found.format.lower() or len(days) < 5:
        return False
    written = [datetime.datetime.strptime(t.strip(), found.format).day for t in texts]
    return len(texts) >= 3 and min(written) > 12 and max(day.day for day in days) <= 12
