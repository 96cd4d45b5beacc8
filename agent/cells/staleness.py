"""What a cell was made from, and which recorded cells it has made stale."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent.ports import PathRuntime
from notebooks.lineage.map import lineage_map
from notebooks.lineage.names import PASSIVE, statements_of
from notebooks.lineage.record import Cell
from notebooks.lineage.staleness import Stale, made_by
from notebooks.record.cells import CellIntent, Execution

MOST_SAID = 5
log = logging.getLogger("tallybook.lineage")


def may_change(source: str, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether a cell may change what earlier cells used: a quick look at the cell alone."""
    statements = [each for each in statements_of(source) if not each.imports]
    changed = any(s.sets or s.alters or s.calls - PASSIVE for s in statements)
    return changed or before != after


async def map_of(runtime: PathRuntime, intent: CellIntent, execution: Execution) -> dict[str, Any]:
    """Return the lineage of what a cell wrote, for its record; empty if it wrote nothing."""
    if not runtime.lineage or execution.files_after == intent.files_before:
        return {}

    def look() -> dict[str, Any]:
        cells = runtime.recorded.with_next(runtime.recorder.cells, intent, execution)
        return lineage_map(cells, cells[-1])

    try:
        return await asyncio.to_thread(look)
    except Exception:  # a fault of the map is not one of the cell, which has run
        log.exception("what cell %s wrote could not be followed", intent.id)
        return {}


async def made_stale(
    runtime: PathRuntime, files: Mapping[str, str], made: Callable[[Cell], bool]
) -> list[Stale]:
    """Return the cells that certain cells have made stale.

    Args:
        runtime: The path's notebook.
        files: Workspace file → sha256, as they are now.
        made: Whether a cell is one of those that are asked about.
    """
    if not runtime.lineage:
        return []

    def look() -> list[Stale]:
        cells = runtime.recorded.of(runtime.recorder.cells)
        makers = {cell.number for cell in cells if made(cell)}
        return made_by(runtime.live.stale(cells, files), cells, makers) if makers else []

    return await asyncio.to_thread(look)


def last_cell(runtime: PathRuntime) -> str:
    """Return the id of the last code cell that is recorded and counts; empty without one."""
    cells = runtime.recorded.of(runtime.recorder.cells)
    return cells[-1].id if cells else ""


def cells_of_turn(runtime: PathRuntime, turn: str) -> set[str]:
    """Return the ids of the recorded code cells of *turn* that count."""
    cells = runtime.recorded.of(runtime.recorder.cells)
    return {cell.id for cell in cells if cell.turn == turn}


async def all_stale(runtime: PathRuntime, files: Mapping[str, str]) -> list[Stale]:
    """Return every stale cell of a path."""
    if not runtime.lineage:
        return []

    def look() -> list[Stale]:
        return runtime.live.stale(runtime.recorded.of(runtime.recorder.cells), files)

    return await asyncio.to_thread(look)


def said(stale: Sequence[Stale]) -> str:
    """Return the reasons, a line each; empty if nothing is stale."""
    lines = [each.reason for each in stale[:MOST_SAID]]
    if len(stale) > MOST_SAID:
        lines.append(f"{len(stale) - MOST_SAID} more cells are stale.")
    return "\n".join(lines)
