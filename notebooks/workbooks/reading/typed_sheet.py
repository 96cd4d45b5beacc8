"""A large sheet: its first rows as they are, the rows below as typed columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..formats.numbered_texts import Texts
from ..values import damaged
from .typed_columns import TypedColumn

MAX_GAP, MAX_WIDTH = 10_000, 4_000
"""A sheet with a wider gap between rows, or wider itself, is one to read row by row."""
Window = tuple[int, int, Sequence[Sequence[Any]]]
"""First row, first column, and the cells of a rectangle."""
Choice = Callable[[list[list[Any]], int], "set[int] | None"]


class TypedSheet:
    """A sheet while it is read.

    Attributes:
        texts: The texts of the file.
        head: Cells of the first rows; an empty text is an empty cell.
        columns: The columns below; ``None`` for those that are not wanted.
        length: How many rows are below the head.
    """

    def __init__(self, texts: Texts, head_rows: int) -> None:
        """Prepare to read.

        Args:
            texts: The texts of the file.
            head_rows: How many rows belong to the head.
        """
        self.texts, self._head_rows = texts, head_rows
        self.head: list[list[Any]] = []
        self.columns: list[TypedColumn | None] = []
        self.length = 0

    def read(self, windows: Iterable[Window], choose: Choice) -> bool:
        """Take all windows in; ``False`` if the sheet is one to read row by row.

        Args:
            windows: Of the sheet, from its top.
            choose: Asked once, before the first row below the head, with the head and its
                width: which columns to keep, ``None`` for all.

        Raises:
            Unreadable: Rows are out of order.
        """
        height = 0
        for row, column, rows in windows:
            if row < height:
                raise damaged(f"row {row + 1} stands behind row {height}")
            width = column + len(rows[0])
            if row - height > MAX_GAP or width > MAX_WIDTH:
                return False
            height = row + len(rows)
            in_head = max(0, min(len(rows), self._head_rows - row))
            self._add_head(row, column, rows[:in_head])
            if in_head == len(rows):
                continue
            if not self.columns:
                kept = choose(self._filled_head(), width)
                self.columns = [
                    TypedColumn(self.texts) if kept is None or at in kept else None
                    for at in range(width)
                ]
            self._add_body(row + in_head - self._head_rows, column, rows[in_head:])
        for typed in self.columns:
            if typed is not None:
                typed.skip(self.length - typed.length)
        self._filled_head()
        return True

    def _filled_head(self) -> list[list[Any]]:
        self.head += ([] for _ in range(self._head_rows - len(self.head)))
        return self.head

    def _add_head(self, row: int, column: int, rows: Sequence[Sequence[Any]]) -> None:
        plain = self.texts.plain
        for number, values in enumerate(rows, row):
            self.head += ([] for _ in range(number - len(self.head)))
            self.head.append([""] * column + [plain(value) for value in values])

    def _add_body(self, at: int, column: int, rows: Sequence[Sequence[Any]]) -> None:
        """Add rows of which the first is number *at* below the head."""
        width = column + len(rows[0])
        self.columns += (TypedColumn(self.texts) for _ in range(width - len(self.columns)))
        for number, values in enumerate(zip(*rows, strict=True), column):
            typed = self.columns[number]
            if typed is not None:
                typed.skip(at - typed.length)
                typed.add(values)
        self.length = at + len(rows)
