"""Columns that add up other columns of their table: Q1 beside its months, a total at the end.

Code that adds up or melts all columns counts their amounts twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .sums import is_weighty, same

Numbers = Mapping[int, Sequence[float | None]]
FEWEST_ROWS, NAMED_ROWS, MOST_ROWS = 3, 2, 2_000
MOST_COLUMNS = 200
_NAMES_A_SUM = re.compile(
    r"\b(?:grand )?total|sum|summe|gesamt|somme|suma|totaal|Q[1-4]\b|H[12]\b|FY|YTD|HY|quarter|"
    r"year|quartal|jahr|halbjahr|trim|ann[ée]e|合計|総計|合计|计",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SumColumn:
    """A column that adds up others.

    Attributes:
        column: Its number, from 0 in the sheet.
        of: Those that it adds up.
    """

    column: int
    of: Sequence[int]


def sum_columns(numbers: Numbers, names: Mapping[int, Any]) -> list[SumColumn]:
    """Return the columns that add up others, from left to right.

    Args:
        numbers: Column → its numbers in the rows of data; columns that may be added up only.
        names: Column → its name. One that names a sum needs two rows that agree, others three.
    """
    columns = sorted(numbers)[:MOST_COLUMNS]
    found: list[SumColumn] = []
    for at, column in enumerate(columns):
        rows = _Rows(numbers, column, str(names.get(column, "")))
        of = next((of for of in _candidates(columns[:at], found) if rows.are_sums(of)), None)
        if of is None and at == 0:
            of = columns[1:] if len(columns) > 2 and rows.are_sums(columns[1:]) else None
        if of is not None:
            found.append(SumColumn(column, of))
    return found


def _candidates(before: Sequence[int], found: Sequence[SumColumn]) -> Iterator[Sequence[int]]:
    """Yield which of the columns *before* one it may add up, the likeliest first."""
    sums = [each.column for each in found]
    since = [column for column in before if not sums or column > sums[-1]]
    if len(since) >= 2:
        yield since
    for count in range(2, len(sums) + 1):
        yield sums[-count:]
    data = [column for column in before if column not in sums]
    if len(data) >= 2 and data != since:
        yield data
    # The last sums of one kind: two halves, each after its quarters.
    kinds: dict[int, list[int]] = {}
    for each in found:
        kinds.setdefault(len(each.of), []).append(each.column)
    yield from (each for each in kinds.values() if len(each) >= 2)
    for count in range(2, len(since)):
        yield since[-count:]


class _Rows:
    """The rows of one column, to be compared with the sums of others."""

    def __init__(self, numbers: Numbers, column: int, name: str) -> None:
        self._numbers = numbers
        self._rows = {
            row: number
            for row, number in enumerate(numbers[column][:MOST_ROWS])
            if number is not None
        }
        self._least = NAMED_ROWS if _NAMES_A_SUM.search(name) else FEWEST_ROWS

    def are_sums(self, of: Sequence[int]) -> bool:
        """Return whether all its numbers are sums of the columns *of*, more than by chance."""
        telling = 0
        for row, number in self._rows.items():
            addends = [self._numbers[column][row] or 0.0 for column in of]
            if not same(sum(addends), number):
                return False
            telling += is_weighty(number) and sum(map(bool, addends)) >= 2
        return telling >= self._least
