"""Excel tables whose headers Excel repairs.

Source: ECMA-376 part 1, sections 18.5.1.2 (table) and 18.5.1.3 (tableColumn): a column's name is
the text of its header cell, and unique whatever its case.
"""

from __future__ import annotations

from typing import Any

from ..keep.opc import EditablePackage, parse
from ..values import Value
from .finding import Finding, quoted


def table_findings(package: EditablePackage, sheet: str, part: str, rows: Any) -> list[Finding]:
    """Return what is wrong with the tables of one sheet.

    Args:
        package: The workbook.
        sheet: The sheet's name.
        part: The sheet's part.
        rows: Returns the values of the row with a number from 0.
    """
    found = []
    for related in package.relationships(part):
        if related.kind == "table" and related.target in package:
            table = parse(package.read(related.target))
            if table.get("headerRowCount", "1") != "0":
                found += _headers(table, sheet, rows)
            found += _filter(table, sheet)
    return found


def _filter(table: Any, sheet: str) -> list[Finding]:
    """Return the finding that a table's filter does not cover the table without its totals."""
    ref = table.get("ref", "")
    covered = next((each.get("ref", "") for each in table.iterchildren("{*}autoFilter")), "")
    (first, left), (last, right) = _corner(ref), _corner(ref.rpartition(":")[2] or "A1")
    last -= int(table.get("totalsRowCount", "0"))
    if not covered or _area(covered) == (first, left, last, right):
        return []
    return [
        Finding(
            "table-filter",
            f"Table {table.get('displayName', '?')!r} on {sheet!r} is {ref}, and its filter covers "
            f"{covered}. Excel repairs the file.",
            "Set table.autoFilter.ref with table.ref; leave the totals row out.",
            1,
        )
    ]


def _area(ref: str) -> tuple[int, int, int, int]:
    first, _, last = ref.replace("$", "").partition(":")
    return *_corner(first), *_corner(last or first)


def _headers(table: Any, sheet: str, rows: Any) -> list[Finding]:
    name = table.get("displayName", "?")
    columns = [column.get("name", "") for column in table.iter("{*}tableColumn")]
    first, left = _corner(table.get("ref", "A1"))
    cells: list[Value] = list(rows(first))[left : left + len(columns)]
    cells += [None] * (len(columns) - len(cells))
    found = []
    if other := [str(v) for v in cells if v is not None and not isinstance(v, str)]:
        found.append(
            Finding(
                "table-header-not-text",
                f"Headers of table {name!r} on {sheet!r} are not text: {quoted(other)}. Excel "
                "repairs the file.",
                "Write headers as text: str(name).",
                len(other),
            )
        )
    differing = [
        (column, cell)
        for column, cell in zip(columns, cells, strict=True)
        if (cell is None or isinstance(cell, str)) and _plain(cell) != _plain(column)
    ]
    if differing:
        pairs = "; ".join(f"{quoted([c])} is {quoted([str(v or '')])}" for c, v in differing[:5])
        found.append(
            Finding(
                "table-header-differs",
                f"Columns of table {name!r} on {sheet!r} have other names than their header cells: "
                f"{pairs}. Excel repairs the file.",
                "Rename the table's column together with the cell.",
                len(differing),
            )
        )
    lower = [column.lower() for column in columns]
    if twice := sorted({column for column in columns if lower.count(column.lower()) > 1}):
        found.append(
            Finding(
                "table-header-repeated",
                f"Table {name!r} on {sheet!r} names columns twice: {quoted(twice)}. Excel repairs "
                "the file.",
                "Give every column a name of its own; upper and lower case are the same.",
                len(twice),
            )
        )
    return found


def _plain(text: Value) -> str:
    """Return a header as tables store it: line breaks are written ``_x000a_``."""
    return str(text or "").replace("_x000a_", "\n").replace("\r\n", "\n").strip()


def _corner(ref: str) -> tuple[int, int]:
    first = ref.partition(":")[0].replace("$", "")
    letters = first.rstrip("0123456789")
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
    return int(first[len(letters) :] or 1) - 1, column - 1
