"""The numbers that a frame's rows have in the file they were read from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..read import open_book
from .ties import same

MOST_COMPARED = 12


def row_numbers(path: Path, sheet: str, frame: pd.DataFrame) -> tuple[Any, int] | None:
    """Return the row of each row of *frame* as Excel counts them, and that of its header.

    The rows of the sheet are matched in order: a frame has them all, but for empty ones.

    Args:
        path: The file.
        sheet: Its sheet; empty for a text.
        frame: What pandas read from it.

    Returns:
        ``None`` if they can't be matched.
    """
    with open_book(path) as book:
        name = sheet if any(info.name == sheet for info in book.sheets) else book.sheets[0].name
        filled = [(number, values) for number, values in book.filled(name)]
    start = _header(filled, frame)
    if start is None:
        return None
    header, left = start
    numbers = np.full(len(frame), -1)
    compared = range(min(len(frame.columns), MOST_COMPARED))
    columns = [frame.iloc[:, at].to_numpy(dtype=object) for at in compared]
    body = filled[header + 1 :]
    some = {0, len(frame) // 2, len(frame) - 1}
    if len(body) == len(frame) and all(_is_row(body[n][1], columns, n, left) for n in some):
        return np.array([number + 1 for number, _ in body]), filled[header][0] + 1
    at = header + 1
    for row in range(len(frame)):
        while at < len(filled) and not _is_row(filled[at][1], columns, row, left):
            if _is_blank(columns, row):
                break
            at += 1
        if _is_blank(columns, row):
            continue
        if at >= len(filled):
            return None
        numbers[row] = filled[at][0] + 1
        at += 1
    return numbers, filled[header][0] + 1


def _header(filled: list[tuple[int, list[Any]]], frame: pd.DataFrame) -> tuple[int, int] | None:
    """Return the position of the header row, and the column that the frame starts in."""
    names = [str(name).strip() for name in frame.columns]
    best: tuple[int, int, int] = (0, -1, 0)
    for at, (_, values) in enumerate(filled[:200]):
        texts = ["" if value is None else str(value).strip() for value in values]
        for left in range(min(len(texts), 20)):
            score = sum(1 for one, other in zip(names, texts[left:], strict=False) if one == other)
            if score > best[0]:
                best = score, at, left
    if best[0] * 2 < len([n for n in names if not n.startswith("Unnamed:")]) or not best[0]:
        return None
    return best[1], best[2]


def _is_row(values: list[Any], columns: list[Any], row: int, left: int) -> bool:
    equal = total = 0
    for at, column in enumerate(columns):
        own = column[row]
        if _blank(own):
            continue
        total += 1
        other = values[left + at] if left + at < len(values) else None
        equal += other is not None and (same(own, other) or _same_text(own, other))
    return total > 0 and equal * 2 >= total


def _same_text(one: Any, other: Any) -> bool:
    return str(one)[:10] == str(other)[:10]


def _is_blank(columns: list[Any], row: int) -> bool:
    return all(_blank(column[row]) for column in columns)


def _blank(value: Any) -> bool:
    return value is None or bool(pd.isna(value))
