"""Columns whose names go on by one step, shown as a run: ``'Jan 2024' … 'Dec 2038'``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MIN_RUN = 4
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_GERMAN = {"mär": 3, "mai": 5, "okt": 10, "dez": 12}
_DATE = re.compile(r"^datetime\((\d+), (\d+), (\d+)\)$")
_MONTH_YEAR = re.compile(r"^'(.*?)([A-Za-zä]{3,9})\.?([ \-/'’]+)(\d{4}|\d{2})(.*)'$")
_YEAR_MONTH = re.compile(r"^'(.*?)(\d{4})([-/.])(\d{2})(.*)'$")
_NUMBERED = re.compile(r"^('?.*?)(\d+)(\D*)$")
_ALIKE = (
    "kind",
    "stored_as",
    "currency",
    "currencies",
    "shown_divided_by",
    "date_format",
    "notation",
)


@dataclass(frozen=True)
class Run:
    """Neighbouring columns with one kind and names that go on.

    Attributes:
        first: The first column, as profiled.
        last: The last one.
        count: How many there are.
        step: What the names go on by.
    """

    first: Mapping[str, Any]
    last: Mapping[str, Any]
    count: int
    step: str


def column_runs(columns: Sequence[Mapping[str, Any]]) -> list[Run]:
    """Return the columns in order, those that go on by one step as runs."""
    runs: list[Run] = []
    at = 0
    while at < len(columns):
        end, step = _end_of_run(columns, at)
        if end - at + 1 < MIN_RUN:
            end, step = at, ""
        runs.append(Run(columns[at], columns[end], end - at + 1, step))
        at = end + 1
    return runs


def _end_of_run(columns: Sequence[Mapping[str, Any]], at: int) -> tuple[int, str]:
    end, step = at, ""
    for after in range(at + 1, len(columns)):
        a, b = columns[after - 1], columns[after]
        if any(a.get(key) != b.get(key) for key in _ALIKE) or b.get("errors") or b.get("strays"):
            break
        found = _step(a["name"], b["name"])
        if not found or (step and found != step):
            break
        end, step = after, found
    return end, step


def _step(a: str, b: str) -> str:
    """Return what name *b* is behind *a*: ``monthly``, ``yearly``, ``numbered``, or ``""``."""
    months_a, months_b = _months(a), _months(b)
    if months_a and months_b and months_a[1:] == months_b[1:]:
        return {1: "monthly", 3: "quarterly", 12: "yearly"}.get(months_b[0] - months_a[0], "")
    found_a, found_b = _NUMBERED.match(a), _NUMBERED.match(b)
    if not found_a or not found_b or (found_a[1], found_a[3]) != (found_b[1], found_b[3]):
        return ""
    return "numbered" if int(found_b[2]) - int(found_a[2]) == 1 else ""


def _months(name: str) -> tuple[int, ...] | tuple[int, str, str] | None:
    """Return a name's month, counted from year 0, and what stands around it."""
    if found := _DATE.match(name):
        year, month, _ = map(int, found.groups())
        return (12 * year + month,)
    if found := _MONTH_YEAR.match(name):
        word = found[2].lower()
        month = _MONTHS.index(word[:3]) + 1 if word[:3] in _MONTHS else _GERMAN.get(word[:3], 0)
        return (12 * int(found[4]) + month, found[1] + found[3], found[5]) if month else None
    if found := _YEAR_MONTH.match(name):
        return 12 * int(found[2]) + int(found[4]), found[1], found[5]
    return None
