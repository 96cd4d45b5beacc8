"""The values of a workbook's formulas, as LibreOffice computes them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ..check.formulas import SPILLING
from ..keep.opc import EditablePackage, parse
from ..keep.workbook_parts import workbook_part
from .dependents import Names, SheetArea, dependents
from .differences import other_values, with_excel_errors
from .equivalents import UNSAID, equivalent
from .formula_cells import FormulaCell, area_of, body_of, replace_formula_cells
from .functions import lacking
from .office_values import NotComputed, OfficeValue, read_values
from .plain_copy import make_copy
from .sheets import Key, Sheets
from .stored_values import Computed
from .table_references import Table, UnknownReference, with_plain_references

MOST_SPILLED_ROWS, MOST_SPILLED_COLUMNS = 2_000, 20
TABLE = "a reference to a table"
Convert = Callable[[bytes], bytes]
"""Returns a workbook as a computed OpenDocument spreadsheet."""


@dataclass(slots=True)
class Computation:
    """What was computed.

    Attributes:
        values: The value of each formula cell, and of cells that array formulas fill.
        reasons: Why a formula has no value: a function's name, or LibreOffice's error.
        depending: Formulas without a value that depend on such ones.
    """

    values: dict[Key, Computed]
    reasons: dict[Key, str]
    depending: set[Key]


def compute(
    package: EditablePackage, sheets: Sheets, convert: Convert, version: tuple[int, int]
) -> Computation:
    """Compute every formula.

    Args:
        package: The workbook.
        sheets: Its worksheets.
        convert: Returns a workbook as a computed OpenDocument spreadsheet.
        version: LibreOffice's version.

    Raises:
        OfficeFailed, Unreadable: LibreOffice gave nothing that can be read.
    """
    names = names_of(package, sheets)
    reasons, said_otherwise = _divided(package, sheets, version, names)
    contents = {
        part: _to_compute(sheets, number, content, reasons, said_otherwise)
        for number, part in enumerate(sheets.parts)
        if part and (content := sheets.contents[part])
    }
    computed = read_values(convert(make_copy(package, sheets.parts, contents)))
    values: dict[Key, OfficeValue] = {
        (number, place): value
        for number, found in enumerate(computed[: len(sheets.parts)])
        for place, value in found.items()
    }
    texts = {key: text for key, text in sheets.texts.items() if key not in reasons}
    with_excel_errors(texts, values, names)
    for key in texts:
        value = values.get(key)
        if value is None or isinstance(value, NotComputed):
            reasons[key] = str(value or "no value")
        elif key in said_otherwise and value in (UNSAID, "#NAME?"):
            reasons[key] = said_otherwise[key][1]
    texts = {key: text for key, text in texts.items() if key not in reasons}
    reasons |= other_values(texts, computed, names)
    spilled = _spilled(sheets, reasons, values)
    depending = dependents(sheets.cells, sheets.texts, names, reasons, spilled) - set(reasons)
    return Computation(_known(sheets, values, depending | set(reasons)), reasons, depending)


def _divided(
    package: EditablePackage, sheets: Sheets, version: tuple[int, int], names: Names
) -> tuple[dict[Key, str], dict[Key, tuple[str, str]]]:
    """Return why formulas can't be computed, and those said otherwise: how, and why."""
    functions = frozenset(names.defined)
    macros = any(name.lower().endswith("vbaproject.bin") for name in package.names)
    reasons: dict[Key, str] = {}
    said_otherwise: dict[Key, tuple[str, str]] = {}
    for key, written in sheets.texts.items():
        try:
            text = with_plain_references(written, *key, names.tables, sheets.names)
        except UnknownReference:
            reasons[key] = TABLE
            continue
        sheets.texts[key] = text
        if text != written:
            said_otherwise[key] = text, TABLE
        if lacks := lacking(text, version, functions, macros=macros):
            why, other = ", ".join(lacks), equivalent(text)
            if other is None or lacking(other, version, functions, macros=macros):
                reasons[key] = why
            else:
                said_otherwise[key] = other, why
    return reasons, said_otherwise


