"""References that follow cells when rows or columns are inserted, or a sheet is renamed.

Source: ECMA-376 part 1, section 18.17.2 (formula syntax) and 18.3.1.73 (limits of a sheet).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..formats.addresses import column_index, column_letters

MAX_ROW, MAX_COLUMN = 1_048_576, 16_384
LOST = "#REF!"

_SHEET = r"(?:'(?:[^']|'')*'|(?:\[[^\[\]]*\])?[^\W\d][\w.?\\]*(?::[^\W\d][\w.?\\]*)?)!"
_CELL = r"\$?[A-Za-z]{1,3}\$?[0-9]{1,7}"
_TOKEN = re.compile(
    r'"(?:[^"]|"")*"'  # a text
    rf"|(?<![\w.$\\!])(?P<sheet>{_SHEET})?"
    rf"(?P<range>{_CELL}(?::{_CELL})?|\$?[A-Za-z]{{1,3}}:\$?[A-Za-z]{{1,3}}"
    r"|\$?[0-9]{1,7}:\$?[0-9]{1,7})(?![\w.(!\\])"
    rf"|(?<![\w.$\\!]){_SHEET}"  # the sheet of something else, such as a name
    r"|\[(?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*\]"  # columns of an Excel table
)
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_CELL_NAME = re.compile(r"[A-Za-z]{1,3}[0-9]+|[RrCc]([0-9]+([Cc][0-9]+)?)?")
_WORD = re.compile(r"(?<![\w.$\\!\[@'])[^\W\d][\w.\\]*(?![\w.\\(!:])")
"""What may be the name of a table: no function, sheet or column."""
_CORNER = re.compile(r"(\$?)([A-Za-z]{1,3})?(\$?)([0-9]{1,7})?")


@dataclass(frozen=True, slots=True)
class Shift:
    """Rows or columns inserted into a sheet, or deleted from it.

    Attributes:
        sheet: The sheet's name.
        axis: Rows or columns.
        at: The first that is inserted or deleted, from 1.
        count: How many are inserted; negative if they are deleted.
    """

    sheet: str
    axis: Literal["row", "column"]
    at: int
    count: int

    @property
    def limit(self) -> int:
        """The last row or column that a sheet has."""
        return MAX_ROW if self.axis == "row" else MAX_COLUMN

    def place(self, number: int) -> int | None:
        """Return where row or column *number* is afterwards; ``None`` if it is deleted."""
        if number < self.at:
            return number
        if self.count < 0 and number < self.at - self.count:
            return None
        moved = number + self.count
        return moved if moved <= self.limit else None

    def span(self, first: int, last: int) -> tuple[int, int] | None:
        """Return where the rows or columns *first* to *last* are; ``None`` if all are deleted."""
        if first <= 1 and last >= self.limit:
            return first, last  # all of them stay all of them
        if self.count > 0:
            start = self.place(first)
            end = last + self.count if last >= self.at else last
            return (start, min(end, self.limit)) if start is not None else None
        deleted_end = self.at - self.count - 1
        if self.at <= first and last <= deleted_end:
            return None
        start = self.place(first) or self.at
        return start, self.place(last) or self.at - 1

    def formula(self, text: str, sheet: str) -> str:
        """Return a formula, or a name's definition, with references moved.

        Args:
            text: The formula, with or without its ``=``.
            sheet: The sheet it is on: references without a sheet are to that one. Empty for a
                name of the whole workbook.
        """
        own = sheet.casefold() == self.sheet.casefold()
        if not own and "!" not in text:
            return text

        def moved(token: re.Match[str]) -> str:
            found = token["range"]
            if found is None:
                return token[0]
            prefix = token["sheet"] or ""
            concerned = is_named(prefix, self.sheet) if prefix else own
            return prefix + self.range(found) if concerned else token[0]

        return _TOKEN.sub(moved, text)

    def source(self, sheet: str, area: str) -> tuple[str, str]:
        """Return a sheet's name and a range on it, moved."""
        return sheet, self.range(area) if sheet == self.sheet else area

    def ranges(self, text: str) -> str:
        """Return ranges divided by blanks (``sqref``), without those that are deleted."""
        moved = (self.range(each) for each in text.split())
        return " ".join(each for each in moved if each != LOST)

    def range(self, text: str) -> str:
        """Return where a range is afterwards: ``B2:B5``, ``$A:$C``, ``3:5``, ``B2``.

        Returns:
            The range, `LOST` if all of it is deleted, *text* if it is no range of a sheet.
        """
        first, _, last = text.partition(":")
        start, end = _Corner.of(first), _Corner.of(last or first)
        if start is None or end is None:
            return text
        numbers = start.number(self.axis), end.number(self.axis)
        if numbers[0] is None or numbers[1] is None:
            return text  # whole columns, and rows are inserted
        low, high = sorted((numbers[0], numbers[1]))
        moved = self.span(low, high)
        if moved is None:
            return LOST
        places = moved if numbers[0] <= numbers[1] else moved[::-1]
        corners = start.at(self.axis, places[0]), end.at(self.axis, places[1])
        return ":".join(corners if last else corners[:1])


