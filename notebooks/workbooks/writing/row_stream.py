"""Large frames written by xlsxwriter row by row, straight into the package.

A frame's body is not turned into cells: the worksheet keeps the frame, and its rows are made
while the package is written. The worksheet is xlsxwriter's own, so that formats, filters,
charts and cells written over the frame work as ever.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pandas as pd
from pandas.io.formats.excel import ExcelCell

from .column_cells import ColumnCells, NotStreamable

FROM_CELLS = 100_000
CHUNK_ROWS = 4_000
HUGE_CELLS = 20_000_000
SAMPLE_ROWS = 500
"""Rows whose widths a column is fitted to."""
_MARKER = re.compile(rb"<!--rows (\d+)-->")
_PENDING: dict[int, Body] = {}
_NUMBERS = itertools.count(1)


def body_of(cells: Any, sheet: Any, writer: Any, place: tuple[int, int]) -> Body | None:
    """Return the body of a large frame, to be streamed; ``None`` if pandas writes it as ever.

    Args:
        cells: The frame's cells (`pandas_writer.Cells`).
        sheet: xlsxwriter's worksheet.
        writer: pandas' writer.
        place: First row and column, from 0.
    """
    formatter = cells.formatter
    frame = formatter.df
    if frame.size < FROM_CELLS or formatter.styler is not None or writer.book.constant_memory:
        return None
    if formatter.index and isinstance(frame.index, pd.MultiIndex):
        return None
    try:
        return Body(cells, sheet, writer, place)
    except NotStreamable:
        return None


class Body:
    """The body of one frame on its worksheet.

    Attributes:
        head: The cells of the header, for pandas' own writer.
    """

    def __init__(self, cells: Any, sheet: Any, writer: Any, place: tuple[int, int]) -> None:
        """Look through the values once; their changes are counted in *cells*.

        Raises:
            NotStreamable: A column holds values that need pandas' own writer.
        """
        formatter = cells.formatter
        frame = formatter.df
        columns = [frame.iloc[:, at] for at in range(frame.shape[1])]
        if formatter.index:
            index = frame.index
            index = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
            columns.insert(0, index.to_series())
        # A shallow copy: what a cell changes in the frame later is not written.
        self._columns = [
            ColumnCells(column.copy(deep=False), formatter, writer, cells.changes)
            for column in columns
        ]
        self.head = cells.written(_head(formatter))
        self._sheet = sheet
        self._first = place[0] + formatter.rowcounter
        self._last = self._first + len(frame) - 1
        self._left = place[1]
        self._formats = [
            writer.book.add_format({"num_format": column.number_format})
            if column.number_format
            else None
            for column in self._columns
        ]
        self._over: dict[int, tuple[str, dict[int, str]]] = {}

    def attach(self) -> None:
        """Give the body to its worksheet, once the header is written."""
        right = self._left + len(self._columns) - 1
        for row, column in ((self._first, self._left), (self._last, right)):
            self._sheet._check_dimensions(row, column)
        self._sheet.__dict__.setdefault("_bodies", []).append(self)

    @property
    def rows(self) -> range:
        """The numbers of its rows, from 0."""
        return range(self._first, self._last + 1)

    @property
    def is_huge(self) -> bool:
        """Whether its part may be larger than a plain zip entry can say."""
        return len(self.rows) * len(self._columns) > HUGE_CELLS

    def sample(self) -> Iterator[tuple[int, int, Any]]:
        """Yield (row, column, cell) of its first rows, as xlsxwriter measures their widths."""
        for number, column in enumerate(self._columns, self._left):
            for row, cell in enumerate(column.measured(SAMPLE_ROWS), self._first):
                if cell is not None:
                    yield row, number, cell

    def prepare(self) -> bytes:
        """Note formats and cells written over the body, now final; return the rows' marker."""
        sheet = self._sheet
        for at, (own, column) in enumerate(zip(self._formats, self._columns, strict=True)):
            info = sheet.col_info.get(self._left + at)
            style = own or (info.column_format if info is not None else None)
            column.settle(self._left + at, style._get_xf_index() if style else None)
        touched = {*sheet.row_info, *(row for row, cells in sheet.table.items() if cells)}
        for row in touched:
            if row in self.rows:
                self._over[row] = _rendered(sheet, row)
        number = next(_NUMBERS)
        _PENDING[number] = self
        return b"<!--rows %d-->" % number

    def write(self, out: Any) -> None:
        """Write all rows to *out*, a binary file."""
        for start in range(self._first, self._last + 1, CHUNK_ROWS):
            numbers = range(start + 1, min(start + CHUNK_ROWS, self._last + 1) + 1)
            at = start - self._first
            made = [column.cells(at, numbers) for column in self._columns]
            rows = [
                f'<row r="{number}">{"".join(cells)}</row>'
                for number, cells in zip(numbers, zip(*made, strict=True), strict=True)
            ]
            for row in self._over.keys() & {number - 1 for number in numbers}:
                rows[row - start] = self._with_over(row, [cells[row - start] for cells in made])
            out.write("".join(rows).encode("utf-8", "replace"))
        self._columns.clear()  # the frame may go, though its worksheet is still there

    def _with_over(self, row: int, own: list[str]) -> str:
        opened, over = self._over[row]
        cells = {self._left + at: cell for at, cell in enumerate(own) if cell}
        cells.update(over)
        return opened + "".join(cells[column] for column in sorted(cells)) + "</row>"


