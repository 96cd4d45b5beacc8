"""OpenDocument spreadsheets (.ods, .ots). Source: OpenDocument 1.3 part 3, 9.1 and 19.385."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from html import unescape

from ..values import (
    MAX_COLUMNS,
    MAX_ROWS,
    CellError,
    Row,
    Unreadable,
    Value,
    number_value,
    text_value,
)
from . import markup_stream
from .package import Package, encrypted, sheet_infos

_TABLE = re.compile(rb"<table:table\s([^>]*)>")
_HIDDEN_STYLE = re.compile(
    rb'<style:style [^>]*style:name="([^"]*)"[^>]*>(?:(?!</style:style>).)*?table:display="false"',
    re.DOTALL,
)
MAX_REPEATED_CELLS = 5_000_000
_PERIOD = re.compile(r"(-?)P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?")


class OdsSource:
    """An open spreadsheet."""

    def __init__(self, package: Package) -> None:
        """Read the list of sheets.

        Raises:
            Unreadable: It is encrypted or damaged, or has too many sheets.
        """
        self._package = package
        manifest = "META-INF/manifest.xml"
        if package.has(manifest) and b"encryption-data" in package.small(manifest):
            raise encrypted()
        self.sheets = sheet_infos(list(self._tables()))

    def _tables(self) -> Iterator[tuple[str, str, str]]:
        """Yield (name, kind, state) of each table, by a quick look through the part."""
        hidden: set[bytes] = set()
        rest = b""
        with self._package.stream("content.xml") as stream:
            while piece := stream.read(1_000_000):
                rest += piece
                cut = max(rest.rfind(b"<table:table-row"), rest.rfind(b"</style:style>"), 0)
                whole, rest = rest[:cut], rest[cut:]
                hidden.update(_HIDDEN_STYLE.findall(whole) if b"display=" in whole else ())
                for found in _TABLE.finditer(whole):
                    of = dict(re.findall(rb'table:([a-z-]+)="([^"]*)"', found[1]))
                    name = unescape(of.get(b"name", b"").decode("utf-8", "replace"))
                    state = "hidden" if of.get(b"style-name") in hidden else "visible"
                    yield name, "worksheet", state
            for found in _TABLE.finditer(rest):
                of = dict(re.findall(rb'table:([a-z-]+)="([^"]*)"', found[1]))
                yield of.get(b"name", b"").decode("utf-8", "replace"), "worksheet", "visible"

    def filled(self, index: int) -> Iterator[Row]:
        """Yield the rows of sheet *index* that have a filled cell, in order.

        Raises:
            Unreadable: The content is malformed, cut off or hostile.
        """
        cells = _Cells(index)
        with self._package.stream("content.xml") as stream:
            for _ in markup_stream.events(stream, cells):
                for first, count, values in cells.rows:
                    for number in range(first, min(first + count, MAX_ROWS)):
                        yield number, list(values)
                cells.rows.clear()
                if cells.over:
                    return

    def close(self) -> None:
        """Close the file."""
        self._package.close()


class _Cells:
    """Handlers that collect the filled rows of one table, each with how often it is repeated."""

    def __init__(self, index: int) -> None:
        self.rows: list[tuple[int, int, list[Value]]] = []
        self.over = False
        self._left = index
        self._depth = 0
        self._row, self._count = 0, 1
        self._expanded = 0
        self._values: list[Value] = []
        self._column, self._repeated = 0, 1
        self._cell: dict[str, str] | None = None
        self._parts: list[str] = []
        self._paragraphs = self._aside = 0

    def start(self, name: str, of: dict[str, str]) -> None:
        if name == "table":
            self._depth += 1
        if self._left or self.over or self._depth != 1:
            return
        if name == "table-row":
            self._count = _repeated(of.get("table:number-rows-repeated"))
            self._values, self._column = [], 0
        elif name in ("table-cell", "covered-table-cell"):
            self._cell, self._parts, self._paragraphs = of, [], 0
            self._repeated = _repeated(of.get("table:number-columns-repeated"))
        elif name == "annotation":
            self._aside += 1
        elif self._cell is not None and not self._aside:
            self._text_element(name, of)

    def _text_element(self, name: str, of: dict[str, str]) -> None:
        if name == "p":
            self._parts += ["\n"] if self._paragraphs else []
            self._paragraphs += 1
        elif name == "s":
            self._parts.append(" " * min(_repeated(of.get("text:c")), 32_767))
        elif name in ("tab", "line-break"):
            self._parts.append("\t" if name == "tab" else "\n")

    def text(self, data: str) -> None:
        if self._cell is not None and self._paragraphs and not self._aside:
            self._parts.append(data)

    def end(self, name: str) -> None:
        if name == "table":
            self._depth -= 1
            if not self._depth:
                self.over = not self._left
                self._left = max(0, self._left - 1)
        if self._left or self.over or self._depth != 1:
            return
        if name in ("table-cell", "covered-table-cell") and self._cell is not None:
            self._end_cell(self._cell)
            self._cell = None
        elif name == "annotation":
            self._aside -= 1
        elif name == "table-row":
            self._expanded += (self._count - 1) * len(self._values)
            if self._expanded > MAX_REPEATED_CELLS:
                raise Unreadable(
                    "too-large",
                    f"The file repeats filled cells {self._expanded:,} times.",
                    "Ask for a file with the table only; this one may be made to exhaust memory.",
                )
            if self._values and self._row < MAX_ROWS:
                self.rows.append((self._row, self._count, self._values))
            self._row += self._count

    def _end_cell(self, of: dict[str, str]) -> None:
        value = _value(of, "".join(self._parts))
        if value is not None and self._column < MAX_COLUMNS:
            self._values += [None] * (self._column - len(self._values))
            repeated = min(self._repeated, MAX_COLUMNS - self._column)
            self._expanded += repeated - 1
            self._values += [value] * repeated
        self._column += self._repeated


def _repeated(count: str | None) -> int:
    return int(count) if count and count.isdecimal() else 1


def _value(of: dict[str, str], shown: str) -> Value:
    kind = of.get("office:value-type", "")
    if of.get("calcext:value-type") == "error" or (
        shown.startswith(("#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "Err:"))
        and "table:formula" in of
    ):
        return CellError(shown)
    try:
        if kind in ("float", "percentage", "currency"):
            return number_value(float(of["office:value"]))
        if kind == "boolean":
            return of["office:boolean-value"] == "true"
        if kind == "date":
            return datetime.datetime.fromisoformat(of["office:date-value"])
        if kind == "time":
            return _time(of["office:time-value"])
    except (KeyError, ValueError):
        return text_value(shown)
    return text_value(of.get("office:string-value") or shown)


def _time(period: str) -> Value:
    found = _PERIOD.fullmatch(period)
    if found is None:
        return period
    sign, days, hours, minutes, seconds = found.groups()
    length = datetime.timedelta(
        days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0),
        seconds=float((seconds or "0").replace(",", ".")),
    )  # fmt: skip
    if not sign and length < datetime.timedelta(days=1):
        return (datetime.datetime.min + length).time()
    return -length if sign else length
