"""A sheet's tables: from blocks of cells to header, body, totals and what stands around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .body import Body
from .dividing import cut_at_borders
from .grid import Area, Beyond, ExcelTable, Grid
from .headers import Header, find_header
from .joining import Piece, has_values, join_downwards, join_sideways
from .layout import Layout, Table
from .lines import add_lines, cut_notes, give_titles, is_form, is_prose
from .other_rows import find_sections, rule_rows
from .regions import Occupancy, split
from .totals import Total, find_totals

MAX_BLOCKS = 400


def find_tables(grid: Grid) -> Layout:
    """Return the tables, facts and notes of a sheet, top to bottom."""
    layout = Layout()
    if not grid.rows:
        return layout
    occupancy = Occupancy(grid)
    for known in grid.excel_tables:
        if _inside(known.area, grid):
            layout.tables.append(_of_excel(grid, known))
            occupancy.hide(known.area)
    whole = (grid.top, grid.left, grid.bottom, grid.right)
    blocks = split(occupancy, whole)
    if len(blocks) > MAX_BLOCKS:  # blank rows all over part no tables
        blocks = [area for area in [occupancy.used(whole)] if area is not None]
    blocks = [part for area in blocks for part in cut_at_borders(grid, occupancy, area)]
    pieces = [Piece(area, find_header(grid, area)) for area in blocks]
    pieces = join_sideways(grid, pieces)
    for piece in join_downwards(grid, pieces):
        _place(grid, piece, layout)
    layout.tables.sort(key=lambda table: table.area[:2])
    areas = [table.area for table in layout.tables]
    layout.facts = [fact for fact in layout.facts if not _within(fact.row, fact.column, areas)]
    layout.notes = [note for note in layout.notes if not _within(note.row, note.column, areas)]
    give_titles(layout)
    for table in layout.tables:
        table.end = table.area[2]
        if grid.beyond is not None and table.area[2] == grid.bottom:
            _go_on(grid.beyond, table)
    return layout


def whole_table(grid: Grid) -> Layout:
    """Return a sheet of records, whose first row names them, as the one table that it is."""
    layout = Layout()
    if grid.rows:
        area = (grid.top, grid.left, grid.bottom, grid.right)
        table = Table(area, (grid.top,), grid.top + 1)
        _describe_rows(grid, table)
        table.end = grid.bottom
        if grid.beyond is not None:
            _go_on(grid.beyond, table)
        layout.tables.append(table)
    return layout


def _within(row: int, column: int, areas: Sequence[Area]) -> bool:
    return any(a[0] <= row <= a[2] and a[1] <= column <= a[3] for a in areas)


def _go_on(beyond: Beyond, table: Table) -> None:
    """Let a table go on to the end of a very large sheet."""
    width = table.area[3] + 1
    rows = [row[:width] + [None] * (width - len(row)) for _, row in beyond.tail]
    tail = Grid(top=0, left=0, rows=rows)
    found = find_totals(Body(tail, (0, table.area[1], tail.bottom, table.area[3])))
    totals = [total for total in found if "word" in total.by]
    table.totals += [replace(t, row=beyond.tail[t.row][0], ties=None) for t in totals]
    table.more_rows = beyond.count - len(totals)
    table.end = beyond.last


def _inside(area: Area, grid: Grid) -> bool:
    top, left, bottom, right = area
    return (
        grid.top <= top <= grid.bottom
        and grid.left <= left
        and right <= grid.right
        and top <= bottom
    )


def _of_excel(grid: Grid, found: ExcelTable) -> Table:
    top, left, bottom, right = found.area
    bottom = min(bottom, grid.bottom)
    header = (top,) if found.header_rows else ()
    table = Table((top, left, bottom, right), header, top + len(header), excel_table=found)
    _describe_rows(grid, table)
    if found.totals_rows and not any(total.row == bottom for total in table.totals):
        label = next(
            (str(v) for v in grid.row(bottom, left, right) if isinstance(v, str) and v), ""
        )
        table.totals.append(Total(bottom, label, "total", "excel-table", None))
    return table


def _describe_rows(grid: Grid, table: Table) -> None:
    """Find the blank rows, repeated headers, and totals of a table's body."""
    _top, left, bottom, right = table.area
    if table.body_top > bottom:
        return
    width = right - left + 1
    first = grid.column(left, table.body_top, bottom)
    if not all(first):
        table.blank_rows = [
            row
            for row, value in enumerate(first, table.body_top)
            if not value and not any(grid.filled(row, c) for c in range(left, right + 1))
        ]
    if width > 1:
        table.rules = rule_rows(grid, first, table.body_top, left, right)
    if table.header_rows and width > 1:
        header = grid.row(table.header_rows[-1], left, right)
        if header[0] in first:
            table.repeated_headers = [
                row
                for row, name in enumerate(first, table.body_top)
                if name == header[0] and grid.row(row, left, right) == header
            ]
    table.body = Body(grid, (table.body_top, left, bottom, right))
    table.totals = find_totals(table.body)
    out = {*table.repeated_headers, *table.rules}
    table.totals = [total for total in table.totals if total.row not in out]
    table.sections = find_sections(table.body, table.left_out)


def _place(grid: Grid, piece: Piece, layout: Layout) -> None:
    """Add a piece to the layout as a table, facts, or notes."""
    top, left, bottom, right = piece.area
    header = piece.header
    if is_form(grid, piece):
        add_lines(grid, piece.area, layout)
        return
    rows, columns = bottom - top + 1, right - left + 1
    if header.rows and (bottom > header.rows[-1] or rows == len(header.rows)):
        start = header.rows[0]
    elif (has_values(grid, piece) and rows >= 2 and columns >= 2) or (rows >= 5 and columns >= 2):
        header, start = Header((), header.score), top
    else:
        add_lines(grid, piece.area, layout)
        return
    last = grid.value(bottom, left)
    few = rows < (5 if isinstance(last, str) else 3)  # lines of an address are no list
    if columns == 1 and (few or is_prose(grid, piece.area)):
        add_lines(grid, piece.area, layout)
        return
    end = cut_notes(grid, (start, left, bottom, right), layout)
    body_top = header.rows[-1] + 1 if header.rows else start
    area = _trimmed(grid, (start, left, end, right), body_top)
    table = Table(area, header.rows, body_top)
    _describe_rows(grid, table)
    layout.tables.append(table)
    if start > top:
        table.titles = add_lines(grid, (top, left, start - 1, right), layout, titles=True)


def _trimmed(grid: Grid, area: Area, body_top: int) -> Area:
    """Return *area* without columns at its sides that only rows above the table fill."""
    top, left, bottom, right = area
    while right > left and not any(grid.filled(r, right) for r in _ends(top, bottom)):
        right -= 1
    while left < right and not any(grid.filled(r, left) for r in _ends(top, bottom)):
        left += 1
    return top, left, bottom, right


def _ends(top: int, bottom: int) -> list[int]:
    return [
        *range(top, min(bottom, top + 500) + 1),
        *range(max(top + 501, bottom - 50), bottom + 1),
    ]
