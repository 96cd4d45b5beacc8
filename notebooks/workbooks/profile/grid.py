"""A sheet's cells in memory, with what is known of them beyond their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .borders import Lines
from .cells import is_blank

Area = tuple[int, int, int, int]
"""(top, left, bottom, right): rows and columns from 0, both ends included."""


@dataclass(frozen=True)
class Formula:
    """A cell's formula.

    Attributes:
        text: The formula without ``=``; ``""`` where it is shared with an earlier cell.
        has_value: A result is stored with it.
    """

    text: str
    has_value: bool


@dataclass(frozen=True)
class Beyond:
    """What lies behind the rows of a very large sheet that are kept.

    Attributes:
        count: How many filled rows.
        last: The number (from 0) of the last one.
        tail: The last of them: (row, values from column A).
    """

    count: int
    last: int
    tail: list[tuple[int, list[Any]]]


@dataclass
class Grid:
    """The used cells of one sheet.

    Attributes:
        top: Row (from 0) of the first of *rows*.
        left: Column (from 0) of the first value of each row.
        rows: The values, row by row, all of the same length.
        formats: (row, column) → number format code, of cells that were looked at.
        bold: Cells in bold.
        lines: (row, column) → the lines around the cell, of those that have any.
        formulas: (row, column) → formula.
        zero_formulas: The formulas have no value: the program that wrote them stored 0 for each.
        merged: Merged areas.
        filters: Areas with a filter.
        excel_tables: Areas of Excel tables with their header rows, totals rows and name.
        from_text: The file holds text only (CSV): texts may be numbers and dates.
        decimal: The decimal sign of a text file, or ``""``.
        fields: How many fields a record of a text file has at most, blank ones at its end too.
        extent: The last row and column (from 0) that readers see; texts of no characters count.
        beyond: What lies behind the last of *rows*, of a very large sheet.
    """

    top: int = 0
    left: int = 0
    rows: list[list[Any]] = field(default_factory=list)
    formats: Mapping[tuple[int, int], str] = field(default_factory=dict)
    bold: frozenset[tuple[int, int]] = frozenset()
    lines: Mapping[tuple[int, int], Lines] = field(default_factory=dict)
    formulas: Mapping[tuple[int, int], Formula] = field(default_factory=dict)
    zero_formulas: bool = False
    merged: Sequence[Area] = ()
    filters: Sequence[Area] = ()
    excel_tables: Sequence[ExcelTable] = ()
    from_text: bool = False
    decimal: str = ""
    fields: int = 0
    extent: tuple[int, int] = (0, 0)
    beyond: Beyond | None = None

    @property
    def bottom(self) -> int:
        """Return the last row, from 0."""
        return self.top + len(self.rows) - 1

    @property
    def right(self) -> int:
        """Return the last column, from 0."""
        return self.left + len(self.rows[0]) - 1 if self.rows else self.left

    def value(self, row: int, column: int) -> Any:
        """Return the value at *row* and *column* (from 0), ``None`` outside."""
        if self.top <= row <= self.bottom and self.left <= column <= self.right:
            return self.rows[row - self.top][column - self.left]
        return None

    def filled(self, row: int, column: int) -> bool:
        """Return whether the cell has a value or a formula."""
        return not is_blank(self.value(row, column)) or (row, column) in self.formulas

    def row(self, row: int, left: int, right: int) -> list[Any]:
        """Return the values of *row* from column *left* to *right*, both included."""
        return self.rows[row - self.top][left - self.left : right - self.left + 1]

    def column(self, column: int, top: int, bottom: int) -> list[Any]:
        """Return the values of *column* from row *top* to *bottom*, both included."""
        at = column - self.left
        return [row[at] for row in self.rows[top - self.top : bottom - self.top + 1]]


@dataclass(frozen=True)
class ExcelTable:
    """An Excel table (ListObject).

    Attributes:
        name: Its name.
        area: Its cells, header and totals included.
        header_rows: 0 or 1.
        totals_rows: 0 or 1.
        columns: Its columns' names.
    """

    name: str
    area: Area
    header_rows: int
    totals_rows: int
    columns: tuple[str, ...]
