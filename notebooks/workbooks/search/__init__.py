"""Search a file's cells, sheets and defined names for a text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..formats.addresses import address
from ..profile.cells import to_json
from ..read import open_book

MOST_FOUND = 50
MOST_CELLS = 20_000_000
"""Cells that one search reads; what lies behind them is not searched, which the result says."""


def search_file(path: Path, wanted: str, *, most: int = MOST_FOUND) -> dict[str, Any]:
    """Find the cells whose shown value contains a text, whatever its case and blanks.

    Args:
        path: The file.
        wanted: The text.
        most: How many cells are returned; the others are counted.

    Returns:
        ``{"count", "found": [{"sheet", "cell", "value", "row": first values of its row}],
        "sheets": names that contain the text, "whole": whether all cells were searched}``.

    Raises:
        Unreadable: The file is empty, encrypted, damaged or no table.
    """
    plain = _plain(wanted)
    count, whole = 0, True
    found: list[dict[str, Any]] = []
    with open_book(path) as book:
        names = [info.name for info in book.sheets]
        cells = 0
        for sheet in names:
            for row, values in enumerate(book.rows(sheet)):
                cells += len(values)
                if cells > MOST_CELLS:
                    whole = False
                    break
                for column in _columns(values, plain):
                    count += 1
                    if len(found) < most:
                        found.append(_match(sheet, row, column, values))
    return {
        "count": count,
        "found": found,
        "sheets": [name for name in names if plain in _plain(name)],
        "whole": whole,
    }


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _columns(values: Any, wanted: str) -> Iterator[int]:
    for column, value in enumerate(values):
        if value is not None and wanted in _plain(str(value)):
            yield column


def _match(sheet: str, row: int, column: int, values: Any) -> dict[str, Any]:
    beside = [to_json(value) for value in values if value is not None][:6]
    cell = address(row, column)
    return {"sheet": sheet, "cell": cell, "value": to_json(values[column]), "row": beside}
