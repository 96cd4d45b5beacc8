"""The names of a table's columns as its data frame will have them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from . import cells
from .grid import Grid
from .layout import Table

JOIN = " / "


def frame_names(row: Sequence[Any]) -> list[Any]:
    """Return the names that pandas gives to columns with the header *row* (from column A).

    A blank one is ``Unnamed: 3``; a repeated one gets ``.1``; numbers and dates stay what
    they are.
    """
    names = [f"Unnamed: {at}" if _no_name(value) else _named(value) for at, value in enumerate(row)]
    blank = [at for at, value in enumerate(row) if _no_name(value)]
    return _unique(names, blank)


def _no_name(value: Any) -> bool:
    return value is None or value == "" or cells.is_error(value)


def _named(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unique(names: list[Any], last: Sequence[int] = ()) -> list[Any]:
    """Return *names* with ``.1``, ``.2`` … behind repeats, as pandas counts them."""
    late = set(last)
    order = [at for at in range(len(names)) if at not in late] + list(last)
    counts: dict[Any, int] = {}
    taken = set(names)
    for at in order:
        name = old = names[at]
        count = counts.get(name, 0)
        while count > 0:
            counts[old] = count + 1
            name = f"{old}.{count}"
            count = count + 1 if name in taken else counts.get(name, 0)
        names[at] = name
        taken.add(name)
        counts[name] = count + 1
    return names


def table_names(grid: Grid, table: Table) -> tuple[list[Any], bool]:
    """Return the names of a table's columns, and whether a plain read of its header gives them.

    They are given otherwise where a header has several rows, or where another table in the
    same row has the same names.
    """
    _, left, _, right = table.area
    if not table.header_rows:
        return list(range(left, right + 1)), True
    if len(table.header_rows) > 1:
        parts = _joined(grid, table)
        return _unique(parts), False
    at = table.header_rows[0]
    row = grid.row(at, grid.left, grid.right)
    whole = frame_names([None] * grid.left + row)[left : right + 1]
    own = _unique(
        [
            f"Unnamed: {left + c}" if _no_name(v) else _named(v)
            for c, v in enumerate(grid.row(at, left, right))
        ]
    )
    return own, own == whole


def repeated_names(grid: Grid, table: Table, names: Sequence[Any]) -> dict[int, Any]:
    """Return the header that a column shares with one before it, by the column's place.

    Args:
        grid: The sheet.
        table: A table of it.
        names: The names of its columns, as `table_names` gives them.
    """
    if not table.header_rows:
        return {}
    if len(table.header_rows) > 1:
        headers = _joined(grid, table)
    else:
        _, left, _, right = table.area
        headers = grid.row(table.header_rows[0], left, right)
    return {
        at: _named(header)
        for at, (header, name) in enumerate(zip(headers, names, strict=True))
        if not _no_name(header) and _named(header) != name
    }


def _joined(grid: Grid, table: Table) -> list[Any]:
    """Return one name for each column from several header rows: ``Q1 2024 / Plan``."""
    _, left, _, right = table.area
    columns: list[list[str]] = [[] for _ in range(left, right + 1)]
    for at, row in enumerate(table.header_rows):
        values = grid.row(row, left, right)
        if at < len(table.header_rows) - 1:
            values = _carried(grid, table, row, values)
        for parts, value in zip(columns, values, strict=True):
            text = _part(value)
            if text and (not parts or parts[-1] != text):
                parts.append(text)
    return [JOIN.join(parts) or f"Unnamed: {left + at}" for at, parts in enumerate(columns)]


def _carried(grid: Grid, table: Table, row: int, values: list[Any]) -> list[Any]:
    """Return a row of group names, each carried over the columns that it stands for."""
    _, left, _, right = table.area
    spans = [
        (max(low, left), min(high, right))
        for top, low, bottom, high in grid.merged
        if top == row and low <= right and high >= left and high > low
    ]
    values = list(values)
    if spans:
        for low, high in spans:
            for column in range(low, high + 1):
                values[column - left] = values[low - left]
        return values
    filled = sum(not cells.is_blank(v) for v in values)
    if filled >= 0.8 * len(values):
        return values
    below = grid.row(table.header_rows[table.header_rows.index(row) + 1], left, right)
    for at in range(1, len(values)):
        if not cells.is_blank(values[at]) or cells.is_blank(below[at]):
            continue
        if not cells.is_blank(below[at - 1]) or cells.is_blank(values[at - 1]):
            values[at] = values[at - 1]
    return values


def _part(value: Any) -> str:
    if cells.is_blank(value) or cells.is_error(value):
        return ""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    return str(_named(value))
