"""The cells of a large, dense worksheet at once, while its XML is looked at beside."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

MAX_BYTES = 100_000_000
"""Largest worksheet part that is read at once; larger ones are read in windows."""
MIN_BYTES = 2_000_000
MAX_CELLS, MAX_FILLED = 8_000_000, 2_500_000
_WIDE = re.compile(rb'<c r="[A-Z]{2,3}[0-9]')
_LAST_ROW = re.compile(rb'<row r="([0-9]+)"')


def is_dense(content: bytes) -> bool:
    """Return whether a worksheet part's cells lie so close that a rectangle may hold them all.

    calamine ends the process where there is no memory for the rectangle.
    """
    if not MIN_BYTES <= len(content) <= MAX_BYTES or b"<row " not in content[:100_000]:
        return False
    last = _LAST_ROW.match(content, content.rfind(b"<row r="))
    if last is None:
        return False
    rows, filled = int(last[1]), content.count(b"<c ")
    columns = 26
    if wide := _WIDE.search(content):
        if len(wide[0]) > len(b'<c r="AA1') or content.count(b"<c r=") > filled:
            return False
        columns = 702
    return rows * columns <= MAX_CELLS and rows <= filled <= MAX_FILLED


class Reading:
    """The values of one sheet, read by calamine in a thread: it does not hold Python's lock."""

    def __init__(self, path: Path, name: str) -> None:
        self._rows: list[list[Any]] | None = None
        self._start = (0, 0)
        self._thread = threading.Thread(target=self._read, args=(path, name))
        self._thread.start()

    def _read(self, path: Path, name: str) -> None:
        import python_calamine

        try:
            sheet = python_calamine.load_workbook(str(path)).get_sheet_by_name(name)
            self._start = sheet.start or (0, 0)
            self._rows = sheet.to_python()
        except (python_calamine.CalamineError, OSError, ValueError):
            self._rows = None

    def rows(self) -> list[tuple[int, list[Any]]] | None:
        """Return (row number, values from column A) of each row, ``None`` if that failed."""
        self._thread.join()
        if self._rows is None:
            return None
        top, left = self._start
        lead: list[Any] = [None] * left
        if left:
            return [(top + at, lead + row) for at, row in enumerate(self._rows)]
        return list(enumerate(self._rows, top))
