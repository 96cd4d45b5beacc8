"""Reach the shim, starting one if need be, and hold a kernel it owns."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from container.errors import KernelNotFound, OutputLimitExceeded, SandboxUnavailable
from container.limits import Limits, limits_to_json
from container.runtime import RUNTIME_VARIABLE, runtime_directory
from container.sandbox import ExitStatus
from container.shim.kernels import KernelRequest, request_to_json
from container.shim.tap import frames_from_json
from container.shim.wire import PROTOCOL, encode, error_from_json, socket_path

ATTEMPTS = 3
CHUNK_BYTES = 1024 * 1024
SPAWN_SECONDS = 30.0
PASSED_ON = (
    "TZ",
    RUNTIME_VARIABLE,
    "XDG_RUNTIME_DIR",
    "TMPDIR",
    "TALLYBOOK_SHIM_IDLE_SECONDS",
    "DOCKER_HOST",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
)
"""The only variables of the service a shim gets: no secret may reach it."""


class Connection:
    """A socket to a shim, used from one event loop at a time.

    Between two of them (a blocking client runs one for each call) nothing is lost:
    messages wait in the socket.
    """

    def __init__(self, plain: socket.socket) -> None:
        plain.setblocking(False)  # noqa: FBT003 (the standard library's signature)
        self._socket = plain
        self._buffer = bytearray()
        self.closed = False

    @classmethod
    def to(cls, path: Path) -> Connection:
        """Connect to the shim at *path*; an `OSError` when none answers."""
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            plain.connect(str(path))
        except OSError:
            plain.close()
            raise
        return cls(plain)

    async def send(self, message: dict[str, Any]) -> None:
        """Send *message*; says nothing when the other end is gone, `next` will."""
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self._socket, encode(message))

    async def next(self) -> dict[str, Any] | None:
        """Return the next message, ``None`` once the other end is gone. May be cancelled."""
        while (message := self._line()) is None and not self.closed:
            try:
                chunk = await asyncio.get_running_loop().sock_recv(self._socket, CHUNK_BYTES)
            except OSError:
                chunk = b""
            self._buffer += chunk
            self.closed = not chunk
        return message

    def next_now(self) -> dict[str, Any] | None:
        """Return a message that has arrived already, else ``None``; waits for nothing."""
        with contextlib.suppress(OSError):
            while chunk := self._socket.recv(CHUNK_BYTES):
                self._buffer += chunk
            self.closed = True
        return self._line()

    def _line(self) -> dict[str, Any] | None:
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline:
            return None
        self._buffer = rest
        message: dict[str, Any] = json.loads(line)
        return message

    def close(self) -> None:
        """Close the socket; a leash thereby lets go of its kernel."""
        self.closed = True
        self._socket.close()


async def connect() -> Connection:
    """Connect to this installation's shim; starts it when none answers.

    Raises:
        SandboxUnavailable: It can't be started.
    """
    path = socket_path()
    for _ in range(ATTEMPTS):
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return Connection.to(path)
        await asyncio.to_thread(_spawn, path)
    raise SandboxUnavailable(
        f"the process that owns kernels does not answer on {path}",
        f"Read {path.with_suffix('.log')}.",
    )


def _spawn(path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(root)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "container.shim", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            env=environment,
            timeout=SPAWN_SECONDS,
            check=False,
            text=True,
        )
    except subprocess.TimeoutExpired:
        raise SandboxUnavailable(
            f"the process that owns kernels did not start in {SPAWN_SECONDS:g} s", "Try again."
        ) from None
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SandboxUnavailable(
            f"the process that owns kernels can't be started ({said})",
            f"See that {path.parent} can be written.",
        )


async def ask(message: dict[str, Any]) -> dict[str, Any]:
    """Send one message to the shim and return its answer.

    Raises:
        SandboxUnavailable: It can't be reached.
        ContainerError: What it answered.
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


async def keep_warm(size: int, limits: Limits) -> Connection:
    """Have *size* kernels with *limits* kept warm for as long as the connection is open.

    Raises:
        SandboxUnavailable: The shim can't be reached.
    """
    connection = await connect()
    await connection.send({"op": "pool", "size": size, "limits": limits_to_json(limits)})
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
    """A kernel some shim of this user owns.

    Attributes:
        id: The shim's name for it.
        shim: The socket of that shim.
        label: What whoever started it calls it.
        workspace: Its workspace.
        last_cell: ``msg_id`` of the cell that runs or ran last, whether it still runs
            and for how many seconds; ``None`` when it is not recorded.
        held: Another process holds it.
    """

    id: str
    shim: Path
    label: str
    workspace: Path
    last_cell: dict[str, Any] | None
    held: bool


async def living_kernels() -> list[LivingKernel]:
    """Return the kernels of all shims of this user, those of older installations included."""
    found = []
    for path in sorted(runtime_directory().glob(f"shim-{PROTOCOL}-*.sock")):
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


class Leash:
    """A kernel in the shim's care, held by this process.

    Attributes:
        kernel_id: The shim's name for it.
        pid: Host process id of its outermost process.
        connection: Its connection file's content.
        connection_file: That file, for clients on this host.
        last_cell: As in `LivingKernel`, when it was taken.
        process_limit_hits: How many its holder knows of.
        on_breach: Called when a limit of the workspace was passed.
        final_breach: The limit it was ended for.
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
    async def start(cls, request: KernelRequest) -> Leash:
        """Ask the shim for a kernel and wait until its sockets are bound.

        Raises:
            SandboxUnavailable, KernelStartFailed: As the shim says.
        """
        message = {"op": "start", "kernel": request_to_json(request)}
        return await cls._take(await connect(), message)

    @classmethod
    async def adopt(cls, kernel: LivingKernel) -> Leash:
        """Take over a kernel whose holder is gone.

        Raises:
            KernelNotFound: It has ended meanwhile.
        """
        try:
            shim = Connection.to(kernel.shim)
        except OSError:
            raise KernelNotFound(kernel.id) from None
        return await cls._take(shim, {"op": "adopt", "id": kernel.id})

    @classmethod
    async def _take(cls, shim: Connection, message: dict[str, Any]) -> Leash:
        try:
            await shim.send(message)
            return cls(shim, (await _answer(shim))["started"])
        except BaseException:
            shim.close()
            raise

    def _handle(self, message: dict[str, Any] | None) -> None:
        if message is None:
            if self._exit is None:
                self._exit = ExitStatus(signal=signal.SIGKILL)  # the shim took it along
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
        """Read messages until *done*; any number of callers, whoever reads serves all."""
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
        """Return how often limits on processes and memory were hit; empty when it has ended."""
        self._counters = None
        await self._shim.send({"counters": True})
        await self._pump_until(lambda: self._counters is not None or self._exit is not None)
        return self._counters or {}

    async def follow(self) -> AsyncIterator[list[bytes]]:
        """Yield each message of the last cell as frames, until the cell ends.

        Raises:
            OutputLimitExceeded: It printed more than the shim remembers; raised at the end.
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
        """Return the last it printed outside any cell; known once it has ended."""
        return self._log

    async def aclose(self) -> None:
        """End the kernel and let go of it."""
        if not self._shim.closed:
            await self._shim.send({"close": True})
            # The shim closes the connection once nothing of the kernel is left.
            await self._pump_until(lambda: self._shim.closed)
        self._shim.close()

    def let_go(self) -> None:
        """Leave the kernel to the shim, which keeps it for as long as it was told to."""
        self._shim.close()
