"""One reader for every kind of table file: what it is, its sheets, and their values.

found = identify(path)
with open_book(path, found) as book:
    for sheet in book.sheets:
        for values in book.rows(sheet.name, first=0, count=100): ...
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from .formats.file_format import FileFormat, identify
from .formats.text_format import TextFormat
from .values import DAMAGED, CellError, Row, SheetInfo, Unreadable, Value

__all__ = [
    "Book", "CellError", "FileFormat", "SheetInfo", "TextFormat", "Unreadable", "Value",
    "identify", "open_book",
]  # fmt: skip

Range = tuple[int, int, int, int]


def open_book(path: Path, found: FileFormat | None = None) -> Book:
    """Open the file at *path*.

    Args:
        path: The file.
        found: What `identify` said of it; ``None`` to ask it here.

    Raises:
        Unreadable: It is empty, encrypted, damaged, hostile, or has no table.
        OSError: It can't be opened.
    """
    found = found or identify(path)
    if found.kind in _IN_PACKAGES:
        source = _from_package(path, _reader(*_IN_PACKAGES[found.kind]))
    elif found.kind == "text" and found.text is not None:
        source = _reader("text_table", "TextSource")(path, found.text)
    elif found.kind == "xls":
        source = _xls(path)
    else:
        source = _reader(*_BY_PATH[found.kind])(path)
    return Book(found, source)


_XLSX = "xlsx", "XlsxSource"
_IN_PACKAGES = {
    "xlsx": _XLSX, "xlsm": _XLSX, "xltx": _XLSX, "xltm": _XLSX,
    "xlsb": ("xlsb", "XlsbSource"), "ods": ("ods", "OdsSource"),
}  # fmt: skip
_BY_PATH = {
    "html": ("html_tables", "HtmlSource"), "xml2003": ("spreadsheet_2003", "Spreadsheet2003Source"),
    "json": ("json_table", "JsonSource"), "parquet": ("text_table", "ParquetSource"),
}  # fmt: skip


def _reader(module: str, name: str) -> Any:
    """Return a reader; its module is loaded only now, since a process mostly reads one file."""
    return getattr(import_module(f".formats.{module}", __package__), name)


def _xls(path: Path) -> Any:
    from .formats.xls import XlsSource
    from .formats.xls_fallback import XlsFallbackSource

    try:
        return XlsSource(path)
    except Unreadable as error:
        if error.code != "damaged":
            raise
        return XlsFallbackSource(path, error.message.removeprefix(DAMAGED).rstrip("."))


def _from_package(path: Path, source: Any) -> Any:
    from .formats.package import Package

    package = Package(path)
    try:
        return source(package)
    except BaseException:
        package.close()
        raise


class Book:
    """An open file: its sheets, and the values in them. Close it, or use it as a context.

    Attributes:
        format: What the file is.
        sheets: Its sheets, in order.
        source: The reader of this kind of file.
    """

    def __init__(self, found: FileFormat, source: Any) -> None:
        """Use `open_book` instead."""
        self.format = found
        self.sheets: list[SheetInfo] = source.sheets
        self.source = source
        self._ranges: dict[int, Range | None] = {}

    def __enter__(self) -> Book:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        self.source.close()

    def index(self, sheet: SheetInfo | str | int) -> int:
        """Return the position of *sheet*, given as itself, by name or by position.

        Raises:
            LookupError: There is no such sheet.
        """
        if isinstance(sheet, int):
            if 0 <= sheet < len(self.sheets):
                return sheet
            raise LookupError(f"there is no sheet {sheet}; the file has {len(self.sheets)}")
        if isinstance(sheet, SheetInfo):
            return self.sheets.index(sheet)
        for number, info in enumerate(self.sheets):
            if info.name == sheet:
                return number
        names = ", ".join(repr(info.name) for info in self.sheets[:20])
        raise LookupError(f"there is no sheet {sheet!r}; the file has {names}")

    def filled(self, sheet: SheetInfo | str | int) -> Iterator[Row]:
        """Yield (row number, values from column A to the last filled cell) of each filled row.

        Rows and columns count from 0. A full pass also finds the used range.

        Args:
            sheet: A sheet, its name or its position.

        Raises:
            LookupError: There is no such sheet.
            Unreadable: It is damaged.
        """
        index = self.index(sheet)
        first = last = -1
        left, right = 1 << 30, -1
        for number, values in self.source.filled(index):
            if first < 0:
                first = number
            last = number
            if len(values) > right:
                right = len(values)
            if left:
                for column, value in enumerate(values[:left]):
                    if value is not None:
                        left = column
                        break
            yield number, values
        self._ranges[index] = None if first < 0 else (first, left, last, right - 1)

    def used_range(self, sheet: SheetInfo | str | int) -> Range | None:
        """Return (first row, first column, last row, last column) of the filled cells, from 0.

        Formatted cells without a value don't count. A full pass of `filled` or `rows` finds it
        on the way; without one before, this makes one.

        Raises:
            LookupError: There is no such sheet.
            Unreadable: It is damaged.
        """
        index = self.index(sheet)
        if index not in self._ranges:
            for _ in self.filled(index):
                pass
        return self._ranges[index]

    def rows(
        self, sheet: SheetInfo | str | int, *, first: int = 0, count: int | None = None
    ) -> Iterator[list[Value]]:
        """Yield the values of each row, from column A to its last filled cell.

        An empty row is an empty list, so a stray cell far away costs next to nothing.

        Args:
            sheet: A sheet, its name or its position.
            first: The first row to yield, from 0.
            count: How many rows at most; ``None`` for all up to the last filled one.

        Raises:
            LookupError: There is no such sheet.
            Unreadable: It is damaged.
        """
        following = first
        end = None if count is None else first + count
        for number, values in self.filled(sheet):
            if number < first:
                continue
            while following < number and (end is None or following < end):
                following += 1
                yield []
            if end is not None and following >= end:
                return
            following = number + 1
            yield values
