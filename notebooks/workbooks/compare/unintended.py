"""Changes of a workbook that the code which wrote it does not name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..formats.addresses import column_index
from .code_values import COLUMNS, ROWS, Span
from .difference import CONSEQUENCES, Comparison, Difference
from .named_cells import Named
from .words import changed_to, place_of

SHOWN = 5
_ROWS = re.compile(r"(\d+):(\d+)")
_COLUMNS = re.compile(r"([A-Z]{1,3}):([A-Z]{1,3})")
_CELLS = re.compile(r"([A-Z]{1,3})(\d+)(?::([A-Z]{1,3})(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unintended:
    """What was changed outside what the code names.

    Attributes:
        count: How many cells, rows, columns and objects.
        differences: They, as far as the comparison lists them.
        unknown: Why nothing can be said; empty if it can.
    """

    count: int
    differences: tuple[Difference, ...] = ()
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.unknown:
            return f"Which changes were meant can't be told: {'; '.join(self.unknown[:3])}."
        if not self.count:
            return "Every change is named by the code."
        shown = ", ".join(
            f"{place_of(each) or each.what} ({changed_to(each) or each.cause})"
            for each in self.differences[:SHOWN]
        )
        more = len(self.differences) - SHOWN
        rest = f" and {more:,} more" if more > 0 else ""
        return f"{self.count:,} changes are outside what the code names: {shown}{rest}."


def unintended(comparison: Comparison, named: Named) -> Unintended:
    """Return the changes that the code does not name.

    What follows from others (values computed anew) is no change of its own. Parts of the package
    are left to the check of lost parts. Where the code's writes can't be known, nothing is called
    unintended.

    Args:
        comparison: Of the workbook that was read with the one that was written.
        named: What the code names.
    """
    if comparison.problem is not None:
        return Unintended(count=0, unknown=(comparison.problem.message,))
    if named.unknown:
        return Unintended(count=0, unknown=tuple(dict.fromkeys(named.unknown)))
    found, count = [], 0
    for each in comparison.differences:
        if each.cause in CONSEQUENCES or each.layer == "parts":
            continue
        outside = _outside(each, named)
        if outside:
            found.append(each)
            count += outside
    return Unintended(count=count, differences=tuple(found))


def _outside(each: Difference, named: Named) -> int:
    """Return how many cells or objects of a difference the code does not name."""
    if each.layer == "sheets":
        return 0 if named.sheets else each.count
    if any(area.header and area.header in each.label.split(" · ") for area in named.areas):
        return 0
    if each.layer == "objects":
        if named.sheets if not each.sheet else named.objects & {None, each.sheet}:
            return 0
        if not each.place:
            return each.count
    if each.what in ("rows", "columns", "blank rows") and named.reshaped & {None, each.sheet}:
        return 0
    ranges = [_range(text) for text in each.place.partition(" and ")[0].split(", ")]
    outside = [
        size
        for rows, columns, size in ranges
        if not any(area.covers(each.sheet, rows, columns) for area in named.areas)
    ]
    if len(outside) == len(ranges):
        return each.count
    return min(each.count, sum(outside))


def _range(text: str) -> tuple[Span, Span, int]:
    """Return rows, columns and size of a range; of whole rows and columns how many they are."""
    if found := _CELLS.fullmatch(text):
        left, top = column_index(found[1]), int(found[2]) - 1
        right = column_index(found[3]) if found[3] else left
        bottom = int(found[4]) - 1 if found[4] else top
        return (top, bottom), (left, right), (bottom - top + 1) * (right - left + 1)
    if found := _ROWS.fullmatch(text):
        rows = int(found[1]) - 1, int(found[2]) - 1
        return rows, COLUMNS, rows[1] - rows[0] + 1
    if found := _COLUMNS.fullmatch(text):
        columns = column_index(found[1]), column_index(found[2])
        return ROWS, columns, columns[1] - columns[0] + 1
    return ROWS, COLUMNS, 1
