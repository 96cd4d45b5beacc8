"""XML Spreadsheet 2003, often saved with the ending .xls.

Source: Microsoft's XML Spreadsheet Reference (office:spreadsheet), elements Row, Cell, Data.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

from ..values import (
    MAX_COLUMNS,
    MAX_ROWS,
    CellError,
    Row,
    Value,
    damaged,
    number_value,
    text_value,
)
from . import markup_stream
from .package import sheet_infos


class Spreadsheet2003Source:
    """An open workbook."""

    def __init__(self, path: Path) -> None:
        """Read the list of sheets.

        Raises:
            Unreadable: It is malformed, cut off or hostile.
        """
        self._path = path
        names = _Names()
        with path.open("rb") as stream:
            for _ in markup_stream.events(stream, names):
                pass
        self.sheets = sheet_infos([(name, "worksheet", state) for name, state in names.found])

    def filled(self, index: int) -> Iterator[Row]:
        """Yield the rows of sheet *index* that have a filled cell, in order."""
        cells = _Cells(index)
        with self._path.open("rb") as stream:
            for _ in markup_stream.events(stream, cells):
                yield from cells.rows
                cells.rows.clear()

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""


def _of(of: dict[str, str], name: str) -> str:
    return markup_stream.local(of, name) or ""


class _Names:
    """Handlers that collect the sheets' names and states."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self._in_state = False

    def start(self, name: str, of: dict[str, str]) -> None:
        if name == "Worksheet":
            self.found.append((_of(of, "Name"), "visible"))
        self._in_state = name == "Visible"

    def text(self, data: str) -> None:
        if self._in_state and self.found and data.startswith("Sheet"):
            state = {"SheetHidden": "hidden", "SheetVeryHidden": "veryHidden"}.get(data, "visible")
            self.found[-1] = (self.found[-1][0], state)

    def end(self, name: str) -> None:
        self._in_state = False


class _Cells:
    """Handlers that collect the filled rows of one sheet."""

    def __init__(self, index: int) -> None:
        self.rows: list[Row] = []
        self._left = index + 1
        self._row = self._column = -1
        self._across = self._span = 0
        self._values: list[Value] = []
        self._kind = ""
        self._parts: list[str] = []
        self._reading = self._comment = False

    def start(self, name: str, of: dict[str, str]) -> None:
        if name == "Worksheet":
            self._left -= 1
        elif self._left:
            return
        elif name == "Row":
            self._row = _index(of, self._row + 1, MAX_ROWS)
            span = _of(of, "Span")
            self._span = int(span) if span.isdecimal() else 0
            self._values, self._column, self._across = [], -1, 0
        elif name == "Cell":
            self._column = _index(of, self._column + 1 + self._across, MAX_COLUMNS)
            across = _of(of, "MergeAcross")
            self._across = int(across) if across.isdecimal() else 0
        elif name == "Comment":
            self._comment = True
        elif name == "Data" and not self._comment:
            self._kind, self._parts, self._reading = _of(of, "Type"), [], True

    def text(self, data: str) -> None:
        if self._reading:
            self._parts.append(data)

    def end(self, name: str) -> None:
        if name == "Worksheet" and not self._left:
            self._left = -1
        if self._left:
            return
        if name == "Data" and self._reading:
            self._reading = False
            value = _value(self._kind, "".join(self._parts))
            if value is not None and self._column >= len(self._values):
                self._values += [None] * (self._column - len(self._values))
                self._values.append(value)
        elif name == "Comment":
            self._comment = False
        elif name == "Row":
            if self._values:
                self.rows.append((self._row, self._values))
            self._row += self._span


def _index(of: dict[str, str], following: int, most: int) -> int:
    said = _of(of, "Index")
    number = int(said) - 1 if said.isdecimal() else following
    if not 0 <= number < most:
        raise damaged(f"it has a row or cell with the index {number + 1}")
    return number


def _value(kind: str, text: str) -> Value:
    try:
        if kind == "Number":
            return number_value(float(text))
        if kind == "Boolean":
            return text.strip() == "1"
        if kind == "DateTime":
            return datetime.datetime.fromisoformat(text.rstrip("Z"))
    except ValueError:
        return text_value(text)
    return CellError(text) if kind == "Error" else text_value(text)
