"""Blocks that blank rows or columns part but that are one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import cells
from .grid import Area, Grid
from .headers import Block, Header, find_header, fine_class

MAX_GAP = 3
"""Blank rows that may part a table's rows, or a header from its body."""


@dataclass(frozen=True)
class Piece:
    """A block with what is thought of it."""

    area: Area
    header: Header


def join_sideways(grid: Grid, pieces: list[Piece]) -> list[Piece]:
    """Join neighbours that a blank column parts but that are one table."""
    joined: list[Piece] = []
    for piece in pieces:
        before = joined[-1] if joined else None
        if before is not None and _continues_sideways(grid, before, piece):
            top, left = min(before.area[0], piece.area[0]), before.area[1]
            area = (top, left, max(before.area[2], piece.area[2]), piece.area[3])
            joined[-1] = Piece(area, find_header(grid, area))
        else:
            joined.append(piece)
    return joined


def _continues_sideways(grid: Grid, a: Piece, b: Piece) -> bool:
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


def join_downwards(grid: Grid, pieces: list[Piece]) -> list[Piece]:
    """Join blocks below each other that blank rows part but that are one table."""
    joined: list[Piece] = []
    for piece in pieces:
        at = _above(joined, piece)
        above = joined[at] if at is not None else None
        if above is not None and at is not None and (found := _one_table(grid, above, piece)):
            joined[at] = found
        else:
            joined.append(piece)
    return joined


def _above(pieces: Sequence[Piece], piece: Piece) -> int | None:
    """Return the number of the piece directly above *piece*."""
    top, left, _, right = piece.area
    for at in range(len(pieces) - 1, -1, -1):
        area = pieces[at].area
        if area[1] <= right and left <= area[3] and area[2] < top:
            return at if top - area[2] - 1 <= MAX_GAP else None
    return None


def _one_table(grid: Grid, above: Piece, below: Piece) -> Piece | None:
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
        _names_only(grid, above) and has_values(grid, below)
    ):
        if below.header.score < 0.45 and right - left >= 1:
            rows = above.header.rows or tuple(range(top, bottom + 1))[-2:]
            return Piece(area, Header(rows, 0.5))
        return None
    if not has_body or right == left:
        return None
    if _fits_body(grid, above, below):
        return Piece(area, above.header)
    return None


def _names_only(grid: Grid, piece: Piece) -> bool:
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


def has_values(grid: Grid, piece: Piece) -> bool:
    """Return whether the first row of a block has a number."""
    top, left, _, right = piece.area
    return any(fine_class(v) is cells.NUMBER for v in grid.row(top, left, right))


def _class_at(grid: Grid, row: int, column: int) -> str:
    """Return the class of a cell; a formula that was never calculated counts as a number."""
    found = fine_class(grid.value(row, column))
    never = found is cells.BLANK and (row, column) in grid.formulas
    return cells.NUMBER if never else found


def _fits_body(grid: Grid, above: Piece, below: Piece) -> bool:
    """Return whether *below* goes on with the rows of *above* and has no header of its own."""
    _top, left, bottom, right = above.area
    top_b, left_b, bottom_b, right_b = below.area
    block = Block(grid, (above.header.rows[-1] + 1, left, bottom, right))
    body = block.body(0)
    first = [_class_at(grid, top_b, left + c) for c in range(len(body))]
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
        second = [_class_at(grid, top_b + 1, left + c) for c in range(len(body))]
        fits = sum(second[c] == body[c][0] for c in typed) >= max(1, 0.5 * len(typed))
        return len(filled) == 1 and filled[0] == 0 and fits and below.header.score < 0.6
    return (left_b, right_b) == (left, right) and below.header.score < 0.35 and bottom_b > top_b
