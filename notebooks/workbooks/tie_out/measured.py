"""The tables of a file as they lie on the disk: rows, sums, blanks, dates, total rows."""

from __future__ import annotations

import ast
import contextlib
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..profile import profile_file
from ..read import open_book
from .placed import Frame, placed_tables
from .tables import MOST_COLUMNS, Column, Table, column_name

_NUMBERS = frozenset({"number", "currency", "integer", "percent"})
_KINDS = frozenset({"number", "identifier", "date", "text", "mixed", "empty"})
MOST_TABLES, MOST_PROFILED_ROWS = 40, 2000


def measure(path: Path, name: str, frames: Sequence[Frame] = ()) -> list[Table]:
    """Return the tables of the file at *path*.

    Args:
        path: The file.
        name: Its name within the workspace.
        frames: The frames that were written to it; they are read where they lie.

    Raises:
        Unreadable: It is empty, encrypted, damaged, or holds no table.
    """
    if frames and max(frame.rows for frame in frames) > MOST_PROFILED_ROWS:
        # A long table has its total row at the end, if anywhere: that is seen without a profile.
        placed = placed_tables(path, name, frames, {})
        if len(placed) == len(frames):
            return placed
    profile = profile_file(path, name)
    text = profile["format"]["kind"] == "text"
    found = [
        (sheet, table)
        for sheet in profile["sheets"]
        for table in sheet.get("tables", ())
        if table["header_rows"]
    ][:MOST_TABLES]
    totals: dict[str, set[int]] = {}
    for sheet, table in found:
        totals.setdefault(sheet["name"], set()).update(total["row"] for total in table["totals"])
    placed = placed_tables(path, name, frames, totals) if frames and not text else []
    written = {table.sheet for table in placed}
    found = [(sheet, table) for sheet, table in found if sheet["name"] not in written]
    cells = _total_cells(path, {sheet["name"]: totals[sheet["name"]] for sheet, _ in found})
    return placed + [
        _table(name, "" if text else sheet["name"], table, cells.get(sheet["name"], {}))
        for sheet, table in found
    ]


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
    if kind in _NUMBERS or (kind == "date" and column.get("stored_as")):
        kind = "text" if kept_as_text else "number"
    first = column.get("min")
    return Column(
        name=_name(column["name"]),
        kind=kind if kind in _KINDS else "other",
        blanks=column.get("blanks", 0),
        sum=_float(column.get("sum")) if not kept_as_text else None,
        of_totals=sum(v for v in of_totals if isinstance(v, int | float) and v is not True),
        lowest=_float(first),
        first_day=str(next(iter(first.values()))) if isinstance(first, dict) else "",
        errors=sum(column.get("errors", {}).values()),
        uncalculated=column.get("uncalculated", 0),
        needs_text=column.get("needs_text", False),
    )  # fmt: skip


def _total_cells(path: Path, wanted: dict[str, set[int]]) -> dict[str, dict[int, list[Any]]]:
    """Return the cells of total rows by sheet and row, as Excel counts."""
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
    """Return the column's name that *literal* is in Python."""
    try:
        return column_name(ast.literal_eval(literal))
    except (ValueError, SyntaxError):
        return _date_name(literal) or literal


def _date_name(literal: str) -> str:
    """Return the name that ``datetime(2025, 7, 1)`` is; empty for anything else."""
    with contextlib.suppress(ValueError, SyntaxError, TypeError, OverflowError):
        call = ast.parse(literal, mode="eval").body
        if isinstance(call, ast.Call):
            given = [ast.literal_eval(argument) for argument in call.args]
            return column_name(datetime.datetime(*given))
    return ""


def _number_of(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _at(values: Any, column: int) -> Any:
    return values[column] if column < len(values) else None


def _float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value is not True else None
