"""The filled cells of a worksheet part, by a full XML parser: exact for whatever is well-formed.

`sheet_windows` reads the same from usual parts, faster. Source: ECMA-376 part 1, 18.3.1.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..values import MAX_COLUMNS, MAX_ROWS, CellError, Row, Value, damaged, text_value
from . import markup_stream
from .addresses import column_index
from .number_formats import Kind, from_serial
from .shared_strings import kept, unescaped


@dataclass(frozen=True, slots=True)
class Meanings:
    """What the numbers in a sheet's cells stand for.

    Attributes:
        strings: The texts that cells name by their number.
        styles: What each cell format shows, by its number.
        from_1904: Dates count from 1904-01-01.
    """

    strings: Sequence[str]
    styles: Sequence[Kind]
    from_1904: bool

    def string(self, number: int) -> Value:
        """Return text *number*.

        Raises:
            Unreadable: The file has no such text.
        """
        if 0 <= number < len(self.strings):
            return text_value(self.strings[number])
        raise damaged(f"a cell names text {number}, of {len(self.strings)} there are")

    def number(self, number: float, style: int) -> Value:
        """Return *number* as format *style* shows it: a number, a date, a time or a duration."""
        kind = self.styles[style] if 0 <= style < len(self.styles) else "number"
        return from_serial(number, kind, from_1904=self.from_1904)


def _iso(text: str) -> Value:
    for read in (
        datetime.datetime.fromisoformat,
        datetime.time.fromisoformat,
    ):
        try:
            return read(text)
        except ValueError:
            continue
    return text_value(text)


class SheetCells:
    """Handlers that collect the rows of a sheet that have a filled cell."""

    def __init__(self, meanings: Meanings, last_row: int = -1) -> None:
        """Prepare to read.

        Args:
            meanings: Texts and formats.
            last_row: The row before, for rows that don't say their number.
        """
        self.rows: list[Row] = []
        self.row, self._column = last_row, -1
        self._meanings = meanings
        self._values: list[Value] = []
        self._kind, self._style = "n", 0
        self._parts: list[str] = []
        self._value: str | None = None
        self._reading = self._inline = self._over = self._preserved = False
        self._phonetic = 0

    def start(self, name: str, of: dict[str, str]) -> None:
        if self._over:
            return
        if name == "c":
            self._start_cell(of)
        elif name == "row":
            self.row = int(of["r"]) - 1 if of.get("r", "").isdecimal() else self.row + 1
            self._column, self._values = -1, []
            if not 0 <= self.row < MAX_ROWS:
                raise damaged(f"it has a row {self.row + 1}")
        elif name == "v" or (name == "t" and self._inline and not self._phonetic):
            self._reading, self._parts = True, []
            self._preserved = of.get("xml:space") == "preserve"
        elif name == "is":
            self._inline, self._value = True, ""
        elif name == "rPh":
            self._phonetic += 1

    def _start_cell(self, of: dict[str, str]) -> None:
        letters = of.get("r", "").rstrip("0123456789")
        self._column = column_index(letters.upper()) if letters.isalpha() else self._column + 1
        if not 0 <= self._column < MAX_COLUMNS:
            raise damaged(f"it has a cell {of.get('r', '')[:20]!r}")
        self._kind = of.get("t", "n")
        self._style = int(of["s"]) if of.get("s", "").isdecimal() else 0
        self._value = None

    def text(self, data: str) -> None:
        if self._reading:
            self._parts.append(data)

    def end(self, name: str) -> None:
        if self._over:
            return
        if name == "v":
            self._reading, self._value = False, "".join(self._parts)
        elif name == "t" and self._reading:
            text = kept("".join(self._parts), self._preserved)
            self._reading, self._value = False, (self._value or "") + text
        elif name == "c":
            self._end_cell()
        elif name == "row":
            if self._values:
                self.rows.append((self.row, self._values))
        elif name == "is":
            self._inline = False
        elif name == "rPh":
            self._phonetic -= 1
        elif name == "sheetData":
            self._over = True

    def _end_cell(self) -> None:
        if self._value is None or (value := self._meant(self._value)) is None:
            return
        values = self._values
        if self._column < len(values):
            values[self._column] = value
        else:
            values += [None] * (self._column - len(values))
            values.append(value)

    def _meant(self, text: str) -> Value:
        kind = self._kind
        if kind in ("str", "inlineStr"):
            return text_value(unescaped(text))
        if kind == "e":
            return CellError(text)
        if kind == "d":
            return _iso(text)
        text = text.strip()
        if not text:
            return None
        if kind == "b":
            return text.lower() in ("1", "true")
        try:
            if kind == "s":
                return self._meanings.string(int(text))
            return self._meanings.number(float(text), self._style)
        except ValueError:
            return text


def filled_rows(stream: markup_stream.Readable, meanings: Meanings) -> Iterator[Row]:
    """Yield the rows of a whole worksheet part that have a filled cell.

    Raises:
        Unreadable: It is malformed, cut off, or declares a document type.
    """
    cells = SheetCells(meanings)
    for _ in markup_stream.events(stream, cells):
        yield from cells.rows
        cells.rows.clear()
