"""Which row of one sheet is which of another: by position, by a key, or by content.

Of several ways to match, the one that leaves the fewest changed cells is taken: a key column that
was numbered again explains less than the content of the rows does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .coded_cells import BLANK, DATE, NUMBER, TEXT, equal
from .sequences import aligned, gaps, in_order

Codes = Sequence[tuple[np.ndarray, np.ndarray]]
"""Kinds and numbers of matched columns."""
MOST_KEY_COLUMNS, MOST_KEYS = 6, 3
KEY_SHARE = 0.9
"""Share of the rows below the header that must have a key of their own."""
SHARED_KEYS = 0.3
ALIKE = 0.34
"""Share of equal cells from which two rows without a key are one edited row."""
MOST_SIMILAR, MOST_EFFORT = 40_000, 20_000_000
"""Pairs of rows in one gap whose likeness is computed, and comparisons of cells in all gaps; beyond
them rows are paired in order."""


@dataclass(frozen=True, slots=True)
class RowMatch:
    """How the filled rows of two sheets belong together.

    Attributes:
        before: Positions among the filled rows of the first sheet, in ascending order.
        after: The position in the second sheet of each.
        removed: Positions that only the first has.
        added: Positions that only the second has.
        keys: Numbers of the matched columns that are the key; empty if rows were not matched so.
        by_position: Every row was matched with the row at the same position.
        moved: How many rows stand in another order.
    """

    before: np.ndarray
    after: np.ndarray
    removed: np.ndarray
    added: np.ndarray
    keys: tuple[int, ...]
    by_position: bool
    moved: int


def match_rows(
    before: Codes, after: Codes, sizes: tuple[int, int], headers: tuple[int, int] | None,
    tolerance: float,
) -> RowMatch:  # fmt: skip
    """Match the rows of two sheets.

    Args:
        before: The matched columns of the first sheet.
        after: The same columns of the second, texts numbered alike.
        sizes: How many filled rows they have.
        headers: Positions of the rows that name the columns.
        tolerance: Relative tolerance of numbers.
    """
    everywhere = np.arange(min(sizes))
    if sizes[0] == sizes[1]:
        changes = _changes(before, after, everywhere, everywhere, tolerance)
        if changes == 0 or not before:
            return _match(everywhere, everywhere, sizes)
        if changes <= max(2, len(everywhere) // 1000):  # a few edits explain it
            return _match(everywhere, everywhere, sizes)
    candidates = [_by_content(before, after, sizes)]
    if sizes[0] == sizes[1]:
        candidates.append(_match(everywhere, everywhere, sizes))
    for keys in _keys(before, after, sizes, headers):
        candidates.append(_by_key(before, after, sizes, headers, keys))
    costs = [_cost(found, before, after, tolerance) for found in candidates]
    return candidates[min(range(len(costs)), key=lambda n: costs[n])]


def _match(
    ones: np.ndarray, others: np.ndarray, sizes: tuple[int, int], keys: tuple[int, ...] = ()
) -> RowMatch:
    order = np.argsort(ones, kind="stable")
    ones, others = ones[order], others[order]
    kept = len(in_order(list(enumerate(others.tolist())))) if np.any(np.diff(others) < 0) else None
    return RowMatch(
        ones,
        others,
        np.setdiff1d(np.arange(sizes[0]), ones),
        np.setdiff1d(np.arange(sizes[1]), others),
        keys,
        by_position=not keys and sizes[0] == sizes[1] == len(ones) and bool(np.all(ones == others)),
        moved=0 if kept is None else len(ones) - kept,
    )


def _changes(
    before: Codes, after: Codes, ones: np.ndarray, others: np.ndarray, tolerance: float
) -> int:
    return sum(
        int(np.count_nonzero(~equal(k[ones], v[ones], m[others], w[others], tolerance)))
        for (k, v), (m, w) in zip(before, after, strict=True)
    )


def _cost(found: RowMatch, before: Codes, after: Codes, tolerance: float) -> float:
    """Return how much a match leaves to be explained, in cells."""
    changes = _changes(before, after, found.before, found.after, tolerance)
    filled = _filled(before, found.removed) + _filled(after, found.added)
    return changes + 0.75 * filled + 0.001 * found.moved + (0 if found.keys else 0.5)


def _filled(codes: Codes, rows: np.ndarray) -> int:
    return sum(int(np.count_nonzero(kinds[rows])) for kinds, _ in codes) if len(rows) else 0


def _hashes(codes: Codes, size: int) -> np.ndarray:
    """Return a number for each row that is the same for rows with the same content.

    Numbers count to some seven digits, so that noise of computation makes no other row.
    """
    found = np.full(size, 0x9E3779B97F4A7C15, dtype=np.uint64)
    for kinds, values in codes:
        rounded = values.astype(np.float32)
        rounded[rounded == 0] = 0.0  # of both signs
        exact = (kinds == TEXT) | (values == np.floor(values))
        bits = np.where(exact, values.view(np.uint64), rounded.view(np.uint32).astype(np.uint64))
        dates = kinds == DATE
        kind = np.where(dates, NUMBER, kinds).astype(np.uint64)
        with np.errstate(over="ignore"):
            found = (found ^ (bits + kind * np.uint64(0xD6E8FEB86659FD93))) * np.uint64(
                0xFF51AFD7ED558CCD
            )
            found ^= found >> np.uint64(32)
    return found


def _by_content(before: Codes, after: Codes, sizes: tuple[int, int]) -> RowMatch:
    ones, others = _hashes(before, sizes[0]), _hashes(after, sizes[1])
    pairs, _ = aligned(ones.tolist(), others.tolist())
    return _as_match([*pairs, *_similar(before, after, gaps(pairs, *sizes))], sizes)


def _as_match(
    pairs: Sequence[tuple[int, int]], sizes: tuple[int, int], keys: tuple[int, ...] = ()
) -> RowMatch:
    array = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return _match(array[:, 0], array[:, 1], sizes, keys)


def _similar(
    before: Codes, after: Codes, left: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> list[tuple[int, int]]:
    """Return which removed and added rows are one edited row, gap by gap, in order.

    Rows of a gap that belong together one by one are found for all gaps at once; of other gaps,
    each row is compared with each, as long as that is little work.
    """
    straight = [
        (number, a, b)
        for number, (removed, added) in enumerate(left)
        for a, b in zip(removed, added, strict=False)
    ]
    if not straight:
        return []
    table = np.array(straight, dtype=np.int64)
    alike = _likeness(before, after, table[:, 1], table[:, 2]) >= ALIKE
    unlike = set(table[~alike, 0].tolist())
    told_apart: set[int] = set()
    found, effort = [], 0
    for number, (removed, added) in enumerate(left):
        size = len(removed) * len(added)
        if not size or (len(removed) == len(added) and number not in unlike):
            continue
        if size > MOST_SIMILAR or len(removed) * len(before) > MOST_SIMILAR:
            continue
        effort += (size + 100 * len(removed)) * max(1, len(before))
        if effort > MOST_EFFORT:
            break
        found += _likely(before, after, removed, added)
        told_apart.add(number)
    keep = alike & ~np.isin(table[:, 0], list(told_apart))
    return [*((int(a), int(b)) for _, a, b in table[keep].tolist()), *found]


def _likely(
    before: Codes, after: Codes, removed: Sequence[int], added: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the pairs of a gap, in order, that are most alike."""
    ones, others = np.array(removed), np.array(added)
    grid = np.stack([_likeness(before, after, np.full(len(others), a), others) for a in ones])
    grid = np.where(grid >= ALIKE, grid, 0)
    return [(int(ones[i]), int(others[j])) for i, j in _best_path(grid)]


