"""A cell of a written file: its value, its formula, and the labels of its row and column."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..keep.opc import EditablePackage
from ..read import open_book
from ..recalculate.dependents import Names, areas_read
from ..recalculate.formula_cells import area_of
from ..recalculate.names import names_of
from ..recalculate.sheets import CannotCompute, Sheets, read_sheets
from ..recalculate.table_references import UnknownReference, with_plain_references
from ..values import CellError, Unreadable

MOST_HEADER_ROWS, MOST_LABELS = 4, 30
Place = tuple[str, int, int]
"""Sheet, row and column, counted from 0."""


class NoSuchCell(Exception):
    """The file has no such sheet or cell; the text says which."""


@dataclass(frozen=True, slots=True)
class Label:
    """What stands beside or above a cell.

    Attributes:
        value: Its value.
        header: The header of its column; empty above the cell.
    """

    value: Any
    header: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A cell and what labels it.

    Attributes:
        place: Where it is.
        value: Its value.
        formula: Its formula without ``=``; ``None`` without one.
        row_labels: The other values of its row.
        headers: The values above it that name its column, topmost first.
        header_row: The row of the last of them, from 0; -1 without headers.
    """

    place: Place
    value: Any
    formula: str | None
    row_labels: tuple[Label, ...]
    headers: tuple[Label, ...]
    header_row: int


class WrittenFile:
    """A written file, opened once."""

    def __init__(self, path: Path) -> None:
        """Open the file at *path*.

        Raises:
            Unreadable: It is empty, encrypted, damaged, or holds no table.
            OSError: It can't be opened.
        """
        self._path, self.name = path, path.name
        self._grids: dict[str, list[list[Any]]] = {}
        with open_book(path) as book:
            self.sheets = [sheet.name for sheet in book.sheets if sheet.kind == "worksheet"]
            self.text = book.format.kind == "text"
        self._formulas: Sheets | None = None
        self._names: Names | None = None
        with contextlib.suppress(CannotCompute, Unreadable, OSError, ValueError):
            self._read_formulas()

    def _read_formulas(self) -> None:
        with self._path.open("rb") as file:
            package = EditablePackage(file)
            formulas = read_sheets(package)
            self._names = names_of(package, formulas)
            self._formulas = formulas

    def place(self, sheet: str, cell: str) -> Place:
        """Return the place of *cell*, such as ``C7``, on *sheet* (empty: the only one).

        Raises:
            NoSuchCell: There is none.
        """
        area = area_of(cell.replace("$", "").upper())
        if area is None or area[0] < 1:
            raise NoSuchCell(f"{cell[:40]!r} is no cell; write it as C7.")
        if not sheet and len(self.sheets) != 1:
            raise NoSuchCell(f"Say the sheet too: the file has {self._listed()}.")
        if sheet and not self.text and sheet not in self.sheets:
            same = [name for name in self.sheets if name.casefold() == sheet.casefold()]
            if len(same) != 1:
                has = self._listed()
                raise NoSuchCell(f"There is no sheet {sheet[:60]!r}; the file has {has}.")
            sheet = same[0]
        return (self.sheets[0] if self.text or not sheet else sheet), area[0] - 1, area[1] - 1

    def _listed(self) -> str:
        return ", ".join(repr(name) for name in self.sheets[:20])

    def grid(self, sheet: str) -> list[list[Any]]:
        """Return the values of *sheet*, row by row."""
        if sheet not in self._grids:
            with open_book(self._path) as book:
                self._grids[sheet] = list(book.rows(sheet))
        return self._grids[sheet]

    def formula(self, place: Place) -> str | None:
        """Return the formula of a cell without ``=``; ``None`` without one."""
        if self._formulas is None or place[0] not in self._formulas.names:
            return None
        number = self._formulas.names.index(place[0])
        return self._formulas.texts.get((number, (place[1] + 1, place[2] + 1)))

    def areas(self, place: Place) -> list[tuple[str, tuple[int, int, int, int]]] | None:
        """Return sheet and area (from 0) of what a cell's formula reads; ``None`` if unknown."""
        formula = self.formula(place)
        if formula is None or self._formulas is None or self._names is None:
            return None
        number = self._formulas.names.index(place[0])
        try:
            key = number, (place[1] + 1, place[2] + 1)
            formula = with_plain_references(formula, *key, self._names.tables, self._formulas.names)
        except UnknownReference:
            return None
        found = areas_read(formula, number, self._names)
        if found is None:
            return None
        names = self._formulas.names
        return [
            (names[on], (top - 1, left - 1, bottom - 1, right - 1))
            for on, (top, left, bottom, right) in found
        ]

    def value(self, place: Place) -> Any:
        """Return the value of a cell; ``None`` if it is empty."""
        grid = self.grid(place[0])
        row = grid[place[1]] if place[1] < len(grid) else []
        return row[place[2]] if place[2] < len(row) else None

    def target(self, place: Place) -> Target:
        """Return the cell at *place* with its labels."""
        grid = self.grid(place[0])
        header_row, headers = _headers(grid, place[1], place[2])
        return Target(
            place=place,
            value=number_in(self.value(place)) if self.text else self.value(place),
            formula=self.formula(place),
            row_labels=tuple(_row_labels(grid, place[1], place[2], header_row)),
            headers=tuple(headers),
            header_row=header_row,
        )


_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")


def number_in(value: Any) -> Any:
    """Return the number that a text is, as a program writes it; an identifier stays a text."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return value
    number = float(value)
    return int(number) if number.is_integer() and "." not in value else number


def _at(grid: Sequence[Sequence[Any]], row: int, column: int) -> Any:
    cells = grid[row] if 0 <= row < len(grid) else ()
    return cells[column] if 0 <= column < len(cells) else None


def is_label(value: Any) -> bool:
    """Whether *value* may label a row or a column."""
    return value is not None and not isinstance(value, CellError)


def _headers(grid: list[list[Any]], row: int, column: int) -> tuple[int, list[Label]]:
    """Return the last header row of the block that a cell is in, and the column's headers."""
    top = min(row, len(grid))
    while top > 0 and any(value is not None for value in grid[top - 1]):
        top -= 1
    if top >= row:
        return -1, []
    value, last = _at(grid, row, column), top
    if not isinstance(value, str):
        for above in range(row - 1, top - 1, -1):
            if isinstance(_at(grid, above, column), str):
                last = above
                break
    first = max(top, last - MOST_HEADER_ROWS + 1)
    found = []
    for at in range(first, last + 1):
        value = _at(grid, at, column)
        if value is None and at < last:  # a merged cell, whose value is in its first column
            left = column
            while left > 0 and value is None:
                left -= 1
                value = _at(grid, at, left)
        if is_label(value):
            found.append(Label(value))
    return last, found


def _row_labels(grid: list[list[Any]], row: int, column: int, header_row: int) -> list[Label]:
    found: list[Label] = []
    for at, value in enumerate(grid[row] if row < len(grid) else ()):
        if at == column or len(found) >= MOST_LABELS:
            continue
        if value is None and at < column:  # a merged cell, whose value is in its first row
            above = row
            while above > header_row + 1 and value is None:
                above -= 1
                value = _at(grid, above, at)
            if not isinstance(value, str):
                continue
        if is_label(value):
            header = _at(grid, header_row, at) if header_row >= 0 else None
            found.append(Label(value, "" if header is None else str(header)))
    return found
