"""The tables of a file as they lie on the disk: rows, sums, blanks, dates, total rows."""

from __future__ import annotations

import ast
import contextlib
import itertools
import math
from pathlib import Path
from typing import Any

from ..profile import profile_file
from ..read import open_book
from .tables import MOST_COLUMNS, Column, Table

_NUMBERS = frozenset({"number", "currency", "integer", "percent"})
_KINDS = frozenset({"number", "identifier", "date", "text", "mixed", "empty"})
MOST_TABLES, MOST_TOTALS, MOST_BARE_ROWS = 40, 2000, 1000


def measure(path: Path, name: str) -> list[Table]:
    """Return the tables of the file at *path*.

    Args:
        path: The file.
        name: Its name within the workspace.

    Raises:
        Unreadable: It is empty, encrypted, damaged, or holds no table.
    """
    profile = profile_file(path, name)
    found = [(sheet, t) for sheet in profile["sheets"] for t in sheet.get("tables", ())]
    found = found[:MOST_TABLES]
    totals = _total_cells(path, found)
    text = profile["format"]["kind"] == "text"
    tables = [
        _table(name, "" if text else sheet["name"], table, totals.get(sheet["name"], {}))
        for sheet, table in found
    ]
    bare = [s["name"] for s in profile["sheets"] if s.get("rows") and not s.get("tables")]
    return tables + _bare_tables(path, name, bare[:MOST_TABLES])


def _bare_tables(path: Path, name: str, sheets: list[str]) -> list[Table]:
    """Return small sheets in which no table was found, such as one total, as a frame lies there."""
    found = []
    with open_book(path) as book:
        for sheet in sheets:
            rows = [values for _, values in itertools.islice(book.filled(sheet), MOST_BARE_ROWS)]
            head, body = rows[0], rows[1:]
            if len(rows) == MOST_BARE_ROWS or not all(
                isinstance(value, str) for value in head if value is not None
            ):
                continue
            columns = tuple(
                _bare_column(title, [_at(values, at) for values in body])
                for at, title in enumerate(head)
                if title is not None
            )
            found.append(
                Table(file=name, sheet=sheet, rows=len(body), columns=columns, measured=True)
            )
    return found


def _bare_column(title: Any, values: list[Any]) -> Column:
    numbers = [float(v) for v in values if isinstance(v, int | float) and v is not True]
    blanks = sum(value is None for value in values)
    if len(numbers) + blanks < len(values) or not numbers:
        return Column(name=str(title), blanks=blanks)
    return Column(
        name=str(title), kind="number", blanks=blanks, sum=math.fsum(numbers), lowest=min(numbers)
    )


def _table(name: str, sheet: str, table: dict[str, Any], cells: dict[int, list[Any]]) -> Table:
    rows = [total["row"] for total in table["totals"]]
    left = _number_of(table["columns"][0]["letter"]) if table["columns"] else 0
    columns = [
        _column(column, [_at(cells.get(row, ()), left + at) for row in rows])
        for at, column in enumerate(table["columns"])
    ]
    columns.sort(key=lambda column: column.sum is None)  # numbers first, else in order
    return Table(
        file=name, sheet=sheet, rows=table["data_rows"], totals=tuple(rows),
        columns=tuple(columns[:MOST_COLUMNS]), measured=True,
    )  # fmt: skip


def _column(column: dict[str, Any], of_totals: list[Any]) -> Column:
    kind = column["kind"]
    kept_as_text = column.get("stored_as") == "text"
    if kind in _NUMBERS:
        kind = "text" if kept_as_text else "number"
    elif kind == "date" and kept_as_text:
        kind = "text"
    first = column.get("min")
    return Column(
        name=_name(column["name"]),
        kind=kind if kind in _KINDS else "other",
        blanks=column.get("blanks", 0),
        sum=_float(column.get("sum")) if not kept_as_text else None,
        of_totals=sum(v for v in of_totals if isinstance(v, int | float) and v is not True),
        lowest=_float(first),
        first_day=str(next(iter(first.values()))) if isinstance(first, dict) else "",
    )  # fmt: skip


def _total_cells(
    path: Path, found: list[tuple[dict[str, Any], dict[str, Any]]]
) -> dict[str, dict[int, list[Any]]]:
    """Return the cells of total rows by sheet and row, as Excel counts."""
    wanted: dict[str, set[int]] = {}
    for sheet, table in found:
        rows = [total["row"] for total in table["totals"][:MOST_TOTALS]]
        wanted.setdefault(sheet["name"], set()).update(rows)
    cells: dict[str, dict[int, list[Any]]] = {}
    if not any(wanted.values()):
        return cells
    with open_book(path) as book, contextlib.suppress(LookupError):
        for name in [name for name, numbers in wanted.items() if numbers]:
            last = max(wanted[name])
            for number, values in book.filled(name):
                if number + 1 in wanted[name]:
                    cells.setdefault(name, {})[number + 1] = list(values)
                if number + 1 >= last:
                    break
    return cells


def _name(literal: str) -> str:
    try:
        return str(ast.literal_eval(literal))
    except (ValueError, SyntaxError):  # a date, as pandas names it
        return literal


def _number_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _at(values: Any, column: int) -> Any:
    return values[column] if column < len(values) else None


def _float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value is not True else None
