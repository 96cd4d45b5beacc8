"""What a table needs of memory, against what is free: refused before it starts."""

from __future__ import annotations

import gc
from collections.abc import Callable

from ..values import Unreadable

BY_COLUMN, BY_ROW, SHARED_TEXTS = 0.4, 2.0, 1.2
"""Bytes in memory for a byte of an unpacked sheet, read by column or row by row, and of its texts.
Measured on sheets of numbers, texts and dates; what needs a little more is let through."""

_free_bytes: Callable[[], int | None] = lambda: None  # noqa: E731 (replaced by `use`)


def use(free_bytes: Callable[[], int | None]) -> None:
    """Say how this process learns how much memory is free.

    Args:
        free_bytes: Returns bytes; ``None`` if there is no limit.
    """
    global _free_bytes
    _free_bytes = free_bytes


def refuse_what_cannot_fit(
    sheet: str, sheet_bytes: int, text_bytes: int, *, by_column: bool
) -> None:
    """Raise if a sheet can't be held as a table.

    Args:
        sheet: Its name.
        sheet_bytes: The size of its part, unpacked.
        text_bytes: The size of the part of texts, unpacked.
        by_column: It is read into typed columns, else row by row.

    Raises:
        Unreadable: It needs more memory than is free.
    """
    free = _free_bytes()
    needed = sheet_bytes * (BY_COLUMN if by_column else BY_ROW) + text_bytes * SHARED_TEXTS
    if free is not None and needed > free:
        gc.collect()  # what was deleted may still wait for it
        free = _free_bytes()
    if free is None or needed <= free:
        return
    hint = "Read some columns (usecols=) or rows (nrows=, skiprows=), delete variables that are "
    hint += "not needed (del name), or raise the memory limit."
    if not by_column:
        hint = (
            "Leave out what needs single cells (converters=, parse_dates=, a list of index "
            "columns) and change the columns afterwards. " + hint
        )
    raise Unreadable(
        "too-large",
        f"Sheet {sheet!r} is {_megabytes(sheet_bytes + text_bytes)} unpacked and needs about "
        f"{_megabytes(needed)} of memory as a table; {_megabytes(free)} are free.",
        hint,
    )


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"
