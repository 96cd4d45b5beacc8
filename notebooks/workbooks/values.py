"""Values of cells, and the reason why a file can't be read."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


class Unreadable(Exception):
    """The file can't be read.

    Attributes:
        code: Permanent kebab-case name of the reason.
        message: The fact, in a sentence.
        hint: What to do about it.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(code, message, hint)
        self.code, self.message, self.hint = code, message, hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}"


@dataclass(frozen=True, slots=True)
class CellError:
    """An error value of a cell, such as ``#N/A`` (ECMA-376 part 1, 18.18.11 ST_CellType ``e``)."""

    text: str

    def __str__(self) -> str:
        return self.text


Value = (
    str
    | bool
    | int
    | float
    | datetime.datetime
    | datetime.date
    | datetime.time
    | datetime.timedelta
    | CellError
    | None
)


@dataclass(frozen=True, slots=True)
class SheetInfo:
    """One sheet of a book.

    Attributes:
        name: As its tab shows it; for a file without sheets, the file's name without ending.
        kind: ``"worksheet"``, ``"chart"``, ``"dialog"`` or ``"macro"``.
        visible: Whether its tab is shown.
        very_hidden: It is hidden so that only a program can show it.
    """

    name: str
    kind: str = "worksheet"
    visible: bool = True
    very_hidden: bool = False


Row = tuple[int, list[Value]]
"""A row that has a filled cell: its 0-based number, and its values from column A to the last
filled cell."""


class Source(Protocol):
    """One open file of one kind: what a reader of that kind offers."""

    sheets: list[SheetInfo]

    def filled(self, index: int) -> Iterator[Row]:
        """Yield the rows of sheet *index* that have a filled cell, in order."""


def text_value(text: str) -> Value:
    """Return *text*, or ``None`` for an empty cell."""
    return text or None


def number_value(number: float) -> int | float:
    """Return *number* as an integer if it is one, as spreadsheets show it."""
    return int(number) if number.is_integer() else number


MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
"""The size of a sheet (Excel specifications and limits)."""


DAMAGED = "The file is damaged: "


def damaged(what: str) -> Unreadable:
    """Return the reason for a file that is cut off or otherwise broken.

    Args:
        what: What was found, as the end of a sentence that starts with "The file is damaged:".
    """
    return Unreadable(
        "damaged",
        f"{DAMAGED}{what}.",
        "Save it again in the program that made it, or ask for it to be sent again.",
    )
