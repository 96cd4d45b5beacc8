"""Cells hidden under a merged one, whose formats and values openpyxl drops when it reads.

Excel keeps both, and shows them again when the range is divided.
"""

from __future__ import annotations

import copy
from typing import Any


def install() -> None:
    """Let openpyxl keep what is under merged cells, in this process."""
    from openpyxl.cell.cell import MergedCell
    from openpyxl.styles.cell_style import StyleArray
    from openpyxl.worksheet._reader import WorksheetReader

    class HiddenCell(MergedCell):  # type: ignore[misc]
        """A cell under a merged one: code sees no value, a save writes the one that was read."""

        __slots__ = ("_value", "data_type")

        def __init__(self, cell: Any) -> None:
            super().__init__(cell.parent, cell.row, cell.column)
            self._value, self.data_type = cell._value, cell.data_type

    HiddenCell.__name__ = MergedCell.__name__  # in messages
    merge = WorksheetReader.bind_merged_cells

    def merge_and_keep(self: Any) -> None:
        cells, styles = self.ws._cells, {}
        read = dict(cells) if self.parser.merged_cells else {}
        for place, cell in read.items():
            styles[place] = copy.copy(cell._style)  # openpyxl changes it in place
        merge(self)
        for place, cell in cells.items():
            if isinstance(cell, MergedCell):
                was = read.get(place)
                if was is not None and was._value is not None:
                    cells[place] = cell = HiddenCell(was)
                cell._style = styles.get(place) or StyleArray()
        for each in self.ws.merged_cells.ranges:
            corner = each.start_cell
            corner._style = styles.get((corner.row, corner.column), corner._style)

    WorksheetReader.bind_merged_cells = merge_and_keep
