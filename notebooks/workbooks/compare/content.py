"""A sheet's content for matching: a cell with a formula counts as its formula, not as its value.

A writer that computes nothing stores no values, and a recomputed row is still the same row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..values import MAX_COLUMNS
from .cell_markup import CellMarkup
from .coded_cells import CodedSheet, Interner
from .formula_text import relative

FORMULA = 6
"""Kind of a cell with a formula, beside those of `coded_cells`."""
MOST_TOLD_APART = 100_000


def with_formula_rows(sheet: CodedSheet, markup: CellMarkup | None) -> CodedSheet:
    """Return *sheet* with rows and columns that hold only formulas without values."""
    if markup is None or not markup.without_value:
        return sheet
    places = np.fromiter(markup.without_value, np.int64, len(markup.without_value))
    rows, columns = np.divmod(places, MAX_COLUMNS)
    missing = np.setdiff1d(rows, sheet.rows)
    width = max(sheet.width, int(columns.max()) + 1)
    if not len(missing) and width == sheet.width:
        return sheet
    together = np.union1d(sheet.rows, missing)
    at = np.searchsorted(together, sheet.rows)
    made: list[tuple[np.ndarray, np.ndarray] | None] = []
    for each in [*sheet.columns, *[None] * (width - sheet.width)]:
        if each is None:
            made.append(None)
            continue
        kinds, values = np.zeros(len(together), np.uint8), np.zeros(len(together))
        kinds[at], values[at] = each
        made.append((kinds, values))
    return CodedSheet(together, made)


def content_of(sheet: CodedSheet, markup: CellMarkup | None, known: Interner) -> CodedSheet:
    """Return the sheet with formulas in place of their values.

    Args:
        sheet: Its values.
        markup: Its formulas.
        known: Numbers of formulas, relative to their cells; one table for both workbooks.
    """
    if markup is None or not markup.formulas:
        return sheet
    formulas = markup.formulas
    places = np.fromiter(formulas, np.int64, len(formulas))
    rows, columns = np.divmod(places, MAX_COLUMNS)
    at = np.searchsorted(sheet.rows, rows)
    found = at < len(sheet.rows)
    found[found] = sheet.rows[at[found]] == rows[found]
    numbers = np.zeros(len(places))
    if len(formulas) <= MOST_TOLD_APART:
        by_formula: dict[int, int] = {}
        for number, formula in enumerate(formulas.values()):
            identity = id(formula)
            if identity not in by_formula:
                said = relative(formula.text, formula.row, formula.column)
                by_formula[identity] = known[said]
            numbers[number] = by_formula[identity]
    made: list[Any] = list(sheet.columns)
    for column in np.unique(columns[found]):
        chosen = found & (columns == column)
        kinds, values = (array.copy() for array in sheet.column(int(column)))
        kinds[at[chosen]], values[at[chosen]] = FORMULA, numbers[chosen]
        made[int(column)] = kinds, values
    return CodedSheet(sheet.rows, made)
