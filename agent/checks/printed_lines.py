"""Figures that follow from few printed numbers: shares, growth, averages and products.

Any two of twenty numbers have some quotient near any percentage. So a share or a growth counts
only of numbers that belong together: by their place (a part and the sum of its column, a line and
the one before it or the first), or by their names in the sentence.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agent.checks.number_text import Written, numbers_in

MOST_LINES, LONGEST_RUN, MOST_NAMED = 40, 12, 6
EXACT = 4
"""Digits from which an amount is exact enough that no two numbers give it by chance."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_FACTORS = {"annualised": (12.0, 4.0, 2.0), "annualized": (12.0, 4.0, 2.0)}


@dataclass(frozen=True, slots=True)
class Printed:
    """The numbers of one output.

    Attributes:
        columns: Numbers that stand below each other, in runs of lines alike.
        named: Words of a line, in lower case, and its last number.
        values: All numbers.
    """

    columns: Sequence[Sequence[float]]
    named: Sequence[tuple[frozenset[str], float]]
    values: Sequence[float]


def printed(text: str, few: int) -> Printed | None:
    """Return the numbers of *text*; ``None`` if it has more than *few* different ones."""
    lines = [line for line in text.splitlines() if "dtype: " not in line][:MOST_LINES]
    rows = [[each.value for each in numbers_in(line, output=True)] for line in lines]
    values = list(dict.fromkeys(value for row in rows for value in row))
    if len(values) > few:
        return None
    columns: list[list[float]] = []
    for count, run in itertools.groupby(rows, key=len):
        below = list(run)
        if count and 2 <= len(below) <= LONGEST_RUN:
            columns += [list(c) for c in zip(*below, strict=True) if not _counts(list(c))]
    named = [
        (frozenset(word.lower() for word in _WORD.findall(line)), row[-1])
        for line, row in zip(lines, rows, strict=True)
        if row
    ]
    return Printed(columns, [each for each in named if each[0]], values)


def _counts(column: Sequence[float]) -> bool:
    """Whether *column* is an index: whole numbers, one after the other."""
    return all(later - earlier == 1 for earlier, later in itertools.pairwise(column))


def by_place(given: Printed) -> Iterator[float]:
    """Yield shares of each column's sum, and changes from line to line and from the first."""
    for column in given.columns:
        total = sum(column)
        yield from (value / total for value in column if total)
        pairs = [(later, earlier) for earlier, later in itertools.pairwise(column)]
        pairs += [(value, column[0]) for value in column[1:]]
        yield from _quotients(pairs)


def by_name(given: Printed, sentence: str) -> Iterator[float]:
    """Yield quotients of the numbers that *sentence* names, and of each and the sums beside it."""
    words = {word.lower() for word in _WORD.findall(sentence)}
    named = list(dict.fromkeys(value for label, value in given.named if label & words))
    if len(named) > MOST_NAMED:
        return
    yield from _quotients(itertools.permutations(named, 2))
    together = sum(named)
    for total in [sum(column) for column in given.columns]:
        yield from (value / total for value in [*named, together] if total)


def exact_amounts(
    given: Printed, each: Written, rates: Sequence[float], sentence: str
) -> Iterator[float]:
    """Yield averages, and products with rates that the answer names, for an exact amount.

    Args:
        given: The numbers.
        each: The number that is looked for.
        rates: Rates such as 0.21, which the answer or the user named.
        sentence: Where it stands.
    """
    if not _is_exact(each):
        return
    values = [*given.values, *(sum(column) for column in given.columns)]
    counts = [float(len(column)) for column in given.columns]
    yield from (one / other for one in values for other in [*given.values, *counts] if other)
    yield from exact_products(given, each, rates)
    words = {word.lower() for word in _WORD.findall(sentence)}
    for word, factors in _FACTORS.items():
        yield from (v * factor for v in values for factor in factors if word in words)


def exact_products(given: Printed, each: Written, rates: Sequence[float]) -> Iterator[float]:
    """Yield printed numbers and their sums times *rates*, for an exact amount."""
    for value in [*given.values, *(sum(c) for c in given.columns)] if _is_exact(each) else ():
        for rate in rates:
            yield from (value * rate, value * (1 + rate), value * (1 - rate), value / (1 + rate))


def _is_exact(each: Written) -> bool:
    return not each.percent and sum(sign.isdigit() for sign in each.text) >= EXACT


def _quotients(pairs: Iterable[tuple[float, float]]) -> Iterator[float]:
    for above, below in pairs:
        if below and above != below:
            yield abs(above / below)
            yield abs(above / below - 1)
