"""The different texts of a sheet, each with a number, and the marks by which cells name them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..values import CellError, damaged, number_value

if TYPE_CHECKING:
    import numpy as np

MARK = "\ue000"
"""Before the number of a text, or before "E" and an error: a private character."""


class _Numbers(dict[str, int]):
    """Numbers of texts; a new text gets the next."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self._first = first

    def __missing__(self, text: str) -> int:
        number = self[text] = self._first + len(self)
        return number


class Texts:
    """The different texts of a sheet, each with a number."""

    def __init__(self, shared: Sequence[str]) -> None:
        self._shared = shared
        self._others = _Numbers(len(shared))
        self.other = self._others.__getitem__
        """Returns the number of a text that is not in the file's own table."""

    @property
    def count(self) -> int:
        """How many texts there are."""
        return len(self._shared) + len(self._others)

    def number(self, text: str) -> int:
        """Return the number of *text*: itself, or the mark of a numbered one.

        Raises:
            Unreadable: The file has no text of this number.
        """
        if text[:1] == MARK:
            number = int(text[1:])
            if number < len(self._shared) + len(self._others):
                return number
            raise damaged(f"a cell names text {number}, of {len(self._shared)} there are")
        return self.other(text)

    def numbers(self, texts: Sequence[str]) -> np.ndarray | None:
        """Return the numbers of texts, at once; ``None`` if only some are marked.

        Raises:
            Unreadable: The file has no text of such a number.
        """
        import numpy as np

        joined = "".join(texts)
        if MARK not in joined:
            return np.fromiter(map(self.other, texts), dtype=np.int32, count=len(texts))
        if joined.count(MARK) != len(texts) or not joined.replace(MARK, "").isdecimal():
            return None
        found = np.fromstring(joined.replace(MARK, " "), dtype=np.int32, sep=" ")
        if len(found) != len(texts):
            return None
        if (last := int(found.max())) >= len(self._shared) + len(self._others):
            raise damaged(f"a cell names text {last}, of {len(self._shared)} there are")
        return found

    def plain(self, value: Any) -> Any:
        """Return a cell that calamine gave as pandas takes it; an empty text is an empty cell."""
        kind = type(value)
        if kind is float:
            return number_value(value)
        if kind is str and value[:1] == MARK:
            if value[1:2] == "E":
                return math.nan
            number = self.number(value)
            shared = len(self._shared)
            return self._shared[number] if number < shared else list(self._others)[number - shared]
        if kind is CellError:
            return math.nan
        if kind is datetime.date:
            return datetime.datetime(value.year, value.month, value.day)
        return value

    def table(self) -> np.ndarray:
        """Return the texts, by their numbers."""
        import numpy as np

        made = np.empty(len(self._shared) + len(self._others), dtype=object)
        made[: len(self._shared)] = self._shared
        made[len(self._shared) :] = list(self._others)
        return made
