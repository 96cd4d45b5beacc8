"""One kernel that the shim owns, and how to start each kind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from container.backends.bubblewrap import BubblewrapSandbox
from container.backends.zygote.process import Zygotes
from container.backends.zygote.sandbox import ZygoteSandbox
from container.errors import KernelStartFailed, SandboxUnavailable
from container.host.cgroups import group_parent
from container.host.environment import (
    CONNECTION_FILE,
    DEFAULT_IMAGE,
    NETWORK,
    PYTHON_IN_IMAGE,
    SOCKETS_INSIDE,
    inside_command,
    kernel_environment,
    kernel_packages,
    kernel_rlimits,
)
from container.host.runtime import free_user, runtime_directory, runtime_prefix
from container.limits import MIB, Limits, limits_from_json
from container.sandbox import ExitStatus, Sandbox, SandboxSpec
from container.shim.output_recorder import OutputRecorder
from container.shim.quota import QuotaWatcher, Usage
from container.shim.socket_poller import SocketPoller
from container.tree import change_owner, remove
from container.workspace.workspace import Workspace

CHANNELS = ("shell", "iopub", "stdin", "hb", "control")
SOCKET_POLL_SECONDS = 0.005
OVER_QUOTA_SECONDS = 3.0
QUOTA_MARGIN_BYTES = 256 * MIB
QUOTA_MARGIN_FILES = 20_000
"""Kill a kernel this far over its quota without waiting for its cell to stop."""
BACKENDS = ("zygote", "bubblewrap", "docker")


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelRequest:
    """A client's request for a kernel.

    Attributes:
        workspace: Host directory that becomes ``/workspace``.
        uid: Its owner, whom a root service runs the kernel as.
        limits: What the kernel may use.
        argv: The command of a kernel in another language, with ``{connection_file}``;
            empty for the Python kernel.
        env: Variables that command needs, added to the usual environment.
        loopback: That command needs TCP on a loopback of its own.
        backend: ``zygote``, ``bubblewrap`` or ``docker``.
        image: The image of the docker backend.
        runtime: An OCI runtime Docker knows; empty for its default.
        label: The client's name for it, to find it again.
        keep_seconds: How long it is kept after its client has disconnected.
        record: Record the last cell's outputs for a successor.
        lend: The client has no host users and does not touch the workspace while the kernel
            runs, so until then the shim may chown it to one of its own host users.
    """

    workspace: Path
    uid: int | None
    limits: Limits
    argv: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    loopback: bool = False
    backend: str = BACKENDS[0]
    image: str = DEFAULT_IMAGE
    runtime: str = ""
    label: str = ""
    keep_seconds: float = 0.0
    record: bool = False
    lend: bool = False


def request_to_json(request: KernelRequest) -> dict[str, Any]:
    """Render *request* as plain JSON values."""
    return {**asdict(request), "workspace": str(request.workspace)}


def request_from_json(value: dict[str, Any]) -> KernelRequest:
    """Rebuild a request from `request_to_json`."""
    rebuilt = {
        **value,
        "workspace": Path(value["workspace"]),
        "limits": limits_from_json(value["limits"]),
        "argv": tuple(value["argv"]),
    }
    return KernelRequest(**rebuilt)


@dataclass(slots=True)
class _Breach:
    """A cell that passed the quota: when the client was notified, and the latest usage."""

    cell: str | None
    since: float
    usage: Usage


class OwnedKernel:
    """A kernel with its sandbox, its sockets and its recorded outputs.

    Attributes:
        id: Unique name; also that of its sockets directory and control group.
        connection: Its connection file's content, with host paths.
        notify: Called with each message for the client; ``None`` without a client.
    """

    def __init__(
        self, request: KernelRequest, zygotes: Zygotes | None, poller: SocketPoller
    ) -> None:
        self.request = request
        self.sandbox = make_sandbox(request, zygotes)
        self.sockets = Path(tempfile.mkdtemp(prefix=runtime_prefix("k"), dir=runtime_directory()))
        self.id = self.sockets.name
        self.connection = _connection(self.sockets)
        self.connection_file = self.sockets.with_name(f"{self.id}.json")
        self.notify: Callable[[dict[str, Any]], None] | None = None
        self.output_recorder: OutputRecorder | None = None
        self._poller = poller
        self.exit: ExitStatus | None = None
        self.breach: dict[str, Any] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._breach: _Breach | None = None

    async def start(self, *, with_workspace: bool = True) -> None:
        """Start it and wait until its sockets are bound.

        Raises:
            SandboxUnavailable, KernelStartFailed: It could not be started; nothing is left.
        """
        try:
            await self._start(with_workspace=with_workspace)
        except BaseException:
            await self.aclose()
            raise

    async def _start(self, *, with_workspace: bool) -> None:
        if self.request.lend:
            self.request = replace(self.request, uid=free_user())
        inside = {**self.connection, "ip": f"{SOCKETS_INSIDE}/s"}
        file = self.sockets / CONNECTION_FILE
        file.write_text(json.dumps(inside))
        file.chmod(0o600)
        # The client's copy is outside the sandbox, where the kernel can't replace it.
        self.connection_file.touch(mode=0o600)
        self.connection_file.write_text(json.dumps(self.connection))
        network = self.sockets / NETWORK
        network.mkdir()
        network.chmod(0o711)  # it stays ours; the kernel's user may go through
        if self.request.uid is not None:
            for path in (self.sockets, file):
                os.chown(path, self.request.uid, self.request.uid)
            if self._lent:
                change_owner(self.request.workspace, self.request.uid)
        if with_workspace:
            Workspace(self.request.workspace).make_inputs_plain(self.request.uid)
        spec = SandboxSpec(
            name=self.id,
            argv=self._argv(),
            limits=self.request.limits,
            workspace=self.request.workspace if with_workspace else None,
            sockets=self.sockets,
            connection=inside,
            uid=self.request.uid,
            env={**kernel_environment(), **self.request.env},
            loopback=self.request.loopback,
            readonly=kernel_packages(),
        )
        await self.sandbox.start(spec)
        self._watch = asyncio.create_task(self._watch_end())
        if not isinstance(self.sandbox, ZygoteSandbox):
            await self._await_sockets()
        if self._lent:
            self._open_to_client()
        if self.request.record:
            limit = self.request.limits.output_bytes
            endpoint = f"ipc://{self.connection['ip']}-{self.connection['iopub_port']}"
            self.output_recorder = OutputRecorder(
                endpoint, self.connection["key"], limit, self._poller
            )

    def _argv(self) -> tuple[str, ...]:
        file = f"{SOCKETS_INSIDE}/{CONNECTION_FILE}"
        limits = self.request.limits
        grouped = group_parent() is not None or self.request.backend == "docker"
        values = kernel_rlimits(limits, cgroup=grouped)
        if self.request.argv and grouped:
            del values["DATA"]  # V8 reserves far more memory than it uses
        rlimits = json.dumps(values)
        python = PYTHON_IN_IMAGE if self.request.backend == "docker" else sys.executable
        if self.request.argv:
            replaced = {"{connection_file}": file, "{python}": python}
            command = (replaced.get(part, part) for part in self.request.argv)
            return inside_command(python, "limited", rlimits, *command)
        audited = "audited" if limits.audited else "unaudited"
        return inside_command(python, "launch", rlimits, file, audited)

    @property
    def _lent(self) -> bool:
        """Whether the client's workspace is chowned to the kernel's user for now."""
        return self.request.lend and self.request.uid is not None

    def _open_to_client(self) -> None:
        """Let the client's user connect to the sockets; safe, as no cell has run yet."""
        os.chown(self.sockets, -1, os.getegid())
        self.sockets.chmod(0o750)
        for path in self.sockets.glob("s-*"):
            path.chmod(0o666)

    async def _await_sockets(self) -> None:
        paths = [Path(f"{self.connection['ip']}-{n}") for n, _ in enumerate(CHANNELS, 1)]
        try:
            async with asyncio.timeout(self.request.limits.start_seconds):
                while not all(path.exists() for path in paths):
                    if self.sandbox.poll() is not None:
                        raise TimeoutError
                    await asyncio.sleep(SOCKET_POLL_SECONDS)
        except TimeoutError:
            seconds = self.request.limits.start_seconds
            raise KernelStartFailed(seconds, self.sandbox.log()) from None

    async def lease(self, request: KernelRequest) -> None:
        """Assign *request*, with its workspace, to a kernel from the pool.

        Raises:
            SandboxUnavailable, OSError, EOFError: The kernel can't be used.
        """
        if not isinstance(self.sandbox, ZygoteSandbox):
            raise EOFError("only forked kernels can wait for a workspace")  # noqa: TRY004
        self.request = replace(request, uid=self.request.uid)
        if self.request.uid is not None:
            change_owner(request.workspace, self.request.uid)
        try:
            Workspace(request.workspace).make_inputs_plain(self.request.uid)
            await self.sandbox.attach(request.workspace)
        except BaseException:
            if request.uid is not None:  # restore the owner for the next attempt
                change_owner(request.workspace, request.uid)
            raise
        if self._lent:
            self._open_to_client()

    def watch_quota(self, watcher: QuotaWatcher) -> None:
        """Watch its workspace, and stop the kernel's cell when it passes its limit."""
        limits = self.request.limits
        limit = Usage(limits.disk_bytes, limits.disk_files)
        watcher.watch(self.id, self.request.workspace, limit, self._on_quota_passed)

    async def _on_quota_passed(self, usage: Usage) -> None:
        """Notify the client, which interrupts the cell; kill the kernel if usage still grows."""
        cell = self.output_recorder.state()["cell"] if self.output_recorder is not None else None
        now = asyncio.get_running_loop().time()
        seen = self._breach
        if seen is not None and usage.bytes <= seen.usage.bytes and usage.files <= seen.usage.files:
            return  # usage does not grow any more
        facts = {"limit": "disk", "bytes": usage.bytes, "files": usage.files}
        if seen is None or seen.cell != cell:
            self._breach = seen = _Breach(cell, now, usage)
            self._say({"breach": facts})
        seen.usage = usage
        limits = self.request.limits
        far_over = (
            usage.bytes > limits.disk_bytes + QUOTA_MARGIN_BYTES
            or usage.files > limits.disk_files + QUOTA_MARGIN_FILES
        )
        if far_over or now - seen.since > OVER_QUOTA_SECONDS:
            self.breach = facts
            await self.sandbox.signal(signal.SIGKILL)

    def _say(self, message: dict[str, Any]) -> None:
        if self.notify is not None:
            self.notify(message)

    def counters(self) -> dict[str, int]:
        """Return how often the limits on processes and memory were hit so far."""
        return {
            "process_limit_hits": self.sandbox.process_limit_hits(),
            "oom_kills": self.sandbox.oom_kills(),
        }

    async def _watch_end(self) -> None:
        self.exit = await self.sandbox.wait()
        if self.output_recorder is not None:
            self.output_recorder.catch_up()  # its last messages come before the exit message
        self._say(self.exit_message())

    def exit_message(self) -> dict[str, Any]:
        """Return the message that notifies a client of its end."""
        status = self.exit or ExitStatus()
        return {
            "exit": {
                "exit_code": status.exit_code,
                "signal": status.signal,
                "out_of_memory": status.out_of_memory,
                "breach": self.breach,
            },
            "log": self.sandbox.log(),
        }

    async def aclose(self) -> None:
        """End it and remove everything it held."""
        try:
            if self.output_recorder is not None:
                self.output_recorder.close()
            await self.sandbox.aclose()
            if self._watch is not None:
                with contextlib.suppress(asyncio.CancelledError):
                    await self._watch
        finally:
            if self._lent:
                change_owner(self.request.workspace, os.geteuid())
            remove(self.sockets)
            self.connection_file.unlink(missing_ok=True)


