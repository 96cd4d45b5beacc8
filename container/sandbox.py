"""The seam between a kernel and whatever technology confines it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from container.host.environment import INPUTS
from container.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """What to run and what it may see.

    Attributes:
        name: Short unique name, used for the control group and in logs.
        argv: The command, as seen from inside.
        limits: Resources it may use.
        workspace: Host directory shown, writable, as ``/workspace``; ``None`` for none. Its
            ``inputs/``, which has to be a plain directory, is shown read-only.
        sockets: Host directory shown, writable, as ``/run/kernel``; ``None`` for a
            command that is not a kernel.
        connection: The kernel's connection file as it reads inside; ``None`` likewise.
        uid: Host user and group that own the processes; ``None`` keeps the service's.
        env: The whole environment inside; nothing is inherited.
        readonly: Further (host path, path inside) pairs, read-only.
        workspace_readonly: Show the workspace read-only.
        seccomp: Allow the system calls of `container.host.seccomp` only.
        loopback: Allow TCP on the sandbox's own loopback.
        host_uids: Host users the command may hand out to its children, beside its own.
        pass_fds: Open files it inherits, by number.
    """

    name: str
    argv: tuple[str, ...]
    limits: Limits
    workspace: Path | None
    sockets: Path | None = None
    connection: dict[str, Any] | None = None
    uid: int | None = None
    env: dict[str, str] = field(default_factory=dict)
    readonly: tuple[tuple[Path, str], ...] = ()
    workspace_readonly: bool = False
    seccomp: bool = True
    loopback: bool = False
    host_uids: range | None = None
    pass_fds: tuple[int, ...] = ()

    @property
    def inputs(self) -> Path | None:
        """The host directory to mount read-only over ``/workspace/inputs``, if that is needed."""
        if self.workspace is None or self.workspace_readonly:
            return None
        return self.workspace / INPUTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStatus:
    """How a sandbox ended.

    Attributes:
        exit_code: The command's own exit code, when it was not killed.
        signal: The signal that ended it.
        out_of_memory: The host says it was killed for passing its memory limit.
    """

    exit_code: int | None = None
    signal: int | None = None
    out_of_memory: bool = False


class Sandbox(Protocol):
    """One confined process tree, from start to clean-up.

    Every method may be called from one event loop only. `aclose` may be called
    twice and leaves no process, directory or control group behind.
    """

    async def start(self, spec: SandboxSpec) -> None:
        """Start the command; raises `SandboxUnavailable` when the host can't."""

    @property
    def pid(self) -> int | None:
        """Host process id of the outermost process, once started."""

    def poll(self) -> ExitStatus | None:
        """Return how it ended, or ``None`` while it runs."""

    async def signal(self, signum: int) -> None:
        """Signal the tree; SIGKILL and SIGTERM end all of it."""

    async def wait(self) -> ExitStatus:
        """Wait for the end; any number of callers."""

    def process_limit_hits(self) -> int:
        """Return how often it was refused another process or thread; 0 where nobody counts."""

    def oom_kills(self) -> int:
        """Return how many of its processes were killed for want of memory, likewise."""

    def log(self) -> str:
        """Return the last few kilobytes the command wrote to stdout and stderr."""

    async def aclose(self) -> None:
        """Kill what is left and clean up."""
