"""Workbooks (.xls) that xlrd gives up on: read by calamine, once their cells are seen to lie close.

calamine ends the process where it finds no memory for the rectangle around a sheet's cells, so
the records are looked through first. Source: [MS-XLS] 2.3 (records), 2.5 (Cell).
"""

from __future__ import annotations

import datetime
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..values import Row, Value, damaged, number_value, text_value
from .package import sheet_infos

MAX_DENSE_CELLS = 2_000_000
START = 0x0809
CELLS = frozenset(
    {0x0006, 0x00BD, 0x00BE, 0x00D6, 0x00FD, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E, 0x0406}
)
"""FORMULA, MULRK, MULBLANK, RSTRING, LABELSST, BLANK, NUMBER, LABEL, BOOLERR, RK, and BIFF4's
FORMULA."""


class XlsFallbackSource:
    """An open workbook; error cells are empty, since calamine does not tell them."""

    def __init__(self, path: Path, reason: str) -> None:
        """Open the file.

        Args:
            path: The file.
            reason: Why xlrd can't read it.

        Raises:
            Unreadable: calamine can't either, or its cells lie too far apart.
        """
        import python_calamine

        if _largest_sheet(path, reason) > MAX_DENSE_CELLS:
            raise damaged(reason)
        try:
            self._book = python_calamine.load_workbook(str(path))
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:
            raise damaged(reason) from error  # a panic of Rust is a BaseException
        self._reason = reason
        self.sheets = sheet_infos(
            [
                (sheet.name, "worksheet", str(sheet.visible).rpartition(".")[2].lower())
                for sheet in self._book.sheets_metadata
            ]
        )

    def filled(self, index: int) -> Iterator[Row]:
        """Yield the rows of sheet *index* that have a filled cell, in order.

        Raises:
            Unreadable: The sheet is damaged.
        """
        try:
            sheet = self._book.get_sheet_by_index(index)
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:
            raise damaged(self._reason) from error
        for number, cells in enumerate(sheet.to_python(skip_empty_area=False)):
            values = [_value(cell) for cell in cells]
            while values and values[-1] is None:
                values.pop()
            if values:
                yield number, values

    def close(self) -> None:
        """Close the file."""
        self._book.close()


def _value(cell: Any) -> Value:
    if isinstance(cell, str):
        return text_value(cell)
    if type(cell) is float:
        return number_value(cell)
    if type(cell) is datetime.date:
        return datetime.datetime(cell.year, cell.month, cell.day)
    value: Value = cell
    return value


def _largest_sheet(path: Path, reason: str) -> int:
    """Return how many cells the largest rectangle around the cells of a sheet has.

    Raises:
        Unreadable: The file has no stream of records.
    """
    import xlrd.compdoc

    try:
        document = xlrd.compdoc.CompDoc(path.read_bytes(), logfile=io.StringIO())
        for name in ("Workbook", "Book"):
            stream, base, size = document.locate_named_stream(name)
            if stream is not None:
                return _rectangle(stream[base : base + size])
    except (xlrd.compdoc.CompDocError, struct.error, IndexError, AssertionError) as error:
        raise damaged(reason) from error
    raise damaged(reason)


def _rectangle(records: bytes) -> int:
    largest = rows = columns = at = 0
    while at + 4 <= len(records):
        kind, size = struct.unpack_from("<HH", records, at)
        at += 4
        if kind == START:
            rows = columns = 0
        elif kind in CELLS and size >= 4:
            row, column = struct.unpack_from("<HH", records, at)
            if kind in (0x00BD, 0x00BE) and at + size <= len(records):
                (column,) = struct.unpack_from("<H", records, at + size - 2)
            rows, columns = max(rows, row + 1), max(columns, column + 1)
            largest = max(largest, rows * columns)
        at += size
    return largest
