"""KernelSession: one live kernel that runs cells one at a time.

Messages: "Messaging in Jupyter", protocol 5.4 (jupyter_client's documentation).
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbformat.v4 import output_from_msg

from container.errors import (
    CellTimedOut,
    CellWouldNotStop,
    ContainerError,
    KernelDied,
    KernelStartFailed,
    MemoryLimitExceeded,
    OutputLimitExceeded,
)
from container.execute_reply import ExecuteReply, OnOutput
from container.limits import Limits, limits_to_json
from container.sandbox import Sandbox
from container.workspace import Workspace

KERNEL_NAME = "tallybook-python"
KERNELSPECS = Path(__file__).resolve().parent / "kernelspecs"
SOCKET_POLL_SECONDS = 0.005
SILENCE_SECONDS = 5.0
MESSAGE_ROOM_BYTES = 1024 * 1024


@dataclass(slots=True)
class _Running:
    """What is known of the cell under way."""

    message_id: str
    on_output: OnOutput
    output_bytes: int = 0
    stop_reason: ContainerError | None = None
    cancelled: bool = False
    heard: int = 0
    probes: set[str] = field(default_factory=set)
    reply: dict[str, Any] | None = None


class KernelSession:
    """A kernel in its sandbox, from `start` to `aclose`.

    Cells run one at a time: a second `execute` waits for the first. A dead kernel
    stays dead; make a new session.
    """

    def __init__(self, workspace: Workspace, limits: Limits | None = None) -> None:
        self.workspace = workspace
        self.limits = limits or Limits()
        self._manager: AsyncKernelManager | None = None
        self._client: Any = None
        self._ended: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._running: _Running | None = None
        self.fresh = True
        """No cell has run yet, so there are no variables."""

    async def start(self) -> None:
        """Start the kernel and wait until it answers.

        Raises:
            SandboxUnavailable: This host can't confine a kernel.
            KernelStartFailed: It ended, or didn't answer in `Limits.start_seconds`.
        """
        specs = KernelSpecManager()
        specs.kernel_dirs = [str(KERNELSPECS), *specs.kernel_dirs]
        self._manager = AsyncKernelManager(kernel_name=KERNEL_NAME, kernel_spec_manager=specs)
        try:
            await self._manager.start_kernel(
                cwd=str(self.workspace.directory), limits=limits_to_json(self.limits)
            )
            self._ended = asyncio.create_task(self._watch_end())
            async with asyncio.timeout(self.limits.start_seconds):
                await self._connect()
        except (TimeoutError, KernelDied):
            log = self._sandbox.log()
            await self.aclose()
            raise KernelStartFailed(self.limits.start_seconds, log) from None
        except BaseException:
            await self.aclose()
            raise

    @property
    def _sandbox(self) -> Sandbox:
        if self._manager is None or self._manager.provisioner.sandbox is None:
            raise KernelDied(None, 0)
        sandbox: Sandbox = self._manager.provisioner.sandbox
        return sandbox

    @property
    def alive(self) -> bool:
        """Whether the kernel's process still runs."""
        return self._ended is not None and not self._ended.done()

    @property
    def pid(self) -> int | None:
        """Host process id of the sandbox."""
        return self._sandbox.pid if self.alive else None

    async def _watch_end(self) -> None:
        await self._sandbox.wait()

    async def _connect(self) -> None:
        manager = self._manager
        if manager is None:
            raise KernelDied(None, 0)
        shell_socket = Path(f"{manager.ip}-{manager.shell_port}")
        iopub_socket = Path(f"{manager.ip}-{manager.iopub_port}")
        # Connecting before the kernel has bound costs ZMQ's 100 ms reconnect.
        while not (shell_socket.exists() and iopub_socket.exists()):
            self._raise_if_dead()
            await asyncio.sleep(SOCKET_POLL_SECONDS)
        # A larger message is refused by ZMQ before it takes the service's memory.
        manager.context.maxmsgsize = self.limits.output_bytes + MESSAGE_ROOM_BYTES
        self._client = manager.client()
        channels = {"shell": True, "iopub": True, "stdin": False, "hb": False, "control": True}
        self._client.start_channels(**channels)
        # An answered kernel_info says shell works; a busy status seen on iopub says
        # that no output of the first cell can be missed.
        while True:
            self._raise_if_dead()
            self._client.kernel_info()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._client.get_shell_msg()
                    await self._client.get_iopub_msg()
                    break
        while await self._client.iopub_channel.msg_ready():
            await self._client.get_iopub_msg()

    def _raise_if_dead(self) -> None:
        if self._ended is not None and self._ended.done():
            raise self._death()

    def _death(self) -> KernelDied:
        status = self._sandbox.poll()
        if status is not None and status.out_of_memory:
            return MemoryLimitExceeded(self.limits.memory_bytes)
        return KernelDied(status.signal if status else None, status.exit_code if status else None)

    async def execute(
        self, code: str, on_output: OnOutput, *, silent: bool = False, seconds: float | None = None
    ) -> ExecuteReply:
        """Run *code* and hand each output to *on_output* while it runs.

        Args:
            code: IPython source.
            on_output: Awaited per output, in order; a slow one slows the reading.
            silent: Leave no trace: no execution count, no outputs.
            seconds: Time limit of this cell; the session's by default.

        Returns:
            How it ended; never raises for what the code did.

        Raises:
            asyncio.CancelledError: The caller was cancelled; the cell is interrupted.
        """
        async with self._lock:
            if not self.alive:
                return ExecuteReply(status="died", error=self._death_or_closed())
            started = time.monotonic()
            self.fresh = False
            message_id = self._client.execute(code, silent=silent, allow_stdin=False)
            self._running = _Running(message_id=message_id, on_output=on_output)
            limit = self.limits.seconds if seconds is None else seconds
            try:
                await self._follow(self._running, limit)
                return self._ending(self._running, time.monotonic() - started)
            except asyncio.CancelledError:
                await asyncio.shield(self._stop_quietly())
                raise
            finally:
                self._running = None

    def _death_or_closed(self) -> KernelDied:
        try:
            return self._death()
        except KernelDied as closed:
            return closed

    async def _follow(self, running: _Running, limit: float) -> None:
        reading = asyncio.create_task(self._read(running))
        try:
            if await self._wait_for(reading, limit):
                return
            if running.cancelled:
                running.stop_reason = CellWouldNotStop(self.limits.grace_seconds)
                await self._kill()
                return
            running.stop_reason = CellTimedOut(limit, state_kept=True)
            await self.interrupt()
            if await self._wait_for(reading, self.limits.grace_seconds):
                return
            running.stop_reason = CellTimedOut(limit, state_kept=False)
            await self._kill()
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _wait_for(self, reading: asyncio.Task[None], seconds: float) -> bool:
        """Whether the cell, or the kernel, ended within *seconds*."""
        ended = self._ended
        if ended is None:
            return True
        deadline = time.monotonic() + seconds
        running = self._running
        while not (reading.done() or ended.done()):
            if running is not None and running.reply is not None:
                # The code is over; taking its last outputs ends by itself.
                await asyncio.wait({reading, ended}, return_when=asyncio.FIRST_COMPLETED)
                break
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            # A cancelled or flooding cell gets the grace time, not the rest of its limit.
            if running is not None and (running.cancelled or running.stop_reason is not None):
                left = min(left, self.limits.grace_seconds)
                deadline = min(deadline, time.monotonic() + left)
            await asyncio.wait(
                {reading, ended}, timeout=min(left, 0.5), return_when=asyncio.FIRST_COMPLETED
            )
        if reading.done():
            reading.result()
        return True

    async def _read(self, running: _Running) -> None:
        idle = asyncio.create_task(self._read_iopub(running))
        try:
            while running.reply is None:
                message = await self._client.get_shell_msg()
                parent = message["parent_header"].get("msg_id")
                if parent == running.message_id:
                    running.reply = message["content"]
                elif parent in running.probes:
                    # The kernel is idle again, but an interrupt at a bad moment, before
                    # the code began or after it ended, has swallowed the reply.
                    running.reply = {"status": "aborted"}
                    return
            await self._wait_for_idle(idle, running)
        finally:
            idle.cancel()

    async def _wait_for_idle(self, idle: asyncio.Task[None], running: _Running) -> None:
        """Wait until every output was taken; a refused message took the end with it."""
        heard = -1
        while heard != running.heard:
            heard = running.heard
            done, _ = await asyncio.wait({idle}, timeout=SILENCE_SECONDS)
            if done:
                idle.result()
                return
        running.stop_reason = OutputLimitExceeded(self.limits.output_bytes)

    async def _read_iopub(self, running: _Running) -> None:
        while True:
            message = await self._client.get_iopub_msg()
            if message["parent_header"].get("msg_id") != running.message_id:
                continue
            running.heard += 1
            if message["msg_type"] == "status":
                if message["content"].get("execution_state") == "idle":
                    return
                continue
            await self._pass_on(message, running)

    async def _pass_on(self, message: dict[str, Any], running: _Running) -> None:
        if message["msg_type"] == "clear_output":
            wait = bool(message["content"].get("wait"))
            await running.on_output({"output_type": "clear_output", "wait": wait})
            return
        try:
            output = dict(output_from_msg(message))
        except (ValueError, KeyError):
            return  # execute_input, comm messages: not outputs
        if transient := message["content"].get("transient"):
            output["transient"] = {"display_id": transient.get("display_id")}
        running.output_bytes += len(json.dumps(output, default=str))
        if running.output_bytes > self.limits.output_bytes:
            if running.stop_reason is None:
                running.stop_reason = OutputLimitExceeded(self.limits.output_bytes)
                await self.interrupt()
            return
        await running.on_output(output)

    def _ending(self, running: _Running, seconds: float) -> ExecuteReply:
        reply = running.reply
        if reply is None:
            error = running.stop_reason
            killed_by_us = isinstance(error, CellWouldNotStop) or (
                isinstance(error, CellTimedOut) and not error.state_kept
            )
            if not killed_by_us:
                error = self._death_or_closed()
            return ExecuteReply(status="died", error=error, seconds=seconds)
        count = reply.get("execution_count")
        stopped = running.stop_reason is not None or running.cancelled
        if reply["status"] == "ok" and not isinstance(running.stop_reason, OutputLimitExceeded):
            return ExecuteReply(status="ok", execution_count=count, seconds=seconds)
        return ExecuteReply(
            status="interrupted" if stopped else "error",
            execution_count=count,
            seconds=seconds,
            error=running.stop_reason,
            ename=str(reply.get("ename", "")),
            evalue=str(reply.get("evalue", "")),
            traceback=tuple(str(line) for line in reply.get("traceback", ())),
        )

    async def interrupt(self) -> None:
        """Interrupt the running cell; variables are kept. Nothing happens when none runs."""
        if self._manager is not None and self.alive:
            running = self._running
            if running is not None:
                running.cancelled = True
            await self._manager.interrupt_kernel()
            if running is not None and self._client is not None:
                # Answered only once the cell is over: requests wait in line behind it.
                running.probes.add(self._client.kernel_info())

    async def _stop_quietly(self) -> None:
        """Stop an abandoned cell, so that the next one starts on an idle kernel."""
        running = self._running
        if running is None or not self.alive:
            return
        await self.interrupt()
        reading = asyncio.create_task(self._read(running))
        try:
            if not await self._wait_for(reading, self.limits.grace_seconds):
                await self._kill()
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _kill(self) -> None:
        if self._manager is not None and self._ended is not None:
            await self._manager.provisioner.kill()
            await self._ended

    async def variables(self) -> list[dict[str, Any]]:
        """Return name, type and shape, columns or preview of each variable.

        The kernel says so itself, so its code can lie about its own variables.
        """
        async with self._lock:
            if not self.alive:
                return []
            expression = (
                "__import__('inside.variables', fromlist=['x'])"
                ".variables_json(get_ipython().user_ns, get_ipython().user_ns_hidden)"
            )
            message_id = self._client.execute(
                "", silent=True, user_expressions={"v": expression}, allow_stdin=False
            )
            with contextlib.suppress(TimeoutError, KeyError, ValueError, SyntaxError):
                async with asyncio.timeout(5.0):
                    while True:
                        message = await self._client.get_shell_msg()
                        if message["parent_header"].get("msg_id") == message_id:
                            break
                result = message["content"]["user_expressions"]["v"]
                text = ast.literal_eval(result["data"]["text/plain"])
                return [v for v in json.loads(text) if isinstance(v, dict) and "name" in v]
            return []

    async def aclose(self) -> None:
        """End the kernel and remove everything it held; may be called twice."""
        manager = self._manager
        if manager is None:
            return
        if self._client is not None:
            self._client.stop_channels()
            self._client = None
        # Not shutdown_kernel: it asks first and waits, even for a kernel that never started.
        if manager.provisioner is not None:
            await manager.provisioner.kill()
            await manager.cleanup_resources()
        if self._ended is not None:
            await asyncio.wait({self._ended})
        self._manager = None
