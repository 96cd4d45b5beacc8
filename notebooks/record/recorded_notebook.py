"""What a path's notebook holds, as those who read it while it grows need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notebooks.record.cells import (
    PARAMETER_TAGS,
    CellIntent,
    Execution,
    Outcome,
    literal_assignments,
)
from notebooks.record.chain import KEY
from notebooks.record.document import (
    Notebook,
    execution_of,
    head,
    inherited_cells,
    intent_of,
    language_of,
)
from notebooks.record.undone import WITHDRAWN, files_at, standing, undone, undone_turns


class RecordedNotebook:
    """A notebook that is read while its recorder appends to it."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    @property
    def cells(self) -> Sequence[Any]:
        """All cells of the notebook, undone ones too; not to be changed."""
        cells: Sequence[Any] = self._notebook.cells
        return cells

    @property
    def head(self) -> str:
        """Hash of the last recorded cell."""
        return head(self._notebook)

    def code_cells(self) -> list[dict[str, Any]]:
        """Return id, source, status, turn, request, outputs, files_after of each code cell.

        Cells that an undo has taken out are left out.
        """
        out = self.undone()
        return _code_cells([cell for cell in self._notebook.cells if cell.id not in out])

    def live_cells(self) -> list[dict[str, Any]]:
        """Return `code_cells` since the user last restarted the kernel."""
        live = set(standing(self._notebook.cells).live)
        return _code_cells([cell for cell in self._notebook.cells if cell.id in live])

    def undone(self) -> frozenset[str]:
        """Return the ids of the code cells that an undo has taken out."""
        return undone(self._notebook.cells)

    def entries(self) -> list[dict[str, Any]]:
        """Return every recorded cell, oldest first, inherited ones included.

        Returns:
            For a text (a request, an answer, a merge's summary, a restart, an undo): its metadata
            and ``text``. For code: its metadata and ``id``, ``source``, ``tags``, ``outputs``; the
            ``status`` of a cell that an undo has taken out is ``undone``.
        """
        out = self.undone()
        entries = [_entry(cell) for cell in self._notebook.cells if KEY in cell.metadata]
        return [{**e, **WITHDRAWN} if e.get("id") in out else e for e in entries]

    def own_texts(self) -> list[dict[str, Any]]:
        """Return text, kind and turn of each markdown cell that is neither inherited nor undone."""
        own = self._notebook.cells[inherited_cells(self._notebook) :]
        out = undone_turns(self._notebook.cells)
        return [
            {"text": c.source, "kind": c.metadata[KEY].get("kind"), "turn": c.metadata[KEY]["turn"]}
            for c in own
            if c.cell_type == "markdown"
            and "turn" in c.metadata.get(KEY, {})
            and c.metadata[KEY]["turn"] not in out
        ]

    def own_intents(self) -> list[CellIntent]:
        """Return the intents of the successful cells that are neither inherited nor undone."""
        own, out = self._notebook.cells[inherited_cells(self._notebook) :], self.undone()
        return [
            intent_of(cell)
            for cell in own
            if cell.cell_type == "code"
            and cell.metadata[KEY].get("status") == "ok"
            and cell.id not in out
        ]

    def parameters(self) -> dict[str, Any] | None:
        """Return the parameters' current values; ``None`` if no cell sets any."""
        out = self.undone()
        cells = [
            c
            for c in self._notebook.cells
            if PARAMETER_TAGS & set(c.metadata.get("tags", ())) and c.id not in out
        ]
        if not cells:
            return None
        return {k: v for cell in cells for k, v in literal_assignments(cell.source).items()}

    def files_after(self, turn: str) -> dict[str, str]:
        """Return file name → sha256 as of the end of *turn*."""
        cells = self._notebook.cells
        of_turn = [cell.id for cell in cells if cell.metadata.get(KEY, {}).get("turn") == turn]
        return files_at(cells, of_turn[-1]) if of_turn else {}

    def outcome_of(self, cell_id: str) -> Outcome | None:
        """Return the outcome of a recorded cell; ``None`` if there is no such cell."""
        for cell in self._notebook.cells:
            if cell.id == cell_id:
                outcome: Outcome | None = cell.metadata.get(KEY, {}).get("status")
                return outcome
        return None

    def execution_of(self, turn: str) -> tuple[str, Execution] | None:
        """Return id and execution of the last code cell, if it was recorded for *turn*."""
        for cell in reversed(self._notebook.cells):
            if cell.cell_type in ("code", "raw") and KEY in cell.metadata:
                ours = cell.metadata[KEY].get("turn") == turn
                return (cell.id, execution_of(cell)) if ours else None
        return None


def _code_cells(cells: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": cell.id,
            "source": cell.source,
            "language": language_of(cell.metadata[KEY]),
            "status": cell.metadata[KEY].get("status"),
            "turn": cell.metadata[KEY].get("turn"),
            "request": cell.metadata[KEY].get("request", ""),
            "decision": cell.metadata[KEY].get("decision"),
            "files_after": dict(cell.metadata[KEY].get("files_after", {})),
            "inputs_read": cell.metadata[KEY].get("inputs_read"),
            "tie_out": cell.metadata[KEY].get("tie_out", {}),
            "outputs": cell.get("outputs", []),
        }
        for cell in cells
        if cell.cell_type in ("code", "raw") and KEY in cell.metadata
    ]


def _entry(cell: Any) -> dict[str, Any]:
    facts = cell.metadata[KEY]
    if cell.cell_type == "markdown":
        return {**facts, "text": cell.source}
    return {
        **facts,
        "id": cell.id,
        "source": cell.source,
        "language": language_of(facts),
        "tags": list(cell.metadata.get("tags", ())),
        "outputs": facts.get("outputs", cell.get("outputs", [])),
    }
