"""The filled cells of a worksheet part, fast: windows of whole rows, each parsed by calamine.

calamine holds a sheet as one dense rectangle, and ends the process where there is no memory for
it. So it gets a few thousand rows at a time, after their cells are seen to lie close together;
texts are looked up here, and errors are kept. A window that is written in an unusual way goes
to the exact parser, `sheet_part`.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import IO, Any

from ..values import CellError, Row, Value, damaged, number_value, text_value
from .addresses import column_index
from .markup_stream import Readable, events
from .number_formats import Kind
from .numbered_texts import MARK, Texts
from .sheet_part import Meanings, SheetCells, filled_rows

WINDOW_BYTES = 500_000
MAX_ROW_BYTES = 512_000_000
MAX_DENSE_CELLS = 2_000_000
_MARK = MARK.encode()
Window = tuple[int, int, list[list[Any]]]
_HEAD = re.compile(rb"<sheetData\s*(/?)>")
_ENCODING = re.compile(rb"""<\?xml[^>]*encoding=["'](?!utf-8|us-ascii)""", re.IGNORECASE)
_ROW = re.compile(rb'<row r="([0-9]{1,7})"')
_COLUMN = re.compile(rb'<c r="([A-Z]{1,3})')
_ERROR = re.compile(rb'(<c [^>]*t=")e("[^>]*>(?:<f[^>]*/>|<f[^>]*>[^<]*</f>|<f/>)?<v>)(?=[^<])')


def filled_rows_of(open_part: Callable[[], IO[bytes]], meanings: Meanings) -> Iterator[Row]:
    """Yield the rows of a worksheet part that have a filled cell.

    Args:
        open_part: Opens the part from its start.
        meanings: Texts and formats.

    Raises:
        Unreadable: The part is malformed, cut off or hostile.
    """
    with open_part() as stream:
        body = _start_of_cells(stream)
        if body is not None:
            yield from _from_windows(body, stream, meanings)
            return
    with open_part() as stream:
        yield from filled_rows(stream, meanings)


def typed_windows(
    open_part: Callable[[], IO[bytes]], meanings: Meanings, texts: Texts
) -> Iterator[Window] | None:
    """Return the windows of a part for `typed_sheet`; ``None`` if it is written unusually.

    Args:
        open_part: Opens the part from its start.
        meanings: Texts and formats.
        texts: Numbers the texts that are not in the shared table.
    """
    stream = open_part()
    body = _start_of_cells(stream)
    if body is None:
        stream.close()
        return None
    return _typed(body, stream, _WindowReader(meanings), texts)


def _typed(rest: bytes, stream: IO[bytes], reader: _WindowReader, texts: Texts) -> Iterator[Window]:
    with stream:
        for window in windows(rest, stream):
            yield from reader.rectangles(window, texts)


def _start_of_cells(stream: IO[bytes]) -> bytes | None:
    """Return what was read after ``<sheetData>``; ``None`` if the part is written unusually."""
    head = b""
    while (found := _HEAD.search(head)) is None:
        piece = stream.read(65536)
        if not piece or len(head) > 1_000_000:
            return None
        head += piece
    before = head[: found.start()]
    if found[1] or b"<!" in before or _ENCODING.match(before) or not before.isascii():
        return None
    return head[found.end() :]


def _from_windows(rest: bytes, stream: IO[bytes], meanings: Meanings) -> Iterator[Row]:
    reader = _WindowReader(meanings)
    for window in windows(rest, stream):
        yield from reader.rows(window)


def windows(rest: bytes, stream: Readable) -> Iterator[bytes]:
    """Cut the content of ``<sheetData>`` into windows of whole rows.

    Args:
        rest: The start of the content.
        stream: Gives what follows.

    Raises:
        Unreadable: The content breaks off.
    """
    searched = 0
    while True:
        end = rest.find(b"</sheetData", searched)
        if end >= 0:
            yield rest[:end]
            return
        if len(rest) >= WINDOW_BYTES and (cut := rest.rfind(b"<row")) > 0:
            yield rest[:cut]
            rest = rest[cut:]
        if len(rest) > MAX_ROW_BYTES:
            raise damaged("one row takes more than 512 MB")
        searched = max(0, len(rest) - 16)
        piece = stream.read(WINDOW_BYTES)
        if not piece:
            raise damaged("a sheet breaks off before its end")
        rest += piece


