"""Addresses of cells as people write them."""

from __future__ import annotations

import re

_CELL = re.compile(r"\$?[A-Za-z]{1,3}\$?[1-9][0-9]{0,6}")


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


def is_cell(text: str) -> bool:
    """Whether *text* names one cell of a sheet: ``C7``, ``$C$7``."""
    return _CELL.fullmatch(text) is not None