def _head(formatter: Any) -> list[Any]:
    """Return the cells above the body, and let the formatter count their rows."""
    head = list(formatter._format_header())
    if formatter._has_aliases or formatter.header:
        formatter.rowcounter += 1
    if not formatter.index:
        return head
    if isinstance(formatter.columns, pd.MultiIndex):
        formatter.rowcounter += 1
    label = formatter.index_label or formatter.df.index.names[0]
    if label is not None and not isinstance(label, str) and pd.api.types.is_list_like(label):
        label = label[0]
    if label and formatter.header is not False:
        head.append(ExcelCell(formatter.rowcounter - 1, 0, label, None))
    return head


def _rendered(sheet: Any, row: int) -> tuple[str, dict[int, str]]:
    """Return the tag that opens *row*, and its cells, as xlsxwriter writes them."""
    out, sheet.fh = sheet.fh, io.StringIO()
    try:
        sheet._write_row(row, None, *([sheet.row_info[row]] if row in sheet.row_info else []))
        opened = sheet.fh.getvalue()
        cells = {}
        for column, cell in sheet.table.get(row, {}).items():
            sheet.fh = io.StringIO()
            sheet._write_cell(row, column, cell)
            cells[column] = sheet.fh.getvalue()
    finally:
        sheet.fh = out
    return opened, cells


class StreamingZip(zipfile.ZipFile):
    """A package whose sheets' rows are made while they are packed."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **{**options, "allowZip64": True})

    def write(self, filename: Any, arcname: Any = None, *given: Any, **options: Any) -> None:
        """Add a file; where it has a marker, the rows of the frame follow."""
        if not _PENDING or not str(arcname).startswith("xl/worksheets/"):
            super().write(filename, arcname, *given, **options)
            return
        with open(filename, "rb") as file:
            pieces = _MARKER.split(file.read())
        entry = zipfile.ZipInfo(str(arcname), (1980, 1, 31, 0, 0, 0))
        entry.compress_type = self.compression
        huge = any(_PENDING[int(number)].is_huge for number in pieces[1::2])
        with self.open(entry, "w", force_zip64=huge) as out:
            for at, piece in enumerate(pieces):
                if at % 2:
                    _PENDING.pop(int(piece)).write(out)
                else:
                    out.write(piece)


def install() -> None:
    """Let xlsxwriter stream bodies, in this process."""
    from xlsxwriter import workbook
    from xlsxwriter.worksheet import Worksheet

    write_rows = Worksheet._write_rows

    def write_rows_and_bodies(self: Any) -> None:
        bodies = sorted(self.__dict__.get("_bodies", ()), key=lambda body: body.rows.start)
        first, last = self.dim_rowmin, self.dim_rowmax
        for body in bodies:
            with _rows_from(self, first, body.rows.start - 1):
                write_rows(self)
            self.fh.write(body.prepare().decode())
            first = body.rows.stop
        with _rows_from(self, first, last):
            write_rows(self)

    autofit = Worksheet.autofit

    def autofit_bodies(self: Any, *given: Any, **options: Any) -> None:
        with _sampled(self):
            autofit(self, *given, **options)

    Worksheet._write_rows = write_rows_and_bodies
    Worksheet.autofit = autofit_bodies
    workbook.ZipFile = StreamingZip


@contextlib.contextmanager
def _sampled(sheet: Any) -> Iterator[None]:
    """Let *sheet* have the first cells of its bodies for the length of the block."""
    added = []
    for body in sheet.__dict__.get("_bodies", ()):
        for row, column, cell in body.sample():
            if column not in sheet.table[row]:
                sheet.table[row][column] = cell
                added.append((row, column))
    try:
        yield
    finally:
        for row, column in added:
            del sheet.table[row][column]


@contextlib.contextmanager
def _rows_from(sheet: Any, first: int, last: int) -> Iterator[None]:
    """Let *sheet* write these rows only."""
    before = sheet.dim_rowmin, sheet.dim_rowmax
    sheet.dim_rowmin, sheet.dim_rowmax = first, last
    try:
        yield
    finally:
        sheet.dim_rowmin, sheet.dim_rowmax = before
