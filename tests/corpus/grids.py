"""Rows as a grid, for tests of what looks at grids."""

from notebooks.workbooks.profile.grid import Grid


def grid_of(rows):
    """Return *rows*, made equally long, as a sheet's cells from A1 on."""
    width = max(map(len, rows))
    return Grid(rows=[list(row) + [None] * (width - len(row)) for row in rows])