@dataclass(frozen=True, slots=True)
class Rename:
    """A sheet that has a new name.

    Attributes:
        sheet: The name it had.
        name: The name it has.
    """

    sheet: str
    name: str

    def formula(self, text: str, sheet: str) -> str:
        """Return a formula on *sheet* with references to the sheet renamed."""
        if "!" not in text:
            return text

        def renamed(token: re.Match[str]) -> str:
            prefix = token["sheet"] or (token[0] if token[0].endswith("!") else "")
            names = _unquoted(prefix).split(":") if prefix and "[" not in prefix else []
            if self.sheet.casefold() not in map(str.casefold, names):
                return token[0]
            now = [self.name if n.casefold() == self.sheet.casefold() else n for n in names]
            return _prefix_of(now) + token[0].removeprefix(prefix)

        return _TOKEN.sub(renamed, text)

    def source(self, sheet: str, area: str) -> tuple[str, str]:
        """Return the name of a sheet after the change, and the range on it."""
        return (self.name if sheet == self.sheet else sheet), area


@dataclass(frozen=True, slots=True)
class Copied:
    """A sheet that was copied: what is on the copy refers to the copy, as in Excel.

    Attributes:
        sheet: The name of the sheet.
        name: The name of the copy.
        tables: The names of its Excel tables in lower case, and those of their copies.
    """

    sheet: str
    name: str
    tables: Mapping[str, str] = field(default_factory=dict)

    def formula(self, text: str, sheet: str) -> str:
        """Return a formula on *sheet*, the copy. A range of several sheets stays as it is."""

        def own(token: re.Match[str]) -> str:
            prefix = token["sheet"] or (token[0] if token[0].endswith("!") else "")
            if not prefix or not is_named(prefix, self.sheet):
                return token[0]
            return _prefix_of([self.name]) + token[0].removeprefix(prefix)

        text = _TOKEN.sub(own, text) if "!" in text else text
        if not self.tables:
            return text
        pieces = re.split(r"""("(?:[^"]|"")*"|'(?:[^']|'')*'!)""", text)
        pieces[::2] = [_WORD.sub(self._table, piece) for piece in pieces[::2]]
        return "".join(pieces)

    def _table(self, word: re.Match[str]) -> str:
        return self.tables.get(word[0].lower(), word[0])

    def source(self, sheet: str, area: str) -> tuple[str, str]:
        """Return a sheet's name and a range on it as they are on the copy."""
        return (self.name if sheet == self.sheet else sheet), area


def _prefix_of(names: Sequence[str]) -> str:
    """Return the prefix of a reference to one sheet, or to those from the first to the second."""
    if all(_PLAIN_NAME.fullmatch(name) and not _CELL_NAME.fullmatch(name) for name in names):
        return f"{':'.join(names)}!"
    return "'{}'!".format(":".join(names).replace("'", "''"))


def sheets_named(text: str) -> set[str]:
    """Return the sheets that a formula refers to, without those of other workbooks.

    >>> sorted(sheets_named("=SUM(Jan:Mar!A1)+'P & L'!B2+[1]Old!A1"))
    ['Jan', 'Mar', 'P & L']
    """
    names: set[str] = set()
    for token in _TOKEN.finditer(text) if "!" in text else ():
        prefix = token["sheet"] or (token[0] if token[0].endswith("!") else "")
        if prefix and "[" not in prefix:
            names.update(_unquoted(prefix).split(":"))
    return names


def _unquoted(prefix: str) -> str:
    """Return the sheet's name in a reference's prefix, which ends with ``!``."""
    name = prefix[:-1]
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def is_named(prefix: str, sheet: str) -> bool:
    """Whether a reference's prefix, with its ``!``, names *sheet*."""
    return _unquoted(prefix).casefold() == sheet.casefold()


@dataclass(frozen=True, slots=True)
class _Corner:
    """One corner of a range: ``$B$2``, ``$B`` or ``$2``."""

    column_fixed: str
    column: int | None
    row_fixed: str
    row: int | None

    @classmethod
    def of(cls, text: str) -> _Corner | None:
        found = _CORNER.fullmatch(text)
        if found is None:
            return None
        letters, digits = found[2], found[4]
        column = column_index(letters.upper()) + 1 if letters else None
        row = int(digits) if digits else None
        if (column or 1) > MAX_COLUMN or not 1 <= (row or 1) <= MAX_ROW or row == 0:
            return None
        return cls(found[1], column, found[3] if letters else found[1] or found[3], row)

    def number(self, axis: str) -> int | None:
        return self.row if axis == "row" else self.column

    def at(self, axis: str, place: int) -> str:
        row = place if axis == "row" else self.row
        column = place if axis == "column" else self.column
        letters = self.column_fixed + column_letters(column - 1) if column else ""
        return letters + (f"{self.row_fixed}{row}" if row else "")
