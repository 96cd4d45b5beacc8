"""The values of formula cells in a spreadsheet that LibreOffice has written.

Source: OpenDocument 1.3 part 3, sections 9.1 (tables) and 19.385 (office:value-type);
LibreOffice's error codes (formula/errorcodes.hxx).
"""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

from lxml import etree

from ..values import damaged
from .stored_values import ERRORS, Computed, ErrorValue, Place

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
OFFICE_ERRORS = {"Err:503": "#NUM!"}
"""LibreOffice's errors that are always the same one in Excel."""


class NotComputed(str):
    """LibreOffice's own error: the value is not known, and why."""

    __slots__ = ()


NAMED_OTHERWISE = {
    "Err:508": "parentheses that do not match",
    "Err:509": "an operator that is missing",
    "Err:512": "a formula that is too long",
    "Err:522": "a circular reference",
    "Err:523": "a calculation that does not converge",
    "Err:540": "content from outside the workbook",
}
"""LibreOffice's own errors, which Excel's users don't know."""


OfficeValue = Computed | NotComputed
MOST_BYTES, MOST_CELLS = 1_500_000_000, 3_000_000


def in_words(value: OfficeValue) -> str:
    """Return why a formula has no value, given what LibreOffice says."""
    if value is None:
        return "no value"
    error = str(value)
    return NAMED_OTHERWISE.get(error, error.replace("Err:", "LibreOffice's error "))


def read_values(document: bytes) -> list[dict[Place, OfficeValue]]:
    """Return the values of each sheet's cells by row and column, from 1.

    Args:
        document: The OpenDocument spreadsheet.

    Raises:
        Unreadable: It is no such document.
    """
    sheets: list[dict[Place, OfficeValue]] = []
    try:
        with (
            zipfile.ZipFile(io.BytesIO(document)) as package,
            package.open("content.xml") as stream,
        ):
            if package.getinfo("content.xml").file_size > MOST_BYTES:
                raise damaged("the computed copy is too large")
            body = etree.iterparse(
                stream, events=("start", "end"), tag=(f"{_TABLE}table", f"{_TABLE}table-row"),
                huge_tree=True,
            )  # fmt: skip
            row = 1
            for event, element in body:
                if element.tag == f"{_TABLE}table" and event == "start":
                    sheets.append({})
                    row = 1
                elif element.tag == f"{_TABLE}table-row" and event == "end" and sheets:
                    row += _take_row(element, row, sheets[-1])
                    element.clear(keep_tail=False)
    except (zipfile.BadZipFile, KeyError, etree.XMLSyntaxError, ValueError) as error:
        raise damaged(f"the computed copy can't be read ({error})") from error
    return sheets


def _take_row(element: Any, row: int, found: dict[Place, OfficeValue]) -> int:
    """Take the cells of a row; return how many rows it stands for."""
    rows = int(element.get(f"{_TABLE}number-rows-repeated", "1"))
    column = 1
    for cell in element:
        columns = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
        if len(cell) and (value := _value(cell)) is not None:
            if len(found) + rows * columns > MOST_CELLS:
                raise damaged(f"it has more than {MOST_CELLS:,} cells")
            for at_row in range(row, row + rows):
                for at in range(column, column + columns):
                    found[at_row, at] = value
        column += columns
    return rows


def _value(cell: Any) -> OfficeValue:
    kind = cell.get(f"{_CALC}value-type") or cell.get(f"{_OFFICE}value-type")
    if kind == "error":
        return _error(_paragraphs(cell))
    if kind == "string":
        kept = cell.get(f"{_OFFICE}string-value")
        return str(kept) if kept is not None else _paragraphs(cell)
    if kind == "boolean":
        return bool(cell.get(f"{_OFFICE}boolean-value") == "true")
    if kind in ("float", "percentage", "currency"):
        number = float(cell.get(f"{_OFFICE}value", "nan"))
        if not math.isfinite(number):
            return NotComputed("no finite number")
        if number in (0, 1) and _paragraphs(cell) in ("TRUE", "FALSE"):
            return bool(number)
        return number
    if kind is None:
        return "" if cell.get(f"{_TABLE}formula") else None
    return NotComputed(f"a value of type {kind}")


def _error(shown: str) -> OfficeValue:
    name = OFFICE_ERRORS.get(shown, shown)
    return ErrorValue(name) if name in ERRORS else NotComputed(shown)


def _paragraphs(cell: Any) -> str:
    return "\n".join("".join(each.itertext()) for each in cell.iterfind(f"{_TEXT}p"))
