"""Connect to the shim; start it if none answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from container.errors import SandboxUnavailable
from container.host.host_users import allowed_users, host_users
from container.host.runtime import RUNTIME_VARIABLE
from container.shim.wire import NO_HOST_USERS, encode, socket_path

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
"""The only variables of the service that a shim gets: no secret may reach it."""
_refused: set[Path] = set()
"""Shims that could not enter a namespace with host users; trying per kernel would be slow."""


class Connection:
    """A socket to a shim, used from one event loop at a time.

    Messages wait in the socket between event loops (a blocking client runs one per call).
    """

    def __init__(self, plain: socket.socket) -> None:
        plain.setblocking(False)  # noqa: FBT003 (the standard library's signature)
        self._socket = plain
        self._buffer = bytearray()
        self.closed = False

    @classmethod
    def to(cls, path: Path) -> Connection:
        """Connect to the shim at *path*.

        Raises:
            OSError: None answers.
        """
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            plain.connect(str(path))
        except OSError:
            plain.close()
            raise
        return cls(plain)

    async def send(self, message: dict[str, Any]) -> None:
        """Send *message*; if the connection is lost, only `next` reports it."""
        with contextlib.suppress(OSError):
            await asyncio.get_running_loop().sock_sendall(self._socket, encode(message))

    async def next(self) -> dict[str, Any] | None:
        """Return the next message; ``None`` once the connection is closed. May be cancelled."""
        while (message := self._line()) is None and not self.closed:
            try:
                chunk = await asyncio.get_running_loop().sock_recv(self._socket, CHUNK_BYTES)
            except OSError:
                chunk = b""
            self._buffer += chunk
            self.closed = not chunk
        return message

    def next_now(self) -> dict[str, Any] | None:
        """Return a message that has already arrived, else ``None``, without waiting."""
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
        """Close the socket; this ends a lease."""
        self.closed = True
        self._socket.close()


class _NoHostUsers(Exception):
    """The shim can't use host users, although ``/etc/sub[ug]id`` allows them."""


async def connect(*, lend: bool = False) -> Connection:
    """Connect to this installation's shim; start it if none answers.

    Args:
        lend: Prefer a shim with host users, if possible, although this process has none.

    Raises:
        SandboxUnavailable: It can't be started.
    """
    lender = socket_path(own_users=True)
    if lend and lender not in _refused and _may_have_host_users():
        try:
            return await _connect(lender, own_users=True)
        except _NoHostUsers:
            _refused.add(lender)
    own_users = host_users() is not None
    return await _connect(socket_path(own_users=own_users), own_users=own_users)


def _may_have_host_users() -> bool:
    try:
        allowed_users()
    except SandboxUnavailable:
        return False
    return True


async def _connect(path: Path, *, own_users: bool) -> Connection:
    for _ in range(ATTEMPTS):
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return Connection.to(path)
        await asyncio.to_thread(_spawn, path, own_users=own_users)
    raise SandboxUnavailable(
        f"the process that owns kernels does not answer on {path}",
        f"Read {path.with_suffix('.log')}.",
    )


def _spawn(path: Path, *, own_users: bool) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment |= {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(root)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "container.shim", str(path), *["own-users"] * own_users],
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
    if done.returncode == NO_HOST_USERS:
        raise _NoHostUsers
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SandboxUnavailable(
            f"the process that owns kernels can't be started ({said})",
            f"See that {path.parent} can be written.",
        )
