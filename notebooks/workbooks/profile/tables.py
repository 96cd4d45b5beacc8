"""A sheet's tables, the facts and titles above them, and the notes beside and below."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from . import cells
from .grid import Area, Beyond, ExcelTable, Grid
from .headers import ENOUGH, Block, Header, find_header, fine_class
from .regions import Occupancy, split
from .totals import Body, Total, find_totals

MAX_BLOCKS = 400
MAX_GAP = 3
"""Blank rows that may part a table's rows, or a header from its body."""
_NOTE = re.compile(
    r"^\s*(source|sources|notes?|remarks?|quelle|hinweis|anmerkung|stand|fuente|nota|fonte|źródło|"
    r"zdroj|forrás|källa|bron|kilde|lähde|источник|примечание|出典|注|来源|disclaimer|prepared by|"
    r"erstellt|as of|printed|generated|end of report|\*|†|¹|\(\d\)|\d\))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Fact:
    """A label with its value, as in the lines above a table or in a form."""

    row: int
    column: int
    label: str
    value: Any


@dataclass(frozen=True)
class Note:
    """A text that belongs to no table."""

    row: int
    column: int
    text: str


@dataclass
class Table:
    """One table of a sheet; rows and columns count from 0.

    Attributes:
        area: Header, body and totals.
        header_rows: The rows that name the columns; empty if none does.
        body_top: The first row below them.
        totals: Total rows in the body.
        blank_rows: Blank rows in the body.
        repeated_headers: Rows of the body that repeat the header.
        titles: Texts above it.
        excel_table: The Excel table that it is.
        more_rows: Rows of data behind those that were looked at, of a very large sheet.
        end: Its last row; *area* ends with the rows that were looked at.
    """

    area: Area
    header_rows: tuple[int, ...]
    body_top: int
    totals: list[Total] = field(default_factory=list)
    blank_rows: list[int] = field(default_factory=list)
    repeated_headers: list[int] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    excel_table: ExcelTable | None = None
    body: Body | None = None
    more_rows: int = 0
    end: int = 0

    @property
    def left_out(self) -> set[int]:
        """Return the body's rows that are no data: totals, blanks, repeated headers."""
        return {t.row for t in self.totals} | set(self.blank_rows) | set(self.repeated_headers)

    @property
    def data_rows(self) -> int:
        """Return how many rows of data there are."""
        seen = self.area[2] - self.body_top + 1
        left_out = sum(row <= self.area[2] for row in self.left_out)
        return max(0, seen - left_out) + self.more_rows


@dataclass
class Layout:
    """What a sheet is made of."""

    tables: list[Table] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class _Piece:
    """A block with what is thought of it."""

    area: Area
    header: Header


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
    blocks = split(occupancy, whole)[:MAX_BLOCKS]
    pieces = [_Piece(area, find_header(grid, area)) for area in blocks]
    pieces = _join_sideways(grid, pieces)
    for piece in _join_downwards(grid, pieces):
        _place(grid, piece, layout)
    layout.tables.sort(key=lambda table: table.area[:2])
    _give_titles(layout)
    for table in layout.tables:
        table.end = table.area[2]
        if grid.beyond is not None and table.area[2] == grid.bottom:
            _go_on(grid.beyond, table)
    return layout


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
    first = left - grid.left
    for row, values in enumerate(
        grid.rows[table.body_top - grid.top : bottom - grid.top + 1], table.body_top
    ):
        if not values[first] and not any(grid.filled(row, c) for c in range(left, right + 1)):
            table.blank_rows.append(row)
    if table.header_rows and width > 1:
        header = grid.row(table.header_rows[-1], left, right)
        table.repeated_headers = [
            row
            for row, name in enumerate(grid.column(left, table.body_top, bottom), table.body_top)
            if name == header[0] and grid.row(row, left, right) == header
        ]
    table.body = Body(grid, (table.body_top, left, bottom, right))
    table.totals = find_totals(table.body)
    repeated = set(table.repeated_headers)
    table.totals = [total for total in table.totals if total.row not in repeated]


def _join_sideways(grid: Grid, pieces: list[_Piece]) -> list[_Piece]:
    """Join neighbours that a blank column parts but that are one table."""
    joined: list[_Piece] = []
    for piece in pieces:
        before = joined[-1] if joined else None
        if before is not None and _continues_sideways(grid, before, piece):
            top, left = min(before.area[0], piece.area[0]), before.area[1]
            area = (top, left, max(before.area[2], piece.area[2]), piece.area[3])
            joined[-1] = _Piece(area, find_header(grid, area))
        else:
            joined.append(piece)
    return joined


def _continues_sideways(grid: Grid, a: _Piece, b: _Piece) -> bool:
    (top_a, _, bottom_a, right_a), (top_b, left_b, bottom_b, right_b) = a.area, b.area
    if left_b - right_a != 2 or abs(bottom_a - bottom_b) > 1 or bottom_a - top_a < 2:
        return False
    if abs(top_a - top_b) > 2 or not a.header.rows:
        return False
    if b.header.rows and b.header.rows[-1] != a.header.rows[-1]:
        return False
    start = a.header.rows[-1] + 1
    classes = {
        fine_class(v)
        for column in range(left_b, right_b + 1)
        for v in grid.column(column, start, min(bottom_b, start + 50))
    } - {cells.BLANK, cells.ERROR}
    return classes <= {cells.NUMBER}


def _join_downwards(grid: Grid, pieces: list[_Piece]) -> list[_Piece]:
    """Join blocks below each other that blank rows part but that are one table."""
    joined: list[_Piece] = []
    for piece in pieces:
        at = _above(joined, piece)
        above = joined[at] if at is not None else None
        if above is not None and at is not None and (found := _one_table(grid, above, piece)):
            joined[at] = found
        else:
            joined.append(piece)
    return joined


def _above(pieces: Sequence[_Piece], piece: _Piece) -> int | None:
    """Return the number of the piece directly above *piece*."""
    top, left, _, right = piece.area
    for at in range(len(pieces) - 1, -1, -1):
        area = pieces[at].area
        if area[1] <= right and left <= area[3] and area[2] < top:
            return at if top - area[2] - 1 <= MAX_GAP else None
    return None


def _one_table(grid: Grid, above: _Piece, below: _Piece) -> _Piece | None:
    """Return *above* and *below* as one piece if they are one table."""
    top, left, bottom, right = above.area
    top_b, left_b, bottom_b, right_b = below.area
    inside = left <= left_b and right_b <= right
    around = left_b <= left and right <= right_b and _names_only(grid, above)
    if not inside and not around:
        return None
    area = (top, min(left, left_b), bottom_b, max(right, right_b))
    body_top = above.header.rows[-1] + 1 if above.header.rows else top
    has_body = bool(above.header.rows) and body_top <= bottom
    if (_names_only(grid, above) and bottom_b - top_b >= 1) or (
        _names_only(grid, above) and _has_values(grid, below)
    ):
        if below.header.score < 0.45 and right - left >= 1:
            rows = above.header.rows or tuple(range(top, bottom + 1))[-2:]
            return _Piece(area, Header(rows, 0.5))
        return None
    if not has_body or right == left:
        return None
    if _fits_body(grid, above, below):
        return _Piece(area, above.header)
    return None


def _names_only(grid: Grid, piece: _Piece) -> bool:
    """Return whether a piece may be a header without its body: a few rows of short texts."""
    top, left, bottom, right = piece.area
    if bottom - top > 3 or right == left:
        return False
    last = grid.row(bottom, left, right)
    texts = [v for v in last if not cells.is_blank(v)]
    names = all(
        fine_class(v) in (cells.TEXT, cells.DATE)
        or (isinstance(v, int | float) and 1900 <= v <= 2100)
        for v in texts
    )
    short = all(len(str(v)) <= 60 for v in texts)
    label = isinstance(texts[0], str) and texts[0].strip().endswith(":") if texts else True
    return names and short and len(texts) >= max(2, 0.5 * (right - left + 1)) and not label


def _has_values(grid: Grid, piece: _Piece) -> bool:
    top, left, _, right = piece.area
    return any(fine_class(v) is cells.NUMBER for v in grid.row(top, left, right))


def _fits_body(grid: Grid, above: _Piece, below: _Piece) -> bool:
    """Return whether *below* goes on with the rows of *above* and has no header of its own."""
    _top, left, bottom, right = above.area
    top_b, left_b, bottom_b, right_b = below.area
    block = Block(grid, (above.header.rows[-1] + 1, left, bottom, right))
    body = block.body(0)
    first = [fine_class(grid.value(top_b, left + c)) for c in range(len(body))]
    typed = [
        c
        for c, (main, share) in enumerate(body)
        if main in (cells.NUMBER, cells.DATE) and share >= 0.5
    ]
    filled = [c for c, found in enumerate(first) if found is not cells.BLANK]
    if typed:
        same = sum(first[c] == body[c][0] for c in typed)
        wrong = sum(first[c] is cells.TEXT for c in typed)
        if same and not wrong:
            return True
        labels = [c for c in typed if first[c] is cells.TEXT]
        if bottom_b == top_b and same and labels == filled[:1]:
            return True  # a total with its label in a column of dates
        if wrong or bottom_b == top_b:
            return False
        # a group's heading, then rows like those above
        second = [fine_class(grid.value(top_b + 1, left + c)) for c in range(len(body))]
        fits = sum(second[c] == body[c][0] for c in typed) >= max(1, 0.5 * len(typed))
        return len(filled) == 1 and filled[0] == 0 and fits and below.header.score < 0.6
    return (left_b, right_b) == (left, right) and below.header.score < 0.35 and bottom_b > top_b


def _place(grid: Grid, piece: _Piece, layout: Layout) -> None:
    """Add a piece to the layout as a table, facts, or notes."""
    top, left, bottom, right = piece.area
    header = piece.header
    if _is_form(grid, piece):
        _add_lines(grid, piece.area, layout)
        return
    rows, columns = bottom - top + 1, right - left + 1
    if header.rows and (bottom > header.rows[-1] or rows == len(header.rows)):
        start = header.rows[0]
    elif (_has_values(grid, piece) and rows >= 2 and columns >= 2) or (rows >= 5 and columns >= 2):
        header, start = Header((), header.score), top
    else:
        _add_lines(grid, piece.area, layout)
        return
    if columns == 1 and (rows < 3 or _is_prose(grid, piece.area)):
        _add_lines(grid, piece.area, layout)
        return
    end = _cut_notes(grid, (start, left, bottom, right), layout)
    body_top = header.rows[-1] + 1 if header.rows else start
    area = _trimmed(grid, (start, left, end, right), body_top)
    table = Table(area, header.rows, body_top)
    _describe_rows(grid, table)
    layout.tables.append(table)
    if start > top:
        table.titles = _add_lines(grid, (top, left, start - 1, right), layout, titles=True)


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


def _cut_notes(grid: Grid, area: Area, layout: Layout) -> int:
    """Return the last row of the table in *area*, its closing notes put into the layout."""
    top, left, bottom, right = area
    if right == left:
        return bottom
    while bottom > top + 1:
        filled = [c for c in range(left, right + 1) if grid.filled(bottom, c)]
        if not filled:
            bottom -= 1
            continue
        value = grid.value(bottom, filled[0])
        if len(filled) > 1 or not isinstance(value, str) or not _is_note(grid, area, bottom, value):
            break
        layout.notes.append(Note(bottom, filled[0], value))
        bottom -= 1
    return bottom


def _is_note(grid: Grid, area: Area, row: int, text: str) -> bool:
    top, left, _, right = area
    if right - left >= 1 and _NOTE.match(text):
        return True
    before = [str(v) for v in grid.column(left, max(top, row - 200), row - 1) if isinstance(v, str)]
    longest = max(map(len, before), default=0)
    gap = not any(grid.filled(row - 1, c) for c in range(left, right + 1))
    return (len(text) > 25 and len(text) > 1.5 * longest) or (gap and right - left >= 1)


def _is_prose(grid: Grid, area: Area) -> bool:
    texts = [str(v) for v in grid.column(area[1], area[0], area[2]) if isinstance(v, str)]
    values = sum(not cells.is_blank(v) for v in grid.column(area[1], area[0], area[2]))
    return len(texts) >= 0.8 * values and any(" " in t and len(t) > 40 for t in texts)


def _is_form(grid: Grid, piece: _Piece) -> bool:
    """Return whether a block is labels with values beside them rather than a table."""
    top, left, bottom, right = piece.area
    rows = bottom - top + 1
    if right - left not in (0, 1, 2) or rows > 40 or right == left:
        return False
    if any(
        area[0] >= top and area[2] <= bottom and left <= area[1] <= right for area in grid.filters
    ):
        return False
    labels = grid.column(left, top, bottom)
    if not all(isinstance(v, str) and v.strip() for v in labels) or len(set(labels)) < rows:
        return False
    if sum(str(v).strip().endswith((":", "：")) for v in labels) >= 0.6 * rows:
        return True
    if right - left != 1 or len(piece.header.rows) > 1:
        return False
    values = [fine_class(v) for v in grid.column(right, top, bottom)]
    kinds = {kind for kind in values if kind is not cells.BLANK}
    if kinds == {cells.TEXT} and rows <= 3 and not any(area[0] == top for area in grid.filters):
        return True  # two or three labels with texts: a list of so few rows is rarely a table
    body = values[1:]
    most = max((body.count(kind) for kind in set(body) - {cells.BLANK}), default=0)
    if len(kinds) == 1 and kinds != {cells.TEXT} and rows <= 6 and piece.header.score < ENOUGH:
        return True
    return len(kinds) >= 2 and most < 0.75 * len(body) and cells.TEXT in kinds


def _add_lines(grid: Grid, area: Area, layout: Layout, *, titles: bool = False) -> list[str]:
    """Add the lines of *area* as facts and notes; return the texts that are titles."""
    top, left, bottom, right = area
    found: list[str] = []
    for row in range(top, bottom + 1):
        filled = [
            (c, _shown_value(grid, row, c)) for c in range(left, right + 1) if grid.filled(row, c)
        ]
        if len(filled) == 1 or not all(isinstance(v, str | int | float) or v for _, v in filled):
            for column, value in filled:
                _add_single(row, column, value, layout, found if titles else None)
            continue
        for (column, label), (_, value) in zip(filled[::2], filled[1::2], strict=False):
            layout.facts.append(Fact(row, column, cells.shown(label).strip(" :："), value))
        if len(filled) % 2:
            column, value = filled[-1]
            layout.notes.append(Note(row, column, cells.shown(value)))
    return found


def _shown_value(grid: Grid, row: int, column: int) -> Any:
    """Return a cell's value, or its formula where that has none."""
    value = grid.value(row, column)
    formula = grid.formulas.get((row, column))
    return f"={formula.text}" if value is None and formula is not None else value


def _add_single(
    row: int, column: int, value: Any, layout: Layout, titles: list[str] | None
) -> None:
    text = cells.shown(value)
    label, colon, rest = text.partition(":")
    if (
        colon
        and rest.strip()
        and len(label) <= 30
        and not rest.startswith("//")
        and " " in rest[:1]
    ):
        layout.facts.append(Fact(row, column, label.strip(), rest.strip()))
    elif colon and not rest.strip() and len(label) <= 40:
        layout.facts.append(Fact(row, column, label.strip(), None))
    elif titles is not None:
        titles.append(text)
    else:
        layout.notes.append(Note(row, column, text))


def _give_titles(layout: Layout) -> None:
    """Turn single texts just above a table into its titles."""
    for table in layout.tables:
        top, left, _, right = table.area
        near = [
            note
            for note in layout.notes
            if top - 5 <= note.row < top
            and left - 1 <= note.column <= right
            and not any(
                other is not table
                and note.row < other.area[0] < top
                and other.area[1] <= note.column <= other.area[3]
                for other in layout.tables
            )
            and not any(
                note.row == other.area[2] + 1
                and other is not table
                and other.area[1] <= note.column <= other.area[3]
                for other in layout.tables
            )
        ]
        for note in near:
            layout.notes.remove(note)
        table.titles = [note.text for note in near] + table.titles