class _WindowReader:
    """Reads windows one after the other."""

    def __init__(self, meanings: Meanings) -> None:
        self._meanings = meanings
        self._styles = _styles(meanings.styles)
        self._last_row = -1
        self._dates = dates = b"|".join(
            b"%d" % n for n, kind in enumerate(meanings.styles) if kind == "date"
        )
        self._below_zero = re.compile(rb' s="(?:%s)"[^>]*>(?:<f[^<]*</f>)?<v>-' % (dates or b"-"))
        self._converters: dict[type, Callable[[Any], Value]] = {
            str: self._text, float: number_value, datetime.date: _midnight,
        }  # fmt: skip

    def rows(self, window: bytes) -> Iterator[Row]:
        """Yield the rows of *window* that have a filled cell.

        Raises:
            Unreadable: They are malformed or out of order.
        """
        if b"<c" not in window:
            return
        found: Iterable[Row] | None = self._by_calamine(window)
        for number, values in self._by_parser(window) if found is None else found:
            if number <= self._last_row:
                raise damaged(f"row {number + 1} stands behind row {self._last_row + 1}")
            self._last_row = number
            yield number, values

    def _prepared(self, window: bytes) -> bytes | None:
        """Return the window with texts and errors marked; ``None`` if calamine can't have it."""
        # One rare byte is looked for first: that is many times faster than two common ones.
        if (b"!" in window and b"<!" in window) or (b"\xee" in window and _MARK in window):
            return None
        if not lies_close(window):
            return None
        if self._dates and b"-" in window and self._below_zero.search(window):
            return None  # calamine takes a negative date for midnight
        if b't="s"' in window:
            window = window.replace(b't="s"><v>', b't="str"><v>' + _MARK)
            if b't="s"' in window:
                return None
        if b't="e"' in window:
            window = _ERROR.sub(rb"\1str\2" + _MARK + b"E", window)
            if b't="e"' in window:
                return None
        return window

    def rectangles(self, window: bytes, texts: Texts) -> Iterator[Window]:
        """Yield the cells of *window* for `typed_sheet`; texts and errors are marked."""
        if b"<c" not in window:
            return
        sheet = self._sheet(window)
        if sheet is not None:
            if sheet.start is not None:
                rows = sheet.to_python()
                self._last_row = sheet.start[0] + len(rows) - 1
                yield (*sheet.start, rows)
            return
        for number, values in self._by_parser(window):
            self._last_row = number
            yield number, 0, [[_marked(value, texts) for value in values]]

    def _sheet(self, window: bytes) -> Any:
        """Return calamine's sheet of the window; ``None`` if calamine can't have it."""
        import python_calamine

        prepared = self._prepared(window)
        if prepared is None:
            return None
        try:
            book = python_calamine.load_workbook(
                _package(prepared, self._styles, from_1904=self._meanings.from_1904)
            )
            return book.get_sheet_by_index(0)
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException:  # noqa: BLE001 (a panic of Rust is a BaseException)
            return None

    def _by_calamine(self, window: bytes) -> list[Row] | None:
        sheet = self._sheet(window)
        if sheet is None:
            return None
        if sheet.start is None:
            return []
        row, column = sheet.start
        before: list[Value] = [None] * column
        rows: list[Row] = []
        columns = [self._converted(values) for values in zip(*sheet.to_python(), strict=True)]
        for number, cells in enumerate(map(list, zip(*columns, strict=True)), row):
            while cells and cells[-1] is None:
                cells.pop()
            if cells:
                rows.append((number, before + cells if column else cells))
        return rows

    def _converted(self, values: Sequence[Any]) -> Sequence[Value]:
        """Return the cells of a column as they are handed out."""
        kinds = set(map(type, values))
        if kinds == {float}:
            return [int(value) if value.is_integer() else value for value in values]
        if kinds == {str}:
            return list(map(self._text, values))
        if kinds == {bool}:
            return values
        convert, as_is = self._converters, _as_is
        return [convert.get(type(value), as_is)(value) for value in values]

    def _text(self, text: str) -> Value:
        if text[:1] != MARK:
            return text_value(text)
        if text[1:2] == "E":
            return CellError(text[2:])
        if not text[1:].isdecimal():
            raise damaged(f"a cell names the text {text[1:20]!r}")
        return self._meanings.string(int(text[1:]))

    def _by_parser(self, window: bytes) -> Iterator[Row]:
        cells = SheetCells(self._meanings, self._last_row)
        for _ in events(io.BytesIO(b"<sheetData>" + window + b"</sheetData>"), cells):
            yield from cells.rows
            cells.rows.clear()


