"""Tables of an HTML page, often saved with the ending .xls by portals and reports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from ..values import (
    MAX_COLUMNS,
    MAX_ROWS,
    Row,
    SheetInfo,
    Unreadable,
    Value,
    number_value,
    text_value,
)
from .encodings import encoding_of

PIECE_CHARACTERS = 200_000
_DECLARED = re.compile(rb"charset=[\"']?([A-Za-z0-9_-]+)", re.IGNORECASE)


class HtmlSource:
    """An open page; each table with a filled cell is a sheet."""

    def __init__(self, path: Path) -> None:
        """Read the page.

        Raises:
            Unreadable: It has no table with a filled cell.
        """
        page = _Page()
        with path.open(encoding=_encoding(path), errors="replace") as lines:
            while piece := lines.read(PIECE_CHARACTERS):
                page.feed(piece)
        page.close()
        page.end_all()
        self._tables = [table for table in page.tables if table]
        if not self._tables:
            raise Unreadable(
                "no-table", "The file is an HTML page without a filled table.",
                "Export the report again; this may be a page that asks to sign in.",
            )  # fmt: skip
        self.sheets = [SheetInfo(f"Table {n}") for n in range(1, len(self._tables) + 1)]

    def filled(self, index: int) -> Iterator[Row]:
        """Yield the rows of table *index* that have a filled cell."""
        yield from ((number, list(values)) for number, values in self._tables[index])

    def close(self) -> None:
        """Do nothing: the file is closed."""


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        declared = _DECLARED.search(file.read(4096))
        file.seek(0)
        found, by_mark = encoding_of(file)
    if declared and not by_mark and found != "utf-8" and not found.startswith("utf-16"):
        try:
            "".encode(declared[1].decode())
        except LookupError:
            return found
        name = declared[1].decode().lower()
        return "cp1252" if name in ("iso-8859-1", "latin1", "us-ascii", "utf-8") else name
    return found


class _Table:
    """A table while it is read."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.row, self.column = -1, 0
        self.in_row = False
        self.values: list[Value] = []
        self.taken: dict[int, int] = {}  # column -> rows that a cell above still covers
        self.parts: list[str] | None = None
        self.number: str | None = None
        self.across = 1

    def start_row(self) -> None:
        self.end_row()
        self.row += 1
        self.column, self.values, self.in_row = 0, [], True

    def end_row(self) -> None:
        self.end_cell()
        if not self.in_row:
            return
        self.in_row = False
        if self.values and self.row < MAX_ROWS:
            self.rows.append((self.row, self.values))
        self.values = []
        self.taken = {column: left - 1 for column, left in self.taken.items() if left > 1}

    def start_cell(self, of: dict[str, str | None]) -> None:
        self.end_cell()
        if not self.in_row:
            self.start_row()
        while self.column in self.taken:
            self.column += 1
        self.parts, self.number = [], of.get("x:num")
        self.across = _span(of.get("colspan"), MAX_COLUMNS)
        down = _span(of.get("rowspan"), 65_534)
        if down > 1:
            for column in range(self.column, min(self.column + self.across, MAX_COLUMNS)):
                self.taken[column] = down

    def end_cell(self) -> None:
        if self.parts is None:
            return
        value = _value("".join(self.parts), self.number)
        if value is not None and self.column < MAX_COLUMNS:
            self.values += [None] * (self.column - len(self.values))
            self.values.append(value)
        self.column += self.across
        self.parts = None


def _span(said: str | None, most: int) -> int:
    return max(1, min(int(said), most)) if said and said.isdecimal() else 1


def _value(text: str, number: str | None) -> Value:
    if number:
        try:
            return number_value(float(number))
        except ValueError:
            pass
    lines = (" ".join(line.split()) for line in text.split("\x00"))
    return text_value("\n".join(lines).strip())


class _Page(HTMLParser):
    """Collects the tables of a page, those inside other tables too."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[Row]] = []
        self._open: list[_Table] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._open.append(_Table())
            self.tables.append(self._open[-1].rows)
        elif tag in ("style", "script"):
            self._hidden += 1
        elif not self._open:
            return
        elif tag == "tr":
            self._open[-1].start_row()
        elif tag in ("td", "th"):
            self._open[-1].start_cell(dict(attrs))
        elif tag in ("br", "p", "div") and (parts := self._open[-1].parts):
            parts.append("\x00")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._hidden = max(0, self._hidden - 1)
        elif not self._open:
            return
        elif tag == "table":
            self._open.pop().end_row()
        elif tag == "tr":
            self._open[-1].end_row()
        elif tag in ("td", "th"):
            self._open[-1].end_cell()

    def handle_data(self, data: str) -> None:
        if self._open and not self._hidden and (parts := self._open[-1].parts) is not None:
            parts.append(data)

    def end_all(self) -> None:
        """End the tables that a page which breaks off leaves open."""
        while self._open:
            self._open.pop().end_row()
