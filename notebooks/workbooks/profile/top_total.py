"""A total in the first row of a table, above what it sums."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from .body import MAX_ARITHMETIC_ROWS, Body
from .sums import MAX_SUMMED_COLUMNS, agree, are_independent, is_weighty

LEAST_ADDENDS = 3
_ALL = re.compile(
    r"^\W*(all|alle|alles|whole|entire|overall|group|consolidated|konzern|gruppe|tous|toutes|ensemble|"
    r"todos|todas|conjunto|tutti|tutte|gruppo|wszystkie|wszystko|všechny|összes|alla|hela|kaikki|"
    r"tüm|все|всі|world|company|全社|全体|全部|全て|すべて|전체|모두|كل|כל)\b",
    re.IGNORECASE,
)


def sums_all_below(body: Body, columns: Iterable[int], totals: Sequence[int]) -> bool:
    """Return whether the first row of *body* is the total of all other rows.

    The first line of a statement is the sum of those below it too (sales are costs and profit):
    so its look must say that it is none of them. Its name says all, it is in bold, the others are
    indented, or it leaves blank what they name.

    Args:
        body: The rows of a table.
        columns: Those whose numbers may be summed.
        totals: Rows (from 0) that are totals of others: they are no addends.
    """
    if 0 in totals or not LEAST_ADDENDS < body.count <= MAX_ARITHMETIC_ROWS:
        return False
    out = set(totals)
    rows = [at for at in range(1, body.count) if at not in out]
    numbers = {c: body.numbers[c] for c in columns if c in body.numbers}
    first = {c: n for c, values in numbers.items() if (n := values[0]) is not None}
    first = dict(list(first.items())[:MAX_SUMMED_COLUMNS])
    weighty = [c for c, n in first.items() if is_weighty(n)]
    if len(rows) < LEAST_ADDENDS or not weighty:
        return False
    sums = {c: sum(numbers[c][at] or 0.0 for at in rows) for c in first}
    hits = [c for c in weighty if agree({c: first[c]}, sums)]
    addends = max((sum(bool(numbers[c][at]) for at in rows) for c in hits), default=0)
    if addends < LEAST_ADDENDS or not agree(first, sums):
        return False
    if len(hits) >= 2 and not are_independent(numbers, hits, 1, body.count):
        return False
    return stands_out(body, 0, rows, numbers)


def stands_out(body: Body, row: int, rows: Sequence[int], numbers: Mapping[int, object]) -> bool:
    """Return whether *row* looks other than the *rows* of data: as one that sums them.

    Args:
        body: The rows of a table.
        row: One of them (from 0).
        rows: Those that it may sum.
        numbers: Has the columns of numbers.
    """
    if _ALL.match(body.label(row)):
        return True
    bold = [(body.top + row, c) in body.grid.bold for c in numbers]
    others = [(body.top + at, c) in body.grid.bold for at in rows for c in numbers]
    if all(bold) and sum(others) <= 0.1 * len(others):
        return True
    for column, values in body.texts.items():
        if column in numbers:
            continue
        below = [values[at] for at in rows]
        named = [v for v in below if isinstance(v, str) and v.strip()]
        if len(named) < 0.9 * len(below):
            continue
        own = values[row]
        if not (isinstance(own, str) and own.strip()):
            return True
        indented = sum(v[:1].isspace() for v in named)
        if indented >= 0.9 * len(named) and not own[:1].isspace():
            return True
    return False
