"""Formulas and merged ranges that stayed where they were although rows were inserted or deleted.

A workbook is compared with one it may have been made from: where its rows have moved, what
referred to them must have moved too.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..compare.sequences import aligned, in_order
from ..formats.addresses import address, column_index
from ..keep.opc import EditablePackage
from ..keep.sheet_markup import SheetMarkup
from ..keep.workbook_parts import sheet_parts
from ..read import Book
from ..structure.shift import LOST, Shift
from ..values import Value
from .finding import Finding, some

MOST_ROWS = 5_000
MOST_BYTES = 8_000_000
MOST_SHIFTS = 20
"""Beyond these a sheet was rewritten, not edited."""
LEAST_KEPT = 0.5
_CELL = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*(?<!/)>\s*<f\b(?:[^>]*/>|[^>]*>([^<]*)</f>)')

Cell = tuple[int, int]
Row = tuple[tuple[int, Value], ...]


def left_behind_findings(
    path: Path, book: Book, original: Path, original_book: Book
) -> list[Finding]:
    """Name what an inserted or deleted row left behind.

    Args:
        path: The workbook that was written, a package.
        book: The same, open.
        original: A workbook it may have been made from, a package.
        original_book: The same, open.
    """
    sheets = _sheets_of_both(path, book, original, original_book)
    shifts = {
        name: found
        for name, (before, after) in sheets.items()
        if (found := _shifts(name, before.rows, after.rows))
    }
    formulas, merged = [], []
    for name, (before, after) in sheets.items() if shifts else ():
        formulas += _formulas_left(name, before.formulas, after.formulas, shifts)
        merged += _merged_left(name, before.merged, after.merged, shifts.get(name, ()))
    return [
        Finding(
            "left-behind",
            f"Rows of {original.name!r} have moved, but {what} stayed as they were: {some(places)}",
            "Use sheet.insert_rows and sheet.delete_rows of openpyxl here: they move formulas and "
            "ranges along. Or write them again.",
            len(places),
        )
        for what, places in (("formulas", formulas), ("merged ranges", merged))
        if places
    ]


def _sheets_of_both(
    path: Path, book: Book, original: Path, original_book: Book
) -> dict[str, tuple[_Sheet, _Sheet]]:
    """Return the sheets that both workbooks have, without large ones."""
    sheets = {}
    with EditablePackage(original) as source, EditablePackage(path) as target:
        old, new = sheet_parts(source), sheet_parts(target)
        for name in old:
            large = max(source.size(old[name]), target.size(new.get(name, ""))) > MOST_BYTES
            if name in new and not large:
                before = _Sheet.of(original_book, name, source.read(old[name]))
                after = _Sheet.of(book, name, target.read(new[name]))
                if before is not None and after is not None:
                    sheets[name] = before, after
    return sheets


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One state of a sheet.

    Attributes:
        rows: The constants of each row with their columns.
        formulas: Formulas by cell; empty for a cell that shares another one's.
        merged: Merged ranges.
    """

    rows: Sequence[Row]
    formulas: dict[Cell, str]
    merged: set[str]

    @classmethod
    def of(cls, book: Book, name: str, content: bytes) -> _Sheet | None:
        """Read a sheet; ``None`` if it is large."""
        area = book.used_range(name)
        if area is not None and area[2] > MOST_ROWS:
            return None
        markup = SheetMarkup.of(content)
        formulas = {
            (int(cell[2]) - 1, column_index(cell[1].decode())): html.unescape(
                (cell[3] or b"").decode("utf-8", "replace")
            )
            for cell in _CELL.finditer(markup.cells)
        }
        rows: list[Row] = [
            tuple(
                (column, value)
                for column, value in enumerate(values)
                if value is not None and (row, column) not in formulas
            )
            for row, values in enumerate(book.rows(name))
        ]
        merged = markup.child("mergeCells")
        areas = {each.get("ref", "") for each in merged} if merged is not None else set()
        return cls(rows, formulas, areas)


def _shifts(sheet: str, before: Sequence[Row], after: Sequence[Row]) -> list[Shift]:
    """Return the rows inserted and deleted between two states, from the last to the first."""
    if before == after:
        return []
    numbers: dict[Row, int] = {}
    ones, others = (
        [numbers.setdefault(row, len(numbers)) for row in rows] for rows in (before, after)
    )
    pairs = in_order(aligned(ones, others)[0])
    if sum(bool(before[a]) for a, _ in pairs) < LEAST_KEPT * sum(bool(row) for row in before):
        return []
    shifts = []
    edges = [(-1, -1), *pairs, (len(before), len(after))]
    for (i1, j1), (i2, j2) in reversed(list(itertools.pairwise(edges))):
        count = (j2 - j1) - (i2 - i1)
        behind = count and any(before[i2:])
        if behind:  # what was appended moves nothing
            at = i2 if count > 0 else i2 + count
            shifts.append(Shift(sheet, "row", at + 1, count))
    return shifts if len(shifts) <= MOST_SHIFTS else []


def _formulas_left(
    sheet: str,
    before: Mapping[Cell, str],
    after: Mapping[Cell, str],
    shifts: Mapping[str, Sequence[Shift]],
) -> list[str]:
    left = []
    for (row, column), formula in before.items():
        place, expected = _row_after(row + 1, shifts.get(sheet, ())), formula
        for shift in (each for of_sheet in shifts.values() for each in of_sheet):
            expected = shift.formula(expected, sheet)
        if place and expected != formula and after.get((place - 1, column)) == formula:
            cell = address(place - 1, column)
            left.append(f"{sheet}!{cell} is ={formula[:60]}, not ={expected[:60]}")
    return left


def _row_after(row: int, shifts: Sequence[Shift]) -> int | None:
    place: int | None = row
    for shift in shifts:
        place = shift.place(place) if place else None
    return place


def _merged_left(
    sheet: str, before: set[str], after: set[str], shifts: Sequence[Shift]
) -> list[str]:
    left = []
    for area in sorted(before & after):
        moved = area
        for shift in shifts:
            moved = shift.range(moved) if moved != LOST else LOST
        if moved not in (area, LOST) and moved not in after:
            left.append(f"{sheet}!{area}, not {moved}")
    return left
