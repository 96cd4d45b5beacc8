"""How far the profile of a large file is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

LARGE_BYTES = 20_000_000
"""Unpacked; nothing is said of smaller files, which take about a second at most."""
STEP, EVERY_ROWS = 0.05, 2_000
READING = 0.8
"""The share of a sheet's time that goes into reading it; the rest into describing it."""


class Progress:
    """Says the share that is done, in steps."""

    def __init__(self, say: Callable[[float], None] | None, sizes: Sequence[int]) -> None:
        """Begin.

        Args:
            say: Gets the share from 0 to 1; ``None`` to say nothing.
            sizes: The bytes of each sheet, in the order in which they are read.
        """
        self._sizes, self._total = sizes, sum(sizes)
        self._say = say if self._total >= LARGE_BYTES else None
        self._before = self._size = 0
        self._said = 0.0

    def begin(self, index: int) -> None:
        """Go on to the sheet at *index*."""
        self._before, self._size = sum(self._sizes[:index]), self._sizes[index]

    def at(self, share: float) -> None:
        """Say that *share* of this sheet is done."""
        if self._say is None:
            return
        done = (self._before + min(1.0, share) * self._size) / self._total
        if done - self._said >= STEP:
            self._said = done
            self._say(done)

    def reading(
        self, rows: Iterator[tuple[int, list[Any]]], last: int
    ) -> Iterator[tuple[int, list[Any]]]:
        """Yield *rows*, of which the last one has about the number *last*."""
        if self._say is None or last <= 0:
            yield from rows
            return
        for number, values in rows:
            if number % EVERY_ROWS == 0:
                self.at(READING * number / last)
            yield number, values
