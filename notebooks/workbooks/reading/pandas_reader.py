"""pandas' reader of workbooks, over `read.Book`: every kind of file, and no file ends the process.

`use_by_default` makes it what ``pandas.read_excel`` and ``pandas.ExcelFile`` use when no engine
is named; pandas' own parser makes the frame, so that its options mean what pandas documents.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.io.excel._base import BaseExcelReader

from ..formats.text_format import number_signs
from ..read import Book, open_book
from ..tie_out.journal import note_read
from . import large_sheets
from .amounts import read_amounts
from .blank_cells import say_blank_cells
from .dense import dense_rows
from .recovered_copy import open_or_recovered

ENGINE = "workbooks"
SAMPLE_VALUES = 20_000


class BookReader(BaseExcelReader):  # type: ignore[misc]
    """Reads the sheets of a `Book` for pandas."""

    @property
    def _workbook_class(self) -> type[Book]:
        return Book

    def load_workbook(self, filepath_or_buffer: Any, engine_kwargs: Any) -> Book:
        """Open the file that pandas opened, by its path.

        Raises:
            Unreadable: It is empty, encrypted, damaged, hostile, or has no table.
        """
        name = getattr(filepath_or_buffer, "name", None)
        if isinstance(name, str) and os.path.isfile(name):
            self.path, book = open_or_recovered(Path(name))
            return book
        self._spooled = tempfile.NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115 (closed below)
        while piece := filepath_or_buffer.read(1_000_000):
            self._spooled.write(piece)
        self._spooled.flush()
        self.path = Path(self._spooled.name)
        return open_book(self.path)

    def close(self) -> None:
        """Close the book, and the file that pandas opened."""
        super().close()
        if spooled := getattr(self, "_spooled", None):
            spooled.close()

    @property
    def sheet_names(self) -> list[str]:
        """Names of the sheets that have cells."""
        return [sheet.name for sheet in self.book.sheets if sheet.kind == "worksheet"]

    def get_sheet_by_name(self, name: str) -> str:
        """Return *name*.

        Raises:
            ValueError: There is no such sheet.
        """
        self.raise_if_bad_sheet_by_name(name)
        return name

    def get_sheet_by_index(self, index: int) -> str:
        """Return the name of sheet *index*.

        Raises:
            ValueError: There is no such sheet.
        """
        self.raise_if_bad_sheet_by_index(index)
        return self.sheet_names[index]

    def get_sheet_data(self, sheet: str, rows: int | None = None) -> list[list[Any]]:
        """Return the cells of *sheet* as rows of equal length, empty cells as empty texts."""
        return dense_rows(self.book, sheet, rows)

    def parse(self, sheet_name: Any = 0, **options: Any) -> Any:
        """Return frames as pandas documents; amounts kept as text in HTML and CSV are read."""
        if sheet_name is None or isinstance(sheet_name, list):
            names = self.sheet_names if sheet_name is None else dict.fromkeys(sheet_name)
            return {name: self.parse(name, **options) for name in names}
        frame = large_sheets.frame_of(self, sheet_name, options)
        if frame is None:
            frame = self._row_by_row(sheet_name, options)
        name = sheet_name if isinstance(sheet_name, str) else self.get_sheet_by_index(sheet_name)
        note_read(self.path, name, frame)
        say_blank_cells(self.book, name, frame)
        return frame

    def _row_by_row(self, sheet_name: Any, options: dict[str, Any]) -> Any:
        parsed = super().parse(sheet_name, **options)
        if self.book.format.kind not in ("text", "html"):
            return parsed
        if options.get("decimal", ".") != "." or options.get("thousands") is not None:
            return parsed
        decimal, thousands = self._signs(parsed)
        read_amounts(parsed, decimal, thousands, stated=options.get("dtype"))
        return parsed

    def _signs(self, frame: pd.DataFrame) -> tuple[str, str | None]:
        if text := self.book.format.text:
            return text.decimal, text.thousands
        texts = frame.select_dtypes(["object", "string"])
        values = (
            v for name in texts for v in frame[name].head(SAMPLE_VALUES) if isinstance(v, str)
        )
        return number_signs(values)


def use_by_default() -> None:
    """Make it the reader of ``pandas.read_excel`` where the caller names no engine."""
    excel_file = pd.ExcelFile
    # calamine by name too: on a whole sheet it may end the process, and gives the same values.
    excel_file._engines = {**excel_file._engines, ENGINE: BookReader, "calamine": BookReader}
    initialise = excel_file.__init__

    def open_file(
        self: Any,
        path_or_buffer: Any,
        engine: str | None = None,
        storage_options: Any = None,
        engine_kwargs: Any = None,
    ) -> None:
        is_file = isinstance(path_or_buffer, str | bytes | os.PathLike) or (
            hasattr(path_or_buffer, "read") and type(path_or_buffer).__module__ in _FILES
        )
        if engine is None and is_file and not engine_kwargs and not storage_options:
            engine = ENGINE
        initialise(self, path_or_buffer, engine, storage_options, engine_kwargs)

    excel_file.__init__ = open_file


_FILES = ("io", "_io", "tempfile")
"""Modules of file objects; an open workbook of another library may have ``read`` too."""
