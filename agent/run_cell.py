"""Run one allowed cell: announce, journal, execute, stream, record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agent.ports import Bench, EventSink
from container.errors import ContainerError
from container.execute_reply import ExecuteReply
from container.session import KernelSession
from container.workspace import WorkspaceFile
from notebooks.cells import (
    CellIntent,
    Execution,
    OutputCollector,
    Provenance,
    new_cell_id,
)

HASHED_BYTES = 200 * 1024 * 1024
INTERRUPT_SECONDS = 1.0


class FileHashes:
    """sha256 of a workspace's files, computed again only when a file's version changes."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str]] = {}

    def snapshot(self, bench: Bench) -> tuple[dict[str, str], list[WorkspaceFile]]:
        """Return file name → sha256 (or ``size:N`` for a huge file), and the listing."""
        files = bench.workspace.files()
        found: dict[str, str] = {}
        for file in files:
            known = self._known.get(file.name)
            if known is None or known[0] != file.version:
                known = (file.version, self._hash(bench, file))
                self._known[file.name] = known
            found[file.name] = known[1]
        self._known = {name: self._known[name] for name in found}
        return found, files

    @staticmethod
    def _hash(bench: Bench, file: WorkspaceFile) -> str:
        if file.size > HASHED_BYTES:
            return f"size:{file.size}"
        try:
            return bench.workspace.sha256(file.name)
        except ContainerError:
            return "unreadable"  # it was replaced by a link or removed just now


async def run_cell(
    code: str,
    provenance: Provenance,
    bench: Bench,
    sink: EventSink,
    hashes: FileHashes,
    *,
    tags: Sequence[str] = (),
) -> Execution:
    """Run *code* in the path's kernel and record it.

    Emits ``cell.started``, ``cell.output`` per output, ``cell.finished`` (once the
    result is durable) and ``file.created`` per file that is new or changed. A
    cancelled caller's cell is interrupted and recorded before the cancellation goes on.

    Raises:
        SandboxUnavailable, KernelStartFailed: No kernel; nothing was recorded.
    """
    session = await bench.session()
    before, _ = await asyncio.to_thread(hashes.snapshot, bench)
    intent = CellIntent(
        id=new_cell_id(), source=code, provenance=provenance, tags=tuple(tags), files_before=before
    )
    await sink.emit("cell.started", {"cell": intent.id, "code": code, "tags": list(tags)})
    created: list[dict[str, Any]] = []
    cancelled = asyncio.Event()

    async def run() -> Execution:
        collector = OutputCollector()

        async def on_output(output: Mapping[str, Any]) -> None:
            collector.add(output)
            await sink.emit("cell.output", {"cell": intent.id, "output": dict(output)})

        if cancelled.is_set():
            reply = ExecuteReply(status="interrupted")
        else:
            reply = await session.execute(code, on_output)
        after, files = await asyncio.to_thread(hashes.snapshot, bench)
        sizes = {file.name: file.size for file in files}
        created.extend(
            {"cell": intent.id, "name": name, "size": sizes[name], "sha256": sha256}
            for name, sha256 in after.items()
            if before.get(name) != sha256
        )
        return _execution(reply, collector, after)

    async def finished(execution: Execution) -> None:
        for file in created:
            await sink.emit("file.created", file)
        await sink.emit("cell.finished", _finished_facts(intent.id, execution))

    recording = asyncio.create_task(bench.recorder.record(intent, run, finished))
    try:
        return await asyncio.shield(recording)
    except asyncio.CancelledError:
        cancelled.set()
        await _interrupt_until_done(session, recording)
        raise


async def _interrupt_until_done(session: KernelSession, recording: asyncio.Task[Any]) -> None:
    """Stop the cell, but let its record become whole: half a record would lose the cell."""
    while not recording.done():
        await session.interrupt()
        await asyncio.wait({recording}, timeout=INTERRUPT_SECONDS)
    recording.exception()  # the cancellation goes on whatever came of it


def _finished_facts(cell: str, execution: Execution) -> dict[str, Any]:
    return {
        "cell": cell,
        "status": execution.outcome,
        "seconds": round(execution.seconds, 4),
        "execution_count": execution.execution_count,
        "error": dict(execution.error) if execution.error else None,
    }


def _execution(
    reply: ExecuteReply, collector: OutputCollector, after: Mapping[str, str]
) -> Execution:
    error: dict[str, str] | None = None
    if reply.error is not None:
        error = {"code": reply.error.code, "message": str(reply.error)}
    elif reply.status == "interrupted":
        error = {"code": "cancelled", "message": "The cell was cancelled. Variables are kept."}
    elif reply.status == "error":
        error = {"code": "code-error", "ename": reply.ename, "message": reply.evalue}
    return Execution(
        outcome=reply.status,
        execution_count=reply.execution_count,
        outputs=collector.outputs(),
        seconds=reply.seconds,
        error=error,
        files_after=dict(after),
    )
