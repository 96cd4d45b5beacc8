"""Excel 2.0 to 2003 workbooks (.xls): xlrd reads them, in plain Python, sparsely."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..values import CellError, Row, Value, damaged, number_value, text_value
from .number_formats import Kind, from_serial, kind_of
from .package import encrypted, sheet_infos

OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_VISIBILITY = {0: "visible", 1: "hidden", 2: "veryHidden"}


class XlsSource:
    """An open workbook."""

    def __init__(self, path: Path) -> None:
        """Read the list of sheets.

        Raises:
            Unreadable: It is encrypted or damaged.
        """
        self._book = _open(path)
        self._from_1904 = bool(self._book.datemode)
        names = self._book.sheet_names()
        states = list(getattr(self._book, "_sheet_visibility", [])) or [0] * len(names)
        self.sheets = sheet_infos(
            [
                (name, "worksheet", _VISIBILITY.get(state, "visible"))
                for name, state in zip(names, states, strict=True)
            ]
        )

    def filled(self, index: int) -> Iterator[Row]:
        """Yield the rows of sheet *index* that have a filled cell, in order.

        Raises:
            Unreadable: The sheet is damaged.
        """
        import xlrd

        try:
            sheet = self._book.sheet_by_index(index)
        except xlrd.XLRDError:
            return  # a chart or a macro sheet has no cells
        except _FAULTS as error:
            raise damaged(f"sheet {self.sheets[index].name!r} can't be read ({error})") from error
        for number in range(sheet.nrows):
            values = [self._value(cell) for cell in sheet.row(number)]
            while values and values[-1] is None:
                values.pop()
            if values:
                yield number, values
        self._book.unload_sheet(index)

    def _value(self, cell: Any) -> Value:
        import xlrd

        kind, value = cell.ctype, cell.value
        if kind == xlrd.XL_CELL_TEXT:
            return text_value(value)
        if kind == xlrd.XL_CELL_NUMBER:
            return number_value(value)
        if kind == xlrd.XL_CELL_DATE:
            return from_serial(value, self._kind(cell.xf_index), from_1904=self._from_1904)
        if kind == xlrd.XL_CELL_BOOLEAN:
            return bool(value)
        if kind == xlrd.XL_CELL_ERROR:
            return CellError(xlrd.error_text_from_code.get(value, "#ERROR!"))
        return None

    def _kind(self, number: int | None) -> Kind:
        """Return whether the format of a date cell shows a date or a duration."""
        if number is None or number >= len(self._book.xf_list):
            return "date"
        code = self._book.format_map.get(self._book.xf_list[number].format_key)
        return "duration" if code is not None and kind_of(code.format_str) == "duration" else "date"

    def close(self) -> None:
        """Close the file."""
        self._book.release_resources()


_FAULTS = (
    AssertionError, AttributeError, IndexError, KeyError, LookupError, NotImplementedError,
    OverflowError, TypeError, UnicodeError, ValueError, ZeroDivisionError, struct.error, EOFError,
)  # fmt: skip
"""What xlrd raises on files that break off or lie about their sizes."""


def _open(path: Path) -> Any:
    import xlrd

    try:
        try:
            return _opened(path, formats=True)
        except (*_FAULTS, NotImplementedError):
            return _opened(path, formats=False)  # its values may be sound all the same
    except xlrd.XLRDError as error:
        if "encrypted" in str(error).lower():
            raise encrypted() from error
        raise damaged(f"it can't be read ({error})") from error
    except (*_FAULTS, xlrd.compdoc.CompDocError) as error:
        raise damaged(f"it can't be read ({str(error) or type(error).__name__})") from error


def _opened(path: Path, *, formats: bool) -> Any:
    import xlrd

    return xlrd.open_workbook(
        str(path), on_demand=True, ragged_rows=True, formatting_info=formats, logfile=io.StringIO()
    )
