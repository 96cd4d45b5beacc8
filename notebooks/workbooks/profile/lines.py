"""What is no table: labels with values, titles and notes."""

from __future__ import annotations

import re
from typing import Any

from . import cells
from .grid import Area, Grid
from .headers import ENOUGH, fine_class
from .joining import Piece
from .layout import Fact, Layout, Note
from .other_rows import is_rule

_NOTE = re.compile(
    r"^\s*(source|sources|notes?|remarks?|quelle|hinweis|anmerkung|stand|fuente|nota|fonte|źródło|"
    r"zdroj|forrás|källa|bron|kilde|lähde|источник|примечание|出典|注|来源|disclaimer|prepared by|"
    r"erstellt|as of|printed|generated|end of report|\*|†|¹|\(\d\)|\d\))",
    re.IGNORECASE,
)


def cut_notes(grid: Grid, area: Area, layout: Layout) -> int:
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


def is_prose(grid: Grid, area: Area) -> bool:
    """Return whether the first column of *area* has sentences."""
    texts = [str(v) for v in grid.column(area[1], area[0], area[2]) if isinstance(v, str)]
    values = sum(not cells.is_blank(v) for v in grid.column(area[1], area[0], area[2]))
    return len(texts) >= 0.8 * values and any(" " in t and len(t) > 40 for t in texts)


def is_form(grid: Grid, piece: Piece) -> bool:
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


def add_lines(grid: Grid, area: Area, layout: Layout, *, titles: bool = False) -> list[str]:
    """Add the lines of *area* as facts and notes; return the texts that are titles."""
    top, left, bottom, right = area
    found: list[str] = []
    for row in range(top, bottom + 1):
        if all(cells.is_blank(v) or is_rule(v) for v in grid.row(row, left, right)):
            continue
        filled = [
            (c, _shown_value(grid, row, c)) for c in range(left, right + 1) if grid.filled(row, c)
        ]
        if len(filled) == 1 or not all(isinstance(v, str | int | float) or v for _, v in filled):
            for column, value in filled:
                _add_single(row, column, value, layout, found if titles else None)
            continue
        labels = all(isinstance(v, str) and not v.startswith("=") for _, v in filled[::2])
        named = all(any(map(str.isalpha, str(v))) for _, v in filled[::2])
        if (len(filled) > 2 and not labels) or (grid.from_text and not named):
            text = " | ".join(cells.shown(value, 40) for _, value in filled)
            layout.notes.append(Note(row, filled[0][0], text))
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


def give_titles(layout: Layout) -> None:
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
