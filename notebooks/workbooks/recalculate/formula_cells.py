"""The formula cells of a worksheet part, found and replaced in its bytes.

A part is never written anew: what stands around a formula's value stays byte for byte.

Source: ECMA-376 part 1, sections 18.3.1.4 (c), 18.3.1.40 (f), 18.3.1.96 (v).
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..formats.addresses import column_index

_BODY = re.compile(
    rb"<(?P<prefix>(?:\w+:)?)sheetData\s*>(?P<cells>.*)</(?P=prefix)sheetData\s*>", re.DOTALL
)
_PATTERN = (
    rb"<%(p)sc (?P<cell>[^<>]*)>\s*"
    rb"(?P<f><%(p)sf(?P<formula>(?:\s[^<>]*?)?)(?:/>|>(?P<text>[^<]*)</%(p)sf>))\s*"
    rb"(?:<%(p)sv[^<>]*?(?:/>|>(?P<value>[^<]*)</%(p)sv>)\s*)?"
    rb"(?P<rest>(?:<%(p)sextLst.*?</%(p)sextLst>)?)\s*</%(p)sc>"
)
_ATTRIBUTE = re.compile(rb'([\w:]+)\s*=\s*"([^"]*)"')
_ENCODING = re.compile(rb"""<\?xml[^>]*encoding=["'](?!utf-8|us-ascii)""", re.IGNORECASE)
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
Area = tuple[int, int, int, int]
"""First row, first column, last row, last column, counted from 1."""


class WrittenUnusually(Exception):
    """A part is valid XML perhaps, but not written as spreadsheet programs write it."""


@dataclass(frozen=True, slots=True)
class FormulaCell:
    """A cell with a formula.

    Attributes:
        name: Its address, such as ``B7``.
        row: Its row, from 1.
        column: Its column, from 1.
        text: The formula without ``=``; of a shared one's followers empty.
        kind: Empty, ``shared``, ``array`` or ``dataTable``.
        shared: The number of a shared formula.
        area: The cells of an array formula or of a data table; else the cell alone.
        dynamic: An array formula that grows with its result.
        value: The stored value as it is written; ``None`` without one.
        type: The stored value's type (``n``, ``str``, ``b``, ``e``).
        style: The number of its cell format.
    """

    name: str
    row: int
    column: int
    text: str
    kind: str
    shared: str
    area: Area
    dynamic: bool
    value: str | None
    type: str
    style: int = 0


@dataclass(frozen=True, slots=True)
class Body:
    """Where the cells of a worksheet part are: from *start* to *end*; the prefix of elements."""

    start: int
    end: int
    prefix: bytes

    def pattern(self) -> re.Pattern[bytes]:
        """Return the pattern of a cell with a formula."""
        return _pattern(self.prefix)


@lru_cache(maxsize=8)
def _pattern(prefix: bytes) -> re.Pattern[bytes]:
    return re.compile(_PATTERN % {b"p": prefix}, re.DOTALL)


def body_of(content: bytes) -> Body | None:
    """Return where the cells of a part are; ``None`` if it has none.

    Raises:
        WrittenUnusually: There are comments in it, or it has another encoding than UTF-8.
    """
    if _ENCODING.match(content) or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise WrittenUnusually("it is not written in UTF-8")
    if (found := _BODY.search(content)) is None:
        return None
    if content.find(b"<!", found.start(), found.end()) >= 0:
        raise WrittenUnusually("there are comments between its cells")
    return Body(*found.span("cells"), found["prefix"])


def formula_cells(content: bytes) -> Iterator[FormulaCell]:
    """Yield the formula cells of a worksheet part.

    Raises:
        WrittenUnusually: They can't be told apart in its bytes.
    """
    if (body := body_of(content)) is None:
        return
    count = 0
    for found in body.pattern().finditer(content, body.start, body.end):
        count += 1
        yield _cell(found)
    formulas = re.compile(b"<" + body.prefix + rb"f[\s/>]")
    if count != sum(1 for _ in formulas.finditer(content, body.start, body.end)):
        raise WrittenUnusually("its cells are written in an unknown way")


def replace_formula_cells(
    content: bytes, replacement: Callable[[FormulaCell, re.Match[bytes]], bytes]
) -> bytes:
    """Return the part with every formula cell as *replacement* gives it."""
    if (body := body_of(content)) is None:
        return content
    old = content[body.start : body.end]
    cells = body.pattern().sub(lambda found: replacement(_cell(found), found), old)
    return b"".join((content[: body.start], cells, content[body.end :]))


def _cell(found: re.Match[bytes]) -> FormulaCell:
    of = dict(_ATTRIBUTE.findall(found["cell"]))
    formula = dict(_ATTRIBUTE.findall(found["formula"]))
    name = of.get(b"r", b"").decode("ascii", "replace")
    place = _REFERENCE.fullmatch(name)
    if place is None:
        raise WrittenUnusually("a cell does not say where it is")
    row, column = int(place[2]), column_index(place[1]) + 1
    kind = formula.get(b"t", b"").decode("ascii", "replace").replace("normal", "")
    area = (row, column, row, column)
    if kind in ("array", "dataTable"):
        area = area_of(formula.get(b"ref", b"").decode("ascii", "replace")) or area
    value = found["value"]
    kept = of.get(b"t", b"n").decode("ascii", "replace")
    if not value:  # an empty text is a value
        value = b"" if kept == "str" and value is not None else None
    return FormulaCell(
        name=name,
        row=row,
        column=column,
        text=html.unescape((found["text"] or b"").decode("utf-8", "replace")),
        kind=kind,
        shared=formula.get(b"si", b"").decode("ascii", "replace") if kind == "shared" else "",
        area=area,
        dynamic=kind == "array" and b"cm" in of,
        value=None if value is None else value.decode("utf-8", "replace"),
        type=kept,
        style=int(style) if (style := of.get(b"s", b"0")).isdigit() else 0,
    )


def area_of(reference: str) -> Area | None:
    """Return the area that a plain reference such as ``B2:C9`` names."""
    first, _, last = reference.partition(":")
    one, other = _REFERENCE.fullmatch(first), _REFERENCE.fullmatch(last or first)
    if one is None or other is None:
        return None
    rows, columns = (int(one[2]), int(other[2])), [column_index(m[1]) + 1 for m in (one, other)]
    return min(rows), min(columns), max(rows), max(columns)
