"""Many cells, rows or columns as few ranges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..formats.addresses import address, column_letters

MOST_RANGES = 12


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return sorted numbers as runs (first, last).

    >>> runs([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number <= found[-1][1] + 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def said_rows(numbers: Sequence[int]) -> str:
    """Return rows, counted from 0, as Excel writes whole rows: ``5:7, 9:9``."""
    return _few([f"{first + 1}:{last + 1}" for first, last in runs(numbers)])


def said_columns(numbers: Sequence[int]) -> str:
    """Return columns, counted from 0, as Excel writes whole columns: ``B:B``."""
    return _few([f"{column_letters(a)}:{column_letters(b)}" for a, b in runs(numbers)])


def said_cells(columns: Sequence[tuple[int, Sequence[int]]]) -> str:
    """Return cells as few ranges.

    Args:
        columns: Column with its rows, both from 0. Neighbouring columns with the same rows are
            joined.
    """
    blocks: list[tuple[int, int, list[tuple[int, int]]]] = []
    for column, rows in sorted(columns):
        of_column = runs(rows)
        if blocks and blocks[-1][1] == column - 1 and blocks[-1][2] == of_column:
            blocks[-1] = blocks[-1][0], column, of_column
        else:
            blocks.append((column, column, of_column))
    texts = []
    for left, right, of_rows in blocks:
        for first, last in of_rows:
            one, other = address(first, left), address(last, right)
            texts.append(one if one == other else f"{one}:{other}")
    return _few(texts)


def _few(texts: list[str]) -> str:
    more = len(texts) - MOST_RANGES
    return ", ".join(texts[:MOST_RANGES]) + (f" and {more:,} more" if more > 0 else "")
