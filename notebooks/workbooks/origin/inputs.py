"""The tables of files that the code read without pandas."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..formats.addresses import column_index
from ..read import open_book
from ..values import Unreadable

MOST_FILES, MOST_TABLES, MOST_ROWS = 10, 20, 200_000


def input_tables(directory: Path, names: Sequence[str]) -> list[tuple[str, str, pd.DataFrame, Any]]:
    """Return the tables of files: file, sheet, frame, and the number of each row in Excel.

    Args:
        directory: The workspace.
        names: The files' names in it.
    """
    found: list[tuple[str, str, pd.DataFrame, Any]] = []
    for name in names[:MOST_FILES]:
        with contextlib.suppress(Unreadable, OSError, LookupError):
            found += _tables(directory / name, name)
    return found[:MOST_TABLES]


def _tables(path: Path, name: str) -> list[tuple[str, str, pd.DataFrame, Any]]:
    from ..profile import profile_file  # it takes a while, and most traces don't need it

    profile = profile_file(path, name)
    text = profile["format"]["kind"] == "text"
    found = []
    with open_book(path) as book:
        for sheet in profile["sheets"]:
            tables = [t for t in sheet.get("tables", ()) if t["header_rows"] and t["columns"]]
            if not tables:
                continue
            own = book.sheets[0].name if text else sheet["name"]
            rows = [(number + 1, values) for number, values in book.filled(own)]
            for table in tables:
                frame, numbers = _frame(rows[:MOST_ROWS], table)
                found.append((name, "" if text else sheet["name"], frame, numbers))
    return found


def _frame(rows: list[tuple[int, list[Any]]], table: dict[str, Any]) -> tuple[pd.DataFrame, Any]:
    first, last = table["first_data_row"], table["last_row"]
    totals = {total["row"] for total in table["totals"]}
    body = [(n, v) for n, v in rows if first <= n <= last and n not in totals]
    columns: dict[str, list[Any]] = {}
    for column in table["columns"]:
        at = column_index(column["letter"])
        columns[_name(column["name"])] = [v[at] if at < len(v) else None for _, v in body]
    frame = pd.DataFrame(columns).infer_objects()
    return frame, np.array([n for n, _ in body], dtype=int)


def _name(literal: str) -> str:
    try:
        return str(ast.literal_eval(literal))
    except (ValueError, SyntaxError):  # a date, as pandas names it
        return literal