def make_sandbox(request: KernelRequest, zygotes: Zygotes | None) -> Sandbox:
    """Return the sandbox *request* asks for; nothing is started yet.

    Without zygotes, which need user namespaces, bubblewrap alone is used; it confines as much.

    Args:
        request: What to start.
        zygotes: ``None`` where the shim could not enter its namespaces.

    Raises:
        SandboxUnavailable: There is no such backend.
    """
    match request.backend:
        case "zygote":
            python = zygotes is not None and not request.argv
            return ZygoteSandbox(zygotes) if zygotes and python else BubblewrapSandbox()
        case "bubblewrap":
            return BubblewrapSandbox()
        case "docker":
            # Importing the Docker client takes 0.1 s.
            from container.backends.docker_engine import DockerSandbox

            return DockerSandbox(image=request.image, runtime=request.runtime or None)
        case other:
            raise SandboxUnavailable(
                f"there is no backend {other!r}", f"Use one of {', '.join(BACKENDS)}."
            )


def _connection(sockets: Path) -> dict[str, Any]:
    ports = {f"{channel}_port": number for number, channel in enumerate(CHANNELS, 1)}
    return {
        "transport": "ipc",
        "ip": str(sockets / "s"),
        "key": secrets.token_hex(32),
        "signature_scheme": "hmac-sha256",
        **ports,
    }
