"""A workbook's worksheets and their formulas."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..keep.opc import EditablePackage, parse
from ..keep.workbook_parts import workbook_part
from .formula_cells import FormulaCell, WrittenUnusually, formula_cells
from .stored_values import Place

MOST_BYTES = 150_000_000
"""Of all worksheet parts together, unpacked."""
MOST_FORMULAS = 400_000
Key = tuple[int, Place]
"""A cell: the number of its sheet from 0, row and column from 1."""


class CannotCompute(Exception):
    """The workbook is left as it is; the text says why."""


@dataclass(slots=True)
class Sheets:
    """A workbook's worksheets and their formulas.

    Attributes:
        names: The sheets' names, in order; those that are no worksheets included.
        parts: The part of each; empty for what is no worksheet.
        contents: The content of each worksheet part.
        cells: The formula cells.
        texts: The formula of each cell, without ``=``.
    """

    names: list[str]
    parts: list[str]
    contents: dict[str, bytes]
    cells: dict[Key, FormulaCell] = field(default_factory=dict)
    texts: dict[Key, str] = field(default_factory=dict)


def needs_values(package: EditablePackage, sheets: Sheets) -> bool:
    """Whether a formula has no value, or all have the 0 that some writers store."""
    values = [cell.value for cell in sheets.cells.values()]
    return bool(values) and (
        any(value is None for value in values)
        or (_computed_by_excel_only(package) and all(value == "0" for value in values))
    )


def read_sheets(package: EditablePackage) -> Sheets:
    """Return the worksheets of *package* with their formulas.

    Raises:
        CannotCompute: They are too large, or written in an unusual way.
        Unreadable: The package is broken.
    """
    settings = _settings(package)
    if settings is not None and settings.get("fullPrecision") in ("0", "false"):
        raise CannotCompute("it computes with the precision that is shown, which takes Excel")
    names, parts = _sheets_in_order(package)
    contents: dict[str, bytes] = {}
    for part in filter(None, parts):
        contents[part] = package.read(part)
        if sum(map(len, contents.values())) > MOST_BYTES:
            raise CannotCompute(f"its sheets have more than {MOST_BYTES // 1_000_000} MB")
    sheets = Sheets(names, parts, contents)
    for number, part in enumerate(parts):
        if part:
            _take_formulas(sheets, number, contents[part])
    return sheets


def _take_formulas(sheets: Sheets, number: int, content: bytes) -> None:
    masters: dict[str, FormulaCell] = {}
    try:
        for cell in formula_cells(content):
            key = number, (cell.row, cell.column)
            sheets.cells[key] = cell
            if cell.shared and cell.text:
                masters[cell.shared] = cell
            master = masters.get(cell.shared)
            sheets.texts[key] = cell.text if cell.text or master is None else _moved(master, cell)
    except WrittenUnusually as problem:
        raise CannotCompute(f"in sheet {sheets.names[number]!r} {problem}") from problem
    if len(sheets.cells) > MOST_FORMULAS:
        raise CannotCompute(f"it has more than {MOST_FORMULAS:,} formulas")


def _moved(master: FormulaCell, cell: FormulaCell) -> str:
    """Return a shared formula as it is in *cell*."""
    from openpyxl.formula.translate import Translator, TranslatorError

    try:
        moved = Translator(f"={master.text}", master.name).translate_formula(cell.name)
    except TranslatorError:
        return master.text
    return str(moved).removeprefix("=")


def _sheets_in_order(package: EditablePackage) -> tuple[list[str], list[str]]:
    main = workbook_part(package)
    related = {each.id: each for each in package.relationships(main)}
    names, parts = [], []
    for sheet in parse(package.read(main)).iter("{*}sheet"):
        identity = next((v for k, v in sheet.attrib.items() if str(k).endswith("}id")), "")
        target = related.get(identity)
        is_sheet = target is not None and target.kind == "worksheet" and target.target in package
        names.append(sheet.get("name", ""))
        parts.append(target.target if target is not None and is_sheet else "")
    return names, parts


def _computed_by_excel_only(package: EditablePackage) -> bool:
    settings = _settings(package)
    return settings is not None and settings.get("fullCalcOnLoad") in ("1", "true")


def _settings(package: EditablePackage) -> Any:
    """Return how the workbook is computed (18.2.2, calcPr); ``None`` if it does not say."""
    book = parse(package.read(workbook_part(package)))
    return next(iter(book.iter("{*}calcPr")), None)
