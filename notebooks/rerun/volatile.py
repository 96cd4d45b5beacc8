"""What differs between two runs of our own is volatile, and no difference from the record.

A time, a random number, the order of a set: two re-runs give two values, so that of the record
says nothing. Only such places are left out of the comparison: a line that both runs print alike
must be in the record, and so must each word of a line in which another word changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from notebooks.rerun.tolerance import TextDifference, lines_difference, same_line
from notebooks.workbooks.compare.difference import Comparison, Difference

MOST_ALIGNED = 4000
"""Lines of a text up to which those that only one run has are found; else its middle counts."""
MOST_CELLS = 100_000
MOST_NUMBERS = 8
_TIME = r"\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?(?:Z|UTC|[AaPp][Mm]|[+-]\d\d:?\d\d))?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DATE = rf"(?:\d{{1,4}}[-/.]\d\d?[-/.]\d{{1,4}}|{_MONTH}\s+\d\d?)"
_DURATION = r"\d+(?:\.\d+)?\s?(?:ns|µs|μs|us|ms|s|sec|seconds?|min|minutes?|h|hours?)"
_WORD = re.compile(
    # What changes as a whole: a run's time differs from that of the run before in its seconds only.
    rf"(?<!\w){_DATE}(?:T|,?\s+){_TIME}(?:\s+\d{{4}})?(?!\w)"
    rf"|(?<![\w.]){_TIME}(?!\w)"
    rf"|(?<![\w.]){_DURATION}(?:,?\s+{_DURATION})*(?!\w)"
    r"|(?<!\w)[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\w)"
    r"|(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\w)"
    r"|\w+|\s+|(\W)\1*"
)
"""A time with its date, a duration, a UUID, a number, a word, blanks, or a sign."""
_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


@dataclass(frozen=True, slots=True)
class Beyond:
    """What is left of a difference.

    Attributes:
        difference: Between the record and a run, outside of what is volatile; ``None`` without one.
        lines: Numbers of the volatile lines, from 1.
    """

    difference: TextDifference | None
    lines: tuple[int, ...] = ()


def beyond_volatile(recorded: str, one: str, other: str) -> Beyond:
    """Compare a recorded text with that of a run, outside of what differs between two runs.

    Args:
        recorded: The recorded text.
        one: The text of the first run.
        other: The text of the second.
    """
    before, after, again = recorded.split("\n"), one.split("\n"), other.split("\n")
    if len(after) == len(again) == len(before):
        return _line_by_line(before, after, again)
    if len(after) == len(again) or not _holds(before, after, again):
        return Beyond(lines_difference(before, after))
    return Beyond(None, tuple(_only_one_has(after, again)))


def _line_by_line(before: Sequence[str], after: Sequence[str], again: Sequence[str]) -> Beyond:
    volatile = [n for n, (a, b) in enumerate(zip(after, again, strict=True)) if a != b]
    # A volatile number with more digits shifts the columns of a table.
    known, unlike = set(volatile), []
    for number, (was, now) in enumerate(zip(before, after, strict=True)):
        if same_line(was, now, respaced=bool(volatile)):
            continue
        if number not in known or not _fits(was, now, again[number]):
            unlike.append(number)
    if unlike:
        first = unlike[0]
        lines = tuple(number + 1 for number in unlike)
        return Beyond(TextDifference(lines, before[first], after[first]))
    return Beyond(None, tuple(number + 1 for number in volatile))


def _fits(recorded: str, one: str, other: str) -> bool:
    """Whether *recorded* is as both lines are, where both are alike."""
    was, now, again = _words(recorded), _words(one), _words(other)
    if len(now) == len(again):
        places = zip(was, now, again, strict=False)
        return len(was) == len(now) and all(w == n or n != a for w, n, a in places)
    begin = _alike(now, again)
    end = _alike(now[begin:][::-1], again[begin:][::-1])
    if len(was) < begin + end:
        return False
    return was[:begin] == now[:begin] and was[len(was) - end :] == now[len(now) - end :]


def _words(line: str) -> list[str]:
    """Return words, numbers and signs; blanks, and repeated signs, count as one."""
    return [m[0][0] if m[1] or m[0].isspace() else m[0] for m in _WORD.finditer(line)]


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _blocks(one: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Return first line and end, in *one*, of each block of lines that both have."""
    begin = _alike(one, other)
    end = _alike(one[begin:][::-1], other[begin:][::-1])
    middle, others = one[begin : len(one) - end], other[begin : len(other) - end]
    blocks = [(0, begin)] if begin else []
    if max(len(middle), len(others)) <= MOST_ALIGNED:
        matcher = SequenceMatcher(None, middle, others, autojunk=False)
        blocks += [
            (begin + each.a, begin + each.a + each.size)
            for each in matcher.get_matching_blocks()
            if each.size
        ]
    return [*blocks, (len(one) - end, len(one))] if end else blocks


