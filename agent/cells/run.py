"""Run one admitted cell: emit its events, journal, execute and record it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from opentelemetry import trace

from agent.cells.checkpoints import checkpoint_before
from agent.cells.checks import CellChecks
from agent.cells.file_hashes import FileHashes
from agent.cells.leaving import LeavingOutputs
from agent.cells.recorded_outputs import RecordedOutputs
from agent.cells.staleness import made_stale, map_of, may_change
from agent.checks.formula_values import summary
from agent.checks.tie_out import kept_notes
from agent.ports import EventSink, PathRuntime
from container.kernel.execute_reply import ClientRequest, ExecuteReply
from container.kernel.languages import KERNEL_OF, PYTHON
from container.kernel.outputs import envelope_of
from container.kernel.session import KernelSession
from container.messages import KernelMessage
from notebooks.lineage.staleness import stale_to_json
from notebooks.record.cells import (
    CellIntent,
    Execution,
    Provenance,
    new_cell_id,
)
from notebooks.record.recorder import RecordedCell

tracer = trace.get_tracer("tallybook")
log = logging.getLogger("tallybook.cells")
INTERRUPT_SECONDS = 1.0
NETWORK = "network"
"""The permission to use the network; see `agent.permission.network` for those that name whom."""
READ_ONLY = "read-only"
"""The tag of a cell that worked on a copy of the files."""
BUSY = {"execution_state": "busy"}
NO_MESSAGE = "it was raised without a message"
ENDED_ITSELF = "The cell ended itself here: the rest of it did not run. Variables are kept."
T = TypeVar("T")


async def run_cell(
    code: str,
    provenance: Provenance,
    runtime: PathRuntime,
    sink: EventSink,
    hashes: FileHashes,
    *,
    tags: Sequence[str] = (),
    cell_id: str | None = None,
    client: ClientRequest | None = None,
    granted: Sequence[str] = (),
    language: str = PYTHON,
    kept: Mapping[str, str] | None = None,
) -> Execution:
    """Run *code* in the path's kernel of its language and record it.

    Emits ``cell.started``, ``cell.output`` per output, ``cell.finished`` (once the
    result is durable) and ``file.created`` per file that is new or changed. If the caller
    is cancelled, the cell is interrupted and recorded before the cancellation is raised.

    Args:
        code: The cell's source.
        provenance: Where the code comes from and who allowed it, for the record.
        runtime: The path's kernel and notebook.
        sink: Receives the events.
        hashes: The workspace's file hashes.
        tags: The cell's tags.
        cell_id: Its id; a new one by default.
        client: A Jupyter client's own request, sent in place of one made here. Its notebook file is
            left to `Recorder.write`, as many such requests may come one after the other.
        granted: Permissions for the kernel's audit hook.
        language: One of `container.kernel.languages.KERNEL_OF`.
        kept: The files that are kept, name → sha256, if the cell works on a copy of them: it is
            recorded as one that wrote none. ``None`` where what it writes is kept.

    Raises:
        SandboxUnavailable, KernelStartFailed, LanguageNotInstalled: No kernel; nothing was
            recorded.
    """
    kernel = KERNEL_OF[language]
    session = await (runtime.session() if kernel == PYTHON else runtime.other_session(kernel))
    intent = CellIntent(
        id=cell_id or new_cell_id(),
        source=code,
        provenance=provenance,
        tags=(*tags, *([] if kept is None else [READ_ONLY])),
        language=language,
    )
    following = _Following(intent, runtime, sink, hashes, kept=kept)

    async def record() -> Execution:
        """Journal, execute and record the cell."""
        files = await following.look()
        seen = replace(intent, files_before=files, checkpoint=await following.checkpoint(files))
        later = client is not None
        async with runtime.recorder.cell(seen, write_later=later) as cell:  # it is in the journal
            reply = ExecuteReply(status="interrupted")
            if not following.cancelled.is_set():
                reply = await _execute(seen, session, following, cell.durable, client, granted)
            execution = await following.finish(cell, reply)
        await following.say_stale(execution)
        return execution

    recording = asyncio.create_task(record())
    return await _until_recorded(recording, following.cancelled, lambda: session)


async def _execute(
    intent: CellIntent,
    session: KernelSession,
    following: _Following,
    durable: asyncio.Future[None] | None,
    client: ClientRequest | None,
    granted: Sequence[str],
) -> ExecuteReply:
    with tracer.start_span("cell.execute") as span:
        size = len(intent.source)
        span.set_attributes(
            {"turn": intent.provenance.turn_id, "cell": intent.id, "code.bytes": size}
        )
        async with following.network(session, granted):
            reply = await session.execute(
                intent.source,
                following.on_output,
                emit=following.emit,
                message_id=intent.id,
                client=client,
                emit_after=durable,
                granted=granted,
            )
        span.set_attributes({"status": reply.status, "seconds": reply.seconds})
    return reply


async def resume_cell(
    runtime: PathRuntime, sink: EventSink, hashes: FileHashes
) -> tuple[str, Execution] | None:
    """Follow the cell that a kernel ran across a restart; emit the events not stored yet.

    If the caller is cancelled, the cell is interrupted and recorded before the cancellation
    is raised.

    Returns:
        Its id and execution; ``None`` if there is no such cell.
    """
    if runtime.recorder.interrupted is None:
        return None
    # A task, so that a cancelled caller does not leave the kernel busy.
    recording = asyncio.create_task(_resume(runtime.recorder.interrupted, runtime, sink, hashes))
    return await _until_recorded(recording, asyncio.Event(), runtime.live_session)


async def ran_before(
    turn: str, runtime: PathRuntime, sink: EventSink, hashes: FileHashes
) -> tuple[str, Execution] | None:
    """Return id and execution of a turn's last cell, if one started before a restart.

    If it still runs, wait for its end. Emit its ``cell.finished`` if that is not stored yet.
    """
    await resume_cell(runtime, sink, hashes)
    recorded = runtime.recorder.execution_of(turn)
    if recorded is not None and not (await sink.emitted(recorded[0])).get("cell.finished"):
        await sink.emit("cell.finished", finished_facts(*recorded))
    return recorded


async def _resume(
    intent: CellIntent, runtime: PathRuntime, sink: EventSink, hashes: FileHashes
) -> tuple[str, Execution] | None:
    session = await runtime.session()
    if session.last_cell != intent.id:
        await runtime.recorder.abandon()  # the kernel died, or never received the cell
        return None
    following = _Following(intent, runtime, sink, hashes, await sink.emitted(intent.id))

    async with runtime.recorder.resumed_cell() as cell:
        if cell is None:
            return None
        reply = await session.resume(following.on_output, emit=following.emit)
        execution = await following.finish(cell, reply)
    await following.say_stale(execution)
    return intent.id, execution


class _Following:
    """Emits and collects the outputs and files of one running cell."""

    def __init__(
        self,
        intent: CellIntent,
        runtime: PathRuntime,
        sink: EventSink,
        hashes: FileHashes,
        emitted: Mapping[str, int] = MappingProxyType({}),
        *,
        kept: Mapping[str, str] | None = None,
    ) -> None:
        """Follow the cell of *intent*.

        Args:
            intent: The cell.
            runtime: The path's kernel and notebook.
            sink: Receives the events.
            hashes: The workspace's file hashes.
            emitted: How many of its events an earlier run of the service stored, by kind.
            kept: See `run_cell`.
        """
        self.cancelled = asyncio.Event()
        self._intent, self._runtime, self._sink, self._hashes = intent, runtime, sink, hashes
        self._recorded = RecordedOutputs(runtime.workspace, intent.id)
        self._before, self._kept = intent.files_before, kept
        self._checks = CellChecks(intent, runtime, hashes, self.cancelled, self._begin_check)
        self._seconds = 0.0
        self._started = bool(emitted.get("cell.started"))
        self._outputs_emitted = emitted.get("cell.output", 0)
        self._opening: list[KernelMessage] = []
        self._calls: Sequence[Mapping[str, Any]] = ()
        self._leaving = LeavingOutputs(runtime.egress.client)
        self._leaves: list[Mapping[str, Any]] = []
        self._last: KernelMessage | None = None

    @contextlib.asynccontextmanager
    async def network(self, session: KernelSession, granted: Sequence[str]) -> AsyncIterator[None]:
        """Give the cell its way to the network during the block, if it has that permission."""
        directory, way = session.network_directory, self._runtime.network
        if NETWORK not in granted or way is None or directory is None:
            yield
            return
        async with way.opened(directory, self._intent.id, granted, session.untimed) as self._calls:
            yield

    async def look(self) -> Mapping[str, str]:
        """Return the files as they are before the cell runs."""
        if (before := self._kept) is None:
            before = await self._hashes.current(self._runtime.workspace)
        self._before = before
        self._intent = replace(self._intent, files_before=before)
        return before

    async def checkpoint(self, files: Mapping[str, str]) -> str | None:
        """Return the checkpoint with *files*, the files before the cell runs."""
        cell, turn = self._intent.id, self._intent.provenance.turn_id
        return await checkpoint_before(
            files, self._runtime, self._sink, self._hashes, turn=turn, cell=cell
        )

    async def emit(self, message: KernelMessage, output: Mapping[str, Any] | None) -> bool:
        """Emit ``cell.started`` or ``cell.output``; return whether it holds *message*.

        While Jupyter clients use the kernel, these events hold its messages, which are therefore
        stored once (see `kernel_gateway.channels.views`).
        """
        kind, shared = message["header"]["msg_type"], self._runtime.has_clients()
        if output is not None:
            self._leaves = await self._leaving.take(output)
            self._last = message if shared else None
            for each in self._leaves:
                await self._emit_output(self._last, each)
        elif kind == "execute_input":
            await self._emit_started([*self._opening, message] if shared else [])
        elif not self._started and not self._opening and message["content"] == BUSY:
            self._opening.append(message)  # the next message is execute_input
        else:
            return False
        return shared

    async def _emit_started(self, opening: Sequence[KernelMessage]) -> None:
        if self._started:
            return
        self._started = True
        facts = _started_facts(self._intent)
        if opening:
            facts["messages"] = [{k: v for k, v in m.items() if k != "buffers"} for m in opening]
        await self._sink.emit("cell.started", facts)

    async def _emit_output(self, message: KernelMessage | None, output: Mapping[str, Any]) -> None:
        if self._outputs_emitted:
            self._outputs_emitted -= 1  # emitted before the service stopped
            return
        facts = {"cell": self._intent.id, "output": dict(output)}
        if message is not None:
            content = {
                **message["content"],
                **{k: output[k] for k in message["content"] if k in output},
            }
            facts["message"] = envelope_of({**message, "content": content}, output)
        await self._sink.emit("cell.output", facts)

    async def on_output(self, output: Mapping[str, Any]) -> None:
        """Record what `emit` let go of *output*; it is called before this."""
        del output
        for each in self._leaves:
            self._recorded.add(each)
        self._leaves = []

    async def _begin_check(self, step: str, names: Sequence[str]) -> None:
        facts = {"cell": self._intent.id, "step": step, "names": list(names)}
        await self._sink.emit("cell.checking", {**facts, "seconds": round(self._seconds, 4)})

    async def finish(self, cell: RecordedCell, reply: ExecuteReply) -> Execution:
        """Journal the result, check the written workbooks, emit the end; return the execution."""
        self._seconds = reply.seconds
        execution = await self._execution(reply)  # its output events are stored
        await cell.finish(execution)  # its result is in the journal
        if lineage := await map_of(self._runtime, self._intent, execution):
            execution = replace(execution, lineage=lineage)
        execution = await self._checks.checked(execution, reply)
        if cell.execution is not execution:
            await cell.finish(execution)
        await self._announce(execution)
        return execution

    async def _execution(self, reply: ExecuteReply) -> Execution:
        """Hash the files and build the execution from *reply*.

        All output events are stored before this returns, so recorded outputs were emitted.
        """
        for each in self._leaving.rest():
            await self._emit_output(self._last, each)
            self._recorded.add(each)
        outputs = self._recorded.end()
        await self._emit_started(self._opening)  # the kernel ended before it began the cell
        await self._sink.flush()  # first, so that hashing does not delay the outputs
        after = self._kept
        if after is None:
            after = await self._checks.look_after(self._before)
        execution = make_execution(reply, outputs, after, kept_notes(reply.tables))
        execution = replace(execution, error=self._leaving.error(execution.error))
        return replace(execution, network=tuple(self._calls)) if self._calls else execution

    async def say_stale(self, execution: Execution) -> None:
        """Emit ``cell.stale`` for each recorded cell whose inputs this one has changed."""
        after = execution.files_after
        if not may_change(self._intent.source, self._before, after):
            return
        for each in await made_stale(self._runtime, after, lambda c: c.id == self._intent.id):
            await self._sink.emit("cell.stale", {**stale_to_json(each), "by": self._intent.id})

    async def _announce(self, execution: Execution) -> None:
        """Emit what was written, checked and tied out, and ``cell.finished``."""
        facts: dict[str, Any]
        if seen := self._leaving.findings():
            facts = {"towards": "client", "cell": self._intent.id, "findings": seen}
            await self._sink.emit("output.redacted", facts)
        for file in self._checks.created:
            await self._sink.emit("file.created", file)
        for name, findings in execution.checks.items():
            facts = {"cell": self._intent.id, "name": name}
            facts["findings"] = list(findings)
            if computed := execution.computed.get(name):
                facts["computed"] = {"message": summary(computed), **computed}
            await self._sink.emit("workbook.checked", facts)
        for result in execution.tie_out.get("results", ()):
            await self._sink.emit("result.checked", {"cell": self._intent.id, **result})
        await self._sink.emit("cell.finished", finished_facts(self._intent.id, execution))


async def _until_recorded(
    recording: asyncio.Task[T],
    cancelled: asyncio.Event,
    session: Callable[[], KernelSession | None],
) -> T:
    try:
        return await asyncio.shield(recording)
    except asyncio.CancelledError:
        cancelled.set()
        await _interrupt_until_done(session, recording)
        raise


async def _interrupt_until_done(
    running_in: Callable[[], KernelSession | None], recording: asyncio.Task[Any]
) -> None:
    """Interrupt the cell until *recording* is done: a partial record would lose the cell."""
    while not recording.done():
        # Ignore further cancellations: the next cell must not start before this one ends.
        with contextlib.suppress(asyncio.CancelledError):
            if (session := running_in()) is not None:
                await session.interrupt()
            await asyncio.wait({recording}, timeout=INTERRUPT_SECONDS)
    recording.exception()  # mark as retrieved; the caller raises the cancellation


def _started_facts(intent: CellIntent) -> dict[str, Any]:
    facts = {"cell": intent.id, "code": intent.source, "tags": list(intent.tags)}
    return facts if intent.language == PYTHON else {**facts, "language": intent.language}


def finished_facts(cell: str, execution: Execution) -> dict[str, Any]:
    """Return the data of *cell*'s ``cell.finished`` event."""
    return {
        "cell": cell,
        "status": execution.outcome,
        "seconds": round(execution.seconds, 4),
        "execution_count": execution.execution_count,
        "error": dict(execution.error) if execution.error else None,
    }


def make_execution(
    reply: ExecuteReply,
    outputs: tuple[Mapping[str, Any], ...],
    after: Mapping[str, str],
    tables: Mapping[str, Any],
) -> Execution:
    """Return the execution to record of a cell that ended with *reply*.

    Args:
        reply: How it ended.
        outputs: Its outputs, as recorded.
        after: Workspace file → sha256.
        tables: What it read and wrote, for the tie-out.
    """
    error: dict[str, str] | None = None
    if reply.error is not None:
        error = {"code": reply.error.code, "message": str(reply.error)}
    elif reply.status == "interrupted":
        error = {"code": "cancelled", "message": "The cell was cancelled. Variables are kept."}
    elif reply.status == "error":
        message = ENDED_ITSELF if reply.ename == "SystemExit" else reply.evalue or NO_MESSAGE
        error = {"code": "code-error", "ename": reply.ename, "message": message}
    return Execution(
        outcome=reply.status,
        execution_count=reply.execution_count,
        outputs=outputs,
        seconds=reply.seconds,
        error=error,
        files_after=dict(after),
        inputs_read=reply.inputs_read,
        tie_out=tables,
    )
