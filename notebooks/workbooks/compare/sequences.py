"""Two sequences of hashes aligned: what is in both, in order or moved, and what is in one only.

Patience sorting, as version control systems use it: elements that both sequences have once are
anchors; between two anchors the same is done again. Cost is bounded: n log n for the anchors, and
`MOST_PAIRS` comparisons for what is left between two, `MOST_PAIRS_IN_ALL` for all of it.
"""

from __future__ import annotations

import bisect
import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence

MOST_PAIRS, MOST_PAIRS_IN_ALL = 400_000, 4_000_000
MOST_DEPTH = 40


def aligned(before: Sequence[int], after: Sequence[int]) -> tuple[list[tuple[int, int]], bool]:
    """Return pairs of positions with equal elements, and whether all pairs are in order.

    Elements that are equal but in another order are paired too.

    >>> aligned([1, 2, 3], [1, 9, 2, 3])
    ([(0, 0), (1, 2), (2, 3)], True)
    >>> aligned([1, 2, 3], [3, 1, 2])
    ([(0, 1), (1, 2), (2, 0)], False)
    """
    pairs: list[tuple[int, int]] = []
    waiting = [(0, len(before), 0, len(after), 0)]
    effort = 0
    while waiting:
        low, high, left, right, depth = waiting.pop()
        while low < high and left < right and before[low] == after[left]:
            pairs.append((low, left))
            low, left = low + 1, left + 1
        while low < high and left < right and before[high - 1] == after[right - 1]:
            high, right = high - 1, right - 1
            pairs.append((high, right))
        if low == high or left == right or depth > MOST_DEPTH:
            continue
        anchors = _anchors(before, after, (low, high, left, right))
        if not anchors:
            size = (high - low) * (right - left)
            if size <= MOST_PAIRS and effort + size <= MOST_PAIRS_IN_ALL:
                effort += size
                pairs += _longest(before, after, (low, high, left, right))
            continue
        pairs += anchors
        edges = [(low - 1, left - 1), *anchors, (high, right)]
        for (a, b), (c, d) in itertools.pairwise(edges):
            waiting.append((a + 1, c, b + 1, d, depth + 1))
    moved = _moved(before, after, pairs)
    return sorted(pairs + moved), not moved


def _anchors(
    before: Sequence[int], after: Sequence[int], part: tuple[int, int, int, int]
) -> list[tuple[int, int]]:
    """Return the longest run of pairs, in order, of elements that are unique on both sides."""
    low, high, left, right = part
    ones, others = Counter(before[low:high]), Counter(after[left:right])
    places = {each: at for at, each in enumerate(after[left:right], left) if others[each] == 1}
    pairs = [
        (at, places[each])
        for at, each in enumerate(before[low:high], low)
        if ones[each] == 1 and each in places
    ]
    return in_order(pairs)


def in_order(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the most pairs, sorted by their first, whose seconds rise too."""
    if all(a[1] < b[1] for a, b in itertools.pairwise(pairs)):
        return list(pairs)
    tails: list[int] = []
    ends: list[int] = []
    previous: list[int] = []
    for number, (_, second) in enumerate(pairs):
        at = bisect.bisect_left(tails, second)
        previous.append(ends[at - 1] if at else -1)
        if at == len(tails):
            tails.append(second)
            ends.append(number)
        else:
            tails[at], ends[at] = second, number
    found = []
    number = ends[-1] if ends else -1
    while number >= 0:
        found.append(pairs[number])
        number = previous[number]
    return found[::-1]


def _longest(
    before: Sequence[int], after: Sequence[int], part: tuple[int, int, int, int]
) -> list[tuple[int, int]]:
    """Return a longest common subsequence of two short parts."""
    low, high, left, right = part
    height, width = high - low, right - left
    table = [[0] * (width + 1) for _ in range(height + 1)]
    for i in range(height - 1, -1, -1):
        row, below, each = table[i], table[i + 1], before[low + i]
        for j in range(width - 1, -1, -1):
            if each == after[left + j]:
                row[j] = below[j + 1] + 1
            else:
                row[j] = max(below[j], row[j + 1])
    found, i, j = [], 0, 0
    while i < height and j < width:
        if before[low + i] == after[left + j]:
            found.append((low + i, left + j))
            i, j = i + 1, j + 1
        elif table[i + 1][j] >= table[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def _moved(
    before: Sequence[int], after: Sequence[int], pairs: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return pairs of equal elements that are in no pair yet."""
    ones, others = {a for a, _ in pairs}, {b for _, b in pairs}
    if len(ones) == len(before) or len(others) == len(after):
        return []
    free: dict[int, list[int]] = defaultdict(list)
    for at in range(len(after) - 1, -1, -1):
        if at not in others:
            free[after[at]].append(at)
    return [
        (at, free[each].pop())
        for at, each in enumerate(before)
        if at not in ones and free.get(each)
    ]


def gaps(
    pairs: Sequence[tuple[int, int]], before: int, after: int
) -> list[tuple[list[int], list[int]]]:
    """Return what is in no pair, by the gap between pairs in order that it lies in.

    Args:
        pairs: Pairs of positions, sorted.
        before: Length of the first sequence.
        after: Length of the second.
    """
    ones, others = {a for a, _ in pairs}, {b for _, b in pairs}
    edges = [*in_order(pairs), (before, after)]
    firsts, seconds = [a for a, _ in edges], [b for _, b in edges]
    found: dict[int, tuple[list[int], list[int]]] = {}
    for at in range(before):
        if at not in ones:
            found.setdefault(bisect.bisect_left(firsts, at), ([], []))[0].append(at)
    for at in range(after):
        if at not in others:
            found.setdefault(bisect.bisect_left(seconds, at), ([], []))[1].append(at)
    return [found[number] for number in sorted(found)]