def _holds(recorded: Sequence[str], one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether *recorded* has each block of lines that both runs have, in order."""
    at = 0
    for first, end in _blocks(one, other):
        size, block = end - first, one[first:end]
        last = len(recorded) - size
        if first == 0:
            places = range(1)
        elif end == len(one):
            places = range(max(at, last), last + 1)
        else:
            places = range(at, last + 1)
        found = next((p for p in places if _same_lines(recorded[p : p + size], block)), None)
        if found is None:
            return False
        at = found + size
    return True


def _same_lines(some: Sequence[str], others: Sequence[str]) -> bool:
    return len(some) == len(others) and all(
        same_line(a, b, respaced=True) for a, b in zip(some, others, strict=True)
    )


def _only_one_has(one: Sequence[str], other: Sequence[str]) -> Iterator[int]:
    at = 0
    for first, end in [*_blocks(one, other), (len(one), len(one))]:
        yield from range(at + 1, first + 1)
        at = end


def said_lines(lines: Sequence[int]) -> str:
    """Return the numbers of lines in words: ``lines 2, 5``."""
    if not lines:
        return "the number of lines"
    shown = ", ".join(map(str, lines[:MOST_NUMBERS]))
    more = ", …" if len(lines) > MOST_NUMBERS else ""
    return f"line{'s' if len(lines) > 1 else ''} {shown}{more}"


def explained(found: Comparison, own: Comparison) -> bool:
    """Whether each difference of two workbooks is at a place where two runs of our own differ.

    Args:
        found: The recorded workbook against that of a run.
        own: That of the run against that of another run.
    """
    if own.problem is not None or found.more or own.more:
        return False
    exact = {_key(each) for each in own.differences}
    cells: dict[str, set[tuple[int, int]]] = {}
    for each in own.differences:
        if each.layer in ("values", "formulas"):
            cells.setdefault(each.sheet, set()).update(_cells(each.place) or ())
    return all(
        _key(each) in exact
        or (
            each.layer in ("values", "formulas")
            and (own_cells := _cells(each.place)) is not None
            and own_cells <= cells.get(each.sheet, set())
        )
        for each in found.differences
    )


def _key(each: Difference) -> tuple[str, ...]:
    return each.layer, each.sheet, each.place, each.what


def _cells(place: str) -> set[tuple[int, int]] | None:
    """Return column and row of each cell of *place*; ``None`` if it is none of cells, or large."""
    found: set[tuple[int, int]] = set()
    for part in place.split(", "):
        ends = [_CELL.fullmatch(end) for end in part.split(":")]
        if not ends or any(end is None for end in ends):
            return None
        corners = [(_column(end[1]), int(end[2])) for end in ends if end is not None]
        (left, top), (right, bottom) = corners[0], corners[-1]
        if (right - left + 1) * (bottom - top + 1) + len(found) > MOST_CELLS:
            return None
        found |= {(c, r) for c in range(left, right + 1) for r in range(top, bottom + 1)}
    return found


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
