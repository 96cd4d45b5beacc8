"""The Docker backend: one container per kernel, through the Docker Engine API.

For hosts where unprivileged users may not create namespaces, or where a stronger runtime
(gVisor's runsc, Kata) is wanted. Kernels start far more slowly than with the zygote.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import Mount, Ulimit
from requests.exceptions import ConnectionError as Unreachable
from requests.exceptions import Timeout

from container.errors import SandboxUnavailable
from container.host.environment import (
    DEFAULT_IMAGE,
    INPUTS_INSIDE,
    NETWORK,
    PYTHON_IN_IMAGE,
    SOCKETS_INSIDE,
    START_DIRECTORY,
)
from container.host.host_users import outside
from container.host.seccomp import docker_profile
from container.sandbox import ExitStatus, SandboxSpec

SEARCH_PATH = f"{Path(PYTHON_IN_IMAGE).parent}:/usr/bin:/bin"
LABEL = "tallybook.kernel"
LOG_LINES = 200
API_SECONDS = 60
SIGNAL_BASE = 128
DOCKER_FAILS = (DockerException, Unreachable, Timeout)


def container_options(spec: SandboxSpec, runtime: str | None) -> dict[str, Any]:
    """Return the options of the container for *spec*; pure, so that a test can check them.

    Args:
        spec: What to run.
        runtime: An OCI runtime Docker knows (``runsc``, ``kata``); ``None`` for its default.
    """
    limits = spec.limits
    uid = spec.uid if spec.uid is not None else os.getuid()
    user = f"{outside(uid)}:{outside(uid, 'gid')}"
    mounts = [
        Mount(inside, str(source), type="bind", read_only=True) for source, inside in spec.readonly
    ]
    if spec.workspace is not None:
        readonly = spec.workspace_readonly
        mounts.append(Mount("/workspace", str(spec.workspace), type="bind", read_only=readonly))
    if spec.inputs is not None:
        mounts.append(Mount(INPUTS_INSIDE, str(spec.inputs), type="bind", read_only=True))
    if spec.sockets is not None:
        mounts.append(Mount(SOCKETS_INSIDE, str(spec.sockets), type="bind"))
        network = str(spec.sockets / NETWORK)
        mounts.append(Mount(f"{SOCKETS_INSIDE}/{NETWORK}", network, type="bind", read_only=True))
    return {
        "name": spec.name,
        "command": list(spec.argv),
        "labels": {LABEL: spec.name},
        "user": user,
        "environment": {**spec.env, "PATH": SEARCH_PATH},
        "working_dir": START_DIRECTORY,
        "hostname": "tallybook",
        "network_mode": "none",
        "ipc_mode": "private",
        "init": True,  # reaps; and a kernel that is not pid 1 gets default signal handling
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", f"seccomp={json.dumps(docker_profile())}"],
        "tmpfs": {"/tmp": f"size={limits.tmp_bytes},mode=1777,nosuid,nodev,exec"},  # noqa: S108
        "shm_size": min(limits.tmp_bytes, 64 * 1024 * 1024),
        "mounts": mounts,
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "nano_cpus": int(limits.cpus * 1e9),
        "pids_limit": limits.pids,
        "ulimits": [Ulimit(name="core", soft=0, hard=0)],
        "runtime": runtime,
        "detach": True,
    }


class DockerSandbox:
    """One container (see `container.sandbox.Sandbox`)."""

    def __init__(self, *, image: str = DEFAULT_IMAGE, runtime: str | None = None) -> None:
        self._image, self._runtime = image, runtime
        self._client: docker.DockerClient | None = None
        self._container: Any = None
        self._exit: ExitStatus | None = None
        self._waiting: asyncio.Task[ExitStatus] | None = None
        self._log = ""
        self.pid: int | None = None

    async def start(self, spec: SandboxSpec) -> None:
        """Create and start the container.

        Raises:
            SandboxUnavailable: Docker does not answer, or has no such image or runtime.
        """
        try:
            await asyncio.to_thread(self._start, spec)
        except ImageNotFound as error:
            raise SandboxUnavailable(
                f"Docker has no image {self._image!r}", "Build it: make image."
            ) from error
        except DOCKER_FAILS as error:
            await self.aclose()
            raise SandboxUnavailable(
                f"the Docker Engine did not start the kernel ({error})",
                "See that it runs (docker info) and knows the runtime, or set another "
                "TALLYBOOK_BACKEND.",
            ) from error
        self._waiting = asyncio.create_task(asyncio.to_thread(self._wait, self._container))

    def _start(self, spec: SandboxSpec) -> None:
        self._client = docker.from_env(timeout=API_SECONDS)
        self._container = self._client.containers.create(
            self._image, **container_options(spec, self._runtime)
        )
        self._container.start()
        self._container.reload()
        self.pid = self._container.attrs["State"]["Pid"] or None

    def _wait(self, container: Any) -> ExitStatus:
        while True:
            try:
                code = int(container.wait(timeout=3600)["StatusCode"])
                break
            except Timeout:
                continue
            except DOCKER_FAILS:
                return ExitStatus(signal=signal.SIGKILL)  # the container or Docker is gone
        out_of_memory = False
        with contextlib.suppress(*DOCKER_FAILS):
            container.reload()
            out_of_memory = bool(container.attrs["State"]["OOMKilled"])
            self._log = container.logs(tail=LOG_LINES).decode("utf-8", "replace")
        if code > SIGNAL_BASE:
            return ExitStatus(signal=code - SIGNAL_BASE, out_of_memory=out_of_memory)
        return ExitStatus(exit_code=code, out_of_memory=out_of_memory)

    def poll(self) -> ExitStatus | None:
        """Return how it ended, or ``None`` while it runs."""
        if self._exit is None and self._waiting is not None and self._waiting.done():
            self._exit = self._waiting.result()
        return self._exit

    async def wait(self) -> ExitStatus:
        """Wait for the end."""
        if self._waiting is not None:
            self._exit = await asyncio.shield(self._waiting)
        return self._exit or ExitStatus(exit_code=0)

    async def signal(self, signum: int) -> None:
        """Kill the container on SIGKILL or SIGTERM; interrupts use the control channel."""
        if self._container is not None and signum in (signal.SIGKILL, signal.SIGTERM):
            with contextlib.suppress(*DOCKER_FAILS):
                await asyncio.to_thread(self._container.kill, signal.SIGKILL)

    def process_limit_hits(self) -> int:
        """Docker does not count them."""
        return 0

    def oom_kills(self) -> int:
        """Return 1 if the OOM killer ended it."""
        return int(self._exit is not None and self._exit.out_of_memory)

    def log(self) -> str:
        """Return the last lines it printed outside any cell; known once it has ended."""
        return self._log

    async def aclose(self) -> None:
        """Remove the container, running or not."""
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(*DOCKER_FAILS):
                await asyncio.to_thread(container.remove, force=True, v=True)
            if self._waiting is not None:
                await self.wait()
        if self._client is not None:
            self._client.close()
            self._client = None


def check_engine(image: str, runtime: str) -> None:
    """Check that a Docker Engine answers and has what the kernels need.

    Args:
        image: Name and tag.
        runtime: An OCI runtime; empty for the engine's default.

    Raises:
        SandboxUnavailable: It doesn't; the error says what to install or set.
    """
    try:
        client = docker.from_env(timeout=API_SECONDS)
    except DOCKER_FAILS as error:
        raise SandboxUnavailable(
            f"no Docker Engine answers ({error})",
            "Install docker.io, start dockerd, and let this user reach its socket; or set "
            "DOCKER_HOST or another TALLYBOOK_BACKEND.",
        ) from error
    try:
        runtimes = client.info().get("Runtimes", {})
        if runtime and runtime not in runtimes:
            raise SandboxUnavailable(
                f"Docker knows no runtime {runtime!r}",
                f"Install it, or set TALLYBOOK_DOCKER_RUNTIME to one of {', '.join(runtimes)}.",
            )
        client.images.get(image)
    except ImageNotFound as error:
        raise SandboxUnavailable(
            f"Docker has no image {image!r}", "Build it: make image."
        ) from error
    except DOCKER_FAILS as error:
        raise SandboxUnavailable(
            f"the Docker Engine fails ({error})", "Read its log, or restart it."
        ) from error
    finally:
        client.close()


def sweep_containers() -> int:
    """Remove the containers whose owning process has ended; return how many."""
    swept = 0
    with contextlib.suppress(*DOCKER_FAILS):
        client = docker.from_env(timeout=API_SECONDS)
        for container in client.containers.list(all=True, filters={"label": LABEL}):
            owner = container.name.split("-")[1]
            if owner.isdigit() and not Path(f"/proc/{owner}").exists():
                with contextlib.suppress(NotFound, APIError):
                    container.remove(force=True, v=True)
                    swept += 1
        client.close()
    return swept
