"""Rows and columns that openpyxl inserts or deletes, sheets it renames, and what refers to them.

By itself openpyxl moves cells only: ``=SUM(B2:B5)`` and merged ranges stay where they were, and
``=Old!A1`` names a sheet that is no more.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal

from ..keep.openpyxl_saves import CHANGES, keeping_what_was_read
from .references import change_formulas
from .sheet_shifts import move_references
from .shift import Rename, Shift

MOVED = (
    "formulas, names, merged ranges, tables, charts and formats move with inserted and deleted "
    "rows and columns, as in Excel."
)
Axis = Literal["row", "column"]


def install() -> None:
    """Change how openpyxl's worksheets insert and delete, in this process."""
    from openpyxl.workbook.child import _WorkbookChild
    from openpyxl.worksheet.worksheet import Worksheet

    Worksheet.insert_rows = _method("row", 1)
    Worksheet.delete_rows = _method("row", -1)
    Worksheet.insert_cols = _method("column", 1)
    Worksheet.delete_cols = _method("column", -1)
    title = _WorkbookChild.title

    def rename(self: Any, name: Any) -> None:
        before = self.title
        title.fset(self, name)
        if before and before != self.title and self in getattr(self.parent, "_sheets", ()):
            rename = Rename(before, self.title)
            with keeping_what_was_read(self.parent):
                change_formulas(self.parent, rename)
            _remember(self, rename)

    _WorkbookChild.title = property(title.fget, rename)


def _method(axis: Axis, sign: int) -> Callable[..., None]:
    def change(self: Any, idx: int, amount: int = 1) -> None:
        """Insert or delete; formulas, names, merged ranges, tables and formats move, as in Excel.

        Args:
            self: The worksheet.
            idx: The first row or column, from 1.
            amount: How many.

        Raises:
            ValueError: Cells would be pushed off the sheet.
        """
        if amount > 0:
            shift_sheet(self, Shift(self.title, axis, max(1, idx), sign * amount))

    return change


def shift_sheet(sheet: Any, shift: Shift) -> None:
    """Insert or delete rows or columns of an openpyxl worksheet.

    Args:
        sheet: The worksheet.
        shift: What to insert or delete.

    Raises:
        ValueError: Cells would be pushed off the sheet.
    """
    last = sheet.max_row if shift.axis == "row" else sheet.max_column
    if shift.count > 0 and sheet._cells and last >= shift.at and last + shift.count > shift.limit:
        raise ValueError(
            f"Sheet {sheet.title!r} has {last:,} {shift.axis}s; with {shift.count:,} more it would "
            f"have more than the {shift.limit:,} of a sheet. Write them to another sheet."
        )
    book = sheet.parent
    with keeping_what_was_read(book):
        merged = _take_merged(sheet)
        _move_cells(sheet, shift)
        _format_as_before(sheet, shift)
        _merge_again(sheet, merged, shift)
        move_references(book, sheet, shift)
    _remember(sheet, shift)


def _remember(sheet: Any, change: Shift | Rename) -> None:
    """Keep what was done for the next save; say once that references move."""
    kept = sheet.parent.__dict__.setdefault(CHANGES, [])
    if isinstance(change, Shift) and not any(isinstance(each, Shift) for _, each in kept):
        print(f"Sheet {sheet.title!r}: {MOVED}")  # noqa: T201
    kept.append((id(sheet), change))


def _move_cells(sheet: Any, shift: Shift) -> None:
    name = "row" if shift.axis == "row" else "column"
    moved = {}
    for cell in sheet._cells.values():
        place = shift.place(getattr(cell, name))
        if place is not None:
            setattr(cell, name, place)
            moved[cell.row, cell.column] = cell
    sheet._cells = moved
    sheet._current_row = sheet.max_row if moved else 0


def _format_as_before(sheet: Any, shift: Shift) -> None:
    """Give inserted rows the formats of the row above, and columns those of the one before."""
    name = "row" if shift.axis == "row" else "column"
    from openpyxl.cell.cell import Cell

    models = [cell for cell in sheet._cells.values() if getattr(cell, name) == shift.at - 1]
    for cell in models if shift.count > 0 else ():
        if isinstance(cell, Cell) and cell.has_style:
            for place in range(shift.at, shift.at + shift.count):
                at = (place, cell.column) if name == "row" else (cell.row, place)
                sheet.cell(*at)._style = copy.copy(cell._style)


def _take_merged(sheet: Any) -> list[Any]:
    """Take the merged ranges off the sheet; their cells stay."""
    ranges = list(sheet.merged_cells.ranges)
    sheet.merged_cells.ranges = set()
    return ranges


def _merge_again(sheet: Any, ranges: list[Any], shift: Shift) -> None:
    from openpyxl.cell.cell import Cell, MergedCell

    low, high = ("min_row", "max_row") if shift.axis == "row" else ("min_col", "max_col")
    kept = set()
    for each in ranges:
        moved = shift.span(getattr(each, low), getattr(each, high))
        if moved is None:
            continue
        setattr(each, low, moved[0])
        setattr(each, high, moved[1])
        corner = sheet._cells.get((each.min_row, each.min_col))
        if isinstance(corner, MergedCell):  # the row that held the value was deleted
            free = Cell(sheet, row=each.min_row, column=each.min_col)
            free._style = corner._style
            sheet._cells[each.min_row, each.min_col] = corner = free
        if each.size["rows"] * each.size["columns"] == 1:
            continue
        each.start_cell = corner or sheet.cell(each.min_row, each.min_col)
        each.format()  # makes the merged cells of inserted rows
        kept.add(each)
    sheet.merged_cells.ranges = kept
