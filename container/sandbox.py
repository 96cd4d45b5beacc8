"""The interface of every sandbox backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from container.host.environment import INPUTS
from container.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """The command to run and the resources it sees.

    Attributes:
        name: Short unique name, used for the control group and in logs.
        argv: The command, as the sandbox sees it.
        limits: Resources it may use.
        workspace: Host directory mounted writable at ``/workspace``; ``None`` for none. Its
            ``inputs/`` must be a plain directory and is mounted read-only.
        sockets: Host directory mounted writable at ``/run/kernel``; ``None`` for a
            command that is not a kernel.
        connection: The connection file's content, with paths inside the sandbox; ``None``
            for a command that is not a kernel.
        uid: Host user and group that own the processes; ``None`` keeps the service's.
        env: The whole environment inside; nothing is inherited.
        readonly: Further (host path, path inside) pairs, read-only.
        workspace_readonly: Mount the workspace read-only.
        seccomp: Allow the system calls of `container.host.seccomp` only.
        loopback: Allow TCP on the sandbox's own loopback.
        host_uids: Host users, beside its own, that the command may run its children as.
        pass_fds: File descriptors it inherits.
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
        """The host directory to mount read-only at ``/workspace/inputs``, if any."""
        if self.workspace is None or self.workspace_readonly:
            return None
        return self.workspace / INPUTS


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStatus:
    """How a sandbox ended.

    Attributes:
        exit_code: The command's exit code, unless a signal ended it.
        signal: The signal that ended it.
        out_of_memory: The host reports that the OOM killer ended one of its processes.
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
        """Signal the process tree; SIGKILL and SIGTERM end all of it."""

    async def wait(self) -> ExitStatus:
        """Wait for the end; any number of callers."""

    def process_limit_hits(self) -> int:
        """Return how often it was refused another process or thread; 0 if not counted."""

    def oom_kills(self) -> int:
        """Return how many of its processes the OOM killer ended; 0 if not counted."""

    def log(self) -> str:
        """Return the last few kilobytes the command wrote to stdout and stderr."""

    async def aclose(self) -> None:
        """Kill what is left and clean up."""
