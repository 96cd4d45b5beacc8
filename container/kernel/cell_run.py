"""Run one cell: pass its outputs on, enforce its limits, report how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

from container.errors import (
    CellTimedOut,
    CellWouldNotStop,
    ContainerError,
    DiskQuotaExceeded,
    KernelDied,
    MemoryLimitExceeded,
    MemoryLimitReached,
    OutputLimitExceeded,
    OutputsIncomplete,
    ProcessLimitReached,
)
from container.kernel.client import next_message
from container.kernel.execute_reply import (
    ClientRequest,
    EmitMessage,
    ExecuteReply,
    OnOutput,
    RecordListener,
    emit_nothing,
)
from container.kernel.outputs import output_of
from container.kernel.reply_content import (
    out_of_memory,
    take_file_use,
    valid_count,
    valid_lines,
)
from container.limits import Limits
from container.messages import KernelMessage, read_message
from container.shim.client import KernelLease

SILENCE_SECONDS = 5.0
LOOK_SECONDS = 0.5
LAST_WORDS_SECONDS = 0.2
NO_REPLY = {
    "status": "error",
    "ename": "NoReply",
    "evalue": "The kernel ended the cell without a reply.",
}


def death_of(lease: KernelLease | None, limits: Limits) -> ContainerError:
    """Return the typed error for how a kernel ended."""
    status = lease.poll() if lease is not None else None
    if lease is not None and lease.final_breach is not None:
        return DiskQuotaExceeded(limits.disk_bytes, limits.disk_files, state_kept=False)
    if status is not None and status.out_of_memory:
        return MemoryLimitExceeded(limits.memory_bytes)
    return KernelDied(status.signal if status else None, status.exit_code if status else None)


class CellRun:
    """A cell that a kernel runs, from its request to its reply.

    Attributes:
        message_id: ``msg_id`` of its execute_request.
        stop_reason: The limit it was stopped for, if any.
        outputs_lost: Outputs are missing; the iopub channel must be reopened.
    """

    def __init__(
        self,
        message_id: str,
        on_output: OnOutput,
        *,
        emit: EmitMessage = emit_nothing,
        client: Any,
        lease: KernelLease,
        limits: Limits,
        ended: asyncio.Task[None],
        request: ClientRequest | None = None,
        listener: RecordListener | None = None,
        emit_after: asyncio.Future[None] | None = None,
    ) -> None:
        self.message_id = message_id
        self.stop_reason: ContainerError | None = None
        self.outputs_lost = False
        self._on_output, self._emit = on_output, emit
        self._client, self._lease, self._limits, self._ended = client, lease, limits, ended
        self._request, self._listener = request, listener
        self._emit_after = emit_after
        self._output_bytes = 0
        self._cancelled = False
        self._waiting = 0
        self._waiting_since = self._waited = self._stood_still = 0.0
        self._received = 0
        self._replies: asyncio.Queue[KernelMessage] = asyncio.Queue()
        self._probes: set[str] = set()
        self._reply: dict[str, Any] | None = None
        self._idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Marks an exception as retrieved, in case no task awaits the future.
        self._idle.add_done_callback(asyncio.Future.exception)
        self._blamed: ContainerError | None = None
        self._inputs_read: tuple[str, ...] | None = None
        self._tables: Mapping[str, list[Any]] = {}

    async def run(self, limit: float) -> ExecuteReply:
        """Follow a cell just sent, for at most *limit* seconds; return how it ended."""
        self._client.expect("execute_reply", self.message_id, self._replies.put_nowait)
        return await self._run(self._read(), limit)

    async def resume(self, limit: float) -> ExecuteReply:
        """Follow a cell that another process sent, from its first output.

        Args:
            limit: Seconds it may still run.
        """
        return await self._run(self._read_record(), limit)

    async def _run(self, reading: Coroutine[Any, Any, None], limit: float) -> ExecuteReply:
        started = time.monotonic()
        await self._follow(asyncio.create_task(reading), limit)
        await self._explain()
        return self._ending(time.monotonic() - started)

    @contextlib.contextmanager
    def untimed(self) -> Iterator[None]:
        """Let the time limit stand still during the block: the cell waits for its user.

        Blocks may overlap. A cell that is stopped meanwhile has its grace time and no more.
        """
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._waited += time.monotonic() - self._waiting_since

    def _clock(self) -> float:
        """Return the cell's own time: it stands still while the cell waits, until it is stopped."""
        now = time.monotonic()
        if not self._cancelled:
            waiting = now - self._waiting_since if self._waiting else 0.0
            self._stood_still = self._waited + waiting
        return now - self._stood_still

    async def may_emit(self) -> None:
        """Wait until the cell's messages may be passed on."""
        if self._emit_after is not None and not self._emit_after.done():
            await asyncio.wait({self._emit_after})

    def interrupt(self, reason: ContainerError | None = None) -> None:
        """Interrupt the cell; variables are kept.

        Args:
            reason: The limit it passed; ``None`` when it was cancelled.
        """
        self._cancelled = True
        self.stop_reason = self.stop_reason or reason
        if self._client.closed:  # the kernel is being ended
            return
        self._client.send_interrupt()
        self._probe()

    def _probe(self) -> None:
        """Send a request that the kernel answers only after the cell has ended."""
        probe = self._client.kernel_info()
        self._client.expect("kernel_info_reply", probe, self._replies.put_nowait)
        self._probes.add(probe)

    async def stop(self) -> None:
        """Stop an abandoned cell, so that the next one starts on an idle kernel."""
        if self._ended.done() or self._client.closed:
            return
        self.interrupt()
        reading = asyncio.create_task(self._read())
        try:
            if not await self._wait_for(reading, self._limits.grace_seconds):
                await self._kill()
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _kill(self) -> None:
        await self._lease.signal(signal.SIGKILL)
        await asyncio.wait({self._ended})

    async def _follow(self, reading: asyncio.Task[None], limit: float) -> None:
        grace = self._limits.grace_seconds
        try:
            if await self._wait_for(reading, limit):
                return
            if self._cancelled:
                self.stop_reason = self.stop_reason or CellWouldNotStop(grace)
                await self._kill()
                return
            self.interrupt(CellTimedOut(limit, state_kept=True))
            if not await self._wait_for(reading, grace):
                self.stop_reason = CellTimedOut(limit, state_kept=False)
                await self._kill()
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _wait_for(self, reading: asyncio.Task[None], seconds: float) -> bool:
        """Whether the cell, or the kernel, ended within *seconds*."""
        ended = self._ended
        deadline = self._clock() + seconds
        while not (reading.done() or ended.done()):
            if self._reply is not None:
                # The code has ended; reading its last outputs has its own time limit.
                await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
                break
            left = deadline - self._clock()
            if left <= 0:
                return False
            # A cancelled or flooding cell gets the grace time, not the rest of its limit.
            if self._cancelled:
                left = min(left, self._limits.grace_seconds)
                deadline = min(deadline, self._clock() + left)
            await asyncio.wait(
                {reading, ended},
                timeout=min(left, LOOK_SECONDS),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if self._idle.done() and self._reply is None and not self._probes:
                self._probe()
        if not reading.done():
            # The kernel's last messages may still be in transit.
            await asyncio.wait({reading}, timeout=LAST_WORDS_SECONDS)
        if reading.cancelled():  # the session was closed: the kernel is being ended
            await asyncio.wait({ended})
        elif reading.done():
            reading.result()
        return True

    async def _read(self) -> None:
        refused = asyncio.create_task(self._watch_connection())
        asking = asyncio.create_task(self._read_stdin())
        try:
            while self._reply is None:
                message = await self._replies.get()
                parent = message["parent_header"].get("msg_id")
                if parent == self.message_id:
                    await self.may_emit()
                    self._reply = message["content"]
                    self._inputs_read, self._tables = take_file_use(self._reply)
                    if self._request is not None:
                        self._request.on_reply(message)
                elif parent in self._probes:
                    # The kernel is idle but sent no reply: an interrupt just before or
                    # after the code lost it, or the code broke what sends it.
                    self._reply = {"status": "aborted"} if self._cancelled else NO_REPLY
                    return
            await self._wait_for_idle(refused)
        finally:
            for task in (refused, asking):
                task.cancel()
            await asyncio.wait({refused, asking})

    async def _read_stdin(self) -> None:
        """Pass ``input_request`` messages to a client that allows stdin."""
        request = self._request
        if request is None or not request.message["content"].get("allow_stdin"):
            return
        while True:
            message = await next_message(self._client.stdin_channel)
            if message["parent_header"].get("msg_id") == self.message_id:
                await self.may_emit()
                request.on_input(message)

    async def _watch_connection(self) -> None:
        """Stop the cell when ZMQ refuses one of its outputs for its size."""
        await asyncio.wait({self._client.disconnected})
        await asyncio.wait({self._ended}, timeout=LAST_WORDS_SECONDS)
        if not self._ended.done():
            self.outputs_lost = True
            self.interrupt(OutputLimitExceeded(self._limits.output_bytes))

    async def _wait_for_idle(self, refused: asyncio.Task[None]) -> None:
        """Wait until all outputs are received, or until no message arrives any more.

        A message that ZMQ refuses closes the connection, so ``idle`` never arrives.
        """
        idle, earlier = self._idle, -1
        while earlier != self._received:
            earlier = self._received
            if not refused.done():
                await asyncio.wait(
                    {idle, refused},
                    timeout=SILENCE_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            else:
                await asyncio.wait({idle}, timeout=LAST_WORDS_SECONDS)
            if idle.done():
                idle.result()
                return
        self.outputs_lost = True
        self.stop_reason = self.stop_reason or OutputsIncomplete(SILENCE_SECONDS)

    async def receive(self, message: KernelMessage) -> bool:
        """Handle an iopub message if it belongs to this cell; never raises.

        Returns:
            Whether it needs no further handling.
        """
        if self._idle.done() or message["parent_header"].get("msg_id") != self.message_id:
            return False
        self._received += 1
        try:
            emitted = await self._pass_on(message)
        except Exception as error:  # noqa: BLE001 (raised where the cell is awaited)
            self._idle.set_exception(error)
            return False
        if message["content"].get("execution_state") == "idle":
            self._idle.set_result(None)
        return emitted

    async def _read_record(self) -> None:
        """Read the cell from the shim's record; its reply went to a process that has ended."""
        reply: dict[str, Any] = {"status": "ok"}
        session = self._client.session
        ended = False
        try:
            async for frames in self._lease.follow():
                message = read_message(frames, session.sign)
                if message is None:
                    continue
                emitted = await self._pass_on(message)
                if self._listener is not None and not emitted:
                    await self._listener.message(message)
                content = message["content"]
                if message["header"]["msg_type"] == "execute_input":
                    reply["execution_count"] = content.get("execution_count")
                elif message["header"]["msg_type"] == "error":
                    reply |= {**content, "status": "error"}
                elif message["header"]["msg_type"] == "status":
                    ended = content.get("execution_state") == "idle"
        except OutputLimitExceeded:
            self.stop_reason = OutputLimitExceeded(self._limits.output_bytes)
            ended = True
        if ended:
            self._reply = reply
            if self._listener is not None:
                await self._listener.reply(reply)

    async def _pass_on(self, message: KernelMessage) -> bool:
        """Pass a message on; drop an output past the limit. Return whether that was all."""
        output = output_of(message)
        if output is None:
            return await self._emit(message, None)
        parts = message["content"], message["metadata"]
        self._output_bytes += sum(len(json.dumps(part, default=str)) for part in parts)
        self._output_bytes += sum(len(buffer) for buffer in message.get("buffers", ()))
        if self._output_bytes > self._limits.output_bytes:
            if self.stop_reason is None:
                self.interrupt(OutputLimitExceeded(self._limits.output_bytes))
            return True
        emitted = await self._emit(message, output)
        await self._on_output(output)
        return emitted

    async def _explain(self) -> None:
        """Find out whether a limit on processes or memory caused the error."""
        reply = self._reply or {}
        if reply.get("status") != "error" or self.stop_reason is not None or self._ended.done():
            return
        hits = (await self._lease.counters()).get("process_limit_hits", 0)
        # Without a control group there is no count; go by the error's text.
        evalue = str(reply.get("evalue", ""))
        refused = "can't start new thread" in evalue or (
            reply.get("ename") == "BlockingIOError" and "unavailable" in evalue
        )
        if out_of_memory(reply):
            self._blamed = MemoryLimitReached(self._limits.memory_bytes)
        elif hits > self._lease.process_limit_hits or refused:
            self._blamed = ProcessLimitReached(self._limits.pids)
        self._lease.process_limit_hits = hits

    def _ending(self, seconds: float) -> ExecuteReply:
        reply = self._reply
        if reply is None:
            error = self.stop_reason
            killed_by_us = isinstance(error, CellWouldNotStop) or (
                isinstance(error, CellTimedOut) and not error.state_kept
            )
            if not killed_by_us:
                error = death_of(self._lease, self._limits)
            return ExecuteReply(status="died", error=error, seconds=seconds)
        count = valid_count(reply.get("execution_count"))
        limit_passed = isinstance(
            self.stop_reason, OutputLimitExceeded | OutputsIncomplete | DiskQuotaExceeded
        )
        if reply.get("status") == "ok" and not limit_passed:
            return ExecuteReply(
                status="ok",
                execution_count=count,
                seconds=seconds,
                inputs_read=self._inputs_read,
                tables=self._tables,
            )
        stopped = self.stop_reason is not None or self._cancelled
        return ExecuteReply(
            status="interrupted" if stopped else "error",
            execution_count=count,
            seconds=seconds,
            error=self.stop_reason or self._blamed,
            ename=str(reply.get("ename", "")),
            evalue=str(reply.get("evalue", "")),
            traceback=valid_lines(reply.get("traceback")),
            inputs_read=self._inputs_read,
            tables=self._tables,
        )
