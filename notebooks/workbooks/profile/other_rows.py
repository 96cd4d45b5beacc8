"""Rows of a body that are no data: lines of dashes, totals without numbers, section heads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .body import MAX_ARITHMETIC_ROWS, Body
from .cells import is_blank
from .grid import Grid

_RULE = re.compile(r"[\s|+]*[-=_~*—–─═+|\s]{3,}")
_LAST_ROWS = 3


@dataclass(frozen=True)
class Sections:
    """Rows with a text only, in a column that no other row fills: each names the rows below it.

    Attributes:
        column: The column, from 0 in the sheet.
        rows: The rows, from 0 in the sheet.
    """

    column: int
    rows: tuple[int, ...]


def is_rule(value: object) -> bool:
    """Return whether a text is a line of dashes, as lists printed as text have them."""
    return (
        isinstance(value, str)
        and _RULE.fullmatch(value) is not None
        and len(value.strip(" |+")) >= 3
    )


def rule_rows(grid: Grid, first: Sequence[object], top: int, left: int, right: int) -> list[int]:
    """Return the rows whose every filled cell is a line of dashes.

    Args:
        grid: The sheet.
        first: The values of column *left* from row *top* on.
        top: The first row, from 0.
        left: The first column.
        right: The last column.
    """
    rules = {value for value in set(first) if is_rule(value)}
    if not rules:
        return []
    return [
        row
        for row, value in enumerate(first, top)
        if value in rules and all(is_blank(v) or is_rule(v) for v in grid.row(row, left, right))
    ]


def lone_words(body: Body) -> list[tuple[int, str]]:
    """Return (row from 0 in the body, text) of the last rows that hold nothing but a text."""
    found = []
    for at in range(max(0, body.count - _LAST_ROWS), body.count):
        filled = [v for values in body.columns.values() if not is_blank(v := values[at])]
        formulas = any((body.top + at, c) in body.grid.formulas for c in body.columns)
        if len(filled) == 1 and isinstance(filled[0], str) and not formulas:
            found.append((at, filled[0].strip()))
    return found


def find_sections(body: Body, left_out: set[int]) -> Sections | None:
    """Return the section heads of a table, ``None`` if it has none.

    Args:
        body: Its rows.
        left_out: Rows (from 0 in the sheet) that are known to be no data.
    """
    if not 4 <= body.count <= MAX_ARITHMETIC_ROWS or len(body.columns) < 3:
        return None
    rows = [at for at in range(body.count) if body.top + at not in left_out]
    if len(rows) < 4:
        return None
    for column, values in body.texts.items():
        heads = [at for at in rows if not is_blank(values[at])]
        if not 2 <= len(heads) <= len(rows) // 2 or heads[0] != rows[0]:
            continue
        others = [other for c, other in body.columns.items() if c != column]
        lone = all(
            isinstance(values[at], str)
            and all(is_blank(other[at]) for other in others)
            and not any((body.top + at, c) in body.grid.formulas for c in body.columns)
            for at in heads
        )
        if lone:
            return Sections(column, tuple(body.top + at for at in heads))
    return None
