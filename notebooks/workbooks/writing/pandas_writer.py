"""How pandas writes workbooks in a kernel: text stays text, and what can't be held is said.

Formulas are written where a formula is meant: ``worksheet.write_formula``,
``cell.value = "=SUM(A1:A9)"``. Large frames are written row by row (`row_stream`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
from pandas.io.excel._openpyxl import OpenpyxlWriter
from pandas.io.excel._xlsxwriter import XlsxWriter
from pandas.io.formats.excel import ExcelFormatter

from ..tie_out.journal import note_written
from . import row_stream
from .cell_limits import Changes, fitting_name
from .direct_writes import BY_PANDAS


class Cells:
    """The cells of one frame, and the formatter they come from."""

    def __init__(self, formatter: Any, changes: Changes) -> None:
        self.formatter, self.changes = formatter, changes

    def __iter__(self) -> Iterator[Any]:
        formatter = self.formatter
        return self.written(itertools.chain(formatter._format_header(), formatter._format_body()))

    def written(self, cells: Iterable[Any]) -> Iterator[Any]:
        """Yield *cells* with values that a cell can hold."""
        fitting, represented = self.changes.fitting, self.formatter._format_value
        for cell in cells:
            cell.val = represented(fitting(cell.val))
            yield cell


class Sheets(dict[str, Any]):
    """The sheets of a writer; a sheet is also found by the name that was asked for."""

    def __init__(self, sheets: dict[str, Any], asked: dict[str, str]) -> None:
        super().__init__(sheets)
        self._asked = asked

    def __missing__(self, name: str) -> Any:
        if name in self._asked:
            return self[self._asked[name]]
        raise KeyError(name)


def use_by_default() -> None:
    """Change how pandas writes workbooks, in this process."""
    _keep_values()
    _name_sheets(XlsxWriter)
    _name_sheets(OpenpyxlWriter)
    _keep_text_by_xlsxwriter()
    _keep_text_by_openpyxl()
    row_stream.install()


def _keep_values() -> None:
    write = ExcelFormatter.write

    def write_fitting(
        self: Any, writer: Any, sheet_name: str = "Sheet1", *given: Any, **options: Any
    ) -> None:
        self._changes = Changes()
        name = _sheet_name(writer, sheet_name)
        write(self, writer, name, *given, **options)
        self._changes.say(f"Sheet {name!r}")
        note_written(writer, name, self.df)

    def formatted(self: Any) -> Iterable[Any]:
        return Cells(self, getattr(self, "_changes", None) or Changes())

    ExcelFormatter.write = write_fitting
    ExcelFormatter.get_formatted_cells = formatted


def _sheet_name(writer: Any, wished: Any) -> Any:
    """Return the name that the sheet gets, and print it if it is another than *wished*."""
    if not isinstance(wished, str):
        return wished
    asked: dict[str, str] = {}
    taken: set[str] = set()
    if isinstance(writer, pd.ExcelWriter):
        asked = writer.__dict__.setdefault("_asked_names", {})
        taken = set(writer.sheets) - {wished}
    if wished in asked:
        return asked[wished]
    if wished in getattr(writer, "sheets", {}):
        return wished
    name = fitting_name(wished, set())
    if name == wished:
        return wished
    name = asked[wished] = fitting_name(wished, taken)
    print(f"Sheet {wished!r} is named {name!r}: a tab takes 31 characters, none of []:*?/\\.")  # noqa: T201
    return name


def _name_sheets(writer: Any) -> None:
    sheets = writer.sheets.fget
    writer.sheets = property(
        lambda self: Sheets(sheets(self), self.__dict__.get("_asked_names", {}))
    )


def _keep_text_by_xlsxwriter() -> None:
    initialise, write_cells = XlsxWriter.__init__, XlsxWriter._write_cells

    def remember_options(self: Any, *given: Any, **options: Any) -> None:
        stated = {**(options.get("engine_kwargs") or {}), **options}.get("options") or {}
        self._stated_options = frozenset(stated)
        initialise(self, *given, **options)

    def write_text(
        self: Any, cells: Any, sheet_name: str | None = None, *given: Any, **options: Any
    ) -> None:
        name = self._get_sheet_name(sheet_name)
        sheet = self.book.get_worksheet_by_name(name) or self.book.add_worksheet(name)
        before = sheet.strings_to_formulas, sheet.strings_to_urls
        if "strings_to_formulas" not in self._stated_options:
            sheet.strings_to_formulas = False
        if "strings_to_urls" not in self._stated_options:
            sheet.strings_to_urls = False
        place = _place(given, options)
        body = row_stream.body_of(cells, sheet, self, place) if isinstance(cells, Cells) else None
        try:
            write_cells(self, body.head if body else cells, name, *given, **options)
            if body:
                body.attach()
        finally:
            sheet.strings_to_formulas, sheet.strings_to_urls = before

    XlsxWriter.__init__ = remember_options
    XlsxWriter._write_cells = write_text


def _place(given: tuple[Any, ...], options: dict[str, Any]) -> tuple[int, int]:
    named = dict(zip(("startrow", "startcol"), given, strict=False))
    named.update({key: options[key] for key in ("startrow", "startcol") if key in options})
    return named.get("startrow", 0), named.get("startcol", 0)


def _keep_text_by_openpyxl() -> None:
    write_cells = OpenpyxlWriter._write_cells

    def write_text(
        self: Any, cells: Any, sheet_name: str | None = None, *given: Any, **options: Any
    ) -> None:
        texts: list[tuple[int, int]] = []

        def noted() -> Iterator[Any]:
            for cell in cells:
                if isinstance(cell.val, str) and cell.val[:1] == "=" and len(cell.val) > 1:
                    texts.append((cell.row, cell.col))
                yield cell

        before = {id(sheet) for sheet in self.book.worksheets}
        self.book.__dict__[BY_PANDAS] = True
        try:
            write_cells(self, noted(), sheet_name, *given, **options)
        finally:
            del self.book.__dict__[BY_PANDAS]
        if not texts or self.book.write_only:
            return
        name = self._get_sheet_name(sheet_name)
        made = [sheet for sheet in self.book.worksheets if id(sheet) not in before]
        sheet = made[0] if made else self.book[name]
        row, column = _place(given, options)
        for at, across in texts:
            sheet.cell(row + at + 1, column + across + 1).data_type = "s"

    OpenpyxlWriter._write_cells = write_text
