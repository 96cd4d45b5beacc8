"""Compares texts line by line: numbers within a relative tolerance, everything else exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

RELATIVE = 1e-9
"""Relative tolerance: two numbers are equal if they differ by at most this part of the larger."""
SHOWN_CHARACTERS = 80
SHOWN_LINES = 10
_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![.]?\w)"
)
_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class TextDifference:
    """The lines in which two texts differ.

    Attributes:
        lines: Numbers of the lines that differ, from 1.
        before: The first of them in one text; ``None`` if that text has no such line.
        after: The same line in the other text.
    """

    lines: tuple[int, ...]
    before: str | None
    after: str | None

    def __str__(self) -> str:
        shown = f"line {self.lines[0]}: {changed(self.before, self.after)}"
        if len(self.lines) == 1:
            return shown
        numbers = ", ".join(map(str, self.lines[:SHOWN_LINES]))
        more = ", …" if len(self.lines) > SHOWN_LINES else ""
        return f"{shown} ({len(self.lines)} lines differ: {numbers}{more})"


def close(one: float, other: float) -> bool:
    """Return whether two finite numbers are equal within `RELATIVE`."""
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=0.0)


def text_difference(before: str, after: str) -> TextDifference | None:
    """Return where two texts differ, or ``None``."""
    if before == after:
        return None
    return lines_difference(before.split("\n"), after.split("\n"))


def lines_difference(before: Iterable[str], after: Iterable[str]) -> TextDifference | None:
    """Return where two sequences of lines differ, or ``None``.

    A number printed with more digits shifts the columns of a table. So if close numbers have
    different lengths anywhere, a run of blanks counts as one blank.
    """
    unlike = [
        (number, one, other)
        for number, (one, other) in enumerate(zip_longest(before, after), 1)
        if one != other
    ]
    pairs = [(one, other) for _, one, other in unlike if one is not None and other is not None]
    respaced = any(_is_respaced(one, other) for one, other in pairs)
    left = [
        (number, one, other)
        for number, one, other in unlike
        if one is None or other is None or not same_line(one, other, respaced=respaced)
    ]
    if not left:
        return None
    return TextDifference(tuple(number for number, *_ in left), left[0][1], left[0][2])


def same_line(one: str, other: str, *, respaced: bool) -> bool:
    """Return whether two lines are the same but for close numbers.

    Args:
        one: A line.
        other: Another one.
        respaced: Whether a run of blanks counts as one blank.
    """
    numbers, others = _NUMBER.findall(one), _NUMBER.findall(other)
    return (
        len(numbers) == len(others)
        and _around(one, respaced=respaced) == _around(other, respaced=respaced)
        and all(map(_same_number, numbers, others))
    )


def _is_respaced(one: str, other: str) -> bool:
    """Return whether the lines differ only in the length of their numbers."""
    if not same_line(one, other, respaced=True):
        return False
    return list(map(len, _NUMBER.findall(one))) != list(map(len, _NUMBER.findall(other)))


def _around(line: str, *, respaced: bool) -> str:
    """Return *line* with its numbers replaced by ``0``."""
    text = _NUMBER.sub("0", line)
    return _BLANKS.sub(" ", text).strip() if respaced else text


def _same_number(one: str, other: str) -> bool:
    if one == other:
        return True
    if not any(mark in one + other for mark in ".eE"):
        return False  # integers are compared exactly: they may be account numbers
    values = [float(text.replace(",", "")) for text in (one, other)]
    return all(map(math.isfinite, values)) and close(*values)


def changed(before: str | None, after: str | None) -> str:
    """Return the change of one text into another in one line, around the first difference."""
    if before is None:
        return f"{_part(after or '', 0)} came in addition"
    if after is None:
        return f"{_part(before, 0)} is missing"
    pairs = zip(before, after, strict=False)
    at = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(before), len(after)))
    return f"{_part(before, at)} became {_part(after, at)}"


def printable(text: str) -> str:
    """Return *text* in one line, with control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _part(text: str, at: int) -> str:
    """Return *text* quoted; of a long text only the part around position *at*."""
    if len(text) <= SHOWN_CHARACTERS:
        return repr(text)
    begin = max(0, at - SHOWN_CHARACTERS // 2)
    part = text[begin : begin + SHOWN_CHARACTERS]
    before = "…" if begin else ""
    return repr(f"{before}{part}{'…' if begin + SHOWN_CHARACTERS < len(text) else ''}")
