"""The rows of a sheet as a table of equal lengths, without cells that lie far from it."""

from __future__ import annotations

import itertools
import math
from typing import Any

from ..formats.addresses import address
from ..read import Book
from ..values import CellError, Row, Value

MAX_SPREAD = 40
"""A box of this many times the filled cells is still taken as it is."""
SMALL_CELLS = 2_000_000
ROW_GAP, COLUMN_GAP = 1_000, 200
"""Cells behind a gap of so many empty rows or columns may lie far away."""


def dense_rows(book: Book, sheet: str, count: int | None = None) -> list[list[Any]]:
    """Return the cells of *sheet* as pandas' parser takes them: row by row, of equal length.

    Empty cells are empty texts; error cells are missing numbers. If a few cells lie so far away
    that the rest would be lost among empty cells, they are left out, and that is printed.

    Args:
        book: The open file.
        sheet: The name of the sheet.
        count: How many rows at most; ``None`` for all.
    """
    filled = list(
        itertools.takewhile(lambda row: count is None or row[0] < count, book.filled(sheet))
    )
    if not filled:
        return []
    near = _near(filled)
    if len(near) < len(filled) or any(
        len(a[1]) != len(b[1]) for a, b in zip(near, filled, strict=False)
    ):
        _say_left_out(sheet, filled, near)
    width = max(len(values) for _, values in near)
    table: list[list[Any]] = []
    for number, values in near:
        table += ([""] * width for _ in range(number - len(table)))
        cells = [_MISSING.get(type(value), value) if value is not None else "" for value in values]
        cells += [""] * (width - len(cells))
        table.append(cells)
    return table


_MISSING: dict[type, Any] = {CellError: math.nan}


def _near(filled: list[Row]) -> list[Row]:
    """Return the rows without what lies far away."""
    height, width = filled[-1][0] + 1, max(len(values) for _, values in filled)
    number = sum(_filled_cells(values) for _, values in filled)
    if height * width <= max(SMALL_CELLS, MAX_SPREAD * number):
        return filled
    near = _before_gap(filled)
    ends = sorted({column for _, values in near for column in _filled_columns(values)})
    last = ends[-1]
    for column, following in itertools.pairwise(ends):
        if following - column > COLUMN_GAP:
            last = column
            break
    cut = [(row, values[: last + 1]) for row, values in near]
    return [(row, values) for row, values in cut if any(v is not None for v in values)] or filled


def _before_gap(filled: list[Row]) -> list[Row]:
    """Return the rows before the widest gap, if most rows lie before it."""
    for at, (row, following) in enumerate(itertools.pairwise(filled), 1):
        if following[0] - row[0] > ROW_GAP and at >= len(filled) - at:
            return filled[:at]
    return filled


def _filled_columns(values: list[Value]) -> list[int]:
    return [column for column, value in enumerate(values) if value is not None]


def _filled_cells(values: list[Value]) -> int:
    return len(values) - values.count(None)


def _say_left_out(sheet: str, filled: list[Row], near: list[Row]) -> None:
    kept = {row: len(values) for row, values in near}
    left = [
        (row, column)
        for row, values in filled
        for column in _filled_columns(values)
        if column >= kept.get(row, 0)
    ]
    names = ", ".join(address(row, column) for row, column in left[:3])
    more = f" and {len(left) - 3:,} more" if len(left) > 3 else ""
    print(  # noqa: T201 (for the reader of the cell's output)
        f"Sheet {sheet!r}: {len(left):,} filled cell(s) far from the table left out "
        f"({names}{more}). Name skiprows= and usecols= to read them."
    )
