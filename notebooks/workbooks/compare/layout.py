"""Where the rows and columns of one sheet are in the other, cells without a value included."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..values import MAX_COLUMNS, MAX_ROWS
from .formula_text import moved


@dataclass(slots=True)
class Layout:
    """How the cells of a pair of sheets belong together.

    Attributes:
        rows: Matched rows of the first sheet, ascending.
        rows_after: The row in the second sheet of each.
        columns: Matched columns of the first sheet, ascending.
        columns_after: The column in the second sheet of each.
    """

    rows: np.ndarray
    rows_after: np.ndarray
    columns: np.ndarray
    columns_after: np.ndarray
    unmoved: bool = field(init=False)
    in_order: bool = field(init=False)

    def __post_init__(self) -> None:
        """Find out whether anything is elsewhere."""
        self.unmoved = bool(
            np.array_equal(self.rows, self.rows_after)
            and np.array_equal(self.columns, self.columns_after)
        )
        self.in_order = bool(np.all(np.diff(self.rows_after) > 0))

    def row(self, number: int) -> int:
        """Return where a row of the first sheet is; one without a value moves like that above."""
        return _moved(number, self.rows, self.rows_after, MAX_ROWS)

    def column(self, number: int) -> int:
        """Return where a column of the first sheet is."""
        return _moved(number, self.columns, self.columns_after, MAX_COLUMNS)

    def moved_rows(self, numbers: np.ndarray) -> np.ndarray:
        """Return where rows of the first sheet are, many at once."""
        if not len(self.rows):
            return numbers
        at = np.searchsorted(self.rows, numbers, side="right") - 1
        offsets = self.rows_after - self.rows
        found: np.ndarray = numbers + np.where(at >= 0, offsets[np.maximum(at, 0)], 0)
        return found


def _moved(number: int, ones: np.ndarray, others: np.ndarray, size: int) -> int:
    at = int(np.searchsorted(ones, number, side="right")) - 1
    if at < 0:
        return number
    return max(0, min(size - 1, number + int(others[at]) - int(ones[at])))


@dataclass(slots=True)
class Layouts:
    """The layouts of all pairs of sheets, to see references of formulas from the other workbook.

    Attributes:
        by_sheet: Layout by the sheet's name in the first workbook, in lower case.
        names: The name in the second workbook, by that name.
    """

    by_sheet: dict[str, Layout] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def add(self, before: str, after: str, layout: Layout) -> None:
        """Add a pair of sheets."""
        self.by_sheet[before.lower()] = layout
        self.names[before.lower()] = after

    @property
    def unmoved(self) -> bool:
        """Whether all sheets have their names, rows and columns where they were."""
        return all(layout.unmoved for layout in self.by_sheet.values()) and all(
            name == after.lower() for name, after in self.names.items()
        )

    def formula(self, text: str, sheet: str) -> str:
        """Return a formula of *sheet* as it would read in the second workbook."""

        def row_of(other: str, number: int) -> int:
            layout = self.by_sheet.get((other or sheet).lower())
            return layout.row(number) if layout is not None and layout.in_order else number

        def column_of(other: str, number: int) -> int:
            layout = self.by_sheet.get((other or sheet).lower())
            return layout.column(number) if layout is not None else number

        return moved(text, row_of, column_of, lambda name: self.names.get(name.lower(), name))
