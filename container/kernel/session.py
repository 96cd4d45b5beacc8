"""KernelSession: one live kernel that runs cells one at a time.

Messages: "Messaging in Jupyter", protocol 5.4 (jupyter_client's documentation).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from container.errors import (
    ContainerError,
    DiskQuotaExceeded,
    KernelDied,
    KernelStartFailed,
    LanguageNotInstalled,
)
from container.host.environment import DEFAULT_IMAGE, NETWORK
from container.kernel.cell_run import LAST_WORDS_SECONDS, CellRun, death_of
from container.kernel.client import KernelClient, OnReply
from container.kernel.execute_reply import (
    ClientRequest,
    EmitMessage,
    ExecuteReply,
    OnOutput,
    RecordListener,
    emit_nothing,
)
from container.kernel.execute_request import execute_request, with_granted
from container.kernel.languages import KERNELS, PYTHON, install_hint
from container.kernel.late_outputs import LateOutputs
from container.kernel.modules import ask_for_absent
from container.kernel.print_queue import PrintQueue
from container.kernel.snapshots import (
    ANSWER_SECONDS,
    Manifest,
    SegmentStore,
    SnapshotDeclined,
    ask,
    listening,
    read,
    receive,
)
from container.kernel.variables import ask_for_variables
from container.limits import Limits
from container.messages import KernelMessage
from container.shim.client import KernelLease, LivingKernel
from container.shim.kernels import KernelRequest
from container.workspace.workspace import Workspace

VARIABLES_SECONDS = 5.0
OnSessionMessage = Callable[[KernelMessage, bool], Awaitable[None]]
"""Receives one iopub message, and whether its cell has emitted it."""


class KernelSession:
    """A kernel in its sandbox, from `start` or `adopt` to `aclose`.

    Cells run one at a time: a second `execute` waits for the first. A dead kernel
    stays dead; make a new session.
    """

    def __init__(
        self,
        workspace: Workspace,
        limits: Limits | None = None,
        *,
        label: str = "",
        keep_seconds: float = 0.0,
        backend: str = "zygote",
        image: str = DEFAULT_IMAGE,
        runtime: str = "",
        kernel: str = PYTHON,
    ) -> None:
        """Describe a session; nothing is started yet.

        Args:
            workspace: What the kernel sees as ``/workspace``.
            limits: What it may use.
            label: A name that a successor finds the kernel by if this process dies.
            keep_seconds: How long the kernel is kept if this process dies.
            backend: ``zygote``; ``bubblewrap``, the same sandbox without forking from a
                zygote; or ``docker``.
            image: The image of the docker backend.
            runtime: An OCI runtime Docker knows; empty for its default.
            kernel: One of `container.kernel.languages.KERNELS`.
        """
        self.workspace, self.kernel = workspace, kernel
        self.limits = limits or Limits()
        self._label, self._keep_seconds = label, keep_seconds
        self._backend, self._image, self._runtime = backend, image, runtime
        self._lease: KernelLease | None = None
        self._client: Any = None
        self._ended: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._running: CellRun | None = None
        self._receiving: CellRun | None = None
        self._connecting: asyncio.Task[None] | None = None
        self.fresh = True
        """No cell has run yet, so there are no variables."""
        self.record_listener: RecordListener | None = None
        """Receives the messages of the cell that `resume` follows."""
        self.on_message: OnSessionMessage | None = None
        """Receives each iopub message and whether the cell has emitted it. Must not raise."""
        self.on_reply: OnReply | None = None
        """Receives each reply to a message that `forward` sent."""
        self._print_queue = PrintQueue() if KERNELS[kernel].print_queue else None
        self.late = LateOutputs(self.limits.output_bytes)
        """Outputs of cells that have ended."""

    async def start(self) -> None:
        """Start the kernel and wait until it answers.

        Raises:
            SandboxUnavailable: This host can't confine a kernel.
            LanguageNotInstalled: What its language needs is not installed.
            KernelStartFailed: It ended, or didn't answer in `Limits.start_seconds`.
        """
        if hint := install_hint(self.kernel, self._backend):
            raise LanguageNotInstalled(self.kernel, hint)
        command = KERNELS[self.kernel]
        request = KernelRequest(
            argv=command.argv,
            env=dict(command.env),
            loopback=command.loopback,
            workspace=self.workspace.directory,
            uid=self.workspace.uid,
            limits=self.limits,
            record=True,
            label=self._label,
            keep_seconds=self._keep_seconds,
            backend=self._backend,
            image=self._image,
            runtime=self._runtime,
        )
        await self._attach(await KernelLease.start(request))

    async def adopt(self, kernel: LivingKernel) -> None:
        """Take over a kernel that another session started, with its variables.

        Raises:
            KernelNotFound: It has ended.
            KernelStartFailed: It doesn't answer.
        """
        self.fresh = False
        await self._attach(await KernelLease.adopt(kernel))

    async def _attach(self, lease: KernelLease) -> None:
        self._lease = lease
        lease.on_breach = self._on_breach
        self._ended = asyncio.create_task(self._watch_end(lease))
        busy = lease.last_cell is not None and lease.last_cell["busy"]
        try:
            async with asyncio.timeout(self.limits.start_seconds):
                self._client = self._connect(lease)
                if not busy:  # a busy kernel answers after its cell; `resume` waits for it
                    await self._wait_until_ready()
        except (TimeoutError, KernelDied):
            log = lease.log()
            await self.aclose()
            raise KernelStartFailed(self.limits.start_seconds, log) from None
        except BaseException:
            await self.aclose()
            raise
        self._connecting = asyncio.create_task(self._stay_connected(lease))

    def _connect(self, lease: KernelLease) -> KernelClient:
        return KernelClient(
            lease.connection, self.limits.output_bytes, self._receive, self._receive_reply
        )

    @property
    def running_cell(self) -> str | None:
        """The ``msg_id`` of the running cell's request."""
        return self._running.message_id if self._running is not None else None

    def _receive_reply(self, message: KernelMessage) -> None:
        if self.on_reply is not None:
            self.on_reply(message)

    async def _receive(self, received: KernelMessage) -> None:
        message, cell = self._in_order(received), self._receiving
        if message is None:
            return
        # A resumed cell is read from its record: its live messages are in there too.
        emitted = cell is None and message["parent_header"].get("msg_id") == self.running_cell
        if cell is not None:
            await cell.may_emit()
            emitted = await cell.receive(message)
        if message["parent_header"].get("msg_id") != self.running_cell:
            await self.late.receive(message)
        if self.on_message is not None and not self._is_probe(message):
            await self.on_message(message, emitted)

    def _in_order(self, message: KernelMessage) -> KernelMessage | None:
        if self._print_queue is None:
            return message
        return self._print_queue.receive(message, self.running_cell, self._client)

    def _is_probe(self, message: KernelMessage) -> bool:
        """Whether *message* is the status of a request of this session that is no cell."""
        parent, cell = message["parent_header"], self._receiving
        return (
            message["header"]["msg_type"] == "status"
            and parent.get("session") == self._client.session.session
            and (cell is None or parent.get("msg_id") != cell.message_id)
        )

    async def _stay_connected(self, lease: KernelLease) -> None:
        """Reopen the channels after ZMQ refused a message, once no cell runs."""
        while self.alive:
            client = self._client
            await asyncio.wait({client.disconnected})
            await asyncio.wait({self._ended or client.disconnected}, timeout=LAST_WORDS_SECONDS)
            async with self._lock:
                if self.alive and self._client is client:
                    await self._reconnect(lease)

    async def _wait_until_ready(self) -> None:
        opening = asyncio.create_task(self._client.ready())
        ended = self._ended or opening
        try:
            await asyncio.wait({opening, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                raise self._death()
            opening.result()
        finally:
            opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await opening

    @property
    def alive(self) -> bool:
        """Whether the kernel's process still runs."""
        return self._ended is not None and not self._ended.done()

    @property
    def pid(self) -> int | None:
        """Host process id of the sandbox."""
        return self._lease.pid if self._lease is not None and self.alive else None

    @property
    def kernel_id(self) -> str | None:
        """The shim's id of the kernel; ``None`` without one."""
        return self._lease.kernel_id if self._lease is not None else None

    @property
    def network_directory(self) -> Path | None:
        """Where the service puts the socket of its network broker; ``None`` without a kernel."""
        if self._lease is None:
            return None
        directory = Path(self._lease.connection["ip"]).parent / NETWORK
        return directory if directory.is_dir() else None  # an earlier version's kernel has none

    @property
    def last_cell(self) -> str | None:
        """The ``msg_id`` of the cell that an adopted kernel ran last or still ran."""
        known = self._lease.last_cell if self._lease is not None else None
        return known["cell"] if known else None

    @property
    def last_cell_busy(self) -> bool:
        """Whether an adopted kernel was still running that cell."""
        known = self._lease.last_cell if self._lease is not None else None
        return bool(known and known["busy"])

    async def _watch_end(self, lease: KernelLease) -> None:
        await lease.wait()

    def _on_breach(self, breach: dict[str, Any]) -> None:
        if self._running is not None and self._running.stop_reason is None:
            self._running.interrupt(
                DiskQuotaExceeded(self.limits.disk_bytes, self.limits.disk_files)
            )

    def _death(self) -> ContainerError:
        return death_of(self._lease, self.limits)

    async def execute(
        self,
        code: str,
        on_output: OnOutput,
        *,
        silent: bool = False,
        seconds: float | None = None,
        message_id: str | None = None,
        client: ClientRequest | None = None,
        emit: EmitMessage = emit_nothing,
        emit_after: asyncio.Future[None] | None = None,
        granted: Collection[str] = (),
    ) -> ExecuteReply:
        """Run *code* and hand each output to *on_output* while it runs.

        Args:
            code: IPython source.
            on_output: Awaited per output, in order; while it runs, no further one is read.
            silent: No execution count, no history, no outputs.
            seconds: Time limit of this cell; the session's by default.
            message_id: The request's ``msg_id``; a successor identifies the cell by it.
            client: A Jupyter client's own request, sent in place of one made here; *code*,
                *silent* and *message_id* are then ignored.
            emit: Awaited with each of the cell's messages, before *on_output* is.
            emit_after: None of the cell's messages is passed on before this is done.
            granted: Permissions for the kernel's audit hook (``network``, ``file:PATH``).

        Returns:
            How it ended; an error in the code is not raised.

        Raises:
            asyncio.CancelledError: The caller was cancelled; the cell is interrupted.
        """
        async with self._lock:
            lease, ended = self._lease, self._ended
            if lease is None or ended is None or ended.done():
                return ExecuteReply(status="died", error=self._death())
            self.fresh = False
            if self._client.disconnected.done():
                await self._reconnect(lease)
            if client is not None and client.message["content"].get("allow_stdin"):
                self._client.open_stdin()
            message = (
                execute_request(self._client.session, code, silent=silent, message_id=message_id)
                if client is None
                else client.message
            )
            self._client.send(with_granted(message, granted))
            cell = CellRun(
                str(message["header"]["msg_id"]),
                on_output,
                emit=emit,
                client=self._client,
                lease=lease,
                limits=self.limits,
                ended=ended,
                request=client,
                emit_after=emit_after,
            )
            limit = self.limits.seconds if seconds is None else seconds
            if not silent:
                self.late.expect(cell.message_id)
            self._running = self._receiving = cell
            try:
                reply = await cell.run(limit)
            except asyncio.CancelledError:
                await asyncio.shield(cell.stop())
                raise
            finally:
                self._running = self._receiving = None
            if cell.outputs_lost and self.alive:
                await self._reconnect(lease)
            return reply

    @contextlib.contextmanager
    def untimed(self) -> Iterator[None]:
        """Let the running cell's time limit stand still during the block."""
        if (running := self._running) is None:
            yield
            return
        with running.untimed():
            yield

    async def _reconnect(self, lease: KernelLease) -> None:
        """Reopen the channels; if the kernel doesn't answer, the next cell reports it."""
        self._client.close()
        self._client = self._connect(lease)
        with contextlib.suppress(TimeoutError, ContainerError):
            async with asyncio.timeout(self.limits.start_seconds):
                await self._wait_until_ready()

    @property
    def connection(self) -> dict[str, Any] | None:
        """The connection file's content, for further clients; ``None`` without a kernel."""
        return self._lease.connection if self._lease is not None else None

    def forward(self, message: Mapping[str, Any]) -> bool:
        """Send a client's message to the kernel as it is; `on_reply` receives the reply.

        Args:
            message: Any but an ``execute_request``, with its ``channel``: ``shell``, ``control``,
                or ``stdin`` for the ``input_reply`` that a cell waits for.

        Returns:
            Whether it was sent: not if there is no kernel or too many messages wait already.
        """
        client, channel = self._client, message["channel"]
        if client is None or not client.takes_more(channel):
            return False
        client.send(message, channel)
        return True

    async def wait(self) -> None:
        """Wait until the kernel has ended."""
        if self._ended is not None:
            await asyncio.wait({self._ended})

    async def resume(
        self,
        on_output: OnOutput,
        *,
        emit: EmitMessage = emit_nothing,
        seconds: float | None = None,
    ) -> ExecuteReply:
        """Follow the cell that an adopted kernel runs or ran last, from its first output.

        Args:
            on_output: Awaited per output, in order, including those before the adoption.
            emit: Awaited with each of the cell's messages, before *on_output* is.
            seconds: Time limit of the cell, counted from its start.

        Returns:
            How it ended, as `execute` does.
        """
        async with self._lock:
            lease, ended = self._lease, self._ended
            last = lease.last_cell if lease is not None else None
            if lease is None or ended is None or last is None or last["cell"] is None:
                return ExecuteReply(status="died", error=self._death())
            cell = CellRun(
                last["cell"],
                on_output,
                emit=emit,
                client=self._client,
                lease=lease,
                limits=self.limits,
                ended=ended,
                listener=self.record_listener,
            )
            limit = (self.limits.seconds if seconds is None else seconds) - last["seconds"]
            self._running = cell
            try:
                reply = await cell.resume(max(limit, 0.0))
                if self.alive and last["busy"]:
                    with contextlib.suppress(TimeoutError, ContainerError):
                        async with asyncio.timeout(self.limits.start_seconds):
                            await self._wait_until_ready()
            finally:
                self._running = None
            return reply

    async def interrupt(self) -> None:
        """Interrupt the running cell, if any; variables are kept."""
        if self._running is not None and self.alive:
            self._running.interrupt()

    async def variables(self) -> list[dict[str, Any]]:
        """Return name, type and shape, columns or preview of each variable.

        The kernel reports them itself, so its code can lie about them, but the entries always
        have the form that `container.kernel.variables.variables_of` describes. The list is
        empty if the kernel does not answer within `VARIABLES_SECONDS`.
        """
        async with self._lock:
            if not self.alive:
                return []
            return await ask_for_variables(self._client, VARIABLES_SECONDS)

    async def write_snapshot(
        self,
        store: SegmentStore,
        most_bytes: int,
        seconds: float,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Manifest:
        """Have the kernel write a snapshot of its variables; the next cell waits for a fork only.

        Args:
            store: Keeps its segments.
            most_bytes: Largest snapshot.
            seconds: Longest time it may take.
            wanted: Asked once no cell runs; ``False`` makes none.

        Raises:
            SnapshotDeclined: There is none; the text says why.
            OSError: The kernel ended, or the disk is full.
        """
        directory = self.network_directory
        if directory is None or not self.alive:
            raise SnapshotDeclined("There is no kernel.")
        with listening(directory) as listener:
            async with self._lock:
                if not self.alive or not wanted():
                    raise SnapshotDeclined("The variables have changed meanwhile.")
                call = f"Save(get_ipython(), {most_bytes:d}, {seconds!r})"
                answer = await ask(self._client, call, ANSWER_SECONDS)
            if "forked" not in answer:
                raise SnapshotDeclined(f"No snapshot: {str(answer.get('declined'))[:300]}.")
            return await receive(listener, store, most_bytes, seconds)

    async def read_snapshot(
        self, manifest: Mapping[str, Any], files: Sequence[int], seconds: float
    ) -> Mapping[str, Any]:
        """Have the kernel, a new one, read a snapshot that a kernel of the same path wrote.

        Args:
            manifest: Its `Manifest.value`.
            files: A descriptor for each segment, to read only.
            seconds: Longest time it may take.

        Returns:
            ``restored``, the names, and ``prints``, name → fingerprint, as the kernel says.

        Raises:
            SnapshotDeclined: The kernel could not read it; it may have run a part of its code, so
                it must be ended.
        """
        directory = self.network_directory
        if directory is None:
            raise SnapshotDeclined("There is no kernel.")
        self.fresh = False
        async with self._lock:
            return await read(self._client, directory, manifest, files, seconds)

    async def absent_modules(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return which of *names*, of top-level modules, the kernel can't import.

        None if the kernel does not answer within `VARIABLES_SECONDS`.
        """
        async with self._lock:
            if not self.alive:
                return ()
            return await ask_for_absent(self._client, names, VARIABLES_SECONDS)

    async def aclose(self) -> None:
        """End the kernel and remove everything it held; may be called twice."""
        lease = self._drop_client()
        if lease is not None:
            await lease.aclose()
        if self._ended is not None:
            await asyncio.wait({self._ended})

    async def detach(self) -> None:
        """Leave the kernel running, for a successor to adopt."""
        lease = self._drop_client()
        if lease is not None:
            lease.detach()
        if self._ended is not None:
            self._ended.cancel()
            await asyncio.wait({self._ended})

    def _drop_client(self) -> KernelLease | None:
        if self._connecting is not None:
            self._connecting.cancel()
        if self._client is not None:
            self._client.close()
            self._client = None
        lease, self._lease = self._lease, None
        return lease
