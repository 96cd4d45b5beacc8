"""The cells of a large, dense worksheet at once, while its XML is looked at beside.

calamine parses it in threads, which hold Python's lock only while they make Python's values: each
gets its share of the rows, as a workbook of its own in memory.
"""

from __future__ import annotations

import io
import os
import re
import threading
import zipfile
from collections.abc import Sequence
from typing import Any

from .package import Package

MAX_BYTES = 100_000_000
"""Largest worksheet part that is read at once; larger ones are read in windows."""
MIN_BYTES = 2_000_000
MAX_CELLS, MAX_FILLED = 8_000_000, 2_500_000
MOST_THREADS = 2
_WIDE = re.compile(rb'<c r="[A-Z]{2,3}[0-9]')
_ROW = re.compile(rb'<row r="([0-9]+)"')
_CELLS = re.compile(rb"<sheetData\b[^>]*>")
_OFFICE = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_BOOK = (
    b'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="%s">'
    b'<workbookPr date1904="%%d"/><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
    b"</workbook>"
) % _OFFICE
_RELATION = b'<Relationship Id="rId%d" Type="%s/%s" Target="%s"/>'
_RELATIONS = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">%s'
    b"</Relationships>"
)
Rows = list[tuple[int, list[Any]]]


def is_dense(content: bytes) -> bool:
    """Return whether a worksheet part's cells lie so close that a rectangle may hold them all.

    calamine ends the process where there is no memory for the rectangle.
    """
    if not MIN_BYTES <= len(content) <= MAX_BYTES or b"<row " not in content[:100_000]:
        return False
    rows = last_row(content)
    if not rows:
        return False
    filled = content.count(b"<c ")
    columns = 26
    if wide := _WIDE.search(content):
        if len(wide[0]) > len(b'<c r="AA1') or content.count(b"<c r=") > filled:
            return False
        columns = 702
    return rows * columns <= MAX_CELLS and rows <= filled <= MAX_FILLED


def last_row(content: bytes) -> int:
    """Return the number of the last row of a worksheet part; 0 where it does not say."""
    found = _ROW.match(content, content.rfind(b"<row r="))
    return int(found[1]) if found else 0


class Reading:
    """The values of one sheet, read by calamine in threads that begin at once."""

    def __init__(self, content: bytes, package: Package) -> None:
        """Begin to read.

        Args:
            content: A worksheet part that `is_dense`.
            package: The package it is of.
        """
        self._common = _common_parts(package)
        self._parts = _cut(content)
        self._sheets: list[Any] = [None] * len(self._parts)
        self._threads = [
            threading.Thread(target=self._read, args=(at,)) for at in range(len(self._parts))
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, at: int) -> None:
        import python_calamine

        _, *pieces = self._parts[at]
        try:
            book = python_calamine.load_workbook(_workbook(self._common, pieces))
            self._sheets[at] = book.get_sheet_by_index(0)
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException:  # noqa: BLE001 (a panic of Rust is a BaseException)
            self._sheets[at] = None

    def rows(self) -> Rows | None:
        """Return (row number, values from column A) of each row, ``None`` if that failed."""
        found: Rows = []
        for thread, (first, *_), at in zip(
            self._threads, self._parts, range(len(self._parts)), strict=True
        ):
            thread.join()
            sheet, self._sheets[at] = self._sheets[at], None
            if sheet is None:
                return None
            if sheet.start is None:
                continue
            top, left = sheet.start
            if top < first or (found and top <= found[-1][0]):
                return None  # rows that don't say their numbers
            rows = sheet.to_python()
            lead: list[Any] = [None] * left
            found += (
                enumerate(rows, top)
                if not left
                else ((top + at, lead + row) for at, row in enumerate(rows))
            )
        return found


def _cut(content: bytes) -> list[tuple[int, bytes | memoryview, bytes | memoryview, bytes]]:
    """Return parts of a worksheet: the first row's number at least, then what to join."""
    start, end = _CELLS.search(content), content.rfind(b"</sheetData")
    threads = min(MOST_THREADS, len(os.sched_getaffinity(0)))
    middle = content.find(b'<row r="', len(content) // 2)
    row = _ROW.match(content, middle) if middle > 0 else None
    if threads < 2 or start is None or row is None or not start.end() < middle < end:
        return [(0, content, b"", b"")]
    whole, tail = memoryview(content), content[end:]
    return [
        (0, whole[:middle], b"", tail),
        (int(row[1]) - 1, whole[: start.end()], whole[middle:end], tail),
    ]


def _common_parts(package: Package) -> dict[str, bytes]:
    """Return the parts that each of the workbooks needs: texts, formats, how days are counted."""
    relations = [_RELATION % (1, _OFFICE, b"worksheet", b"worksheets/sheet1.xml")]
    parts = {
        "_rels/.rels": _RELATIONS
        % (_RELATION % (1, _OFFICE, b"officeDocument", b"xl/workbook.xml")),
        "xl/workbook.xml": _BOOK % package.date_1904,
    }
    for number, (kind, name) in enumerate((("sharedStrings", "texts"), ("styles", "styles")), 2):
        for related in package.workbook_relations.values():
            if related.kind == kind and (part := package.read(related.target)):
                parts[f"xl/{name}.xml"] = part
                target = f"{name}.xml".encode()
                relations.append(_RELATION % (number, _OFFICE, kind.encode(), target))
                break
    return {**parts, "xl/_rels/workbook.xml.rels": _RELATIONS % b"".join(relations)}


def _workbook(common: dict[str, bytes], pieces: Sequence[bytes | memoryview]) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        for name, content in common.items():
            package.writestr(name, content)
        with package.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for piece in pieces:
                sheet.write(piece)
    made.seek(0)
    return made
