"""The zygote process: started in bubblewrap, replaced when it ends or packages change."""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import os
import secrets
import socket
import sys
from pathlib import Path
from typing import Any

from container.backends.bubblewrap import BubblewrapSandbox
from container.errors import KernelStartFailed
from container.host.environment import (
    inside_command,
    kernel_environment,
    kernel_packages,
)
from container.host.host_users import ZYGOTE_USER, host_users
from container.host.runtime import runtime_prefix
from container.host.seccomp import seccomp_program
from container.limits import MIB, Limits
from container.sandbox import SandboxSpec

START_SECONDS = 60.0
# For the zygote, and for each fork until it joins its own control group. Pages that a kernel's
# warm-up has written (13 MB) stay charged here while the kernel lives, so the only memory limit
# is the machine's; usage grows with the number of kernels only.
ZYGOTE_LIMITS = Limits(
    cpus=float(os.cpu_count() or 1),
    memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    pids=4096,
    tmp_bytes=64 * MIB,
)


def packages_fingerprint() -> tuple[int, ...]:
    """Return a value that changes when Python, packages or our code inside change."""
    watched = [
        *(Path(p) for p in sys.path if p.endswith("-packages")),
        *(file for directory, _ in kernel_packages() for file in sorted(directory.rglob("*.py"))),
    ]
    stats = [path.stat() for path in watched if path.exists()]
    return (*(stat.st_mtime_ns for stat in stats), len(stats), Path(sys.executable).stat().st_ino)


class Zygote:
    """One fork server."""

    def __init__(self) -> None:
        self.fingerprint = packages_fingerprint()
        self.children = 0
        self._sandbox = BubblewrapSandbox()
        self._control: socket.socket | None = None
        self._closed = False

    @property
    def alive(self) -> bool:
        """Whether it takes requests."""
        return self._control is not None and not self._closed

    async def start(self) -> None:
        """Start it and wait until everything is imported.

        Raises:
            SandboxUnavailable: This host can't confine it.
            KernelStartFailed: It ended, or was not ready in `START_SECONDS`.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = os.memfd_create("seccomp", 0)
        try:
            os.write(program, seccomp_program())
            os.lseek(program, 0, os.SEEK_SET)
            users = host_users()
            spec = SandboxSpec(
                name=f"{runtime_prefix('k')}zygote-{secrets.token_hex(4)}",
                argv=inside_command(sys.executable, "zygote", str(theirs.fileno()), str(program)),
                limits=ZYGOTE_LIMITS,
                workspace=None,
                uid=ZYGOTE_USER if users is not None else None,
                host_uids=users,
                env=kernel_environment(),
                readonly=kernel_packages(),
                seccomp=False,  # it must create namespaces; each kernel loads the filter
                pass_fds=(theirs.fileno(), program),
            )
            await self._sandbox.start(spec)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(program)
        ours.setblocking(False)  # noqa: FBT003 (the standard library's signature)
        self._control = ours
        await self._await_ready(ours)
        asyncio.get_running_loop().add_reader(ours, self._on_closed)

    async def _await_ready(self, control: socket.socket) -> None:
        ready = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                ready = await asyncio.get_running_loop().sock_recv(control, 4096)
        if not ready:
            await self.aclose()
            raise KernelStartFailed(START_SECONDS, self._sandbox.log())

    def _on_closed(self) -> None:
        # It sends nothing after "ready", so readable means that it has ended.
        self.retire()

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Request a kernel, which reports on its status socket.

        Args:
            request: As `container.inside.zygote` reads it.
            descriptors: The status socket first; see there for the others.

        Raises:
            OSError: The zygote has ended.
        """
        if self._control is None:
            raise BrokenPipeError("the zygote has ended")
        rights = array.array("i", descriptors)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
        self._control.sendmsg([json.dumps(request).encode()], ancillary)

    def retire(self) -> None:
        """Take no more requests; the kernels it forked go on."""
        self._closed = True
        if self._control is not None:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None

    async def aclose(self) -> None:
        """End it and every kernel it forked."""
        self.retire()
        await self._sandbox.aclose()


class Zygotes:
    """The zygote in use, and retired ones whose kernels still run."""

    def __init__(self) -> None:
        self._current: Zygote | None = None
        self._retired: list[Zygote] = []
        self._starting = asyncio.Lock()

    async def current(self) -> Zygote:
        """Return a zygote with the installed packages; start one if there is none.

        Raises:
            SandboxUnavailable, KernelStartFailed: None could be started.
        """
        async with self._starting:
            zygote = self._current
            if zygote is not None and zygote.alive:
                if zygote.fingerprint == packages_fingerprint():
                    return zygote
                zygote.retire()
            if zygote is not None:
                self._retired.append(zygote)
            self._current = None
            fresh = Zygote()
            try:
                await fresh.start()
            except BaseException:
                await fresh.aclose()
                raise
            self._current = fresh
            return fresh

    async def aclose(self) -> None:
        """End all of them, with their kernels."""
        for zygote in [*self._retired, *([self._current] if self._current else [])]:
            await zygote.aclose()
        self._retired, self._current = [], None
