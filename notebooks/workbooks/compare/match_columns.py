"""Which column of one sheet is which of another: by header where there is one, else by content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .coded_cells import BLANK, TEXT, CodedSheet
from .sequences import aligned, gaps

HEADER_ROWS = 30
FEWEST_HEADERS = 2


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """How the columns of two sheets belong together.

    Attributes:
        pairs: Matched columns, from 0, sorted.
        removed: Columns with a value that only the first sheet has.
        added: Columns with a value that only the second has.
        headers: Position among the filled rows of the row that names the columns, in both sheets;
            ``None`` without one.
        in_order: The matched columns stand in the same order.
    """

    pairs: tuple[tuple[int, int], ...]
    removed: tuple[int, ...]
    added: tuple[int, ...]
    headers: tuple[int, int] | None
    in_order: bool


def match_columns(before: CodedSheet, after: CodedSheet) -> ColumnMatch:
    """Match the columns of two sheets whose texts are numbered alike."""
    headers = _headers(before, after)
    labels = [_labels(sheet, at) for sheet, at in _with(before, after, headers)]
    if labels[0] == labels[1]:
        pairs = [(at, at) for at in range(len(labels[0]))]
        return ColumnMatch(tuple(pairs), (), (), headers, in_order=True)
    pairs, in_order = aligned(*labels)
    left = gaps(pairs, len(labels[0]), len(labels[1]))
    for ones, others in left:
        if headers is None or len(ones) == len(others):  # renamed or edited
            pairs += zip(ones, others, strict=False)
    pairs = sorted((a, b) for a, b in pairs)
    ones_, others_ = {a for a, _ in pairs}, {b for _, b in pairs}
    return ColumnMatch(
        tuple(pairs),
        tuple(n for n in range(before.width) if n not in ones_ and _filled(before, n)),
        tuple(n for n in range(after.width) if n not in others_ and _filled(after, n)),
        headers,
        in_order,
    )


def _with(
    before: CodedSheet, after: CodedSheet, headers: tuple[int, int] | None
) -> list[tuple[CodedSheet, int | None]]:
    one, other = headers or (None, None)
    return [(before, one), (after, other)]


def _filled(sheet: CodedSheet, column: int) -> bool:
    return sheet.columns[column] is not None


def _headers(before: CodedSheet, after: CodedSheet) -> tuple[int, int] | None:
    """Return the first rows that hold mostly the same, different texts."""
    candidates = [_cells_of_rows(sheet) for sheet in (before, after)]
    best, found = 0.0, None
    for one, ours in candidates[0].items():
        for other, theirs in candidates[1].items():
            shared = len(ours & theirs)
            share = shared / max(len(ours), len(theirs))
            if shared >= FEWEST_HEADERS and share >= 0.5 and shared > best:
                best, found = shared, (one, other)
    return found


def _cells_of_rows(sheet: CodedSheet) -> dict[int, frozenset[tuple[int, float]]]:
    """Return the cells of the first rows that may name columns: most are texts, none is twice."""
    rows: dict[int, list[tuple[int, float]]] = {}
    for each in sheet.columns:
        if each is None:
            continue
        kinds, values = (array[:HEADER_ROWS].tolist() for array in each)
        for at, (kind, value) in enumerate(zip(kinds, values, strict=True)):
            if kind != BLANK:
                rows.setdefault(at, []).append((kind, value))
    return {
        at: frozenset(cells)
        for at, cells in rows.items()
        if len(cells) >= FEWEST_HEADERS
        and len(set(cells)) == len(cells)
        and 2 * sum(kind == TEXT for kind, _ in cells) >= len(cells)
    }


def _labels(sheet: CodedSheet, header: int | None) -> list[int]:
    """Return what a column is recognized by: its header, without one a hash of its content."""
    labels = []
    for column in range(sheet.width):
        each = sheet.columns[column]
        if each is None:
            labels.append(0)
            continue
        kinds, values = each
        if header is not None and kinds[header] != BLANK:
            labels.append(hash((int(kinds[header]), float(values[header]))))
        else:
            labels.append(hash((kinds.tobytes(), values.tobytes())))
    return labels


def codes_of(sheet: CodedSheet, columns: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return kinds and numbers of *columns*, in this order."""
    return [sheet.column(number) for number in columns]
