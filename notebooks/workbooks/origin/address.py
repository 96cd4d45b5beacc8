"""Addresses of cells as people write them."""

from __future__ import annotations


def parse_address(text: str) -> tuple[str, str]:
    """Split ``Pivot!C7`` or ``'My sheet'!C7`` into sheet and cell; the sheet may be left out.

    >>> parse_address("'It''s'!B2")
    ("It's", 'B2')
    """
    sheet, mark, cell = text.strip().rpartition("!")
    if not mark:
        return "", cell
    if len(sheet) > 1 and sheet[0] == sheet[-1] == "'":
        sheet = sheet[1:-1].replace("''", "'")
    return sheet, cell
