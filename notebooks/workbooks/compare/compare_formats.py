"""Formats of a matched pair of sheets, as groups of ranges: not one line for each cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .cell_formats import ASPECTS, PLAIN, Looks
from .cell_markup import CellMarkup
from .compare_cells import SheetPair
from .difference import Collector, Difference, clipped
from .ranges import said_cells, said_rows

WHOLE_ROW = -1
Group = tuple[int, str, str]
"""The aspect's number, and what it was and is."""


def format_differences(
    pair: SheetPair, looks: tuple[Sequence[Looks], Sequence[Looks]], found: Collector
) -> None:
    """Add the cells whose format differs, grouped by aspect and change.

    Args:
        pair: The sheets.
        looks: What the cell formats of both workbooks look like, by number.
        found: Takes the differences in.
    """
    before, after = pair.markup
    if before is None or after is None or not (before.rows or after.rows):
        return
    groups: dict[Group, dict[int, list[np.ndarray]]] = {}
    for one, other, rows in _shape_pairs(pair, before, after):
        for column, group in _changes(pair, one, other, looks):
            groups.setdefault(group, {}).setdefault(column, []).append(rows)
    for (aspect, was, now), columns in sorted(groups.items(), key=lambda each: each[0]):
        _add(pair, aspect, was, now, columns, found)


def _shape_pairs(
    pair: SheetPair, before: CellMarkup, after: CellMarkup
) -> list[tuple[dict[int, int], dict[int, int], np.ndarray]]:
    """Return the different pairs of rows of formats, with the rows (of the second sheet)."""
    gone = set(pair.before.rows[pair.rows.removed].tolist())
    new = set(pair.after.rows[pair.rows.added].tolist())
    rows = np.fromiter((row for row in before.rows if row not in gone), np.int64)
    shapes = np.fromiter((before.rows[row] for row in rows.tolist()), np.int64, len(rows))
    moved = pair.layout.moved_rows(rows)
    by_row = {row: [shape, -1] for row, shape in zip(moved.tolist(), shapes.tolist(), strict=True)}
    for row, shape in after.rows.items():
        if row not in new:
            by_row.setdefault(row, [-1, -1])[1] = shape
    if not by_row:
        return []
    table = np.array(list(by_row.values()), dtype=np.int64)
    numbers = np.fromiter(by_row, np.int64, len(by_row))
    different, inverse = np.unique(table, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    order = np.argsort(inverse, kind="stable")
    parts = np.split(numbers[order], np.flatnonzero(np.diff(inverse[order])) + 1)
    nothing: dict[int, int] = {}
    return [
        (
            before.shapes[one] if one >= 0 else nothing,
            after.shapes[other] if other >= 0 else nothing,
            part,
        )
        for (one, other), part in zip(different.tolist(), parts, strict=True)
    ]


def _changes(
    pair: SheetPair, one: dict[int, int], other: dict[int, int],
    looks: tuple[Sequence[Looks], Sequence[Looks]],
) -> list[tuple[int, Group]]:  # fmt: skip
    """Return the columns of a row whose format differs, aspect by aspect."""
    removed, added = set(pair.columns.removed), set(pair.columns.added)
    moved = {column: pair.layout.column(column) for column in one if column >= 0}
    back = {after: before for before, after in moved.items() if before not in removed}
    columns = set(back) | {column for column in other if column >= 0 and column not in added}
    whole, whole_after = one.get(WHOLE_ROW, 0), other.get(WHOLE_ROW, 0)
    found = []
    for column in [*columns, WHOLE_ROW]:
        was = _look(looks[0], one.get(back.get(column, column), whole))
        now = _look(looks[1], other.get(column, whole_after))
        if column == WHOLE_ROW:
            was, now = _look(looks[0], whole), _look(looks[1], whole_after)
        if was != now:
            found += [
                (column, (number, a, b))
                for number, (a, b) in enumerate(zip(was, now, strict=True))
                if a != b
            ]
    return found


def _look(looks: Sequence[Looks], number: int) -> Looks:
    return looks[number] if 0 <= number < len(looks) else PLAIN


def _add(
    pair: SheetPair, aspect: int, was: str, now: str, columns: dict[int, list[np.ndarray]],
    found: Collector,
) -> None:  # fmt: skip
    whole = columns.pop(WHOLE_ROW, None)
    cells = [(column, np.concatenate(rows)) for column, rows in columns.items()]
    if whole is not None and not cells:  # only rows as a whole: their cells would show it
        rows = np.concatenate(whole)
        places, count = said_rows(rows.tolist()), len(rows)
    elif cells:
        places = said_cells([(column, rows.tolist()) for column, rows in cells])
        count = sum(len(rows) for _, rows in cells)
    else:
        return
    found.add(
        Difference(
            layer="formats",
            cause="edited",
            sheet=pair.name,
            place=places,
            what=ASPECTS[aspect],
            before=clipped(was),
            after=clipped(now),
            count=count,
        )
    )
