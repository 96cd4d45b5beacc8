"""Which sheet of one workbook is which of another: by name, a renamed one by its content."""

from __future__ import annotations

from collections import Counter

from ..values import SheetInfo
from .coded_cells import BLANK, CodedSheet
from .difference import Collector, Difference
from .side import ONE_TABLE, SheetSide, Side

ALIKE = 0.5
"""Share of common cells from which a sheet under another name is a renamed one."""
COMPARED_ROWS = 300


def match_sheets(before: Side, after: Side, found: Collector) -> list[tuple[SheetSide, SheetSide]]:
    """Return the sheets that are in both workbooks, and add what differs of their list.

    Args:
        before: The first workbook, its texts numbered like those of the second.
        after: The second workbook.
        found: Takes the differences in.
    """
    if len(before.sheets) == len(after.sheets) == 1 and {before.kind, after.kind} & ONE_TABLE:
        for each in (before.sheets[0], after.sheets[0]):
            each.info = SheetInfo("")  # its name is the file's
        return [(before.sheets[0], after.sheets[0])]
    by_name = {each.info.name: each for each in after.sheets}
    pairs = [(each, by_name[each.info.name]) for each in before.sheets if each.info.name in by_name]
    names = {each.info.name for each, _ in pairs}
    left = [each for each in before.sheets if each.info.name not in names]
    new = [each for each in after.sheets if each.info.name not in names]
    renamed = _renamed(left, new)
    for one, other in renamed:
        _add(found, "renamed", other.info.name, one.info.name, other.info.name)
    for each in left:
        if all(each is not one for one, _ in renamed):
            _add(found, "removed", each.info.name, _size(each), None)
    for each in new:
        if all(each is not other for _, other in renamed):
            _add(found, "added", each.info.name, None, _size(each))
    pairs += renamed
    place = {id(each): number for number, each in enumerate(before.sheets)}
    pairs.sort(key=lambda pair: place[id(pair[0])])
    _order_and_state(pairs, after, found)
    return pairs


def _add(found: Collector, cause: str, sheet: str, before: str | None, after: str | None) -> None:
    found.add(
        Difference(
            layer="sheets", cause=cause, sheet=sheet, place="",  # type: ignore[arg-type]
            what="sheet", before=before, after=after,
        )
    )  # fmt: skip


def _size(sheet: SheetSide) -> str:
    if sheet.cells is None or not len(sheet.cells.rows):
        return "empty"
    return f"{len(sheet.cells.rows):,} rows, {sheet.cells.width:,} columns"


def _renamed(left: list[SheetSide], new: list[SheetSide]) -> list[tuple[SheetSide, SheetSide]]:
    likeness = [
        (_alike(one.cells, other.cells), -abs(i - j), i, j)
        for i, one in enumerate(left[:50])
        for j, other in enumerate(new[:50])
    ]
    found = []
    ones, others = set(), set()
    for alike, _, i, j in sorted(likeness, reverse=True):
        if alike >= ALIKE and i not in ones and j not in others:
            ones.add(i)
            others.add(j)
            found.append((left[i], new[j]))
    return found


def _alike(one: CodedSheet | None, other: CodedSheet | None) -> float:
    if one is None or other is None:
        return 0.0
    cells = _first_cells(one), _first_cells(other)
    most = max(sum(each.values()) for each in cells)
    if not most:
        return 0.6 if len(one.rows) == len(other.rows) == 0 else 0.0
    return sum((cells[0] & cells[1]).values()) / most


def _first_cells(sheet: CodedSheet) -> Counter[tuple[int, int, float]]:
    found: Counter[tuple[int, int, float]] = Counter()
    for number, each in enumerate(sheet.columns):
        if each is not None:
            kinds, values = (array[:COMPARED_ROWS].tolist() for array in each)
            for kind, value in zip(kinds, values, strict=True):
                if kind != BLANK:
                    found[number, kind, value] += 1
    return found


def _order_and_state(
    pairs: list[tuple[SheetSide, SheetSide]], after: Side, found: Collector
) -> None:
    place = {id(each): number for number, each in enumerate(after.sheets)}
    order = [place[id(other)] for _, other in pairs]
    if order != sorted(order):
        names = [one.info.name for one, _ in pairs]
        now = [other.info.name for _, other in sorted(pairs, key=lambda p: place[id(p[1])])]
        _add(found, "moved", "", ", ".join(names)[:200], ", ".join(now)[:200])
    for one, other in pairs:
        was, now_ = _state(one), _state(other)
        if was != now_:
            _add(found, "edited", other.info.name, was, now_)


def _state(sheet: SheetSide) -> str:
    if sheet.info.visible:
        return "shown"
    return "very hidden" if sheet.info.very_hidden else "hidden"
