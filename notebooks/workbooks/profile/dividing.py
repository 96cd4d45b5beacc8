"""Tables that stand beside each other without a blank column: divided by the lines around them.

A line alone divides nothing: one stands before the totals of many a table. Two tables also end or
begin in different rows, each with its own frame, or their columns begin with the same name.
"""

from __future__ import annotations

from .borders import NONE, Lines
from .grid import Area, Grid
from .headers import find_header
from .regions import Occupancy

MOST_CELLS = 20_000


def cut_at_borders(grid: Grid, occupancy: Occupancy, area: Area) -> list[Area]:
    """Return the tables within a block that lines divide; mostly the block itself."""
    top, left, bottom, right = area
    cells = (bottom - top + 1) * (right - left + 1)
    if not grid.lines or right - left < 3 or bottom - top < 2 or cells > MOST_CELLS:
        return [area]
    for column in range(left + 1, right - 1):
        one = occupancy.used((top, left, bottom, column))
        two = occupancy.used((top, column + 1, bottom, right))
        if one is not None and two is not None and _divided(grid, one, two, column):
            return [one, *cut_at_borders(grid, occupancy, two)]
    return [area]


def _divided(grid: Grid, one: Area, two: Area, column: int) -> bool:
    top, bottom = max(one[0], two[0]), min(one[2], two[2])
    if bottom - top < 1:
        return False
    heaviest = max(
        (_line(grid, c, top, bottom) for a in (one, two) for c in range(a[1], a[3])), default=0
    )
    if _line(grid, column, top, bottom) <= heaviest:
        return False
    return (
        _closed(grid, one, two)
        or _closed(grid, two, one)
        or _opened(grid, one, two)
        or _opened(grid, two, one)
        or _begin_alike(grid, one, two)
    )


def _line(grid: Grid, column: int, top: int, bottom: int) -> int:
    """Return the weight of the line right of *column* that goes down all rows."""
    return min(
        max(_at(grid, row, column).right, _at(grid, row, column + 1).left)
        for row in range(top, bottom + 1)
    )


def _at(grid: Grid, row: int, column: int) -> Lines:
    return grid.lines.get((row, column), NONE)


def _closed(grid: Grid, short: Area, long: Area) -> bool:
    """Return whether *short* ends in an earlier row, with a line below it and none further down."""
    _, left, bottom, right = short
    if bottom >= long[2]:
        return False
    columns = range(left, right + 1)
    closed = all(_at(grid, bottom, c).bottom or _at(grid, bottom + 1, c).top for c in columns)
    return closed and not any(
        _at(grid, row, c).bottom for row in range(bottom + 1, long[2] + 1) for c in columns
    )


def _opened(grid: Grid, late: Area, early: Area) -> bool:
    """Return whether *late* begins in a later row, with a line above it and none further up."""
    top, left, _, right = late
    if top <= early[0]:
        return False
    columns = range(left, right + 1)
    opened = all(_at(grid, top, c).top or _at(grid, top - 1, c).bottom for c in columns)
    return opened and not any(
        _at(grid, row, c).top for row in range(early[0], top) for c in columns
    )


def _begin_alike(grid: Grid, one: Area, two: Area) -> bool:
    """Return whether the first columns of both have the same name."""
    names = []
    for area in (one, two):
        rows = find_header(grid, area).rows
        names.append(grid.value(rows[-1], area[1]) if rows else None)
    return isinstance(names[0], str) and names[0].strip() != "" and names[0] == names[1]
