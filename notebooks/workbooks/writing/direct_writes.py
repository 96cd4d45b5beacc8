"""Workbooks read and written by openpyxl or xlsxwriter directly, kept such that Excel opens them.

A text that starts with ``=`` but is no formula stays text. openpyxl: a tab's name is shortened,
times lose their zone, characters that no cell holds become spaces. What was changed is printed
when the workbook is saved.
"""

from __future__ import annotations

import datetime
from typing import Any

from ..structure.sheet_shifts import fit_filter
from ..tie_out.journal import note_saved
from .cell_limits import MAX_NAME, MAX_TEXT, Changes, fitting_name, may_be_formula

BY_PANDAS = "_written_by_pandas"
"""Set on a workbook while pandas writes cells, and says itself what it changes."""


def install() -> None:
    """Change how both libraries take values, in this process."""
    _install_openpyxl()
    _accept_empty_fills()
    _install_xlsxwriter()


def _changes_of(book: Any) -> Changes:
    """Return the counts of *book*, a workbook or what its sheets share."""
    if book is None:  # a cell of no workbook yet
        return Changes()
    changes: Changes = book.__dict__.setdefault("_changes", Changes())
    return changes


def _book_of(cell: Any) -> Any:
    return getattr(cell.parent, "parent", None)


def _install_openpyxl() -> None:
    from openpyxl.cell.cell import Cell
    from openpyxl.workbook.child import _WorkbookChild
    from openpyxl.workbook.workbook import Workbook

    bind, save, title = Cell._bind_value, Workbook.save, _WorkbookChild.title

    def bind_fitting(self: Any, value: Any) -> None:
        if isinstance(value, str):
            if value[:1] == "=" and len(value) > 1:
                bind(self, value)
                if self.data_type == "f" and not may_be_formula(value):
                    self.data_type = "s"
                    if not getattr(_book_of(self), BY_PANDAS, False):
                        _changes_of(_book_of(self)).counts["formula"] += 1
                return
            if not value.isprintable() or len(value) > MAX_TEXT:
                value = _changes_of(_book_of(self)).fitting_text(value)
        elif isinstance(value, datetime.datetime | datetime.time) and value.tzinfo is not None:
            value = _changes_of(_book_of(self)).fitting(value)
        bind(self, value)

    def name_fitting(self: Any, name: Any) -> None:
        if isinstance(name, str) and len(name) > MAX_NAME:
            short = fitting_name(name, set(self.parent.sheetnames))
            print(f"Sheet {name!r} is named {short!r}: a tab takes 31 characters.")  # noqa: T201
            name = short
        title.fset(self, name)

    def save_and_say(self: Any, filename: Any) -> None:
        for sheet in self.worksheets:
            for table in getattr(sheet, "tables", {}).values():
                fit_filter(table)
        save(self, filename)
        _changes_of(self).say(f"Workbook {getattr(filename, 'name', filename)}")
        note_saved(filename)

    Cell._bind_value = bind_fitting
    _WorkbookChild.title = property(title.fget, name_fitting)
    Workbook.save = save_and_say


def _accept_empty_fills() -> None:
    """Let openpyxl open workbooks with an empty fill entry, which Excel takes for no fill."""
    from openpyxl.styles.fills import Fill, PatternFill

    read = Fill.from_tree.__func__

    def read_any(cls: Any, element: Any) -> Any:
        return read(cls, element) or PatternFill()

    Fill.from_tree = classmethod(read_any)


def _install_xlsxwriter() -> None:
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

    write, write_string, close = (
        Worksheet._write_token_as_string, Worksheet._write_string, Workbook.close,
    )  # fmt: skip

    def write_fitting(self: Any, token: str, row: int, column: int, *given: Any) -> Any:
        if self.strings_to_formulas and token[:1] == "=" and not may_be_formula(token):
            _changes_of(self.worksheet_meta).counts["formula"] += 1
            return self._write_string(row, column, *given)
        return write(self, token, row, column, *given)

    def write_short(self: Any, row: int, column: int, text: Any, *given: Any) -> Any:
        if isinstance(text, str) and len(text) > MAX_TEXT:  # else it would be left out
            _changes_of(self.worksheet_meta).counts["cut"] += 1
            text = text[:MAX_TEXT]
        return write_string(self, row, column, text, *given)

    def close_and_say(self: Any) -> None:
        close(self)
        changes = _changes_of(self.worksheet_meta)
        changes.say(f"Workbook {getattr(self.filename, 'name', self.filename)}")
        note_saved(self.filename)

    Worksheet._write_token_as_string = write_fitting
    Worksheet._write_string = write_short
    Workbook.close = close_and_say
