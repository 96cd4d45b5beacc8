"""Rows above a header that are part of it: groups, units, numbers of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import cells
from .header_numbers import are_codes, year_of

if TYPE_CHECKING:
    from .headers import Block

VALUES = (cells.NUMBER, cells.DATE, cells.TIME, cells.BOOLEAN)


def belongs_above(block: Block, rows: list[int]) -> bool:
    """Return whether the row above *rows* is one more header row."""
    last, r = rows[-1], rows[0] - 1
    filled = block.filled(r)
    below = set(block.filled(rows[0]))
    if _codes_above(block, r, rows):
        return True
    if not filled or any(not _can_name(block, r, c) for c in filled):
        return False
    spans = block.merged_spans(r)
    only = filled[0] if len(filled) == 1 else None
    if only == 0 and not any(left == 0 and end >= rows[0] for left, _, end in spans):
        return False  # a title
    if any(end >= rows[0] for _, _, end in spans):
        return True
    if any(right > left and (left > 0 or len(filled) > 1) for left, right, _ in spans):
        return True
    if len(filled) >= 2 and all(c > 0 for c in filled) and _makes_unique(block, r, rows):
        return True
    if len(filled) >= 2 and _makes_unique(block, r, rows):
        return True
    if (
        len(filled) >= 2
        and any(c not in below for c in filled)
        and below
        and _completes(block, filled, below, last)
    ):
        return True
    return _names_the_values(block, r, last)


def _codes_above(block: Block, r: int, rows: list[int]) -> bool:
    """Return whether row *r* has the numbers of accounts over their names, and other names."""
    filled = block.filled(r)
    numbers = [block.values[r][c] for c in filled if block.classes[r][c] is cells.NUMBER]
    others = [c for c in filled if block.classes[r][c] is not cells.NUMBER]
    below = {c for row in rows for c in block.filled(row)}
    named = bool(others) and all(
        block.classes[r][c] is cells.TEXT and c not in below for c in others
    )
    return named and are_codes(numbers)


def _can_name(block: Block, r: int, c: int) -> bool:
    found = block.classes[r][c]
    if found in (cells.TEXT, cells.DATE):
        return len(str(block.values[r][c])) <= 80
    return found is cells.NUMBER and year_of(block.values[r][c]) is not None


def _makes_unique(block: Block, r: int, rows: list[int]) -> bool:
    """Return whether names that repeat in the header differ once row *r* is put before them."""
    names = [tuple(str(block.values[x][c]) for x in rows) for c in range(block.width)]
    named = [c for c in range(block.width) if any(name.strip() for name in names[c])]
    if len({names[c] for c in named}) == len(named):
        return False
    group, full = "", []
    for c in range(block.width):
        if block.classes[r][c] is not cells.BLANK:
            group = str(block.values[r][c])
        if c in named:
            full.append((group, *names[c]))
    return len(set(full)) == len(full)


def _completes(block: Block, filled: list[int], below: set[int], last: int) -> bool:
    """Return whether the row names just the body's columns that the row below leaves blank."""
    body = block.body(last + 1)
    used = {c for c, (main, _) in enumerate(body) if main is not None}
    return used <= below | set(filled) and not used <= below


def _names_the_values(block: Block, r: int, last: int) -> bool:
    """Return whether row *r* has names over the numbers and dates: neither title nor fact has."""
    body = block.body(last + 1)
    typed = [c for c, (main, share) in enumerate(body) if main in VALUES and share >= 0.5]
    used = [c for c, (main, _) in enumerate(body) if main is not None]
    over = [c for c in typed if block.classes[r][c] is not cells.BLANK]
    filled = block.filled(r)
    if len(typed) >= 2:
        return len(over) >= 0.6 * len(typed) and len(filled) >= 0.5 * len(used)
    return len(used) >= 3 and bool(over) and len(filled) >= 0.8 * len(used)
