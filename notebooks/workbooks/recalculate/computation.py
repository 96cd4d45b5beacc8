"""The values of a workbook's formulas, as LibreOffice computes them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from ..check.formulas import SPILLING
from ..keep.opc import EditablePackage
from .dependents import Names, Places, SheetArea, areas_read, dependents
from .differences import other_values, with_excel_errors
from .equivalents import UNSAID, equivalent
from .formula_cells import FormulaCell, body_of, replace_formula_cells
from .functions import lacking
from .names import names_of
from .office_values import NotComputed, OfficeValue, in_words, read_values
from .plain_copy import make_copy
from .sheets import Key, Sheets
from .stored_values import Computed, cell_with_value
from .table_references import UnknownReference, with_plain_references
from .unchanged import Original, Written, kept_values

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
        kept: Those of `values` that are stored in the original: neither the formula nor what it
            depends on has changed.
        original: The original's name; empty if no value is kept.
    """

    values: dict[Key, Computed]
    reasons: dict[Key, str]
    depending: set[Key]
    kept: set[Key] = field(default_factory=set)
    original: str = ""


def compute(
    package: EditablePackage,
    sheets: Sheets,
    convert: Convert,
    version: tuple[int, int],
    originals: Callable[[], Sequence[Original]] = list,
) -> Computation:
    """Compute every formula; one that can't be computed keeps the value of an original.

    Args:
        package: The workbook.
        sheets: Its worksheets.
        convert: Returns a workbook as a computed OpenDocument spreadsheet.
        version: LibreOffice's version.
        originals: Reads the workbooks that it may have been made from.

    Raises:
        OfficeFailed, Unreadable: LibreOffice gave nothing that can be read.
    """
    names, former = names_of(package, sheets), _Former(package, sheets, originals)
    reasons, said_otherwise = _divided(package, sheets, version, names)
    unresolved = {key for key, reason in reasons.items() if reason == TABLE}
    kept = former.take(names, reasons, unresolved)
    reasons = {key: reason for key, reason in reasons.items() if key not in kept}
    contents = {
        part: _to_compute(
            sheets, number, content, {**dict.fromkeys(reasons), **kept}, said_otherwise
        )
        for number, part in enumerate(sheets.parts)
        if part and (content := sheets.contents[part])
    }
    computed = read_values(convert(make_copy(package, sheets.parts, contents)))
    values: dict[Key, OfficeValue] = {
        (number, place): value
        for number, found in enumerate(computed[: len(sheets.parts)])
        for place, value in found.items()
    }
    values |= kept
    texts = {k: text for k, text in sheets.texts.items() if k not in reasons and k not in kept}
    with_excel_errors(texts, values, names)
    for key in texts:
        value = values.get(key)
        if value is None or isinstance(value, NotComputed):
            reasons[key] = in_words(value)
        elif key in said_otherwise and value in (UNSAID, "#NAME?"):
            reasons[key] = said_otherwise[key][1]
    texts = {key: text for key, text in texts.items() if key not in reasons}
    reasons |= other_values(texts, computed, names)
    return _computation(sheets, names, reasons, values, (former, kept, unresolved))


def _computation(
    sheets: Sheets,
    names: Names,
    reasons: dict[Key, str],
    values: dict[Key, OfficeValue],
    keeping: tuple[_Former, dict[Key, Computed], set[Key]],
) -> Computation:
    """Return what is known once LibreOffice has computed: what depends on the unknown is not."""
    former, kept, unresolved = keeping
    spilled = _spilled(sheets, reasons, values, kept)
    passed_on = _passed_on(sheets, names, reasons, values)
    reasons = {key: reason for key, reason in reasons.items() if key not in passed_on}
    depending = dependents(sheets.cells, sheets.texts, names, reasons, spilled) - set(reasons)
    late = former.take(names, {**reasons, **dict.fromkeys(depending, "")}, unresolved)
    values, kept = {**values, **kept, **late}, {**kept, **late}
    reasons = {key: reason for key, reason in reasons.items() if key not in late}
    depending -= set(kept)
    found = _known(sheets, values, depending | set(reasons))
    return Computation(found, reasons, depending, set(kept), former.name if kept else "")


class _Former:
    """The values that formulas keep; originals are looked at once, if a formula needs one."""

    def __init__(
        self,
        package: EditablePackage,
        sheets: Sheets,
        originals: Callable[[], Sequence[Original]],
    ) -> None:
        self.name = ""
        self._package, self._sheets, self._originals = package, sheets, originals
        self._written = dict(sheets.texts)
        self._values: dict[Key, Computed] | None = None

    def take(
        self, names: Names, wanted: Mapping[Key, str], unresolved: set[Key]
    ) -> dict[Key, Computed]:
        """Return the values that formulas *wanted* keep (see `kept_values`)."""
        if self._values is None and wanted:
            self.name, self._values = kept_values(
                Written(self._package, self._sheets, names, self._written, unresolved),
                self._originals(),
                wanted,
            )
        values = self._values or {}
        return {key: values[key] for key in wanted if key in values}


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
    sheets: Sheets,
    reasons: Mapping[Key, str],
    values: Mapping[Key, OfficeValue],
    kept: Mapping[Key, Computed],
) -> list[SheetArea]:
    """Return the cells that dynamic arrays may fill, where the file does not say which.

    It says so of those that keep their value, as they were computed when it was written.

    They reach to the next filled cell at most: Excel shows #SPILL! otherwise.
    """
    areas: list[SheetArea] = []
    for (sheet, (row, column)), cell in sheets.cells.items():
        lacks = (sheet, (row, column)) in reasons
        several = lacks and any(f"{name}(" in cell.text.upper() for name in SPILLING)
        known = (sheet, (row, column)) in kept
        if cell.area[:2] == cell.area[2:] and (cell.dynamic or several) and not known:
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


def _passed_on(
    sheets: Sheets, names: Names, reasons: Mapping[Key, str], values: Mapping[Key, OfficeValue]
) -> set[Key]:
    """Return the formulas with an error of LibreOffice that comes from another one's cell."""
    failed = {key for key in reasons if isinstance(values.get(key), NotComputed)}
    texts = {key: sheets.texts[key] for key in failed}
    places = Places()
    for sheet, place in failed:
        places.add(sheet, place)
    first = {
        key
        for key, text in texts.items()
        if not any(places.touch(on, area) for on, area in areas_read(text, key[0], names) or ())
    }
    return dependents(sheets.cells, texts, names, first) - first


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
    given: Mapping[Key, Computed],
    said_otherwise: Mapping[Key, tuple[str, str]],
) -> bytes:
    """Return a part without stored values, and with the values *given* in place of formulas.

    LibreOffice computes what has no value. Were it asked to compute all that has one, it would
    give numbers the formats of dates and currencies.
    """
    body = body_of(content)
    prefix = body.prefix if body else b""

    def replacement(cell: FormulaCell, found: re.Match[bytes]) -> bytes:
        start = b'<%sc r="%s"' % (prefix, cell.name.encode())
        key = number, (cell.row, cell.column)
        if key in given:
            return cell_with_value(cell.name, given[key], prefix)
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
