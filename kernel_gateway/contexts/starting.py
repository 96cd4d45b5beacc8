"""Starts a path's kernel and restores its variables."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from container.host.environment import DEFAULT_IMAGE
from container.kernel.languages import PYTHON
from container.kernel.session import KernelSession
from container.limits import Limits
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.contexts.restore import Emit, HeldCapabilities, restore
from kernel_gateway.contexts.snapshots import SnapshotUnusable
from kernel_gateway.telemetry import Telemetry

MOST_DEATHS = 2
log = logging.getLogger("tallybook.contexts")


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelStarter:
    """How kernels are started.

    Attributes:
        directory: Holds the paths' home directories; it is also part of the kernels' labels.
        limits: Resource limits of each kernel.
        held: Returns what a user's standing permissions cover, for replayed cells.
        keep_seconds: How long a kernel lives on after the service died.
        backend: Backend of `container.kernel.session.KernelSession`.
        image: Its container image.
        runtime: Its container runtime.
    """

    directory: Path
    limits: Limits
    held: HeldCapabilities
    keep_seconds: float = 0.0
    backend: str = "zygote"
    image: str = DEFAULT_IMAGE
    runtime: str = ""

    def session(self, path: OpenPath, kernel: str = PYTHON) -> KernelSession:
        """Return a session for *path*; its *kernel* is not started yet.

        Only a Python kernel outlives the service: it has a label to find it by.
        """
        _, conversation, name = path.key
        kept = kernel == PYTHON
        return KernelSession(
            path.workspace,
            self.limits,
            label=f"{self.directory}:{conversation}/{name}" if kept else "",
            keep_seconds=self.keep_seconds if kept else 0.0,
            kernel=kernel,
            backend=self.backend,
            image=self.image,
            runtime=self.runtime,
        )

    async def start(
        self, path: OpenPath, emit: Emit, telemetry: Telemetry, kernel: str = PYTHON
    ) -> KernelSession:
        """Start a kernel and rebuild the variables.

        If a replayed cell ends the kernel, start another one and leave that cell out.

        Args:
            path: The path.
            emit: Emits the restoration's events.
            telemetry: Counts the restorations.
            kernel: Which of `container.kernel.languages.KERNELS`; its cells are replayed.

        Raises:
            LanguageNotInstalled, SandboxUnavailable, KernelStartFailed: No kernel could start.
        """
        skip: dict[str, str] = {}
        from_snapshot = True
        while True:
            session = self.session(path, kernel)
            try:
                await session.start()
                restored = await restore(
                    path, session, emit, skip, self.held, kernel, from_snapshot=from_snapshot
                )
            except SnapshotUnusable as unusable:  # it is dropped: an older one, or a replay
                log.warning("path %s: a snapshot was not used: %s", path.key.path, unusable)
                from_snapshot = not unusable.kept
                await session.aclose()
                continue
            except BaseException:
                await session.aclose()
                raise
            killer = restored.killer
            if killer is None:
                if restored.replayed or restored.failed or restored.snapshot:
                    complete = "yes" if restored.complete else "no"
                    telemetry.contexts_restored.labels(complete).inc()
                return session
            await session.aclose()
            skip[killer] = "the kernel ended when it was replayed"
            if len(skip) >= MOST_DEATHS:
                skip |= {
                    cell["id"]: "the kernel ended too often during the replay"
                    for cell in path.recorder.live_cells()
                    if cell["id"] not in skip and cell["status"] == "ok"
                }
