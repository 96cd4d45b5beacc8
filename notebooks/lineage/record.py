"""The recorded cells that lineage follows."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebooks.lineage.names import Statement, statements_of
from notebooks.record.cells import CellIntent, Execution
from notebooks.record.chain import facts_of, mapping
from notebooks.record.reading import read_copy
from notebooks.record.undone import RESTART, UNDO, is_recorded_code, standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A recorded code cell that counts: no undo took it out.

    Attributes:
        number: Its place in the notebook, from 1.
        id: Its id.
        source: Its code.
        status: How it ended.
        turn: Its turn.
        request: The user's words.
        model: Name of the model; ``None`` for code sent directly.
        started: When it began, ISO 8601; empty if that is not recorded.
        finished: When it ended, likewise.
        before: Workspace file → sha256, before it ran.
        after: Likewise, after it.
        read: Uploads that it opened; ``None`` if that is not recorded.
        tables: What its kernel noted of tables that it read.
        start: How often the kernel had been restarted by the user when it ran.
        statements: Its statements.
    """

    number: int
    id: str
    source: str
    status: str
    turn: str
    request: str
    model: str | None
    started: str
    finished: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    read: Sequence[str] | None
    tables: Sequence[Mapping[str, Any]]
    start: int
    statements: tuple[Statement, ...]

    @property
    def ran(self) -> bool:
        """Whether its code ran, to its end or to an error."""
        return self.status in ("ok", "error", "interrupted")

    def written(self) -> dict[str, str]:
        """Return the files that are new or changed after it, with their sha256."""
        return {name: sha for name, sha in self.after.items() if self.before.get(name) != sha}


def cells_of(cells: Sequence[Any]) -> list[Cell]:
    """Return the recorded code cells that count, in order.

    Args:
        cells: All cells of a notebook; what is recorded in them is not believed to be valid.
    """
    counted = set(standing(cells).counted)
    found, start = [], 0
    for number, cell in enumerate(cells, 1):
        facts = facts_of(cell)
        if cell.id in counted:
            found.append(_cell(number, cell, facts, start))
        elif facts.get("kind") == RESTART:
            start += 1
    return found


class RecordedCells:
    """`cells_of` of a notebook that grows: only new cells are read, unless an undo came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read, self._start = 0, 0
        self._last: Any = None
        self._found: list[Cell] = []

    def of(self, cells: Sequence[Any]) -> list[Cell]:
        """Return `cells_of` of *cells*, which only ever grew since the last call.

        Where it did not (a note was taken back) or holds an undo, all of it is read again. Any
        thread may call it.
        """
        with self._lock:
            cells = list(cells)
            if len(cells) < self._read or (self._read and cells[self._read - 1] is not self._last):
                self._read, self._start, self._found = 0, 0, []
            for number, cell in enumerate(cells[self._read :], self._read + 1):
                facts = facts_of(cell)
                if facts.get("kind") == UNDO:
                    self._read, self._start, self._found = 0, 0, []
                    return cells_of(cells)
                if facts.get("kind") == RESTART:
                    self._start += 1
                elif is_recorded_code(cell):
                    self._found.append(_cell(number, cell, facts, self._start))
                self._read, self._last = number, cell
            return list(self._found)

    def with_next(
        self, cells: Sequence[Any], intent: CellIntent, execution: Execution
    ) -> list[Cell]:
        """Return `of` *cells* with a cell behind them that is not recorded yet."""
        found = self.of(cells)
        facts = {
            "status": execution.outcome,
            "turn": intent.provenance.turn_id,
            "files_before": intent.files_before,
            "files_after": execution.files_after,
            "inputs_read": None if execution.inputs_read is None else list(execution.inputs_read),
            "tie_out": execution.tie_out,
        }
        start = sum(facts_of(cell).get("kind") == RESTART for cell in cells)
        return [*found, _cell(len(cells) + 1, intent, facts, start)]


def read_cells(file: Path) -> list[Cell]:
    """Return `cells_of` of the notebook in *file*.

    Raises:
        NotebookUnreadable: It is no notebook.
    """
    return cells_of(read_copy(file)[0].cells)


def _cell(number: int, cell: Any, facts: Mapping[str, Any], start: int) -> Cell:
    model = mapping(facts.get("model")).get("name")
    read = facts.get("inputs_read")
    tables = mapping(facts.get("tie_out")).get("reads")
    return Cell(
        number=number,
        id=str(cell.id),
        source=str(cell.source),
        status=str(facts.get("status", "")),
        turn=str(facts.get("turn", "")),
        request=str(facts.get("request", "")),
        model=None if model is None else str(model),
        started=str(facts.get("started", "")),
        finished=str(facts.get("finished", "")),
        before=_texts(facts.get("files_before")),
        after=_texts(facts.get("files_after")),
        read=[str(name) for name in read] if isinstance(read, list) else None,
        tables=[t for t in tables if isinstance(t, Mapping)] if isinstance(tables, list) else [],
        start=start,
        statements=statements_of(str(cell.source)),
    )


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(text) for name, text in mapping(value).items()}
