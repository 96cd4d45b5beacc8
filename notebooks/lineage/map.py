"""The map of what a cell wrote, for its own metadata: code on the way and tables that were read.

It is a field of the cell that wrote the files, and not one of the notebook: there the chain covers
and signs it like the cell's code, it never changes once it is written, and a program that saves
the notebook anew does not drop it. Anybody can follow it with a JSON reader alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notebooks.lineage.follow import slice_of
from notebooks.lineage.record import Cell
from notebooks.lineage.trace import INPUTS, MOST_INPUTS, tables_read

MOST_FILES = 50


def lineage_map(cells: Sequence[Cell], writer: Cell) -> dict[str, Any]:
    """Return where the files that *writer* wrote come from; empty if it wrote none.

    Args:
        cells: The recorded cells that count, *writer* last.
        writer: The cell.

    Returns:
        File → ``code`` (a cell's id → first lines of the statements on the way) and ``read`` (lists
        of a file, its sheet, and the columns that the code names).
    """
    found = {}
    for file in [name for name in writer.written() if not name.startswith(INPUTS)][:MOST_FILES]:
        taken = [each for each in slice_of(cells, writer, file, "") if not each.statement.imports]
        code: dict[str, list[int]] = {}
        for each in taken:
            code.setdefault(each.cell.id, []).append(each.statement.line)
        read: dict[tuple[str, str], tuple[str, ...]] = {}
        for _, key, columns in tables_read(taken):
            read.setdefault(key, columns)
        tables = [[*key, *columns] for key, columns in list(read.items())[:MOST_INPUTS]]
        found[file] = {"code": code, "read": tables}
    return found
