"""Whether rows are sums of other rows."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from .body import Body

MAX_SUMMED_COLUMNS = 60
MAX_ADDENDS = 400


class Sums:
    """Tests whether rows of a body are sums of others, given the totals found so far."""

    def __init__(self, body: Body, columns: Iterable[int]) -> None:
        """Prepare to sum *columns* of *body*."""
        self.body = body
        self.numbers = {c: body.numbers[c] for c in columns if c in body.numbers}
        self.totals: list[int] = []
        self._of_above: set[int] = set()
        self._running: dict[int, Sequence[float]] = {}
        self._of_totals: dict[int, list[float]] = {column: [0.0] for column in self.numbers}

    def add_total(self, at: int) -> None:
        """Take row *at* as a total: it is left out of the sums that follow."""
        self.totals.append(at)
        for column, sums in self._of_totals.items():
            sums.append(sums[-1] + (self.numbers[column][at] or 0.0))

    def test(self, at: int) -> tuple[bool | None, str]:
        """Return (whether row *at* is a sum of others, its level)."""
        last = "subtotal" if at < self.body.count - 1 else "total"
        filled = self._filled(at)
        if not filled:
            return None, last
        if level := self._level_above(at, filled):
            self._of_above.add(at)
            return True, level
        if at + 2 < self.body.count and self._equal(filled, at + 1, self.body.count):
            return True, "total"
        return False, last

    def _level_above(self, at: int, filled: Mapping[int, float]) -> str:
        """Return the level of row *at* if it is a sum of rows above it, else an empty text."""
        since = self.totals[-1] + 1 if self.totals else 0
        if at - since >= 2 and self._equal(filled, since, at):
            return "subtotal"
        if at - len(self.totals) >= 2 and self._equal(filled, 0, at, without_totals=True):
            return "total"
        if len(self.totals) >= 2 and self._sums_totals(filled):
            return "total"
        for start in self._starts(at):
            if self._equal(filled, start, at, without_totals=True):
                return "subtotal"
        return "subtotal" if self._runs_on(at) else ""

    def covers_following(self, at: int, worded: Iterable[int]) -> bool:
        """Return whether row *at* is the sum of the rows up to the next row with a word."""
        end = min((row for row in worded if row > at), default=self.body.count)
        return end - at > 2 and self._equal(self._filled(at), at + 1, end)

    def convincing(self, at: int) -> bool:
        """Return whether a sum in row *at* without a word for it would be more than chance."""
        start = self.totals[-1] + 1 if self.totals else 0
        addends = at - start
        filled = self._filled(at)
        weighty = [column for column, number in filled.items() if is_weighty(number)]
        if len(self.totals) >= 2 and weighty and self._sums_totals(filled):
            return True
        if self._runs_on(at):
            return True
        if addends < 2:
            return False
        if self.body.is_bare(at):
            return len(weighty) >= 2 or (len(weighty) == 1 and addends >= 3)
        if len(weighty) < 2 or addends >= MAX_ADDENDS:
            return False
        if addends < 3 and len(weighty) < 3 and not self._bold(at):
            return False
        return are_independent(self.numbers, weighty, start, at)

    def _runs_on(self, at: int) -> bool:
        """Return whether row *at* is the last total with the rows since, added or subtracted.

        So go the lines of an income statement: gross profit is net sales less costs. The last
        total must sum rows above it: one that sums rows below it, less all of these but the last,
        is the last.
        """
        if not self.totals or at - self.totals[-1] < 2 or self.totals[-1] not in self._of_above:
            return False
        last, filled = self.totals[-1], self._filled(at)
        weighty = [column for column, number in filled.items() if is_weighty(number)]
        if len(weighty) < 2 and not self._bold(at):
            return False
        if len(weighty) >= 2 and not are_independent(self.numbers, weighty, last, at):
            return False
        since = {column: self._sum(column, last + 1, at) for column in filled}
        base = {column: self.numbers[column][last] or 0.0 for column in filled}
        return any(
            agree(filled, {column: base[column] + sign * since[column] for column in filled})
            for sign in (1, -1)
        )

    def _filled(self, at: int) -> dict[int, float]:
        """Return column → number of row *at*."""
        filled: dict[int, float] = {}
        for column, numbers in self.numbers.items():
            if (number := numbers[at]) is not None:
                filled[column] = number
            if len(filled) == MAX_SUMMED_COLUMNS:
                break
        return filled

    def _sum(self, column: int, start: int, end: int) -> float:
        if column not in self._running:
            plain = (number or 0.0 for number in self.numbers[column])
            self._running[column] = list(accumulate(plain, initial=0.0))
        return self._running[column][end] - self._running[column][start]

    def _equal(
        self, filled: Mapping[int, float], start: int, end: int, *, without_totals: bool = False
    ) -> bool:
        """Return whether *filled* are the sums of rows *start* to before *end*."""
        first, last = bisect_left(self.totals, start), bisect_left(self.totals, end)
        found = {}
        for column in filled:
            found[column] = self._sum(column, start, end)
            if without_totals:
                of_totals = self._of_totals[column]
                found[column] -= of_totals[last] - of_totals[first]
        return agree(filled, found)

    def _sums_totals(self, filled: Mapping[int, float]) -> bool:
        return agree(filled, {column: self._of_totals[column][-1] for column in filled})

    def _starts(self, at: int) -> list[int]:
        """Return further rows a sum may begin at: behind each of the last totals, or a group's."""
        starts = [total + 1 for total in self.totals[-12:]]
        for values in self.body.texts.values():
            first = at - 1
            while first > 0 and at - first < MAX_ADDENDS and values[first - 1] == values[at - 1]:
                first -= 1
            if at - first >= 2 and first not in starts:
                starts.append(first)
        return starts

    def _bold(self, at: int) -> bool:
        row, bold = self.body.top + at, self.body.grid.bold
        here = [column for column in self.numbers if (row, column) in bold]
        return any((row - 1, column) not in bold for column in here)


def is_weighty(number: float) -> bool:
    """Return whether another sum would hardly be *number* by chance."""
    return bool(number) and (abs(number) > 20 or bool(number % 1))


def are_independent(
    numbers: Mapping[int, Sequence[float | None]], columns: Sequence[int], start: int, end: int
) -> bool:
    """Return whether two of the *columns* are not multiples of each other in those rows."""
    if not columns:
        return False
    first = numbers[columns[0]][start:end]
    for column in columns[1:]:
        pairs = zip(first, numbers[column][start:end], strict=True)
        ratios = [b / a for a, b in pairs if a and b is not None]
        if len(ratios) >= 2 and max(ratios) - min(ratios) > 1e-6 * abs(max(ratios)):
            return True
    return False


def agree(numbers: Mapping[int, float], sums: Mapping[int, float]) -> bool:
    """Return whether most *numbers*, and one that is not 0, are the *sums* of their columns."""
    hits = misses = 0
    for column, number in numbers.items():
        if same(sums[column], number):
            hits += number != 0
        else:
            misses += 1
    return hits > 0 and hits >= 2 * misses


def same(a: float, b: float) -> bool:
    """Return whether two sums agree; sums of amounts may be rounded to a cent."""
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=0.006 if abs(b) >= 1 else 1e-9)
