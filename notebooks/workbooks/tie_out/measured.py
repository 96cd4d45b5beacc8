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
from .finding import close
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
    text = profile["format"]["kind"] == "text"
    bare = [
        sheet["name"]
        for sheet in profile["sheets"]
        if sheet.get("rows") and not any(t["header_rows"] for t in sheet.get("tables", ()))
    ]
    found = [
        (sheet, table)
        for sheet in profile["sheets"]
        for table in sheet.get("tables", ())
        if table["header_rows"]
    ][:MOST_TABLES]
    totals = _total_cells(path, found)
    tables = [
        _table(name, "" if text else sheet["name"], table, totals.get(sheet["name"], {}))
        for sheet, table in found
    ]
    return tables + _bare_tables(path, name, bare[:MOST_TABLES], text=text)


def _bare_tables(path: Path, name: str, sheets: list[str], *, text: bool) -> list[Table]:
    """Return small sheets without a header that is sure, read as a frame lies there.

    Such are one total, and a pivot whose columns are numbers.
    """
    found = []
    with open_book(path) as book:
        for sheet in sheets:
            rows = [values for _, values in itertools.islice(book.filled(sheet), MOST_BARE_ROWS)]
            if len(rows) == MOST_BARE_ROWS:
                continue
            columns = {
                _title(title): [_at(values, at) for values in rows[1:]]
                for at, title in enumerate(rows[0])
                if title is not None
            }
            count = len(rows) - 1
            is_total = count > 1 and _last_is_total(list(columns.values()))
            found.append(
                Table(
                    file=name,
                    sheet="" if text else sheet,
                    rows=count - is_total,
                    totals=(len(rows),) if is_total else (),
                    columns=tuple(_bare_column(*each, is_total) for each in columns.items()),
                    measured=True,
                )
            )
    return found


def _title(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _last_is_total(columns: list[list[Any]]) -> bool:
    numbers = [values for values in map(_numbers, columns) if values]
    return bool(numbers) and all(close(math.fsum(v[:-1]), v[-1]) for v in numbers)


def _numbers(values: list[Any]) -> list[float]:
    """Return the values of a column of numbers; nothing for another one."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and v is not True]
    return numbers if len(numbers) + values.count(None) == len(values) else []


def _bare_column(name: str, values: list[Any], is_total: bool) -> Column:  # noqa: FBT001 (private)
    data, of_totals = (values[:-1], values[-1]) if is_total else (values, None)
    numbers = _numbers(data)
    if not numbers:
        return Column(name=name, blanks=data.count(None))
    return Column(
        name=name,
        kind="number",
        blanks=data.count(None),
        sum=math.fsum(numbers),
        of_totals=float(of_totals) if isinstance(of_totals, int | float) else 0.0,
        lowest=min(numbers),
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
