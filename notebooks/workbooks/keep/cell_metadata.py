"""Metadata that cells name: those of dynamic arrays, data types and pictures in cells.

Source: ECMA-376 part 1, section 18.3.1.4 (c): attributes cm and vm.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

from .sheet_markup import SheetMarkup, has_metadata

_CELL = re.compile(rb'<c r="([A-Z]{1,3}\d{1,7})"([^>]*)>')
_FORMULA = re.compile(rb"<f\b[^>]*?(?:/>|>([^<]*)</f>)")
SHARED = "shared"
"""A formula that another cell has in full: openpyxl writes it out."""
_INDEX = re.compile(rb'\s(cm|vm)="(\d+)"')


def carry_cell_metadata(old: SheetMarkup, new: SheetMarkup) -> None:
    """Give cells their metadata back: that of dynamic arrays (cm) and of data types (vm).

    Args:
        old: The sheet as it was read; its cells have the names that they have now.
        new: The sheet as it was written; changed.
    """
    wanted: dict[bytes, bytes] = {}
    if not has_metadata(old.cells):
        return
    for cell in _CELL.finditer(old.cells):
        if indexes := _INDEX.findall(cell[2]):
            wanted[cell[1]] = b"".join(b' %s="%s"' % index for index in indexes)
    if not wanted:
        return

    formulas = _formulas(old.cells, wanted)

    def with_indexes(cell: re.Match[bytes]) -> bytes:
        indexes = wanted.get(cell[1])
        if indexes is None or _INDEX.search(cell[2]) or cell[2].endswith(b"/"):
            return cell[0]
        followed = new.cells[cell.end() : cell.end() + 40].partition(b">")[0]
        array = b" cm=" in indexes and followed.startswith(b"<f") and b't="array"' in followed
        error = b" vm=" in indexes and b't="e"' in cell[2]
        formula = _formula(new.cells, cell.end())
        same = b" vm=" in indexes and formulas.get(cell[1]) in (formula, SHARED)
        kept = array or error or (same and formula)
        return b'<c r="%s"%s%s>' % (cell[1], cell[2], indexes) if kept else cell[0]

    new.cells = _CELL.sub(with_indexes, new.cells)


def _formulas(cells: bytes, wanted: Mapping[bytes, bytes]) -> dict[bytes, str]:
    """Return the formulas of these cells by their names."""
    found = {
        cell[1]: _formula(cells, cell.end()) for cell in _CELL.finditer(cells) if cell[1] in wanted
    }
    return {name: formula for name, formula in found.items() if formula}


def _formula(cells: bytes, at: int) -> str:
    """Return the formula that begins there, or `SHARED`; an empty one if none does."""
    found = _FORMULA.match(cells, at)
    if found is None:
        return ""
    return html.unescape((found[1] or SHARED.encode()).decode("utf-8", "replace"))
