"""From an open book to grids: the used cells of each sheet, without what lies far outside."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ..formats.addresses import address
from ..read import Book, CellError
from .borders import lines_of
from .dense import Reading, is_dense, last_row
from .grid import Beyond, Grid
from .package import Package
from .progress import READING, Progress
from .sheet_xml import SheetDetails, formats_of, read_sheet
from .zero_formulas import uncomputed

FAR_ROWS, FAR_COLUMNS = 1_000, 200
"""Cells behind a gap of that many blank rows or columns lie outside of the sheet's tables."""
FEW_CELLS = 40
TAIL_ROWS = 100
MAX_SHEET_BYTES = 1_000_000_000
MAX_STRAYS = 10

Filled = list[tuple[int, list[Any]]]


def load_sheet(
    book: Book, index: int, package: Package | None, most_cells: int, progress: Progress
) -> tuple[Grid, SheetDetails, list[str]]:
    """Return a sheet's cells, what its XML says of them, and addresses of cells far outside.

    Args:
        book: The open book.
        index: The number of one of its sheets, from 0.
        package: The same file as a package, where it is one.
        most_cells: How many cells memory has room for.
        progress: Called with the share that is read, from 0 to 1.
    """
    sheet = book.sheets[index]
    part = package.sheet_parts.get(sheet.name, "") if package is not None else ""
    content = package.read(part, MAX_SHEET_BYTES) if package is not None and part else b""
    reading = Reading(content, package) if package is not None and is_dense(content) else None
    from_1904 = package is not None and package.date_1904
    details = read_sheet(content, from_1904=from_1904) if content else SheetDetails()
    filled = reading.rows() if reading is not None else None
    beyond = None
    if filled is None:
        last = last_row(content) if content else progress_rows(book)
        filled, beyond = _first_rows(progress.reading(book.filled(index), last), most_cells)
    progress.at(READING)
    grid, strays = _grid(filled, details)
    grid.beyond = beyond
    if package is not None:
        grid.formats, grid.bold = formats_of(details, package.styles)
        grid.lines = lines_of(details.styles, package.styles.lines)
        grid.excel_tables = package.excel_tables(part) if part else []
    grid.extent = details.extent
    grid.formulas, grid.merged, grid.filters = details.formulas, details.merged, details.filters
    for row, column in uncomputed(grid, details.formulas):
        formula = details.formulas[row, column]
        details.formulas[row, column] = replace(formula, has_value=False)
        details.facts["formulas_read_as_zero"] = grid.zero_formulas = True
        grid.rows[row - grid.top][column - grid.left] = None
    return grid, details, strays


def progress_rows(book: Book) -> int:
    """Return about how many rows a file of text has; 0 for others."""
    return book.source.about_rows() if book.format.kind == "text" else 0


def _first_rows(
    rows: Iterator[tuple[int, list[Any]]], most_cells: int
) -> tuple[Filled, Beyond | None]:
    """Return the rows that memory has room for, and what lies behind them."""
    kept: Filled = []
    room = most_cells
    for at, row in rows:
        kept.append((at, list(row)))
        room -= len(row)
        if room < 0:
            break
    else:
        return kept, None
    count, last = 0, kept[-1][0]
    tail: deque[tuple[int, list[Any]]] = deque(maxlen=TAIL_ROWS)
    for at, row in rows:
        count, last = count + 1, at
        tail.append((at, row))
    return kept, Beyond(count, last, list(tail)) if count else None


def _grid(filled: Filled, details: SheetDetails) -> tuple[Grid, list[str]]:
    """Return the filled rows as one rectangle, and the addresses of cells that lie far from it."""
    extra = _missing(details)
    if extra:
        filled = _with_rows(filled, extra)
    filled, strays = _without_far_rows(filled)
    width, more = _width(filled)
    strays += more
    if not filled:
        return Grid(), strays[:MAX_STRAYS]
    top, bottom = filled[0][0], filled[-1][0]
    if len(filled) == bottom - top + 1 and all(len(row) == width for _, row in filled):
        rows = [row for _, row in filled]
    else:
        rows = [[None] * width for _ in range(bottom - top + 1)]
        for at, row in filled:
            rows[at - top][: len(row)] = row[:width]
    for (at, column), error in details.errors.items():
        if top <= at <= bottom and column < width and rows[at - top][column] in (None, ""):
            rows[at - top][column] = CellError(error)
    return Grid(top=top, left=0, rows=rows), strays[:MAX_STRAYS]


def _missing(details: SheetDetails) -> dict[int, int]:
    """Return row → width of cells without a value that count as used: formulas and errors."""
    widths: dict[int, int] = {}
    for row, column in (*details.formulas, *details.errors):
        if column >= widths.get(row, 0):
            widths[row] = column + 1
    return widths


def _with_rows(filled: Filled, widths: dict[int, int]) -> Filled:
    known = dict(filled)
    for row, width in widths.items():
        values = known.get(row, [])
        if len(values) < width:
            known[row] = values + [None] * (width - len(values))
    return sorted(known.items())


def _without_far_rows(filled: Filled) -> tuple[Filled, list[str]]:
    """Return the rows without few cells behind a long gap, and the addresses of those."""
    for at in range(len(filled) - 1, 0, -1):
        if len(filled) - at > FEW_CELLS:
            break
        if filled[at][0] - filled[at - 1][0] > FAR_ROWS:
            far = list(_addresses(filled[at:]))
            if len(far) <= FEW_CELLS:
                return filled[:at], far
    return filled, []


def _addresses(rows: Iterable[tuple[int, list[Any]]]) -> Iterable[str]:
    for at, row in rows:
        yield from (address(at, c) for c, value in enumerate(row) if value is not None)


def _width(filled: Filled) -> tuple[int, list[str]]:
    """Return the width of the rows without few cells behind a wide gap, and their addresses."""
    width = max((len(row) for _, row in filled), default=0)
    if width <= FAR_COLUMNS:
        return width, []
    used: dict[int, int] = {}
    for _, row in filled:
        for column, value in enumerate(row):
            if value is not None:
                used[column] = used.get(column, 0) + 1
    columns = sorted(used)
    for at in range(len(columns) - 1, 0, -1):
        if sum(used[c] for c in columns[at:]) > FEW_CELLS:
            break
        if columns[at] - columns[at - 1] > FAR_COLUMNS:
            cut = columns[at - 1] + 1
            far = [
                address(row, c)
                for row, values in filled
                for c, value in enumerate(values[cut:], cut)
                if value is not None
            ]
            return cut, far
    return width, []
