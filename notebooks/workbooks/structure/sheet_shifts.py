"""What of an openpyxl worksheet lies at cells, moved after a shift: ranges, formats, drawings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .references import change_formulas
from .shift import LOST, Shift


def move_references(book: Any, sheet: Any, shift: Shift) -> None:
    """Move what refers to the cells of *sheet*, in all of the workbook.

    Args:
        book: An openpyxl workbook; the cells of *sheet* have been moved.
        sheet: The worksheet that rows or columns were inserted into or deleted from.
        shift: What was inserted or deleted.
    """
    change_formulas(book, shift)
    _arrays(sheet, shift)
    grown = _grown_tables(sheet, shift)
    _rules(sheet, shift, grown)
    _validations(sheet, shift, grown)
    _hyperlinks(sheet)
    _filter_and_print(sheet, shift)
    _tables(sheet, shift)
    _breaks(sheet, shift)
    for drawn in [*sheet._charts, *sheet._images]:
        _anchor(drawn, shift)
    for pivot in sheet._pivots:
        pivot.location.ref = _or(shift.range(pivot.location.ref), pivot.location.ref)
    (_heights if shift.axis == "row" else _widths)(sheet, shift)


def _arrays(sheet: Any, shift: Shift) -> None:
    """Move the ranges that formulas of arrays and data tables fill."""
    for cell in sheet._cells.values():
        if cell.data_type == "f" and isinstance(ref := getattr(cell._value, "ref", None), str):
            cell._value.ref = _or(shift.range(ref), cell.coordinate)


def _or(moved: str, instead: str) -> str:
    return instead if moved == LOST else moved


def _moved_ranges(ranges: Any, shift: Shift, grown: Sequence[Any]) -> Any:
    """Return a MultiCellRange moved; ``None`` if all of it is deleted.

    Args:
        ranges: The MultiCellRange.
        shift: What was inserted or deleted.
        grown: Bodies of tables that get more rows, see `_grown_tables`.
    """
    from openpyxl.worksheet.cell_range import CellRange, MultiCellRange

    moved = []
    for part in str(ranges).split():
        if (text := shift.range(part)) != LOST:
            area, before = CellRange(text), CellRange(part)
            if any(before.max_row == body.max_row and before.issubset(body) for body in grown):
                area.expand(down=shift.count)
            moved.append(area.coord)
    return MultiCellRange(" ".join(moved)) if moved else None


def _grown_tables(sheet: Any, shift: Shift) -> list[Any]:
    """Return the bodies of Excel tables that rows are inserted behind, above their totals row.

    Excel lets formats and lists that reach down to a body's last row cover the new rows too.
    """
    from openpyxl.worksheet.cell_range import CellRange

    if shift.axis != "row" or shift.count < 0:
        return []
    bodies = []
    for table in sheet.tables.values():
        body = CellRange(table.ref)
        body.shrink(bottom=table.totalsRowCount or 0)
        if table.totalsRowCount and shift.at == body.max_row + 1:
            bodies.append(body)
    return bodies


def _rules(sheet: Any, shift: Shift, grown: Sequence[Any]) -> None:
    from openpyxl.formatting.formatting import ConditionalFormatting

    formats = sheet.conditional_formatting
    blocks = list(formats._cf_rules.items())
    formats._cf_rules.clear()
    for block, rules in blocks:
        place = _moved_ranges(block.sqref, shift, grown)
        if place is not None:
            formats._cf_rules[ConditionalFormatting(place, pivot=block.pivot)] = rules


def _validations(sheet: Any, shift: Shift, grown: Sequence[Any]) -> None:
    kept = []
    for each in sheet.data_validations.dataValidation:
        place = _moved_ranges(each.sqref, shift, grown)
        if place is not None:
            each.sqref = place
            kept.append(each)
    sheet.data_validations.dataValidation = kept


def _hyperlinks(sheet: Any) -> None:
    for cell in sheet._cells.values():
        link = getattr(cell, "_hyperlink", None)
        if link is not None and ":" not in (link.ref or ""):
            link.ref = cell.coordinate


def _filter_and_print(sheet: Any, shift: Shift) -> None:
    if sheet.auto_filter.ref:
        moved = shift.range(sheet.auto_filter.ref)
        sheet.auto_filter.ref = None if moved == LOST else moved
        state: Any = sheet.auto_filter.sortState
        if state is not None and state.ref:
            state.ref = _or(shift.range(state.ref), state.ref)
    if sheet.print_area:
        areas = [each.rpartition("!")[2] for each in sheet.print_area.split(",")]
        moved_areas = [area for each in areas if (area := shift.range(each)) != LOST]
        sheet.print_area = moved_areas or None
    for name in ("print_title_rows", "print_title_cols"):
        if text := getattr(sheet, name):
            moved = shift.range(text)
            setattr(sheet, name, None if moved == LOST else moved)


def _breaks(sheet: Any, shift: Shift) -> None:
    breaks = sheet.row_breaks if shift.axis == "row" else sheet.col_breaks
    moved = []
    for each in breaks.brk:
        place = shift.place(each.id + 1)  # a break is behind the row that it names
        if place is not None:
            each.id = place - 1
            moved.append(each)
    breaks.brk = moved


def _anchor(drawn: Any, shift: Shift) -> None:
    """Move a chart or picture with the cells behind it.

    Source: ECMA-376 part 1, section 20.5.2.33 (twoCellAnchor): rows and columns from 0.
    """
    anchor = drawn.anchor
    if isinstance(anchor, str):
        drawn.anchor = _or(shift.range(anchor), anchor)
        return
    if getattr(anchor, "editAs", None) == "absolute":
        return
    name = "row" if shift.axis == "row" else "col"
    for corner in (getattr(anchor, "_from", None), getattr(anchor, "to", None)):
        if corner is not None:
            place = shift.place(getattr(corner, name) + 1)
            setattr(corner, name, (place or shift.at) - 1)


def _heights(sheet: Any, shift: Shift) -> None:
    """Move heights, groups and formats of rows."""
    rows = sheet.row_dimensions
    before = dict(rows)
    rows.clear()
    for number, row in sorted(before.items()):
        place = shift.place(number)
        if place is not None:
            row.index = place
            rows[place] = row


def _widths(sheet: Any, shift: Shift) -> None:
    """Move widths, groups and formats of columns; one entry can hold for several columns."""
    from openpyxl.utils import get_column_letter

    columns = sheet.column_dimensions
    before = list(columns.values())
    columns.clear()
    for column in before:
        column.reindex()
        place = shift.span(column.min, column.max)
        if place is not None:
            column.min, column.max = place
            column.index = get_column_letter(place[0])
            columns[column.index] = column


def _tables(sheet: Any, shift: Shift) -> None:
    for table in list(sheet.tables.values()):
        before = table.ref
        moved = shift.range(before)
        if moved == LOST:
            del sheet.tables[table.displayName]
            continue
        table.ref = moved
        fit_filter(table)
        if table.sortState is not None and table.sortState.ref:
            table.sortState.ref = _or(shift.range(table.sortState.ref), moved)
        if shift.axis == "column" and before != moved:
            _table_columns(sheet, table, before, shift)


def fit_filter(table: Any) -> None:
    """Let the filter of an Excel table cover the table without its totals rows.

    Excel repairs a workbook where it does not. Source: ECMA-376 part 1, section 18.5.1.2.
    """
    from openpyxl.worksheet.cell_range import CellRange

    if table.autoFilter is None:
        return
    area = CellRange(table.ref)
    area.shrink(bottom=table.totalsRowCount or 0)
    table.autoFilter.ref = area.coord


def _table_columns(sheet: Any, table: Any, before: str, shift: Shift) -> None:
    """Insert or delete columns of an Excel table, as Excel does: a new one is named Column1."""
    from openpyxl.utils import range_boundaries
    from openpyxl.worksheet.table import TableColumn

    first, top, last, _ = range_boundaries(before)
    columns = {first + at: column for at, column in enumerate(table.tableColumns)}
    if shift.count < 0:
        table.tableColumns = [each for at, each in columns.items() if shift.place(at) is not None]
        return
    if not first < shift.at <= last:
        return
    taken = {column.name.casefold() for column in columns.values()}
    identity = max(column.id for column in columns.values())
    inserted = []
    for at in range(shift.at, shift.at + shift.count):
        name = next(n for k in range(1, 20_000) if (n := f"Column{k}").casefold() not in taken)
        taken.add(name.casefold())
        identity += 1
        inserted.append(TableColumn(id=identity, name=name))
        if table.headerRowCount != 0:
            sheet.cell(top, at, name)
    at = shift.at - first
    kept = list(table.tableColumns)
    table.tableColumns = [*kept[:at], *inserted, *kept[at:]]