def _marked(value: Value, texts: Texts) -> Any:
    """Return a cell as calamine gives it: numbers as floats, none as an empty text."""
    if value is None:
        return ""
    if type(value) is int:
        return float(value)
    if isinstance(value, str) and value[:1] == MARK:
        return f"{MARK}{texts.other(value)}"
    return value


def _as_is(value: Value) -> Value:
    return value


def _midnight(day: datetime.date) -> Value:
    return datetime.datetime(day.year, day.month, day.day)


def lies_close(window: bytes) -> bool:
    """Whether the window's cells say where they are, and fill a small rectangle."""
    numbers = _ROW.findall(window)
    if not numbers or len(numbers) != window.count(b"<row"):
        return False
    first, last = int(numbers[0]), int(numbers[-1])
    if not 0 < first <= last or last - first > 4 * len(numbers) + 1000:
        return False
    if _elsewhere(first, last).search(window):
        return False
    height = last - first + 1
    width = next((most for wide, most in _WIDE if wide.search(window)), 26)
    if height * width > MAX_DENSE_CELLS:
        width = 1 + max(column_index(name.decode()) for name in set(_COLUMN.findall(window)))
    return height * width <= MAX_DENSE_CELLS


_WIDE = ((re.compile(rb'<c r="[A-Z]{3}'), 16_384), (re.compile(rb'<c r="[A-Z]{2}'), 702))


@lru_cache(maxsize=8)
def _elsewhere(first: int, last: int) -> re.Pattern[bytes]:
    """Return a pattern that finds a cell outside rows *first* to *last*, or one without name."""
    patterns = digits_between(first, last)
    patterns.sort(key=lambda pattern: -pattern.count("[0-9]"))  # the most frequent first
    inside = "|".join(patterns)
    return re.compile(rb'<c(?! r="[A-Z]{1,3}(?:%s)")[ />]' % inside.encode())


def digits_between(first: int, last: int) -> list[str]:
    """Return patterns that together match exactly the decimal numbers *first* to *last*.

    >>> digits_between(8, 123)
    ['[8-9]', '[1-9][0-9]', '1[0-1][0-9]', '12[0-3]']
    """
    stops = {last}
    power = 10
    while first <= (stop := first - first % power + power - 1) < last:
        stops.add(stop)
        power *= 10
    power = 10
    while first < (stop := last + 1 - (last + 1) % power - 1) <= last:
        stops.add(stop)
        power *= 10
    patterns = []
    for stop in sorted(stops):
        pairs = zip(str(first), str(stop), strict=True)
        patterns.append("".join(a if a == b else f"[{a}-{b}]" for a, b in pairs))
        first = stop + 1
    return patterns


_START = b"""<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"""  # noqa: E501
_RELATIONS = b"""<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"""  # noqa: E501
_WORKBOOK = b"""<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><workbookPr date1904="%d"/>
<sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>"""  # noqa: E501
_SHEET = (
    b"""<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"""
)


_FORMATS = {"number": 0, "date": 22, "duration": 46}
"""Built-in formats (18.8.30) that calamine takes for each kind."""


def _styles(kinds: Sequence[Kind]) -> bytes:
    """Return a part of formats in which each cell format only says what its values are."""
    formats = "".join(f'<xf numFmtId="{_FORMATS[kind]}"/>' for kind in kinds)
    return (
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<cellXfs>{formats}</cellXfs></styleSheet>"
    ).encode()


def _package(window: bytes, styles: bytes, *, from_1904: bool) -> io.BytesIO:
    """Return a workbook whose only sheet has the rows of *window*."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        package.writestr("_rels/.rels", _START)
        package.writestr("xl/workbook.xml", _WORKBOOK % from_1904)
        package.writestr("xl/_rels/workbook.xml.rels", _RELATIONS)
        package.writestr("xl/styles.xml", styles)
        package.writestr("xl/worksheets/sheet1.xml", _SHEET + window + b"</sheetData></worksheet>")
    made.seek(0)
    return made
