"""Rows without height and columns without width, to which openpyxl gives the usual one.

Source: ECMA-376 part 1, sections 18.3.1.13 (col) and 18.3.1.73 (row).
"""

from __future__ import annotations

import re

from .sheet_markup import SheetMarkup, name_of

_ROW = re.compile(rb'<row\b(?=[^>]*\sr="(\d+)")([^>]*)>')
_NO_HEIGHT = re.compile(rb'\sht="0(?:\.0*)?"')


def carry_sizes(old: SheetMarkup, new: SheetMarkup) -> None:
    """Give rows and columns that had no size none again, if code has given them none.

    Args:
        old: The sheet as it was read.
        new: The sheet as it was written; changed.
    """
    narrow = {
        each.get("min"): each
        for block in old.children("cols")
        for each in block
        if name_of(each) == "col" and float(each.get("width") or 1) == 0
    }
    for block in new.children("cols") if narrow else ():
        for each in block:
            if each.get("min") in narrow and each.get("customWidth") != "1":
                each.set("width", "0")
                each.set("customWidth", "1")
    if _NO_HEIGHT.search(old.cells) is None:
        return
    low = {row[1] for row in _ROW.finditer(old.cells) if _NO_HEIGHT.search(row[2])}
    new.cells = _ROW.sub(lambda row: _without_height(row) if row[1] in low else row[0], new.cells)


def _without_height(row: re.Match[bytes]) -> bytes:
    if b" ht=" in row[2]:
        return row[0]
    end = b"/>" if row[2].endswith(b"/") else b">"
    attributes = row[2].rstrip(b"/").replace(b' customHeight="1"', b"")
    return b'<row%s ht="0" customHeight="1"%s' % (attributes, end)
