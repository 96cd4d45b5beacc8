"""The recorder: journal the intent, run, journal the result, write the notebook.

A crash at any moment leaves a valid notebook. The next `Recorder.open` records a cell whose
result is in the journal. A cell without a result can be resumed if its kernel is alive, and is
recorded as ``died`` otherwise.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from notebooks.record.cells import (
    CellIntent,
    Execution,
    Outcome,
    execution_from_json,
    execution_to_json,
    intent_from_json,
    intent_to_json,
    new_cell_id,
    utc_now,
)
from notebooks.record.chain import KEY, Attester
from notebooks.record.document import (
    GrowingFile,
    Notebook,
    append_cell,
    append_text,
    branch_notebook,
    inherited_cells,
    make_notebook,
    notebook_bytes,
    remove_last_cell,
    sealed,
)
from notebooks.record.files import (
    append,
    append_durably,
    empty,
    make_durable,
    replace_atomically,
    sweep_parts,
)
from notebooks.record.reading import read_notebook
from notebooks.record.recorded_notebook import RecordedNotebook
from notebooks.record.shielded import in_thread

NOTEBOOK = "notebook.ipynb"
JOURNAL = "notebook.journal"
JOURNAL_BYTES = 256 * 1024
"""Size above which the journal is truncated; rarely, as appending to an empty file takes twice as
long."""
MOST_UNWRITTEN = 50
"""Cells that may be in the journal only; the next one is written with them at once."""
Durable = asyncio.Task[None]
"""A task that is done once a write is on disk; it raises if the write fails."""


class RecordedCell:
    """A cell from its intent to its place in the notebook.

    Attributes:
        intent: The cell's intent.
        durable: Done when the intent is on disk: no event of the cell may be emitted before.
            ``None`` for a cell that an earlier run of the service started.
        execution: The result, once `finish` has written it to the journal.
    """

    def __init__(self, recorder: Recorder, intent: CellIntent, durable: Durable | None) -> None:
        self._recorder, self.intent, self.durable = recorder, intent, durable
        self.execution: Execution | None = None

    async def finish(self, execution: Execution) -> None:
        """Write the result to the journal; only then may ``cell.finished`` be emitted.

        Raises:
            OSError: The intent or the result could not be written.
        """
        if self.durable is not None:
            await self.durable
        await self._recorder.finish(self.intent, execution)
        self.execution = execution


class Recorder(RecordedNotebook):
    """Writes one path's notebook; a notebook has at most one recorder at a time."""

    def __init__(
        self, directory: Path, notebook: Notebook, attester: Attester | None = None
    ) -> None:
        self.directory, self._attester = directory, attester
        super().__init__(notebook)
        self._growing = GrowingFile()
        self._ids = {cell.id for cell in notebook.cells}
        self._unannounced: set[str] = set()
        self._unwritten = 0
        self._begun: CellIntent | None = None
        self._lock = asyncio.Lock()
        self._recovered: tuple[str, Outcome] | None = None
        self.interrupted: CellIntent | None = None
        """The cell that kept running while no service ran; `resumed_cell` or `abandon` takes it."""

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        conversation: str,
        path: str,
        running: str | None = None,
        attester: Attester | None = None,
    ) -> Recorder:
        """Open or create the notebook in *directory*, and recover from a crash.

        Args:
            directory: Directory of the notebook and its journal; created if missing.
            conversation: The notebook's conversation.
            path: The notebook's path.
            running: The last cell of a living kernel, running or not; it becomes `interrupted`
                if it has no result yet.
            attester: Signs every cell and the notebook's head; without one nothing is signed.

        Raises:
            NotebookUnreadable: The notebook there is damaged; it is not overwritten.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = directory / NOTEBOOK
        sweep_parts(file)
        exists = file.exists() and file.stat().st_size > 0
        notebook = read_notebook(file) if exists else make_notebook(conversation, path, attester)
        recorder = cls(directory, notebook, attester)
        if not recorder._recover(running) and not exists:
            # A power loss may leave this file empty: it has no cell to lose.
            replace_atomically(file, notebook_bytes(notebook), durable=False)
        return recorder

    def branch(self, directory: Path, *, conversation: str, path: str, turn: str | None) -> None:
        """Write a notebook to *directory* that begins with this one's cells up to *turn*.

        Raises:
            KeyError: There is no cell of *turn*.
        """
        notebook = branch_notebook(self._notebook, conversation, path, turn, self._attester)
        replace_atomically(directory / NOTEBOOK, notebook_bytes(notebook))

    @property
    def file(self) -> Path:
        """The notebook file."""
        return self.directory / NOTEBOOK

    @property
    def settled(self) -> bool:
        """Whether every cell that has begun is recorded."""
        return self._begun is None and self.interrupted is None

    def knows(self, cell_id: str) -> bool:
        """Whether a cell with this id is recorded."""
        return cell_id in self._ids

    async def note(self, text: str, facts: Mapping[str, Any]) -> None:
        """Record *text* (a request or an answer) as a markdown cell with *facts*."""
        async with self._lock:
            await in_thread(self._note, text, facts)

    def _note(self, text: str, facts: Mapping[str, Any]) -> None:
        cell_id = new_cell_id()
        append_text(self._notebook, cell_id, text, {"at": utc_now(), **facts}, self._attester)
        try:
            self._write()
        except OSError:  # the caller takes it for not recorded: no later write may record it
            self._growing.cut(remove_last_cell(self._notebook))
            raise
        self._added(cell_id)

    async def begin(self, intent: CellIntent) -> Durable:
        """Write *intent* to the journal; the cell may run only once this returns.

        The cell then survives a kill of the service, and a power loss once the returned task is
        done: no event of the cell may be emitted before.

        Returns:
            A task that is done when the intent is on disk.
        """
        await self.abandon()
        self._begun = intent
        # Not in a thread: the write is short, and two thread switches would delay the kernel.
        opened = append(self.directory / JOURNAL, _line({"intent": intent_to_json(intent)}))
        durable = asyncio.create_task(in_thread(make_durable, opened))
        durable.add_done_callback(_take_failure)
        return durable

    async def finish(self, intent: CellIntent, execution: Execution) -> None:
        """Write the result to the journal; only then may ``cell.finished`` be emitted."""
        result = {"result": execution_to_json(execution), "id": intent.id}
        await in_thread(self._journal, result)

    async def commit(
        self, intent: CellIntent, execution: Execution, *, later: bool = False
    ) -> None:
        """Append the cell to the notebook and write the file; the journal may then be truncated.

        Args:
            intent: The cell.
            execution: How it ended.
            later: Leave the file to `write`: the cell's result is in the journal.
        """
        async with self._lock:
            if later and self._unwritten < MOST_UNWRITTEN:
                await in_thread(self._append, intent, execution)
                return
            await in_thread(self._commit, intent, execution)
            self._clear_journal()

    def _commit(self, intent: CellIntent, execution: Execution) -> None:
        self._append(intent, execution)
        self._write()

    async def write(self) -> None:
        """Write the file if `commit` left that for later.

        Raises:
            OSError: It can't be written; its cells stay in the journal.
        """
        if self._unwritten:
            async with self._lock:
                await in_thread(self._write)
                self._clear_journal()

    async def content(self) -> bytes:
        """Return the file with every recorded cell, also those that `commit` left for later.

        Raises:
            OSError: It can't be written or read.
        """
        await self.write()
        return await in_thread(self.file.read_bytes)

    def _append(self, intent: CellIntent, execution: Execution) -> None:
        append_cell(self._notebook, intent, execution, self._attester)
        self._begun = None
        self._unwritten += 1
        self._added(intent.id)

    def _added(self, cell_id: str) -> None:
        self._ids.add(cell_id)
        self._unannounced.add(cell_id)

    def unannounced(self, turn: str | None = None) -> list[dict[str, Any]]:
        """Return number (from 1), id and hash of the cells to be stored apart from the notebook.

        These are the cells that this recorder wrote and `announced` does not know yet, and all
        of *turn*, as an earlier run of the service may have written some.
        """
        cells = self._notebook.cells
        first = inherited_cells(self._notebook)
        return [
            {"number": number, "cell": cell.id, "hash": cell.metadata[KEY].get("hash", "")}
            for number, cell in enumerate(cells[first:], first + 1)
            if cell.id in self._unannounced
            or (turn is not None and cell.metadata.get(KEY, {}).get("turn") == turn)
        ]

    def announced(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Note that *entries*, from `unannounced`, are stored."""
        self._unannounced -= {str(entry["cell"]) for entry in entries}

    @asynccontextmanager
    async def cell(
        self, intent: CellIntent, *, write_later: bool = False
    ) -> AsyncIterator[RecordedCell]:
        """Record one cell around its execution.

        The intent is in the journal when the block starts. The block runs the cell, emits no
        event before `RecordedCell.durable` is done, and calls `RecordedCell.finish` before it
        emits ``cell.finished``. At the end of the block the notebook is written; if the block
        raised before a result, the cell is recorded as ``died``.

        Args:
            intent: The cell to run.
            write_later: Leave the notebook file to `write`.
        """
        begun = RecordedCell(self, intent, await self.begin(intent))
        async with self._committed(begun, later=write_later) as cell:
            yield cell

    @asynccontextmanager
    async def resumed_cell(self) -> AsyncIterator[RecordedCell | None]:
        """Record the rest of the `interrupted` cell, as `cell` does; yield ``None`` without one."""
        intent, self.interrupted = self.interrupted, None
        if intent is None:
            yield None
            return
        self._begun = intent
        async with self._committed(RecordedCell(self, intent, None)) as cell:
            yield cell

    @asynccontextmanager
    async def _committed(
        self, cell: RecordedCell, *, later: bool = False
    ) -> AsyncIterator[RecordedCell]:
        """Write the notebook after the block, unless it is cancelled because the service stops."""
        try:
            yield cell
        except Exception:
            died = _died("The service failed while this cell ran.")
            await self.commit(cell.intent, cell.execution or died)
            raise
        if cell.execution is None:
            raise RuntimeError(f"cell {cell.intent.id} has no result")
        await self.commit(cell.intent, cell.execution, later=later)

    async def abandon(self) -> None:
        """Record the `interrupted` cell as ``died``: its result is lost."""
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
        """Truncate the journal if it is large, and all of it is in the file.

        On the event loop, as `begin` is: no intent can come in between.
        """
        if self._begun is not None or self.interrupted is not None:
            return
        journal = self.directory / JOURNAL
        if journal.exists() and journal.stat().st_size > JOURNAL_BYTES:
            empty(journal)

    def _recover(self, running: str | None) -> bool:
        journal = self.directory / JOURNAL
        if not journal.exists():
            return False
        pending, results = _journalled(journal)
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

    def take_recovered(self, turn: str) -> tuple[str, Outcome] | None:
        """Return, once, id and outcome of the cell recovered after a crash, if it is *turn*'s."""
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
        sealed(self._notebook, self._attester)
        replace_atomically(self.file, self._growing.render(self._notebook))
        self._unwritten = 0


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=True).encode()


def _take_failure(durable: Durable) -> None:
    """Retrieve the task's exception: its caller may have been cancelled."""
    if not durable.cancelled():
        durable.exception()


def _died(message: str) -> Execution:
    error = {"code": "service-stopped", "message": message}
    return Execution(outcome="died", error=error)


def _journalled(journal: Path) -> tuple[dict[str, CellIntent], dict[str, Execution]]:
    """Return the intents and the results that *journal* holds, by cell."""
    pending: dict[str, CellIntent] = {}
    results: dict[str, Execution] = {}
    for line in journal.read_bytes().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # empty, or cut off by a crash before it was acted on
        if "intent" in entry:
            intent = intent_from_json(entry["intent"])
            pending[intent.id] = intent
        elif entry.get("id") in pending:
            results[entry["id"]] = execution_from_json(entry["result"])
    return pending, results
