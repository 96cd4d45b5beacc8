"""What a cell wrote: which files are new or changed, and what checks and tie-out say of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from agent.cells.file_hashes import FileHashes
from agent.checks.tie_out import tie_out_cell
from agent.checks.written_workbooks import (
    CHECK_CANCELLED,
    CHECK_FAILED,
    MOST_CHECKED,
    NOTHING_READ,
    Checks,
    check_workbooks,
    is_workbook,
    unchecked,
    without_values,
    written_elsewhere,
)
from agent.ports import PathRuntime
from container.kernel.execute_reply import ExecuteReply
from container.workspace.workspace import INPUTS
from notebooks.record.cells import PYTHON, CellIntent, Execution
from notebooks.workbooks.tie_out.accounts import notes_of

T = TypeVar("T")
RAN = ("ok", "error", "interrupted", "died")
"""How cells ended that ran, to their end or not."""
log = logging.getLogger("tallybook.checks")


class CellChecks:
    """Checks what one cell wrote."""

    def __init__(
        self,
        intent: CellIntent,
        runtime: PathRuntime,
        hashes: FileHashes,
        cancelled: asyncio.Event,
        begin: Callable[[str, Sequence[str]], Awaitable[None]],
    ) -> None:
        """Prepare to check; nothing is read yet.

        Args:
            intent: The cell.
            runtime: The path's files and notebook.
            hashes: The workspace's file hashes.
            cancelled: Set when nobody waits for the checks any more.
            begin: Called before each step that may take seconds: ``check`` or ``formulas``, and
                the workbooks it is about.
        """
        self.created: list[dict[str, Any]] = []
        """Each file that is new or changed: ``cell``, ``name``, ``size``, ``sha256``."""
        self._intent, self._runtime, self._hashes = intent, runtime, hashes
        self._cancelled, self._begin = cancelled, begin
        self._before: Mapping[str, str] = {}

    async def look_after(self, before: Mapping[str, str]) -> Mapping[str, str]:
        """Return the files as they are after the cell; note which are new or changed.

        Args:
            before: The files as they were before it.
        """
        self._before = before
        if self._hashes.glance(self._runtime.workspace) == before:
            self.created = []
            return before
        after, files = await asyncio.to_thread(self._hashes.snapshot, self._runtime.workspace)
        sizes = {file.name: file.size for file in files}
        self.created = [
            {"cell": self._intent.id, "name": name, "size": sizes[name], "sha256": sha256}
            for name, sha256 in after.items()
            if before.get(name) != sha256 and not name.startswith(f"{INPUTS}/")
        ]
        return after

    async def checked(self, execution: Execution, reply: ExecuteReply) -> Execution:
        """Check, compute and tie out what the cell has written; return it with what was found."""
        elsewhere = written_elsewhere(reply.tables)
        if not self.created and not elsewhere:
            return execution
        found, why = None, CHECK_CANCELLED
        try:
            found = await self._unless_cancelled(self._found(execution, reply))
        except Exception:  # a fault of a check is not one of the cell, which has run
            log.exception("what cell %s wrote could not be checked", self._intent.id)
            why = CHECK_FAILED
        if found is None:
            execution = replace(execution, files_after=dict(await self.look_after(self._before)))
            names = [name for name in self._written() if is_workbook(name)][:MOST_CHECKED]
            found = execution, {name: [unchecked(why)] for name in names}, []
        execution, checks, results = found
        checks = {**checks, **elsewhere}
        if not checks and not results:
            return execution
        if checks and self._nothing_was_read(execution):
            checks = {name: [*findings, NOTHING_READ] for name, findings in checks.items()}
        tied = {**execution.tie_out, "results": results} if results else execution.tie_out
        return replace(execution, checks=checks, tie_out=tied)

    async def _unless_cancelled(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Await *work*; return ``None`` if the caller is cancelled meanwhile.

        Checks may take minutes, which a user who stops a request does not wait for.
        """
        task, stop = asyncio.create_task(work), asyncio.create_task(self._cancelled.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            task.cancel()
        await asyncio.wait({task})
        return None if task.cancelled() else task.result()

    async def _found(
        self, execution: Execution, reply: ExecuteReply
    ) -> tuple[Execution, Checks, list[dict[str, Any]]]:
        """Return what was found in the written files, once their formulas are computed."""
        workspace, codes = self._runtime.workspace, self._codes()
        if workbooks := [name for name in self._written() if is_workbook(name)]:
            await self._begin("check", workbooks)
        checks, results = await asyncio.gather(
            check_workbooks(workspace, list(self._written()), codes),
            self._tie_out(execution, reply, self._written()),
        )
        if without := without_values(checks):
            await self._begin("formulas", without)
        computed = await self._runtime.compute(workspace, without)
        stored = [name for name, each in computed.items() if "problem" not in each]
        if stored:
            after = await self.look_after(self._before)
            execution = replace(execution, files_after=dict(after))
            again, results = await asyncio.gather(
                check_workbooks(workspace, stored, codes, computed=stored),
                self._tie_out(execution, reply, self._written()),
            )
            checks = {**checks, **again}
        return replace(execution, computed=computed), checks, results

    def _written(self) -> dict[str, str]:
        return {file["name"]: file["sha256"] for file in self.created}

    def _codes(self) -> list[str]:
        """Return the Python code that ran since the kernel was restarted, this cell's last."""
        cells = self._runtime.recorder.live_cells()
        earlier = [cell for cell in cells if cell["id"] != self._intent.id]
        codes = [
            str(cell["source"])
            for cell in earlier
            if cell["status"] in RAN and cell["language"] == PYTHON
        ]
        return [*codes, self._intent.source] if self._intent.language == PYTHON else codes

    async def _tie_out(
        self, execution: Execution, reply: ExecuteReply, written: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        intent, runtime = self._intent, self._runtime
        opened = reply.inputs_read or ()
        own = notes_of(intent.source, reply.tables, intent.id, opened)
        earlier = [c for c in runtime.recorder.live_cells() if c["id"] != intent.id]
        return await tie_out_cell(own, earlier, written, execution.files_after, runtime.workspace)

    def _nothing_was_read(self, execution: Execution) -> bool:
        """Whether there are uploads, and neither this cell nor one before it opened any."""
        uploads = any(name.startswith(f"{INPUTS}/") for name in self._before)
        cells = self._runtime.recorder.live_cells()
        # What a cell read before it failed is there for its repair.
        read = [cell["inputs_read"] for cell in cells if cell["status"] in RAN]
        return uploads and not any(
            names is None or names for names in [*read, execution.inputs_read]
        )
