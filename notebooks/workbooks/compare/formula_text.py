"""Formulas apart from where they stand: relative to their cell, or seen from another layout.

Source: ECMA-376 part 1, section 18.17.2 (formula syntax).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..formats.addresses import column_index, column_letters
from ..values import MAX_COLUMNS, MAX_ROWS

VOLATILE = re.compile(
    r"(?<![\w.])(NOW|TODAY|RAND|RANDBETWEEN|RANDARRAY|OFFSET|INDIRECT|CELL|INFO)\(", re.IGNORECASE
)
_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"]|"")*")
    |(?P<table>(?<=\w)\[(?:[^\[\]]|\[[^\[\]]*\])*\])
    |(?<![\w.$])(?P<sheet>(?:'(?:[^']|'')+'|(?:\[\d+\])?[^\W\d][\w.]*)!)?
      (?:(?P<c1a>\$?)(?P<c1>[A-Za-z]{1,3})(?P<r1a>\$?)(?P<r1>[1-9][0-9]{0,6})
         (?::(?P<c2a>\$?)(?P<c2>[A-Za-z]{1,3})(?P<r2a>\$?)(?P<r2>[1-9][0-9]{0,6}))?
        |(?P<wc1a>\$?)(?P<wc1>[A-Za-z]{1,3}):(?P<wc2a>\$?)(?P<wc2>[A-Za-z]{1,3})
        |(?P<wr1a>\$?)(?P<wr1>[1-9][0-9]{0,6}):(?P<wr2a>\$?)(?P<wr2>[1-9][0-9]{0,6}))
      (?![\w(!.\[])""",
    re.VERBOSE,
)
MOST_TEXT = 33_000
"""Excel's longest formula has 8,192 characters; what is longer counts as it is written."""
_NEEDLESS = re.compile(r"""(?<![\w"'])'([^\W\d][\w.]*)'!(?=\$?[A-Za-z\d#])""")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


@dataclass(frozen=True, slots=True)
class Reference:
    """Cells that a formula refers to.

    Attributes:
        sheet: The sheet's name; empty for the formula's own.
        area: First row, first column, last row, last column, from 0.
    """

    sheet: str
    area: tuple[int, int, int, int]


@lru_cache(maxsize=100_000)
def relative(text: str, row: int, column: int) -> str:
    """Return a formula with its references relative to its cell, as R1C1 has them.

    >>> relative("A1*$B$2", 0, 1)
    'R[0]C[-1]*R2C2'
    """
    if len(text) > MOST_TEXT or not any(c.isdigit() or c == ":" for c in text):
        return text

    def end(found: re.Match[str], number: str) -> str:
        at, across = int(found[f"r{number}"]) - 1, column_index(found[f"c{number}"].upper())
        down = f"R{at + 1}" if found[f"r{number}a"] else f"R[{at - row}]"
        return down + (f"C{across + 1}" if found[f"c{number}a"] else f"C[{across - column}]")

    def replace(found: re.Match[str]) -> str:
        if found["text"] is not None or found["table"] is not None:
            return found[0]
        sheet = found["sheet"] or ""
        if found["c1"]:
            return sheet + end(found, "1") + (f":{end(found, '2')}" if found["c2"] else "")
        if found["wc1"]:
            ends = [
                f"C{column_index(found[n].upper()) + 1}"
                if found[f"{n}a"]
                else f"C[{column_index(found[n].upper()) - column}]"
                for n in ("wc1", "wc2")
            ]
        else:
            ends = [
                f"R{found[n]}" if found[f"{n}a"] else f"R[{int(found[n]) - 1 - row}]"
                for n in ("wr1", "wr2")
            ]
        return sheet + ":".join(ends)

    return _TOKEN.sub(replace, text)


Place = Callable[[str, int], int]
"""Where a row or column of a sheet is in the other workbook: sheet name (empty for the own one) and
number from 0 to number."""


