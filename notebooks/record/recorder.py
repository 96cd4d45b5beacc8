"""The recorder: journal the intent, run, journal the result, write the notebook.

A crash at any moment leaves a valid notebook. On the next `Recorder.open`, a cell
whose result was journalled is recorded with it. One that was still running is left open
when its kernel is known to have lived on, and is recorded as ``died`` otherwise: silence
is never success.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from notebooks.record.cells import (
    PARAMETER_TAGS,
    CellIntent,
    Execution,
    Outcome,
    execution_from_json,
    execution_to_json,
    intent_from_json,
    intent_to_json,
    literal_assignments,
    new_cell_id,
    utc_now,
)
from notebooks.record.chain import KEY
from notebooks.record.document import (
    GrowingFile,
    Notebook,
    append_cell,
    append_text,
    branch_notebook,
    execution_of,
    head,
    inherited_cells,
    intent_of,
    make_notebook,
    notebook_bytes,
    read_notebook,
)
from notebooks.record.files import (
    append,
    append_durably,
    empty,
    make_durable,
    replace_atomically,
    sweep_parts,
)
from notebooks.record.shielded import in_thread

NOTEBOOK = "notebook.ipynb"
JOURNAL = "notebook.journal"
JOURNAL_BYTES = 256 * 1024
"""Up to this size it keeps cells that were recorded: where a file begins anew, to append takes
twice as long."""
Durable = asyncio.Task[None]
"""Is done once something is on disk; failed, when it can't be."""
RESTART = "restart"
"""Kind of the note that says: from here on the kernel was a new, empty one."""


class RecordedCell:
    """A cell between its intent and its place in the notebook.

    Attributes:
        intent: What runs.
        durable: Done when the intent is on disk: nothing of the cell may be emitted before
            that. ``None`` for a cell that was begun by an earlier run of the service.
        execution: How it ended, once `finish` has journalled it.
    """

    def __init__(self, recorder: Recorder, intent: CellIntent, durable: Durable | None) -> None:
        self._recorder, self.intent, self.durable = recorder, intent, durable
        self.execution: Execution | None = None

    async def finish(self, execution: Execution) -> None:
        """Journal the result; the cell's end may be announced once this returns.

        Raises:
            OSError: The intent or the result could not be written.
        """
        if self.durable is not None:
            await self.durable
        await self._recorder.finish(self.intent, execution)
        self.execution = execution


