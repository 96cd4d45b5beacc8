"""Rows without height and columns without width, to which openpyxl gives the usual one.

Source: ECMA-376 part 1, sections 18.3.1.13 (col) and 18.3.1.73 (row).
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from .sheet_markup import SheetMarkup, copy_of, name_of

_ROW = re.compile(rb'<row\b(?=[^>]*\sr="(\d+)")([^>]*)>')
_NO_HEIGHT = re.compile(rb'\sht="0(?:\.0*)?"')


def carry_sizes(old: SheetMarkup, new: SheetMarkup) -> None:
    """Give rows and columns that had no size none again, if code has given them none.

    Args:
        old: The sheet as it was read.
        new: The sheet as it was written; changed.
    """
    narrow = [each for each in _columns(old) if float(each.get("width") or 1) == 0]
    written = _columns(new)
    for each in narrow:
        there = [column for column in written if _overlap(each, column)]
        for column in there:
            if column.get("min") == each.get("min") and column.get("customWidth") != "1":
                column.set("width", "0")
                column.set("customWidth", "1")
        if not there:
            _insert_column(new, each)
    if b' ht="0' not in old.cells:
        return
    low = {row[1] for row in _ROW.finditer(old.cells) if _NO_HEIGHT.search(row[2])}
    new.cells = _ROW.sub(lambda row: _without_height(row) if row[1] in low else row[0], new.cells)


def _columns(sheet: SheetMarkup) -> list[Any]:
    return [c for block in sheet.children("cols") for c in block if name_of(c) == "col"]


def _overlap(one: Any, other: Any) -> bool:
    first, last = (int(one.get(name)) for name in ("min", "max"))
    return int(other.get("min")) <= last and int(other.get("max")) >= first


def _insert_column(sheet: SheetMarkup, column: Any) -> None:
    block = sheet.child("cols")
    if block is None:
        block = etree.Element(sheet.root.tag.replace("}worksheet", "}cols"))
        sheet.insert(block)
    copied = copy_of(column)
    copied.attrib.pop("style", None)  # the styles have other numbers
    later = (at for at, each in enumerate(block) if int(each.get("min")) > int(column.get("min")))
    block.insert(next(later, len(block)), copied)


def _without_height(row: re.Match[bytes]) -> bytes:
    if b" ht=" in row[2]:
        return row[0]
    end = b"/>" if row[2].endswith(b"/") else b">"
    attributes = row[2].rstrip(b"/").replace(b' customHeight="1"', b"")
    return b'<row%s ht="0" customHeight="1"%s' % (attributes, end)
