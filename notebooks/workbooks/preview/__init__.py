"""A few rows of a sheet as they are, for a person to look at."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from ..profile.cells import to_json
from ..read import open_book

MAX_ROWS, MAX_COLUMNS = 500, 200


def preview_file(path: Path, sheet: str = "", *, first: int = 1, count: int = 50) -> dict[str, Any]:
    """Return rows of a sheet.

    Args:
        path: The file.
        sheet: The sheet's name; empty for the first one.
        first: The first row, as Excel counts.
        count: How many rows, at most `MAX_ROWS`.

    Returns:
        ``{"sheets", "sheet", "first_row", "rows", "more"}``: values from column A on, at most
        `MAX_COLUMNS` in a row; ``more`` says whether filled rows follow.

    Raises:
        Unreadable: The file is empty, encrypted, damaged or no table.
        LookupError: There is no such sheet.
    """
    with open_book(path) as book:
        names = [info.name for info in book.sheets]
        index = book.index(sheet) if sheet else 0
        count = min(count, MAX_ROWS)
        rows = list(itertools.islice(book.rows(index, first=first - 1), count + 1))
        return {
            "sheets": names,
            "sheet": names[index],
            "first_row": first,
            "rows": [[to_json(value) for value in row[:MAX_COLUMNS]] for row in rows[:count]],
            "more": len(rows) > count,
        }