class Recorder:
    """Writes one path's notebook. One recorder per notebook at a time."""

    def __init__(self, directory: Path, notebook: Notebook) -> None:
        self.directory = directory
        self._notebook, self._growing = notebook, GrowingFile()
        self._ids = {cell.id for cell in notebook.cells}
        self._lock = asyncio.Lock()
        self._recovered: tuple[str, Outcome] | None = None
        self.interrupted: CellIntent | None = None
        """The cell a kernel went on with while no service ran; `resume` or `abandon` it."""

    @classmethod
    def open(
        cls, directory: Path, *, conversation: str, path: str, running: str | None = None
    ) -> Recorder:
        """Open the notebook in *directory*, or start one, and settle what a crash left.

        Args:
            directory: Where notebook and journal are, or will be.
            conversation: Whose notebook it is.
            path: Of which path.
            running: The cell that a living kernel runs or ran last; left in `interrupted`
                if it has no result yet.

        Raises:
            NotebookUnreadable: The notebook there is damaged; it is not overwritten.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = directory / NOTEBOOK
        sweep_parts(file)
        exists = file.exists()
        notebook = read_notebook(file) if exists else make_notebook(conversation, path)
        recorder = cls(directory, notebook)
        if not recorder._recover(running) and not exists:
            recorder._write()
        return recorder

    def branch(self, directory: Path, *, conversation: str, path: str, turn: str | None) -> None:
        """Write a notebook into *directory* that begins with this one's cells up to *turn*.

        Raises:
            KeyError: There is no cell of *turn*.
        """
        notebook = branch_notebook(self._notebook, conversation, path, turn)
        replace_atomically(directory / NOTEBOOK, notebook_bytes(notebook))

    def files_after(self, turn: str) -> dict[str, str]:
        """Return file name → sha256 as it was after *turn*."""
        last: dict[str, str] = {}
        found: dict[str, str] = {}
        for cell in self._notebook.cells:
            facts = cell.metadata.get(KEY, {})
            last = dict(facts.get("files_after", last))
            if facts.get("turn") == turn:
                found = last
        return found

    def own_texts(self) -> list[dict[str, Any]]:
        """Return text, kind and turn of each markdown cell that was not inherited."""
        own = self._notebook.cells[inherited_cells(self._notebook) :]
        return [
            {"text": c.source, "kind": c.metadata[KEY].get("kind"), "turn": c.metadata[KEY]["turn"]}
            for c in own
            if c.cell_type == "markdown" and "turn" in c.metadata.get(KEY, {})
        ]

    def own_intents(self) -> list[CellIntent]:
        """Return the cells that ran to their end and were not inherited, ready to run again."""
        own = self._notebook.cells[inherited_cells(self._notebook) :]
        return [
            intent_of(cell)
            for cell in own
            if cell.cell_type == "code" and cell.metadata[KEY].get("status") == "ok"
        ]

    @property
    def file(self) -> Path:
        """The notebook file."""
        return self.directory / NOTEBOOK

    @property
    def head(self) -> str:
        """Hash of the last recorded cell."""
        return head(self._notebook)

    def parameters(self) -> dict[str, Any] | None:
        """Return the parameters' present values, or ``None`` before there is such a cell."""
        cells = [
            c for c in self._notebook.cells if PARAMETER_TAGS & set(c.metadata.get("tags", ()))
        ]
        if not cells:
            return None
        return {k: v for cell in cells for k, v in literal_assignments(cell.source).items()}

    def code_cells(self) -> list[dict[str, Any]]:
        """Return id, source, status, turn, request, outputs, files_after of each code cell."""
        return _code_cells(self._notebook.cells)

    def knows(self, cell_id: str) -> bool:
        """Whether a cell of this id is recorded."""
        return cell_id in self._ids

    def outcome_of(self, cell_id: str) -> Outcome | None:
        """Return how a recorded cell ended; ``None`` when there is none of this id."""
        if not self.knows(cell_id):
            return None
        cell = next(cell for cell in self._notebook.cells if cell.id == cell_id)
        outcome: Outcome | None = cell.metadata.get(KEY, {}).get("status")
        return outcome

    def live_cells(self) -> list[dict[str, Any]]:
        """Return `code_cells` since the kernel was last restarted on purpose."""
        cells = self._notebook.cells
        for number in range(len(cells) - 1, -1, -1):
            if cells[number].metadata.get(KEY, {}).get("kind") == RESTART:
                return _code_cells(cells[number:])
        return _code_cells(cells)

    async def note(self, text: str, facts: Mapping[str, Any]) -> None:
        """Record *text* (a request or an answer) as a markdown cell with *facts*."""
        async with self._lock:
            await in_thread(self._note, text, facts)

    def _note(self, text: str, facts: Mapping[str, Any]) -> None:
        cell_id = new_cell_id()
        append_text(self._notebook, cell_id, text, {"at": utc_now(), **facts})
        self._ids.add(cell_id)
        self._write()

    async def begin(self, intent: CellIntent) -> Durable:
        """Journal *intent*; nothing may run before this returns.

        From then on a service that was killed knows of the cell. A machine that loses power
        does so once it is on disk too: nothing of the cell may be told before that.

        Returns:
            What is done when it is on disk; the thread for it starts at the loop's next turn.
        """
        await self.abandon()
        # Not in a thread: it takes a moment only, and the kernel would wait for two changes.
        opened = append(self.directory / JOURNAL, _line({"intent": intent_to_json(intent)}))
        durable = asyncio.create_task(in_thread(make_durable, opened))
        durable.add_done_callback(_take_failure)
        return durable

    async def finish(self, intent: CellIntent, execution: Execution) -> None:
        """Journal the result; the cell's end may be announced once this returns."""
        result = {"result": execution_to_json(execution), "id": intent.id}
        await in_thread(self._journal, result)

    async def commit(self, intent: CellIntent, execution: Execution) -> None:
        """Chain the cell onto the notebook and write it; the journal has done its part."""
        async with self._lock:
            await in_thread(self._commit, intent, execution)

    def _commit(self, intent: CellIntent, execution: Execution) -> None:
        self._append(intent, execution)
        self._write()
        self._clear_journal()

    def _append(self, intent: CellIntent, execution: Execution) -> None:
        append_cell(self._notebook, intent, execution)
        self._ids.add(intent.id)

    @asynccontextmanager
    async def cell(self, intent: CellIntent) -> AsyncIterator[RecordedCell]:
        """Take one cell through the whole protocol.

        When the block begins, the intent is in the journal. In it the cell runs, emits
        nothing before `RecordedCell.durable` is done, and is handed its result
        (`RecordedCell.finish`), after which its end may be announced. When the block ends, the
        notebook is written; a cell without a result is recorded as ``died``.

        Args:
            intent: What will run.
        """
        async with self._committed(RecordedCell(self, intent, await self.begin(intent))) as cell:
            yield cell

    @asynccontextmanager
    async def resumed_cell(self) -> AsyncIterator[RecordedCell | None]:
        """Take the `interrupted` cell through the rest of the protocol, as `cell` does.

        Gives ``None`` when there is no such cell.
        """
        intent, self.interrupted = self.interrupted, None
        if intent is None:
            yield None
            return
        async with self._committed(RecordedCell(self, intent, None)) as cell:
            yield cell

    @asynccontextmanager
    async def _committed(self, cell: RecordedCell) -> AsyncIterator[RecordedCell]:
        """Write the notebook when the block ends, except for a service that stops amid it."""
        try:
            yield cell
        except Exception:
            died = _died("The service failed while this cell ran.")
            await self.commit(cell.intent, cell.execution or died)
            raise
        if cell.execution is None:
            raise RuntimeError(f"cell {cell.intent.id} has no result")
        await self.commit(cell.intent, cell.execution)

    async def abandon(self) -> None:
        """Record the `interrupted` cell as ``died``: nothing more will be heard of it."""
        intent, self.interrupted = self.interrupted, None
        if intent is not None:
            execution = _died("The service stopped while this cell ran.")
            await self.commit(intent, execution)
            self._recovered = (intent.id, execution.outcome)

    async def refuse(self, intent: CellIntent, execution: Execution) -> None:
        """Record a cell that was not allowed to run."""
        await self.commit(intent, execution)

    def _journal(self, entry: dict[str, Any]) -> None:
        append_durably(self.directory / JOURNAL, _line(entry))

    def _clear_journal(self) -> None:
        journal = self.directory / JOURNAL
        if journal.exists() and journal.stat().st_size > JOURNAL_BYTES:
            empty(journal)

    def _recover(self, running: str | None) -> bool:
        journal = self.directory / JOURNAL
        if not journal.exists():
            return False
        pending: dict[str, CellIntent] = {}
        results: dict[str, Execution] = {}
        for line in journal.read_bytes().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # empty, or cut short by a crash: it never counted
            if "intent" in entry:
                intent = intent_from_json(entry["intent"])
                pending[intent.id] = intent
            elif entry.get("id") in pending:
                results[entry["id"]] = execution_from_json(entry["result"])
        unknown = [intent for intent in pending.values() if not self.knows(intent.id)]
        for intent in unknown:
            last = intent is unknown[-1]
            if last and intent.id not in results and intent.id == running:
                self.interrupted = intent
                return len(unknown) > 1
            died = _died("The service stopped while this cell ran.")
            execution = results.get(intent.id, died)
            self._append(intent, execution)
            self._recovered = (intent.id, execution.outcome)
        if unknown:
            self._write()
        empty(journal)
        return bool(unknown)

    def execution_of(self, turn: str) -> tuple[str, Execution] | None:
        """Return id and execution of the last code cell, if it was recorded for *turn*."""
        for cell in reversed(self._notebook.cells):
            if cell.cell_type in ("code", "raw") and KEY in cell.metadata:
                ours = cell.metadata[KEY].get("turn") == turn
                return (cell.id, execution_of(cell)) if ours else None
        return None

    def take_recovered(self, turn: str) -> tuple[str, Outcome] | None:
        """Return, once, id and outcome of the cell settled after a crash, if it is *turn*'s."""
        if self._recovered is None:
            return None
        cell_id, outcome = self._recovered
        of_turn = any(
            cell.id == cell_id and cell.metadata[KEY].get("turn") == turn
            for cell in self._notebook.cells
        )
        if not of_turn:
            return None
        self._recovered = None
        return cell_id, outcome

    def _write(self) -> None:
        replace_atomically(self.file, self._growing.render(self._notebook))


def _code_cells(cells: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": cell.id,
            "source": cell.source,
            "status": cell.metadata[KEY].get("status"),
            "turn": cell.metadata[KEY].get("turn"),
            "request": cell.metadata[KEY].get("request", ""),
            "decision": cell.metadata[KEY].get("decision"),
            "files_after": dict(cell.metadata[KEY].get("files_after", {})),
            "outputs": cell.get("outputs", []),
        }
        for cell in cells
        if cell.cell_type in ("code", "raw") and KEY in cell.metadata
    ]


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=True).encode()


def _take_failure(durable: Durable) -> None:
    """Ask for its failure, as whoever should have may be gone by then."""
    if not durable.cancelled():
        durable.exception()


def _died(message: str) -> Execution:
    error = {"code": "service-stopped", "message": message}
    return Execution(outcome="died", error=error)
