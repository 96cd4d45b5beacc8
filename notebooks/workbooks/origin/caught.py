"""What stands for pandas' writer while recorded code runs again: nothing is saved."""

from __future__ import annotations

import io
from typing import Any


class CaughtWriter:
    """Stands for a `pandas.ExcelWriter`: its book is one that is never saved."""

    def __init__(self, path: Any, engine: str | None = None, **options: Any) -> None:
        import openpyxl
        import xlsxwriter

        self.path = path
        append = "a" in options.get("mode", "w")
        if engine == "openpyxl" or append:
            self.book = openpyxl.load_workbook(path) if append else openpyxl.Workbook()
            self.sheets = {sheet.title: sheet for sheet in self.book.worksheets}
        else:
            self.book = xlsxwriter.Workbook(io.BytesIO())
            self.sheets = _NewSheets(self.book)

    def __enter__(self) -> CaughtWriter:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def close(self) -> None:
        """Save nothing."""

    save = close


class _NewSheets(dict[str, Any]):
    """Sheets of a book that is only made to be formatted."""

    def __init__(self, book: Any) -> None:
        super().__init__()
        self._book = book

    def __missing__(self, name: str) -> Any:
        self[name] = self._book.add_worksheet(name)
        return self[name]