def moved(text: str, row_of: Place, column_of: Place, sheet_of: Callable[[str], str]) -> str:
    """Return a formula as Excel would rewrite it when rows, columns and sheets move.

    Args:
        text: The formula.
        row_of: Where a row is now.
        column_of: Where a column is now.
        sheet_of: The present name of a sheet.
    """
    if len(text) > MOST_TEXT:
        return text

    def end(found: re.Match[str], number: str, sheet: str) -> str:
        column = column_of(sheet, column_index(found[f"c{number}"].upper()))
        row = row_of(sheet, int(found[f"r{number}"]) - 1)
        return f"{found[f'c{number}a']}{column_letters(column)}{found[f'r{number}a']}{row + 1}"

    def replace(found: re.Match[str]) -> str:
        if found["text"] is not None or found["table"] is not None:
            return found[0]
        sheet = sheet_name(found["sheet"] or "")
        if "[" in sheet:
            return found[0]  # another file's cells
        prefix = _prefix(found["sheet"] or "", sheet_of)
        if found["c1"]:
            last = f":{end(found, '2', sheet)}" if found["c2"] else ""
            return prefix + end(found, "1", sheet) + last
        if found["wc1"]:
            ends = [
                found[f"{n}a"] + column_letters(column_of(sheet, column_index(found[n].upper())))
                for n in ("wc1", "wc2")
            ]
        else:
            ends = [
                found[f"{n}a"] + str(row_of(sheet, int(found[n]) - 1) + 1) for n in ("wr1", "wr2")
            ]
        return prefix + ":".join(ends)

    return _TOKEN.sub(replace, text)


def sheet_name(prefix: str) -> str:
    """Return the name in a prefix such as ``'My sheet'!``.

    >>> sheet_name("'It''s'!")
    "It's"
    """
    name = prefix.removesuffix("!")
    if name.startswith("'"):
        name = name[1:-1].replace("''", "'")
    return name


def _prefix(prefix: str, sheet_of: Callable[[str], str]) -> str:
    name = sheet_name(prefix)
    if not prefix or (now := sheet_of(name)) == name:
        return prefix
    plain = re.fullmatch(r"[^\W\d][\w.]*", now)
    return f"{now}!" if plain else "'" + now.replace("'", "''") + "'!"


def unquoted(text: str) -> str:
    """Return a formula without quotes around names of sheets that need none.

    >>> unquoted("'Sheet1'!$A$1,'My sheet'!B2")
    "Sheet1!$A$1,'My sheet'!B2"
    """
    return _NEEDLESS.sub(r"\1!", text)


def shifted(text: str, rows: int, columns: int) -> str:
    """Return a shared formula as it reads for a cell *rows* below and *columns* right of its own.

    >>> shifted("A1+$B$1", 2, 1)
    'B3+$B$1'
    """
    if (not rows and not columns) or len(text) > MOST_TEXT:
        return text

    def replace(found: re.Match[str]) -> str:
        if not found["c1"]:
            return found[0]
        ends = []
        for n in ("1", "2")[: 2 if found["c2"] else 1]:
            row, column = int(found[f"r{n}"]) - 1, column_index(found[f"c{n}"].upper())
            row += 0 if found[f"r{n}a"] else rows
            column += 0 if found[f"c{n}a"] else columns
            letters = column_letters(column % MAX_COLUMNS)
            ends.append(f"{found[f'c{n}a']}{letters}{found[f'r{n}a']}{row % MAX_ROWS + 1}")
        return (found["sheet"] or "") + ":".join(ends)

    return _TOKEN.sub(replace, text)


def is_volatile(text: str) -> bool:
    """Whether a formula gives another value each time, or finds its cells only when computed."""
    return VOLATILE.search(_QUOTED.sub("", text[:MOST_TEXT])) is not None


def references(text: str) -> Iterator[Reference]:
    """Yield the cells that a formula refers to; other files' cells are left out."""
    for found in _TOKEN.finditer(text[:MOST_TEXT]):
        if found["text"] is not None or found["table"] is not None:
            continue
        sheet = sheet_name(found["sheet"] or "")
        if "[" in sheet:
            continue
        if found["c1"]:
            rows = [int(found["r1"]) - 1, int(found["r2"] or found["r1"]) - 1]
            columns = [column_index((found[n] or found["c1"]).upper()) for n in ("c1", "c2")]
        elif found["wc1"]:
            rows = [0, MAX_ROWS - 1]
            columns = [column_index(found[n].upper()) for n in ("wc1", "wc2")]
        else:
            rows = [int(found[n]) - 1 for n in ("wr1", "wr2")]
            columns = [0, MAX_COLUMNS - 1]
        yield Reference(sheet, (min(rows), min(columns), max(rows), max(columns)))
