"""The sandbox of one kernel forked from the zygote, from the owner's side."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
from pathlib import Path
from typing import Any

from container.backends.zygote.process import Zygote, Zygotes
from container.errors import KernelStartFailed, SandboxUnavailable
from container.host.cgroups import ControlGroup, make_control_group
from container.host.environment import INPUTS, kernel_rlimits
from container.inside import linux
from container.sandbox import ExitStatus, SandboxSpec

LOG_BYTES = 64 * 1024
MESSAGE_BYTES = 64 * 1024
CREDENTIALS = struct.Struct("3i")


def detached_mount(directory: Path, *, readonly: bool = False) -> int:
    """Return a descriptor of a detached bind mount of *directory*.

    Raises:
        SandboxUnavailable: Linux is older than 5.12, or refuses the mount.
    """
    try:
        descriptor = linux.clone_mount(str(directory))
        try:
            linux.restrict_mount(descriptor, readonly=readonly)
        except OSError:
            os.close(descriptor)
            raise
    except OSError as error:
        raise SandboxUnavailable(
            f"{directory} can't be mounted ({error})",
            "The zygote needs Linux 5.12 or newer; do without it: TALLYBOOK_BACKEND=bubblewrap.",
        ) from error
    return descriptor


def workspace_mounts(workspace: Path) -> list[int]:
    """Return detached mounts of *workspace* and, read-only, its inputs, for the kernel's init.

    Raises:
        SandboxUnavailable: As `detached_mount`.
    """
    whole = detached_mount(workspace)
    try:
        return [whole, detached_mount(workspace / INPUTS, readonly=True)]
    except SandboxUnavailable:
        os.close(whole)
        raise


class ZygoteSandbox:
    """One kernel forked from the zygote (see `container.sandbox.Sandbox`).

    `start` accepts a spec without a workspace; `attach` then mounts one later.
    """

    def __init__(self, zygotes: Zygotes) -> None:
        self._zygotes = zygotes
        self._zygote: Zygote | None = None
        self._channel: socket.socket | None = None
        self._messages: dict[str, asyncio.Future[Any]] = {}
        self._group: ControlGroup | None = None
        self._pid: int | None = None
        self._pidfd: int | None = None
        self._log = bytearray()
        self._log_read: int | None = None
        self._exit: ExitStatus | None = None
        self._reported: dict[str, Any] = {}

    @property
    def pid(self) -> int | None:
        """Host process id of the first process of the kernel's namespace."""
        return self._pid

    async def start(self, spec: SandboxSpec) -> None:
        """Fork a kernel and wait until its sockets are bound.

        Raises:
            SandboxUnavailable: This host can't confine it.
            KernelStartFailed: It did not come up in `Limits.start_seconds`.
        """
        for last in (False, True):
            try:
                async with asyncio.timeout(spec.limits.start_seconds):
                    await self._start(spec)
            except (TimeoutError, EOFError, OSError) as error:
                unborn = self._pid is None
                await self.aclose()
                if self._zygote is not None:
                    if unborn:  # the zygote has died or hangs: use another one
                        self._zygote.retire()
                    # A kernel that was forked ahead may have died while it waited.
                    if not last and (unborn or isinstance(error, EOFError)):
                        continue
                detail = f"{self.log()}\n{type(error).__name__}: {error}".strip()
                raise KernelStartFailed(spec.limits.start_seconds, detail) from error
            except BaseException:
                await self.aclose()
                raise
            else:
                return

    async def _start(self, spec: SandboxSpec) -> None:
        self._zygote, self._exit, self._reported = None, None, {}
        self._zygote = zygote = await self._zygotes.current()
        if spec.sockets is None or spec.connection is None:
            raise ValueError("a forked kernel needs a sockets directory and a connection")
        loop = asyncio.get_running_loop()
        for name in ("init", "ready", "attached", "ended"):
            self._messages[name] = loop.create_future()
        self._group = make_control_group(spec.name, spec.limits)
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._channel.setblocking(False)  # noqa: FBT003
        self._log_read, log_write = os.pipe()
        os.set_blocking(self._log_read, False)
        handed = [theirs.fileno(), log_write]
        try:
            handed.append(detached_mount(spec.sockets))
            if spec.workspace is not None:
                handed += workspace_mounts(spec.workspace)
            handed += self._group.open_doors() if self._group is not None else []
            request = {
                "uid": spec.uid,
                "tmp_bytes": spec.limits.tmp_bytes,
                "rlimits": kernel_rlimits(spec.limits, cgroup=self._group is not None),
                "connection": spec.connection,
                "audited": spec.limits.audited,
                "workspace": spec.workspace is not None,
            }
            zygote.fork(request, handed)
        finally:
            theirs.detach()
            for descriptor in handed:
                os.close(descriptor)
        loop.add_reader(self._channel, self._on_message)
        loop.add_reader(self._log_read, self._on_log)
        self._pid = await self._messages["init"]
        self._pidfd = os.pidfd_open(self._pid)
        await self._messages["ready"]

    async def attach(self, workspace: Path) -> None:
        """Mount *workspace* for a kernel that was started without one.

        Raises:
            SandboxUnavailable: It can't be mounted.
            OSError, EOFError: The kernel has ended.
        """
        if self._channel is None:
            raise EOFError("the kernel has ended")
        mounts = workspace_mounts(workspace)
        try:
            socket.send_fds(self._channel, [b"attach"], mounts)
        finally:
            for mount in mounts:
                os.close(mount)
        await self._messages["attached"]

    def _on_message(self) -> None:
        if self._channel is None:
            return
        try:
            data, ancillary, _, _ = self._channel.recvmsg(
                MESSAGE_BYTES, socket.CMSG_SPACE(CREDENTIALS.size)
            )
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        if not data:
            self._on_end()
            return
        message = json.loads(data)
        if "init" in message:
            pid = next(
                CREDENTIALS.unpack(value[: CREDENTIALS.size])[0]
                for level, kind, value in ancillary
                if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS
            )
            self._resolve("init", pid)
        elif "exit" in message:
            self._reported = message["exit"]
        elif "failed" in message:
            self._log += f"{message['failed']}\n".encode()
        for name in ("ready", "attached"):
            if name in message:
                self._resolve(name, None)

    def _resolve(self, name: str, value: Any) -> None:
        if not self._messages[name].done():
            self._messages[name].set_result(value)

    def _on_end(self) -> None:
        """Record the kernel's end: all its processes have closed the status socket."""
        loop = asyncio.get_running_loop()
        if self._channel is not None:
            loop.remove_reader(self._channel)
            self._channel.close()
            self._channel = None
        self._on_log()
        out_of_memory = bool(self._group and self._group.oom_kills())
        code, number = self._reported.get("exit_code"), self._reported.get("signal")
        if code is None and number is None:
            number = signal.SIGKILL.value
        self._exit = ExitStatus(exit_code=code, signal=number, out_of_memory=out_of_memory)
        for name in ("init", "ready", "attached"):
            if not self._messages[name].done():
                self._messages[name].set_exception(EOFError("the kernel ended while starting"))
                self._messages[name].exception()  # mark as retrieved: not all are awaited
        self._resolve("ended", None)

    def _on_log(self) -> None:
        if self._log_read is None:
            return
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._log_read, 65536):
                self._log += chunk
                del self._log[:-LOG_BYTES]
            self._close_log()

    def _close_log(self) -> None:
        if self._log_read is not None:
            asyncio.get_running_loop().remove_reader(self._log_read)
            os.close(self._log_read)
            self._log_read = None

    def log(self) -> str:
        """Return the last bytes it printed outside any cell."""
        return self._log.decode("utf-8", "replace")

    def poll(self) -> ExitStatus | None:
        """Return how it ended, or ``None`` while it runs."""
        return self._exit

    def process_limit_hits(self) -> int:
        """Return how often it was refused another process or thread."""
        return self._group.pids_refused() if self._group else 0

    def oom_kills(self) -> int:
        """Return how many of its processes the OOM killer ended."""
        return self._group.oom_kills() if self._group else 0

    async def signal(self, signum: int) -> None:
        """Kill the kernel on SIGKILL or SIGTERM; interrupts use the control channel."""
        if self._pidfd is not None and signum in (signal.SIGKILL, signal.SIGTERM):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def wait(self) -> ExitStatus:
        """Wait for the end."""
        if "ended" in self._messages:
            await asyncio.shield(self._messages["ended"])
        return self._exit or ExitStatus(exit_code=0)

    async def aclose(self) -> None:
        """Kill what is left, wait for it, remove the control group."""
        if self._channel is not None:
            if self._pidfd is not None:
                await self.signal(signal.SIGKILL)
            else:
                # No pid yet: the init ends when its status socket closes.
                self._on_end()
            await self.wait()
        self._close_log()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        if self._group is not None:
            await self._group.aremove()