def _spilled(
    sheets: Sheets, reasons: Mapping[Key, str], values: Mapping[Key, OfficeValue]
) -> list[SheetArea]:
    """Return the cells that dynamic arrays may fill, where the file does not say which.

    They reach to the next filled cell at most: Excel shows #SPILL! otherwise.
    """
    areas: list[SheetArea] = []
    for (sheet, (row, column)), cell in sheets.cells.items():
        lacks = (sheet, (row, column)) in reasons
        several = lacks and any(f"{name}(" in cell.text.upper() for name in SPILLING)
        if cell.area[:2] == cell.area[2:] and (cell.dynamic or several):
            down = ((sheet, (row + n, column)) for n in range(1, MOST_SPILLED_ROWS))
            right = ((sheet, (row, column + n)) for n in range(1, MOST_SPILLED_COLUMNS))
            height, width = (
                sum(1 for _ in itertools.takewhile(lambda key: key not in values, keys))
                for keys in (down, right)
            )
            if height:
                areas.append((sheet, (row + 1, column, row + height, column + width)))
            if width:
                areas.append((sheet, (row, column + 1, row, column + width)))
    return areas


def _known(
    sheets: Sheets, values: Mapping[Key, OfficeValue], unknown: set[Key]
) -> dict[Key, Computed]:
    """Return the values to store: of formulas, and of the cells that array formulas fill."""
    filled = _filled(sheets.cells)
    return {
        key: value
        for key, value in values.items()
        if key not in unknown
        and not isinstance(value, NotComputed)
        and (key in sheets.cells or filled(key))
    }


def _to_compute(
    sheets: Sheets,
    number: int,
    content: bytes,
    reasons: Mapping[Key, str],
    said_otherwise: Mapping[Key, tuple[str, str]],
) -> bytes:
    """Return a part without stored values, and without the formulas that can't be computed.

    LibreOffice computes what has no value. Were it asked to compute all that has one, it would
    give numbers the formats of dates and currencies.
    """
    body = body_of(content)
    prefix = body.prefix if body else b""

    def replacement(cell: FormulaCell, found: re.Match[bytes]) -> bytes:
        start = b'<%sc r="%s"' % (prefix, cell.name.encode())
        key = number, (cell.row, cell.column)
        if key in reasons:
            return start + b"/>"
        if key in said_otherwise:
            text = escape(said_otherwise[key][0]).encode()
            of = found["formula"] if cell.kind == "array" else b""
            formula = b"<%sf%s>%s</%sf>" % (prefix, of.rstrip(b" /"), text, prefix)
            return start + b">%s</%sc>" % (formula, prefix)
        return start + b">%s</%sc>" % (found["f"], prefix)

    return replace_formula_cells(content, replacement)


def _filled(cells: Mapping[Key, FormulaCell]) -> Callable[[Key], bool]:
    """Return whether a cell is one that an array formula or a data table fills."""
    areas = [
        (sheet, cell.area) for (sheet, _), cell in cells.items() if cell.area[:2] != cell.area[2:]
    ]

    def filled(key: Key) -> bool:
        sheet, (row, column) = key
        return any(
            on == sheet and top <= row <= bottom and left <= column <= right
            for on, (top, left, bottom, right) in areas
        )

    return filled


def names_of(package: EditablePackage, sheets: Sheets) -> Names:
    """Return what the names and tables of a workbook mean."""
    book = parse(package.read(workbook_part(package)))
    defined: dict[str, str] = {}
    for name in book.iter("{*}definedName"):
        key = name.get("name", "").upper()  # of several sheets' names each may be meant
        defined[key] = ",".join(filter(None, (defined.get(key), name.text or "")))
    tables: dict[str, Table] = {}
    for number, part in enumerate(sheets.parts):
        for each in package.relationships(part) if part else ():
            if each.kind == "table" and each.target in package:
                found = parse(package.read(each.target))
                if (area := area_of(found.get("ref", ""))) is not None:
                    columns = tuple(
                        column.get("name", "").replace("_x000a_", "\n").upper()
                        for column in found.iter("{*}tableColumn")
                    )
                    header = found.get("headerRowCount", "1") != "0"
                    totals = found.get("totalsRowCount", "0") != "0"
                    table = Table(number, area, columns, header, totals)
                    tables[found.get("displayName", "").upper()] = table
    return Names([name.upper() for name in sheets.names], defined, tables)
