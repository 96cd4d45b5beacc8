"""Computed values, and how a worksheet part stores them.

Source: ECMA-376 part 1, sections 18.3.1.4 (c), 18.18.11 (ST_CellType), 22.9.2.19 (ST_Xstring).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

from ..formats.addresses import address, column_index
from .formula_cells import FormulaCell, body_of, replace_formula_cells

Computed = bool | float | str | None
"""A computed value. An error is an `ErrorValue`; ``None`` leaves the cell without a value."""
Place = tuple[int, int]
"""Row and column, from 1."""
MOST_CHARACTERS = 32_767
ERRORS = frozenset("#NULL! #DIV/0! #VALUE! #REF! #NAME? #NUM! #N/A".split())
"""What a part may store as an error (18.18.11); newer ones need rich values."""
_TYPE = re.compile(rb"""\s+t\s*=\s*(?:"[^"]*"|'[^']*')""")
_ESCAPED = re.compile("_x[0-9A-Fa-f]{4}_")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ufffe\uffff]")
_NUMBER = re.compile(rb'\br="([0-9]+)"')
_NAME = re.compile(rb'\br="([A-Z]{1,3})[0-9]+"')


class ErrorValue(str):
    """An error as a value, such as ``#REF!``."""

    __slots__ = ()


def stored(value: Computed) -> tuple[bytes, bytes]:
    """Return the type attribute and the content of a cell's ``v``."""
    if isinstance(value, bool):
        return b' t="b"', b"1" if value else b"0"
    if isinstance(value, ErrorValue):
        return b' t="e"', escape(value).encode()
    if isinstance(value, str):
        safe = _ESCAPED.sub(lambda found: f"_x005F{found[0]}", value[:MOST_CHARACTERS])
        safe = _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", safe)
        return b' t="str"', escape(safe).encode("utf-8", "replace")
    if value is None:
        return b"", b""
    number = repr(value)
    return b"", number.removesuffix(".0").encode() if "e" not in number else number.encode()


def with_values(content: bytes, values: Mapping[Place, Computed]) -> bytes:
    """Return a worksheet part whose formula cells have *values*.

    Args:
        content: The part.
        values: The value of every formula cell, and of the cells that an array formula fills.
    """
    if (body := body_of(content)) is None:
        return content
    own: set[Place] = set()
    prefix = body.prefix

    def replacement(cell: FormulaCell, found: re.Match[bytes]) -> bytes:
        place = cell.row, cell.column
        own.add(place)
        value = values.get(place)
        made = found["f"] + _v(value, prefix) + found["rest"]
        return _c(b" " + found["cell"], value, made, prefix)

    content = replace_formula_cells(content, replacement)
    filled: dict[int, dict[int, Computed]] = {}
    for (row, column), value in values.items():
        if (row, column) not in own and value is not None:
            filled.setdefault(row, {})[column] = value
    return _with_rows(content, filled) if filled else content


def _v(value: Computed, prefix: bytes) -> bytes:
    if value is None:
        return b""
    return b"<%sv>%s</%sv>" % (prefix, stored(value)[1], prefix)


def _c(of: bytes, value: Computed, content: bytes, prefix: bytes) -> bytes:
    """Return a cell with attributes *of*, of which the type becomes that of *value*."""
    kept = _TYPE.sub(b"", of).rstrip(b" /") + stored(value)[0]
    return b"<%sc%s>%s</%sc>" % (prefix, kept, content, prefix)


def cell_with_value(name: str, value: Computed, prefix: bytes) -> bytes:
    """Return a cell without a formula; an empty one for ``None``."""
    return _c(f' r="{name}"'.encode(), value, _v(value, prefix), prefix)


def _with_rows(content: bytes, rows: Mapping[int, Mapping[int, Computed]]) -> bytes:
    """Return a part in which cells without a formula have values; missing ones are added."""
    if (body := body_of(content)) is None:
        return content
    p = body.prefix
    pattern = re.compile(
        rb"<%srow(?P<of>(?:\s[^<>]*?)?)(?:/>|>(?P<cells>.*?)</%srow>)" % (p, p), re.DOTALL
    )

    def row_of(number: int, of: bytes, cells: bytes) -> bytes:
        return b"<%srow%s>%s</%srow>" % (p, of, _with_cells(cells, number, rows[number], p), p)

    def new(number: int) -> bytes:
        return row_of(number, b' r="%d"' % number, b"")

    pieces, end, waiting = [content[: body.start]], body.start, sorted(rows)
    for found in pattern.finditer(content, body.start, body.end):
        number = int(numbered[1]) if (numbered := _NUMBER.search(found["of"])) else 0
        pieces.append(content[end : found.start()])
        end = found.end()
        while waiting and waiting[0] < number:
            pieces.append(new(waiting.pop(0)))
        if waiting and waiting[0] == number:
            waiting.pop(0)
            pieces.append(row_of(number, found["of"].rstrip(), found["cells"] or b""))
        else:
            pieces.append(found[0])
    pieces += [content[end : body.end], *map(new, waiting), content[body.end :]]
    return b"".join(pieces)


def _with_cells(cells: bytes, row: int, values: Mapping[int, Computed], prefix: bytes) -> bytes:
    """Return the cells of a row with *values* by column; other cells and all styles stay."""
    pattern = re.compile(
        rb"<%sc(?P<of>(?:\s[^<>]*?)?)(?:/>|>.*?</%sc>)" % (prefix, prefix), re.DOTALL
    )

    def made(column: int, of: bytes) -> bytes:
        return _c(of, values[column], _v(values[column], prefix), prefix)

    def new(column: int) -> bytes:
        return made(column, f' r="{address(row - 1, column - 1)}"'.encode())

    pieces, end, waiting = [], 0, sorted(values)
    for found in pattern.finditer(cells):
        named = _NAME.search(found["of"])
        column = column_index(named[1].decode()) + 1 if named else 0
        pieces.append(cells[end : found.start()])
        end = found.end()
        while waiting and waiting[0] < column:
            pieces.append(new(waiting.pop(0)))
        if waiting and waiting[0] == column:
            waiting.pop(0)
            pieces.append(made(column, found["of"]))
        else:
            pieces.append(found[0])
    return b"".join([*pieces, cells[end:], *map(new, waiting)])
