"""Rows that are sums of the rows below them: an account above its sub-accounts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .body import MAX_ARITHMETIC_ROWS, Body
from .sums import MAX_SUMMED_COLUMNS, agree, are_independent, is_weighty
from .top_total import stands_out

_CODE = re.compile(r"[0-9A-Za-z]+(?:[.\-/][0-9A-Za-z]+)*[.\-/]?")
_DIGIT = re.compile("[0-9]")
MOST_CODE = 30
TRIED_COLUMNS, TRIED_ENDS = 3, 4
MOST_AMOUNT = 1e15
MOST_CHILDREN = 300
"""The last rows of a table, among which there must be a parent if it has any."""


class _Below:
    """Sums of the rows from a place to the last one, parents left out, as they are found."""

    def __init__(self, numbers: Mapping[int, Sequence[float | None]], count: int) -> None:
        self.numbers = numbers
        self._sums = {column: [0.0] * (count + 1) for column in numbers}
        self._ends: dict[int, dict[int, list[int]]] = {column: {} for column in numbers}
        for column in numbers:
            self._ends[column][0] = [count]

    def put(self, at: int, *, leaf: bool) -> None:
        """Count row *at*, the one above those that were counted."""
        for column, sums in self._sums.items():
            sums[at] = sums[at + 1] + ((self.numbers[column][at] or 0.0) if leaf else 0.0)
            self._ends[column].setdefault(_cents(sums[at]), []).append(at)

    def sums(self, columns: Iterable[int], start: int, end: int) -> dict[int, float]:
        """Return the sums of *columns* in the rows from *start* to before *end*."""
        return {c: self._sums[c][start] - self._sums[c][end] for c in columns}

    def ends(self, column: int, start: int, number: float) -> list[int]:
        """Return where rows from *start* on may end whose sum is *number*, the nearest first."""
        wanted = _cents(self._sums[column][start] - number)
        ends = [
            e for key in (wanted - 1, wanted, wanted + 1) for e in self._ends[column].get(key, ())
        ]
        return sorted(end for end in ends if end > start)[:TRIED_ENDS]


def _cents(number: float) -> int:
    """Return *number* in whole cents; 0 for what is no amount, such as NaN."""
    return round(number * 100) if abs(number) < MOST_AMOUNT else 0


@dataclass(frozen=True)
class Parents:
    """Rows (from 0 in the body) that sum rows below them; whether codes or indents say so too."""

    rows: Sequence[int] = ()
    named: bool = False


def parent_rows(body: Body, columns: Iterable[int]) -> Parents:
    """Return the rows of *body* that are sums of the rows right below them.

    One such row may be chance: there must be three, or two of which codes or indents say so, or
    all must look other than what they sum.

    Args:
        body: The rows of a table.
        columns: Those whose numbers may be summed.
    """
    numbers = {c: body.numbers[c] for c in columns if c in body.numbers}
    numbers = dict(list(numbers.items())[:MAX_SUMMED_COLUMNS])
    if not numbers or not 4 <= body.count <= MAX_ARITHMETIC_ROWS:
        return Parents()
    below, levels = _Below(numbers, body.count), _levels(body)
    found: list[int] = []
    named, apart = False, True
    for at in range(body.count - 1, -1, -1):
        if not found and body.count - at > MOST_CHILDREN:
            break
        end = _end(below, levels, at)
        below.put(at, leaf=end == 0)
        if end:
            found.append(at)
            leaves = [row for row in range(at + 1, end) if row not in found]
            apart = apart and len(leaves) >= 2 and stands_out(body, at, leaves, numbers)
            named |= any(_is_above(level, at, end) for level in levels)
    least = 1 if apart else 2 if named else 3
    return Parents(found[::-1], named or apart) if len(found) >= least else Parents()


def _end(below: _Below, levels: Sequence[Sequence[str]], at: int) -> int:
    """Return where the rows end whose sum row *at* is; 0 if it is none."""
    filled = {c: n for c, values in below.numbers.items() if (n := values[at]) is not None}
    weighty = [column for column, number in filled.items() if is_weighty(number)]
    ends = {e for c in weighty[:TRIED_COLUMNS] for e in below.ends(c, at + 1, filled[c])}
    for end in sorted(ends):
        if not agree(filled, below.sums(filled, at + 1, end)):
            continue
        if any(_is_above(level, at, end) for level in levels):
            return end
        rows = range(at + 1, end)
        addends = max(sum(bool(below.numbers[c][row]) for row in rows) for c in weighty)
        if addends >= 2 and are_independent(below.numbers, weighty, at + 1, end):
            return end
    return 0


def _levels(body: Body) -> list[Sequence[str]]:
    """Return what may say which rows are above others: codes, and indents of texts."""
    found: list[Sequence[str]] = []
    for column in range(body.left, body.right + 1):
        values = body.columns[column]
        texts = [str(v) if type(v) in (int, str) else "" for v in values]
        codes = [text.strip() for text in texts]
        if _are_codes(codes):
            found.append([code.rstrip(".-/") for code in codes])
        if any(text.startswith((" ", "\u00a0", "\t")) for text in texts):
            found.append([" " * (len(text) - len(text.lstrip())) for text in texts])
    return found


def _is_above(level: Sequence[str], at: int, end: int) -> bool:
    """Whether codes or indents put all rows from *at* + 1 to before *end* below row *at*."""
    own = level[at]
    if not own and not any(level[at + 1 : end]):
        return False
    return all(len(each) > len(own) and each.startswith(own) for each in level[at + 1 : end])


def _are_codes(texts: Sequence[str]) -> bool:
    """Whether nearly all *texts* are different codes such as ``4100`` or ``A.1.2``."""
    codes = [t for t in texts if len(t) <= MOST_CODE and _CODE.fullmatch(t) and _DIGIT.search(t)]
    most = 0.8 * len(texts)
    return len(codes) >= most and len(set(codes)) >= most
