"""Dates kept as text or as numbers: their format, with the order proven over the whole column."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from .signs import narrow

FIRST = 30
"""Texts of a long column that must look like dates before all of them are looked at."""
MAX_TRIED = 1_000
"""Texts of a column that are parsed to see whether a format fits."""
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_NUMERIC = re.compile(
    r"^(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})\.?"
    r"(?:([T ])(\d{1,2}:\d{2})(:\d{2})?(\.\d+)?( ?[AP]M)?(Z|[+-]\d{2}:?\d{2})?)?$",
    re.IGNORECASE,
)
_NAMED = re.compile(r"^(\d{1,2})([-/. ])([A-Za-z]{3,9})\.?([-/. ])(\d{2}|\d{4})$")
_NAMED_FIRST = re.compile(r"^([A-Za-z]{3,9})\.? (\d{1,2})(,?) (\d{4})$")
_MARKED = re.compile(r"^\d{4}(?P<a> ?[年년] ?)\d{1,2}(?P<b> ?[月월] ?)\d{1,2}(?P<c> ?[日일])$")
_COMPACT = re.compile(r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$")
_DATE_NAME = re.compile(
    r"date|datum|fecha|data\b|dato|dátum|päivä|tarih|дата|日付|日期|날짜|تاريخ|posted|valuta|buchung"
    r"|due|period end|échéance",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class DateText:
    """How the dates of a column are written.

    Attributes:
        format: As ``strptime`` takes it, such as ``%d.%m.%Y``.
        proven: No other order of day and month fits all values of the column.
        separator: What stands between the numbers; ``""`` where a month has its name.
        unread: How many texts are no dates in this format.
        wide: Some are in other digits than ASCII's, which pandas does not read.
    """

    format: str
    proven: bool
    separator: str = ""
    unread: int = 0
    wide: bool = False


def read_dates(texts: Collection[str], *, order: str = "") -> DateText | None:
    """Return how most of *texts* (distinct, not blank) are dates, ``None`` if they are not.

    Args:
        texts: A column's texts.
        order: ``"dmy"`` or ``"mdy"`` if the rest of the workbook proves one.
    """
    wide = any(not text.isascii() and narrow(text) != text for text in texts)
    if wide:
        texts = [narrow(text) for text in texts]
    if len(texts) > 10 * FIRST and _format_of(list(islice(texts, FIRST)), order) is None:
        return None
    found = _format_of(texts, order)
    if found is None:
        return None
    step = max(1, len(texts) // MAX_TRIED)
    tried = list(texts)[::step]
    unread = sum(not _is_date(text.strip(), found.format) for text in tried)
    if unread > 0.1 * len(tried):
        return None
    return replace(found, unread=unread * step, wide=wide)


def _is_date(text: str, form: str) -> bool:
    try:
        datetime.datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _format_of(texts: Collection[str], order: str) -> DateText | None:
    """Return the format that most of *texts* seem to have."""
    if marked := _marked(texts):
        return marked
    parts = [found.groups() for text in texts if (found := _NUMERIC.match(text.strip()))]
    if texts and len(parts) >= 0.9 * len(texts):
        return _numeric(parts, len(texts) - len(parts), order)
    named = [found.groups() for text in texts if (found := _NAMED.match(text.strip()))]
    named = [groups for groups in named if groups[2][:3].lower() in MONTHS]
    if texts and len(named) >= 0.9 * len(texts):
        _, first, _month, second, year = named[0]
        name = "%b" if all(len(groups[2]) == 3 for groups in named) else "%B"
        form = f"%d{first}{name}{second}{'%Y' if len(year) == 4 else '%y'}"
        return DateText(form, proven=True, unread=len(texts) - len(named))
    front = [found.groups() for text in texts if (found := _NAMED_FIRST.match(text.strip()))]
    front = [groups for groups in front if groups[0][:3].lower() in MONTHS]
    if texts and len(front) >= 0.9 * len(texts):
        name = "%b" if all(len(groups[0]) == 3 for groups in front) else "%B"
        form = f"{name} %d{front[0][2]} %Y"
        return DateText(form, proven=True, unread=len(texts) - len(front))
    return None


def _marked(texts: Collection[str]) -> DateText | None:
    """Return the format of dates with signs for year, month and day: 2026年3月1日."""
    found = [match for text in texts if (match := _MARKED.match(text.strip()))]
    if not found or len(found) < 0.9 * len(texts):
        return None
    a, b, c = found[0].group("a", "b", "c")
    alike = sum(match.group("a", "b", "c") == (a, b, c) for match in found)
    return DateText(f"%Y{a}%m{b}%d{c}", proven=True, unread=len(texts) - alike)


def _numeric(parts: list[tuple[str, ...]], unread: int, order: str) -> DateText | None:
    separator, clock = parts[0][1], parts[0][4:]
    alike = [p for p in parts if p[1] == separator]
    unread += len(parts) - len(alike)
    firsts, seconds, thirds = ([int(p[i]) for p in alike] for i in (0, 2, 3))
    time = _time_format(clock) if clock[0] else ""
    if all(len(p[0]) == 4 for p in alike):
        fits = max(seconds) <= 12 and max(thirds) <= 31
        form = f"%Y{separator}%m{separator}%d{time}"
        return DateText(form, proven=True, unread=unread) if fits else None
    if any(len(p[0]) > 2 for p in alike):
        return None
    lengths = {len(p[3]) for p in alike}
    if not lengths <= {2, 4}:
        return None
    year = "%Y" if lengths == {4} else "%y"
    possible = [
        (name, form)
        for name, form, months, days in (
            ("dmy", f"%d{separator}%m{separator}{year}", seconds, firsts),
            ("mdy", f"%m{separator}%d{separator}{year}", firsts, seconds),
        )
        if min(months) >= 1 and max(months) <= 12 and min(days) >= 1 and max(days) <= 31
    ]
    if not possible or lengths == {2, 4}:
        return None
    if separator == ".":
        possible = [p for p in possible if p[0] == "dmy"] or possible
    proven = len(possible) == 1
    if not proven and order:
        possible, proven = [p for p in possible if p[0] == order], True
    return DateText(possible[0][1] + time, proven, separator, unread)


def _time_format(clock: Sequence[str | None]) -> str:
    """Return the format of a time of day behind a date, from the parts of one of them."""
    gap, _, seconds, fraction, half, zone = clock
    hours = "%I" if half else "%H"
    form = f"{gap}{hours}:%M" + (":%S" if seconds else "") + (".%f" if fraction else "")
    if half:
        form += " %p" if half.startswith(" ") else "%p"
    return form + ("%z" if zone else "")


def order_of(found: DateText) -> str:
    """Return ``"dmy"`` or ``"mdy"`` if *found* proves an order of numbers, else ``""``."""
    if not found.proven or found.format.startswith("%Y") or "%b" in found.format.lower():
        return ""
    return "dmy" if found.format.startswith("%d") else "mdy"


def names_a_date(name: object) -> bool:
    """Return whether a column's *name* says that it holds dates."""
    return isinstance(name, str) and bool(_DATE_NAME.search(name))


def are_serials(numbers: Collection[float], name: object) -> bool:
    """Return whether whole *numbers* are Excel's day numbers: 1970 to 2079, and so named."""
    return (
        names_a_date(name)
        and bool(numbers)
        and all(25_569 <= number < 65_746 for number in numbers)
    )


def are_compact(values: Collection[object], name: object) -> bool:
    """Return whether *values* are dates such as ``20240131``; numbers need a name that says so."""
    texts = [str(int(v)) if isinstance(v, float) else str(v) for v in values]
    named = names_a_date(name) or len(texts) >= 10
    return named and bool(texts) and all(map(_is_compact, texts))


def _is_compact(text: str) -> bool:
    if not _COMPACT.match(text):
        return False
    try:
        datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
