"""References to tables, said as plain references.

LibreOffice takes only some of them, and none without the table's name.

Source: ECMA-376 part 1, section 18.17.6.3 (structure references); Microsoft's page on structured
references in Excel tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..formats.addresses import address
from .formula_cells import Area
from .stored_values import Place

_QUOTED = re.compile(r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'(?=!)")
_TABLE = re.compile(r"([^\W\d][\w.\\]*)?\[|(?<![\w.!])([^\W\d][\w.\\]*)(?![\w.\\(!\[])")
_WORKBOOK = re.compile(r"\[\d+\]")
_ROWS = frozenset({"#ALL", "#DATA", "#HEADERS", "#TOTALS", "#THIS ROW"})


@dataclass(frozen=True, slots=True)
class Table:
    """An Excel table.

    Attributes:
        sheet: The number of its sheet, from 0.
        area: Its cells.
        columns: The names of its columns, in capitals.
        header: Whether its first row has the names.
        totals: Whether its last row has totals.
    """

    sheet: int
    area: Area
    columns: tuple[str, ...]
    header: bool
    totals: bool


class UnknownReference(Exception):
    """A table or a column is not there, or the reference is written in an unknown way."""


def with_plain_references(
    text: str, sheet: int, place: Place, tables: Mapping[str, Table], sheets: list[str]
) -> str:
    """Return a formula with references to tables as plain ones.

    Args:
        text: The formula, without ``=``.
        sheet: The number of its sheet.
        place: Its cell.
        tables: The tables by their names in capitals.
        sheets: The names of the sheets.

    Raises:
        UnknownReference: A table or a column is not there.
    """
    pieces, at = [], 0
    while at < len(text):
        if text[at] in "\"'" and (quoted := _QUOTED.match(text, at)):
            pieces.append(quoted[0])
            at = quoted.end()
        elif (
            (found := _TABLE.match(text, at))
            and not _WORKBOOK.match(text, found.end() - 1)
            and (found[2] is None or found[2].upper() in tables)
        ):
            end = found.end()
            inner = ""
            if found[2] is None:
                end = _closing(text, end)
                inner = text[found.end() : end - 1]
            table = _named(found[1] or found[2], sheet, place, tables)
            pieces.append(_plain(table, inner, place, sheets))
            at = end
        else:
            word = re.compile(r"[\w.\\]+|.", re.DOTALL).match(text, at)
            pieces.append(word[0] if word else "")
            at = word.end() if word else len(text)
    return "".join(pieces)


def _named(name: str | None, sheet: int, place: Place, tables: Mapping[str, Table]) -> Table:
    if name is not None:
        if name.upper() not in tables:
            raise UnknownReference
        return tables[name.upper()]
    for table in tables.values():
        top, left, bottom, right = table.area
        if table.sheet == sheet and top <= place[0] <= bottom and left <= place[1] <= right:
            return table
    raise UnknownReference


def _closing(text: str, at: int) -> int:
    """Return where the bracket that was opened before *at* ends; ``'`` escapes the next sign."""
    depth = 1
    while at < len(text):
        if text[at] == "'":
            at += 1
        elif text[at] == "[":
            depth += 1
        elif text[at] == "]":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    raise UnknownReference


def _plain(table: Table, inner: str, place: Place, sheets: list[str]) -> str:
    rows, columns = _items(inner)
    _, left, _, right = table.area
    if columns:
        try:
            numbers = [table.columns.index(column) for column in columns]
        except ValueError:
            raise UnknownReference from None
        left, right = left + min(numbers), left + max(numbers)
    first, last = _rows(table, rows or {"#DATA"}, place)
    name = sheets[table.sheet].replace("'", "''")
    start, end = (_absolute(row, column) for row, column in ((first, left), (last, right)))
    return f"'{name}'!{start}" if start == end else f"'{name}'!{start}:{end}"


def _absolute(row: int, column: int) -> str:
    plain = address(row - 1, column - 1)
    letters = plain.rstrip("0123456789")
    return f"${letters}${plain[len(letters) :]}"


def _items(inner: str) -> tuple[set[str], list[str]]:
    """Return which rows a reference names (``#DATA`` …), and which columns."""
    rows: set[str] = set()
    columns: list[str] = []
    if inner.startswith("@"):
        rows.add("#THIS ROW")
        inner = inner[1:]
    at, plain = 0, not inner.lstrip().startswith("[")
    while at < len(inner):
        if inner[at] == "[":
            end = _closing(inner, at + 1)
            item, at = inner[at + 1 : end - 1], end
        elif plain:
            item, at = inner, len(inner)
        else:
            bare = re.compile(r"[,:\s]*([^\[\],:]*)").match(inner, at)
            item, at = (bare[1].strip(), bare.end()) if bare and bare.end() > at else ("", at + 1)
        name = re.sub(r"'(.)", r"\1", item).upper()
        if name.strip() in _ROWS and item.lstrip()[:1] == "#":
            rows.add(name.strip())
        elif name:
            columns.append(name)
    return rows, columns


def _rows(table: Table, named: set[str], place: Place) -> tuple[int, int]:
    top, _, bottom, _ = table.area
    data = top + table.header, bottom - table.totals
    found: list[int] = []
    for name in named:
        if name == "#ALL":
            found += [top, bottom]
        elif name == "#DATA":
            found += data
        elif name == "#HEADERS" and table.header:
            found.append(top)
        elif name == "#TOTALS" and table.totals:
            found.append(bottom)
        elif name == "#THIS ROW" and data[0] <= place[0] <= data[1]:
            found.append(place[0])
        else:
            raise UnknownReference
    return min(found), max(found)