def _likeness(before: Codes, after: Codes, ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share of equal cells of pairs of rows, blank ones aside."""
    same, filled = np.zeros(len(ones)), np.zeros(len(ones))
    for (kinds, values), (other_kinds, other_values) in zip(before, after, strict=True):
        a, b = kinds[ones], other_kinds[others]
        some = (a != BLANK) | (b != BLANK)
        filled += some
        same += some & (a == b) & (values[ones] == other_values[others])
    return same / np.maximum(filled, 1)


def _best_path(grid: np.ndarray) -> list[tuple[int, int]]:
    """Return pairs, in order, with the largest sum of likeness; unlike ones are no pair."""
    height, width = grid.shape
    best = np.zeros((height + 1, width + 1))
    for i in range(height - 1, -1, -1):
        for j in range(width - 1, -1, -1):
            best[i, j] = max(best[i + 1, j], best[i, j + 1], best[i + 1, j + 1] + grid[i, j])
    found, i, j = [], 0, 0
    while i < height and j < width:
        if grid[i, j] > 0 and best[i, j] == best[i + 1, j + 1] + grid[i, j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i, j] == best[i + 1, j]:
            i += 1
        else:
            j += 1
    return found


def _keys(
    before: Codes, after: Codes, sizes: tuple[int, int], headers: tuple[int, int] | None
) -> list[tuple[int, ...]]:
    """Return columns, or pairs of them, that name most rows of both sheets."""
    one, other = headers or (-1, -1)
    able = [
        number
        for number, ((kinds, values), (more_kinds, more)) in enumerate(
            zip(before, after, strict=True)
        )
        if _nameable(kinds[one + 1 :], values[one + 1 :])
        and _nameable(more_kinds[other + 1 :], more[other + 1 :])
    ]
    found: list[tuple[int, ...]] = []
    for size in (1, 2):
        for keys in itertools.combinations(able[:MOST_KEY_COLUMNS], size):
            if any(set(known) <= set(keys) for known in found):
                continue
            ours = _key_hashes(before, keys, one + 1, sizes[0])
            theirs = _key_hashes(after, keys, other + 1, sizes[1])
            if _are_keys(ours, sizes[0] - one - 1) and _are_keys(theirs, sizes[1] - other - 1):
                shared = len(np.intersect1d(ours[0], theirs[0]))
                if shared >= SHARED_KEYS * min(len(ours[0]), len(theirs[0])):
                    found.append(keys)
            if len(found) == MOST_KEYS:
                return found
        if found:
            break
    return found


def _nameable(kinds: np.ndarray, values: np.ndarray) -> bool:
    """Whether a column may name rows: texts, whole numbers or dates, mostly filled."""
    if not len(kinds):
        return False
    named = (kinds == TEXT) | (kinds == DATE) | ((kinds == NUMBER) & (values == np.floor(values)))
    return bool(np.count_nonzero(named) >= KEY_SHARE * len(kinds))


def _key_hashes(
    codes: Codes, keys: tuple[int, ...], first: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of keys that only one row has, and these rows."""
    rows = np.arange(first, size)
    for number in keys:
        rows = rows[codes[number][0][rows] != BLANK]
    hashes = _hashes([(codes[n][0][rows], codes[n][1][rows]) for n in keys], len(rows))
    different, at, counts = np.unique(hashes, return_index=True, return_counts=True)
    return different[counts == 1], rows[at[counts == 1]]


def _are_keys(found: tuple[np.ndarray, np.ndarray], rows: int) -> bool:
    return rows > 0 and len(found[0]) >= KEY_SHARE * rows


def _by_key(
    before: Codes, after: Codes, sizes: tuple[int, int], headers: tuple[int, int] | None,
    keys: tuple[int, ...],
) -> RowMatch:  # fmt: skip
    """Match rows by the key in columns *keys*; the others by content, between those."""
    one, other = headers or (-1, -1)
    ours, rows = _key_hashes(before, keys, one + 1, sizes[0])
    theirs, others = _key_hashes(after, keys, other + 1, sizes[1])
    _, at, there = np.intersect1d(ours, theirs, return_indices=True)
    pairs = [(a, b) for a, b in zip(rows[at].tolist(), others[there].tolist(), strict=True)]
    if headers is not None:
        pairs.append(headers)
    keyed_before, keyed_after = set(rows.tolist()), set(others.tolist())
    pairs.sort()
    rest: list[tuple[int, int]] = []
    unlike: list[tuple[list[int], list[int]]] = []
    left = _hashes(before, sizes[0]), _hashes(after, sizes[1])
    for removed, added in gaps(pairs, *sizes):
        nameless = [n for n in removed if n not in keyed_before]
        others_ = [n for n in added if n not in keyed_after]
        if nameless and others_:
            inner, _ = aligned(
                [int(left[0][n]) for n in nameless], [int(left[1][n]) for n in others_]
            )
            rest += [(nameless[a], others_[b]) for a, b in inner]
            unlike += (
                ([nameless[n] for n in x], [others_[n] for n in y])
                for x, y in gaps(inner, len(nameless), len(others_))
            )
    rest += _similar(before, after, unlike)
    return _as_match([*pairs, *rest], sizes, keys)
