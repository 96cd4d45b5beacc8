"""Sheets copied by openpyxl: with validations, formats, panes, print settings, tables and charts.

By itself openpyxl copies cells, sizes and merged ranges only. References to the own sheet and to
its tables are changed on the copy, as Excel changes them.
"""

from __future__ import annotations

import copy
import io
from typing import Any

from ..keep.openpyxl_saves import remember_copy
from .references import change_formulas_of
from .shift import Copied

PARTS = ("views", "protection", "auto_filter", "row_breaks", "col_breaks", "scenarios",
         "data_validations", "HeaderFooter", "page_margins", "print_options", "sheet_format",
         "sheet_properties", "defined_names")  # fmt: skip
"""What a worksheet of openpyxl has beside cells and drawings."""


def install() -> None:
    """Let openpyxl's `Workbook.copy_worksheet` copy all of a sheet, in this process."""
    from openpyxl.workbook.workbook import Workbook

    plain = Workbook.copy_worksheet

    def copy_worksheet(self: Any, from_worksheet: Any) -> Any:
        """Copy a sheet within the workbook: cells, formats, validations, charts and pictures.

        Args:
            self: The workbook.
            from_worksheet: The sheet.
        """
        made = plain(self, from_worksheet)
        copy_rest(from_worksheet, made)
        return made

    Workbook.copy_worksheet = copy_worksheet


def copy_rest(sheet: Any, made: Any) -> None:
    """Copy what openpyxl leaves out when it copies a worksheet.

    Args:
        sheet: The worksheet.
        made: The copy that openpyxl made of it.
    """
    for name in PARTS:
        if (value := getattr(sheet, name, None)) is not None:
            setattr(made, name, copy.deepcopy(value))
    for name in [each for each in made.defined_names if ".wvu." in each]:  # of a custom view
        del made.defined_names[name]
    made.sheet_properties.codeName = None  # a workbook has each once
    for view in made.views.sheetView:
        view.tabSelected = False  # or what is typed goes into both sheets
    for block, rules in sheet.conditional_formatting._cf_rules.items():
        made.conditional_formatting._cf_rules[copy.deepcopy(block)] = copy.deepcopy(rules)
    made.print_title_rows, made.print_title_cols = sheet.print_title_rows, sheet.print_title_cols
    if sheet.print_area:
        made.print_area = [each.rpartition("!")[2] for each in sheet.print_area.split(",")]
    for cell in made._cells.values():
        if cell.data_type == "f" and not isinstance(cell._value, str):
            cell._value = copy.copy(cell._value)  # of an array: with a range of its own
        if getattr(cell, "_hyperlink", None) is not None:
            cell._hyperlink.ref = cell.coordinate
    copied = Copied(sheet.title, made.title, _copy_tables(sheet, made))
    made._charts = [copy.deepcopy(chart) for chart in sheet._charts]
    made._images = [_copy_picture(picture) for picture in sheet._images]
    change_formulas_of(made, copied)
    remember_copy(sheet, made)


def _copy_tables(sheet: Any, made: Any) -> dict[str, str]:
    """Copy Excel tables; return their names in lower case, and the names of the copies."""
    names = {}
    for table in sheet.tables.values():
        new = copy.deepcopy(table)
        number = 2
        while made.parent._duplicate_name(name := f"{table.displayName}_{number}"):
            number += 1
        new.name = new.displayName = name
        made.add_table(new)
        names[table.displayName.lower()] = name
    renamed = Copied(sheet.title, made.title, names)
    for table in made.tables.values():
        for column in table.tableColumns:
            for name in ("calculatedColumnFormula", "totalsRowFormula"):
                formula = getattr(column, name)
                if formula is not None and formula.attr_text:
                    formula.attr_text = renamed.formula(formula.attr_text, made.title)
    return names


def _copy_picture(picture: Any) -> Any:
    from openpyxl.drawing.image import Image

    reference = picture.ref
    if isinstance(reference, io.BytesIO):
        reference = io.BytesIO(reference.getvalue())  # saving closes it
    new = Image(reference)
    new.width, new.height = picture.width, picture.height
    new.anchor = copy.deepcopy(picture.anchor)
    return new
