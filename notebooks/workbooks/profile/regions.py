"""Where a sheet's blocks of cells are: split at blank rows and blank columns, in turn."""

from __future__ import annotations

from itertools import pairwise

from .cells import is_blank
from .grid import Area, Grid


class Occupancy:
    """Which cells of a grid are filled, as one number (a bit for each column) for each row."""

    def __init__(self, grid: Grid) -> None:
        self.top, self.left = grid.top, grid.left
        if grid.rows and all(map(all, grid.rows)):  # nothing blank, no zero
            self.bits = [(1 << len(grid.rows[0])) - 1] * len(grid.rows)
        else:
            self.bits = [_bits(row) for row in grid.rows]
        for row, column in grid.formulas:
            if grid.top <= row <= grid.bottom and grid.left <= column <= grid.right:
                self.bits[row - grid.top] |= 1 << (column - grid.left)

    def hide(self, area: Area) -> None:
        """Take the cells of *area* out."""
        top, left, bottom, right = area
        keep = ~(((1 << (right - left + 1)) - 1) << max(0, left - self.left))
        for row in range(max(0, top - self.top), min(len(self.bits), bottom - self.top + 1)):
            self.bits[row] &= keep

    def used(self, area: Area) -> Area | None:
        """Return the smallest area within *area* that holds its filled cells."""
        top, left, bottom, right = area
        mask = ((1 << (right - left + 1)) - 1) << (left - self.left)
        rows = range(top - self.top, bottom - self.top + 1)
        first = next((row for row in rows if self.bits[row] & mask), None)
        if first is None:
            return None
        last = next(row for row in reversed(rows) if self.bits[row] & mask)
        seen = 0
        for row in range(first, last + 1):
            seen |= self.bits[row]
        seen &= mask
        low = (seen & -seen).bit_length() - 1
        return first + self.top, low + self.left, last + self.top, seen.bit_length() - 1 + self.left

    def row_gaps(self, area: Area) -> list[tuple[int, int]]:
        """Return the runs (first, last) of rows of *area* that are blank in its columns."""
        top, left, bottom, right = area
        mask = ((1 << (right - left + 1)) - 1) << (left - self.left)
        blank = [row for row in range(top, bottom + 1) if not self.bits[row - self.top] & mask]
        return _runs(blank)

    def column_gaps(self, area: Area) -> list[tuple[int, int]]:
        """Return the runs (first, last) of columns of *area* that are blank in its rows."""
        top, left, bottom, right = area
        seen = 0
        for row in range(top - self.top, bottom - self.top + 1):
            seen |= self.bits[row]
        blank = [c for c in range(left, right + 1) if not seen >> (c - self.left) & 1]
        return _runs(blank)


def _bits(row: list[object]) -> int:
    if all(row):  # the usual case in a large table: nothing blank, no zero
        return (1 << len(row)) - 1
    bits = 0
    for at, value in enumerate(row):
        if not is_blank(value):
            bits |= 1 << at
    return bits


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    if not numbers:
        return []
    starts = [numbers[0], *(b for a, b in pairwise(numbers) if b != a + 1)]
    ends = [*(a for a, b in pairwise(numbers) if b != a + 1), numbers[-1]]
    return list(zip(starts, ends, strict=True))


def split(occupancy: Occupancy, area: Area, *, depth: int = 8) -> list[Area]:
    """Return the blocks within *area*, top to bottom and left to right.

    An XY cut: at every blank row, then each part at every blank column, and so on until
    nothing more can be cut.
    """
    used = occupancy.used(area)
    if used is None:
        return []
    if depth == 0:
        return [used]
    top, left, bottom, right = used
    gaps = occupancy.row_gaps(used)
    if gaps:
        edges = [top, *(edge for gap in gaps for edge in (gap[0] - 1, gap[1] + 1)), bottom]
        parts = [(a, left, b, right) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    else:
        gaps = occupancy.column_gaps(used)
        if not gaps:
            return [used]
        edges = [left, *(edge for gap in gaps for edge in (gap[0] - 1, gap[1] + 1)), right]
        parts = [(top, a, bottom, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [block for part in parts for block in split(occupancy, part, depth=depth - 1)]
