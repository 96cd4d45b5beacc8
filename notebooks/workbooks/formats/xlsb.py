"""Binary workbooks (.xlsb), read record by record, sparsely.

Source: [MS-XLSB] 2.1.4 (records), 2.3.2 (their numbers), 2.5 (structures).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import IO

from ..values import MAX_COLUMNS, MAX_ROWS, CellError, Row, Value, damaged, text_value
from .number_formats import kind_of_id
from .package import KINDS, Package, main_part, relationships, sheet_infos
from .sheet_part import Meanings

ROW, BLANK, RK, ERROR, BOOL, REAL, TEXT, SHARED = range(8)
FORMULA_TEXT, FORMULA_NUMBER, FORMULA_BOOL, FORMULA_ERROR = range(8, 12)
STRING_ITEM, FORMAT, CELL_FORMAT, RICH_TEXT = 19, 44, 47, 62
WORKBOOK_PROPERTIES, SHEET, END_OF_CELLS = 153, 156, 146
BEGIN_CELL_FORMATS, END_CELL_FORMATS = 617, 618
_STATES = {0: "visible", 1: "hidden", 2: "veryHidden"}
_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?",
    0x24: "#NUM!", 0x2A: "#N/A", 0x2B: "#GETTING_DATA",
}  # fmt: skip
MAX_RECORD_BYTES = 16_000_000


def records(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (number, content) of each record.

    Raises:
        Unreadable: The part breaks off inside a record.
    """
    read = stream.read
    while first := read(1):
        kind = first[0]
        if kind & 0x80:
            kind = (kind & 0x7F) | _byte(read(1)) << 7
        size = shift = 0
        while True:
            byte = _byte(read(1))
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80 or shift > 21:
                break
        content = read(size) if size <= MAX_RECORD_BYTES else b""
        if len(content) != size:
            raise damaged("a record of it breaks off")
        yield kind, content


def _byte(read: bytes) -> int:
    if not read:
        raise damaged("a record of it breaks off")
    return read[0]


def _wide(content: bytes, at: int) -> tuple[str, int]:
    """Return the XLWideString at *at*, and where it ends."""
    (length,) = struct.unpack_from("<I", content, at)
    if length == 0xFFFFFFFF:
        return "", at + 4
    end = at + 4 + 2 * length
    return content[at + 4 : end].decode("utf-16-le", "replace"), end


class XlsbSource:
    """An open workbook."""

    def __init__(self, package: Package) -> None:
        """Read the list of sheets.

        Raises:
            Unreadable: The workbook part is missing or broken, or has too many sheets.
        """
        self._package = package
        main = main_part(package)
        related = relationships(package, main)
        by_id = {identity: (kind, target) for identity, kind, target in related}
        self._by_kind = {kind: target for _, kind, target in related if package.has(target)}
        self._from_1904 = False
        found, self._parts = [], []
        try:
            with package.stream(main) as stream:
                for kind, content in records(stream):
                    if kind == WORKBOOK_PROPERTIES:
                        self._from_1904 = bool(content[0] & 1)
                    elif kind == SHEET:
                        (state,) = struct.unpack_from("<I", content)
                        identity, at = _wide(content, 8)
                        relation, part = by_id.get(identity, ("worksheet", ""))
                        shown = _STATES.get(state, "visible")
                        found.append((_wide(content, at)[0], KINDS.get(relation, "macro"), shown))
                        self._parts.append(part if package.has(part) else "")
        except (struct.error, IndexError) as error:
            raise damaged("its list of sheets is cut off") from error
        self.sheets = sheet_infos(found)

    @cached_property
    def _meanings(self) -> Meanings:
        strings: list[str] = []
        if part := self._by_kind.get("sharedStrings"):
            with self._package.stream(part) as stream:
                for kind, content in records(stream):
                    if kind == STRING_ITEM:
                        strings.append(_wide(content, 1)[0])
        codes: dict[int, str] = {}
        ids: list[int] = []
        if part := self._by_kind.get("styles"):
            with self._package.stream(part) as stream:
                in_cells = False
                for kind, content in records(stream):
                    if kind == FORMAT:
                        codes[struct.unpack_from("<H", content)[0]] = _wide(content, 2)[0]
                    elif kind in (BEGIN_CELL_FORMATS, END_CELL_FORMATS):
                        in_cells = kind == BEGIN_CELL_FORMATS
                    elif kind == CELL_FORMAT and in_cells:
                        ids.append(struct.unpack_from("<H", content, 2)[0])
        return Meanings(strings, [kind_of_id(n, codes) for n in ids], self._from_1904)

    def filled(self, index: int) -> Iterator[Row]:
        """Yield the rows of sheet *index* that have a filled cell, in order.

        Raises:
            Unreadable: Its part is damaged.
        """
        if not (part := self._parts[index]) or self.sheets[index].kind == "chart":
            return
        row, values = 0, list[Value]()
        try:
            meanings = self._meanings
            with self._package.stream(part) as stream:
                for kind, content in records(stream):
                    if kind == ROW:
                        if values:
                            yield row, values
                        (row,) = struct.unpack_from("<I", content)
                        values = []
                        if row >= MAX_ROWS:
                            raise damaged(f"it has a row {row + 1}")
                    elif kind in _CELLS:
                        _place(values, kind, content, meanings)
                    elif kind == END_OF_CELLS:
                        break
        except (struct.error, IndexError) as error:
            raise damaged(f"sheet {self.sheets[index].name!r} is cut off") from error
        if values:
            yield row, values

    def close(self) -> None:
        """Close the file."""
        self._package.close()


_CELLS = frozenset({*range(RK, FORMULA_ERROR + 1), RICH_TEXT})


def _place(values: list[Value], kind: int, content: bytes, meanings: Meanings) -> None:
    column, style = struct.unpack_from("<II", content)
    if column >= MAX_COLUMNS:
        raise damaged(f"it has a column {column + 1}")
    value = _value(kind, content, style & 0xFFFFFF, meanings)
    if value is not None and column >= len(values):
        values += [None] * (column - len(values))
        values.append(value)


def _value(kind: int, content: bytes, style: int, meanings: Meanings) -> Value:
    if kind == SHARED:
        return meanings.string(struct.unpack_from("<I", content, 8)[0])
    if kind in (REAL, FORMULA_NUMBER):
        return meanings.number(struct.unpack_from("<d", content, 8)[0], style)
    if kind == RK:
        return meanings.number(_rk(content[8:12]), style)
    if kind in (TEXT, FORMULA_TEXT):
        return text_value(_wide(content, 8)[0])
    if kind == RICH_TEXT:
        return text_value(_wide(content, 9)[0])
    if kind in (BOOL, FORMULA_BOOL):
        return bool(content[8])
    return CellError(_ERRORS.get(content[8], "#ERROR!"))


def _rk(four: bytes) -> float:
    """Return the number of an RkNumber (2.5.122): an integer or half a float, or a hundredth."""
    (bits,) = struct.unpack("<i", four)
    if bits & 2:
        number = float(bits >> 2)
    else:
        (number,) = struct.unpack("<d", b"\0\0\0\0" + struct.pack("<i", bits & ~3))
    return number / 100 if bits & 1 else number
