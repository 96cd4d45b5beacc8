"""Formulas that a program wrote without computing them: each has the stored value 0."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..formats.addresses import address
from . import cells
from .grid import Formula, Grid

MAX_CHECKED, MAX_CELLS = 500, 2_000
_REFERENCE = re.compile(r"\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?")
_OWN_ROW = re.compile(r"(\w*)\[(?:\[#This Row\],\s*\[([^\]]+)\]|@\[?([^\]]+)\]?)\]", re.IGNORECASE)
_SUMS = re.compile(r"(?:SUM|AVERAGE|PRODUCT|MAX|MIN|ROUND|SUBTOTAL|[+*/(),.\s\d#]|(?<=\d)%)*")
_DIFFERENCE = re.compile(r"\s*#\s*-\s*#\s*")
_ZERO = re.compile(r"(?<![\d.])0*\.?0+(?![\d.])")


def uncomputed(grid: Grid, formulas: Mapping[tuple[int, int], Formula]) -> set[tuple[int, int]]:
    """Return the formulas with the result 0, if one of them can't be 0.

    A sum or a product of positive numbers is not 0, nor a difference of two others. Without such
    a formula the zeros may be true, as in a column of checks.

    Args:
        grid: The sheet's cells.
        formulas: (row, column) → formula, with what is stored.
    """
    zeros = {
        place
        for place, formula in formulas.items()
        if formula.has_value and type(v := grid.value(*place)) in (int, float) and v == 0
    }
    tried = [place for place in zeros if formulas[place].text][:MAX_CHECKED]
    wrong = any(_can_not_be_zero(grid, formulas, place) for place in tried)
    return zeros if wrong else set()


def _can_not_be_zero(
    grid: Grid, formulas: Mapping[tuple[int, int], Formula], place: tuple[int, int]
) -> bool:
    text = _with_addresses(grid, formulas[place].text, place[0]).upper()
    form = _REFERENCE.sub("#", text)
    numbers: list[float] = []
    for reference in _REFERENCE.findall(text):
        found = _numbers(grid, formulas, reference)
        if found is None:
            return False
        numbers += found
    if _DIFFERENCE.fullmatch(form):
        return bool(numbers) and (len(numbers) == 1 or numbers[0] != numbers[1])
    if not numbers or not _SUMS.fullmatch(form) or _ZERO.search(form):
        return False
    if "*" in form or "/" in form or "PRODUCT" in form:
        singles = [r for r in _REFERENCE.findall(text) if ":" not in r]
        if "PRODUCT" in form or not all(_numbers(grid, formulas, r) for r in singles):
            return False  # a blank factor makes 0
    least = 1 if "ROUND" in form else 0
    return all(n > least for n in numbers) or (
        all(n < -least for n in numbers) and "*" not in form and "/" not in form
    )


def _with_addresses(grid: Grid, text: str, row: int) -> str:
    """Return a formula's *text* with addresses for the cells of its own row of an Excel table."""
    columns = {
        (table.name.upper(), name.upper()): address(row, table.area[1] + at)
        for table in grid.excel_tables
        for at, name in enumerate(table.columns)
        if table.area[0] <= row <= table.area[2]
    }

    def place(found: re.Match[str]) -> str:
        table, name = found[1].upper(), (found[2] or found[3]).upper()
        return next((a for (t, n), a in columns.items() if n == name and table in ("", t)), "?")

    return _OWN_ROW.sub(place, text)


def _numbers(
    grid: Grid, formulas: Mapping[tuple[int, int], Formula], reference: str
) -> list[float] | None:
    """Return the numbers other than 0 in an area; ``None`` if it has other values, or formulas."""
    area = cells.parse_range(reference)
    if area is None or (area[2] - area[0] + 1) * (area[3] - area[1] + 1) > MAX_CELLS:
        return None
    found = []
    for row in range(area[0], area[2] + 1):
        for column in range(area[1], area[3] + 1):
            value = grid.value(row, column)
            if (row, column) in formulas or type(value) not in (int, float, type(None)):
                return None
            if value:
                found.append(value)
    return found
