"""The rows of a table below its header, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import cells
from .amounts import read_amount, read_notation
from .grid import Area, Grid

MAX_ARITHMETIC_ROWS = 20_000
"""Amounts kept as text are summed in tables of up to so many rows."""


class Body:
    """A table's body with its numeric columns as numbers."""

    def __init__(self, grid: Grid, area: Area) -> None:
        self.grid = grid
        self.top, self.left, self.bottom, self.right = area
        rows = grid.rows[self.top - grid.top : self.bottom - grid.top + 1]
        by_column: Sequence[Sequence[Any]] = list(zip(*rows, strict=True))
        self.columns = {c: by_column[c - grid.left] for c in range(self.left, self.right + 1)}
        self.texts: dict[int, Sequence[Any]] = {}
        self.numbers: dict[int, Sequence[float | None]] = {}
        self.types = {c: cells.types_of(values) for c, values in self.columns.items()}
        for c, values in self.columns.items():
            numbers = _numbers(values, set(self.types[c]))
            if numbers is not None:
                self.numbers[c] = numbers
            if str in self.types[c]:
                self.texts[c] = values
        self.worded: dict[int, tuple[str, int]] | None = None

    @property
    def count(self) -> int:
        """Return how many rows there are."""
        return self.bottom - self.top + 1

    def label(self, at: int) -> str:
        """Return the first text with letters of the row at *at* (from 0), else the first text."""
        values = (self.columns[c][at] for c in range(self.left, self.right + 1))
        texts = [v.strip() for v in values if isinstance(v, str) and v.strip()]
        return next((t for t in texts if any(map(str.isalpha, t))), texts[0] if texts else "")

    def is_bare(self, at: int) -> bool:
        """Return whether a row has no label where the rows before it have one."""
        return not self.label(at) and any(self.label(row) for row in (at - 1, at - 2) if row >= 0)


def _numbers(values: Sequence[Any], types: set[type]) -> Sequence[float | None] | None:
    """Return a column's values as numbers, ``None`` if it is none of numbers."""
    if not types & {int, float}:
        if str not in types or len(values) > MAX_ARITHMETIC_ROWS:
            return None
        texts = [v for v in values if type(v) is str and v.strip()]
        if not texts:
            return None
        notation = read_notation(texts)
        if notation is None or notation.read < 0.7 * len(texts) or notation.ambiguous:
            return None
        return [read_amount(v, notation) if type(v) is str else None for v in values]
    if types <= {int, float}:
        return values
    return [v if type(v) in (int, float) else None for v in values]
