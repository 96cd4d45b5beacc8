"""The shim's client: ask for kernels, and hold the lease of one."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from container.errors import KernelNotFound, OutputLimitExceeded, SandboxUnavailable
from container.host.runtime import runtime_directory
from container.limits import Limits, limits_to_json
from container.sandbox import ExitStatus
from container.shim.connection import SPAWN_SECONDS, Connection, connect
from container.shim.kernels import KernelRequest, request_to_json
from container.shim.output_recorder import frames_from_json
from container.shim.wire import encode, error_from_json, socket_pattern


async def ask(message: dict[str, Any]) -> dict[str, Any]:
    """Send one message to the shim and return its answer.

    Raises:
        SandboxUnavailable: It can't be reached.
        ContainerError: The error it answered with.
    """
    connection = await connect()
    try:
        await connection.send(message)
        return await _answer(connection)
    finally:
        connection.close()


async def _answer(connection: Connection) -> dict[str, Any]:
    answer = await connection.next()
    if answer is None:
        raise SandboxUnavailable("the process that owns kernels ended", "Try again.")
    if "error" in answer:
        raise error_from_json(answer["error"])
    return answer


async def keep_warm(size: int, limits: Limits, *, spare: int = 0) -> Connection:
    """Keep kernels warm for as long as the returned connection is open.

    Args:
        size: How many to keep at any time.
        limits: The limits they have.
        spare: How many more to keep while the machine is at rest and has memory to spare.

    Raises:
        SandboxUnavailable: The shim can't be reached.
    """
    connection = await connect()
    request = {"op": "pool", "size": size, "spare": spare, "limits": limits_to_json(limits)}
    await connection.send(request)
    await _answer(connection)
    return connection


def stop_all_shims() -> int:
    """Stop every shim of this user, with its kernels; return how many answered."""
    stopped = 0
    for path in runtime_directory().glob("shim-*.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                connection.connect(str(path))
                connection.settimeout(SPAWN_SECONDS)
                connection.sendall(encode({"op": "stop"}))
                connection.recv(4096)
            except OSError:
                path.unlink(missing_ok=True)
            else:
                stopped += 1
    return stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class LivingKernel:
    """A kernel that a shim of this user owns.

    Attributes:
        id: The shim's name for it.
        shim: The socket of that shim.
        label: The name its client gave it.
        workspace: Its workspace.
        last_cell: ``msg_id`` of the cell that runs or ran last (``cell``), whether it still
            runs (``busy``) and since how many ``seconds``; ``None`` if cells aren't recorded.
        held: A client holds its lease.
    """

    id: str
    shim: Path
    label: str
    workspace: Path
    last_cell: dict[str, Any] | None
    held: bool


async def living_kernels() -> list[LivingKernel]:
    """Return the kernels of all shims of this user, including older installations' shims.

    A process with host users sees only shims with host users; one without, only those without.
    """
    found = []
    for path in sorted(runtime_directory().glob(socket_pattern())):
        try:
            connection = Connection.to(path)
        except OSError:
            continue
        await connection.send({"op": "list"})
        with contextlib.suppress(SandboxUnavailable):
            found += [_living(kernel, path) for kernel in (await _answer(connection))["kernels"]]
        connection.close()
    return found


def _living(kernel: dict[str, Any], shim: Path) -> LivingKernel:
    return LivingKernel(
        id=kernel["id"],
        shim=shim,
        label=kernel["label"],
        workspace=Path(kernel["workspace"]),
        last_cell=kernel["last_cell"],
        held=kernel["held"],
    )


class KernelLease:
    """The lease of a kernel: the shim owns the kernel, this process uses it.

    Attributes:
        kernel_id: The shim's name for it.
        pid: Host process id of its outermost process.
        connection: Its connection file's content.
        connection_file: That file, for clients on this host.
        last_cell: As in `LivingKernel`, at the time of the lease.
        process_limit_hits: How many hits the holder has already seen.
        on_breach: Called when the workspace passed its quota.
        final_breach: The limit it was killed for.
    """

    def __init__(self, shim: Connection, started: dict[str, Any]) -> None:
        self.kernel_id: str = started["id"]
        self.pid: int | None = started["pid"]
        self.connection: dict[str, Any] = started["connection"]
        self.connection_file = Path(started["connection_file"])
        self.last_cell: dict[str, Any] | None = started["last_cell"]
        self.on_breach: Callable[[dict[str, Any]], None] | None = None
        self.process_limit_hits = 0
        self.final_breach: dict[str, Any] | None = None
        self._shim = shim
        self._lock = asyncio.Lock()
        self._exit: ExitStatus | None = None
        self._log = ""
        self._records: deque[dict[str, Any]] = deque()
        self._counters: dict[str, int] | None = None

    @classmethod
    async def start(cls, request: KernelRequest) -> KernelLease:
        """Ask the shim for a kernel and wait until its sockets are bound.

        Raises:
            SandboxUnavailable, KernelStartFailed: As the shim says.
        """
        message = {"op": "start", "kernel": request_to_json(request)}
        return await cls._take(await connect(lend=request.lend), message)

    @classmethod
    async def adopt(cls, kernel: LivingKernel) -> KernelLease:
        """Take over a kernel whose holder has disconnected.

        Raises:
            KernelNotFound: It has ended.
        """
        try:
            shim = Connection.to(kernel.shim)
        except OSError:
            raise KernelNotFound(kernel.id) from None
        return await cls._take(shim, {"op": "adopt", "id": kernel.id})

    @classmethod
    async def _take(cls, shim: Connection, message: dict[str, Any]) -> KernelLease:
        try:
            await shim.send(message)
            return cls(shim, (await _answer(shim))["started"])
        except BaseException:
            shim.close()
            raise

    def _handle(self, message: dict[str, Any] | None) -> None:
        if message is None:
            if self._exit is None:
                self._exit = ExitStatus(signal=signal.SIGKILL)  # it ended with the shim
        elif "exit" in message:
            ended = dict(message["exit"])
            self.final_breach = ended.pop("breach")
            self._exit, self._log = ExitStatus(**ended), message["log"]
        elif "breach" in message and self.on_breach is not None:
            self.on_breach(message["breach"])
        elif "record" in message or "record_end" in message:
            self._records.append(message)
        elif "counters" in message:
            self._counters = message["counters"]

    async def _pump_until(self, done: Callable[[], bool]) -> None:
        """Read messages until *done*; with several callers, one reads for all."""
        while not done():
            async with self._lock:
                if not done():
                    self._handle(await self._shim.next())

    def poll(self) -> ExitStatus | None:
        """Return how it ended, or ``None`` while it runs."""
        if not self._lock.locked():
            while self._exit is None and (message := self._shim.next_now()) is not None:
                self._handle(message)
            if self._shim.closed and self._exit is None:
                self._handle(None)
        return self._exit

    async def wait(self) -> ExitStatus:
        """Wait for the end; any number of callers."""
        await self._pump_until(lambda: self._exit is not None)
        return self._exit or ExitStatus()

    async def signal(self, signum: int) -> None:
        """Signal it; SIGKILL and SIGTERM end all of its processes."""
        await self._shim.send({"signal": signum})

    async def counters(self) -> dict[str, int]:
        """Return how often limits on processes and memory were hit; empty if it has ended."""
        self._counters = None
        await self._shim.send({"counters": True})
        await self._pump_until(lambda: self._counters is not None or self._exit is not None)
        return self._counters or {}

    async def follow(self) -> AsyncIterator[list[bytes]]:
        """Yield each message of the last cell as frames, until the cell ends.

        Raises:
            OutputLimitExceeded: It printed more than the shim records; raised at the end.
        """
        await self._shim.send({"follow": True})
        while True:
            await self._pump_until(lambda: bool(self._records) or self._exit is not None)
            if not self._records:
                return
            message = self._records.popleft()
            if "record_end" in message:
                if message["overflowed"]:
                    raise OutputLimitExceeded(0)
                return
            yield frames_from_json(message["record"])

    def log(self) -> str:
        """Return the last bytes it printed outside any cell; known once it has ended."""
        return self._log

    async def aclose(self) -> None:
        """End the kernel and its lease; may be called twice."""
        if not self._shim.closed:
            await self._shim.send({"close": True})
            # The shim closes the connection once nothing of the kernel is left.
            await self._pump_until(lambda: self._shim.closed)
        self._shim.close()

    def detach(self) -> None:
        """End the lease; the shim keeps the kernel for the request's ``keep_seconds``."""
        self._shim.close()
