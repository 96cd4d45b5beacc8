"""Profiles of uploads: read behind the upload, which is answered without them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from agent.context.profiler import Profile, Profiler
from container.errors import ContainerError
from container.workspace.workspace import Workspace, WorkspaceFile
from kernel_gateway.errors import GatewayError
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey

WAIT_SECONDS = 1.0
"""An upload waits so long for the profile, so that a file that can't be read is named at once."""
log = logging.getLogger("tallybook.uploads")


class UploadProfiles:
    """Profiles uploaded files; emits ``file.profiling`` meanwhile, ``file.profiled`` at the end."""

    def __init__(self, profiler: Profiler, events: EventLog) -> None:
        """Prepare to profile; nothing is read yet.

        Args:
            profiler: Reads the files.
            events: Receives the events.
        """
        self._profiler, self._events = profiler, events
        self._running: set[asyncio.Task[Profile | None]] = set()

    async def begin(
        self, key: PathKey, workspace: Workspace, file: WorkspaceFile, sha256: str
    ) -> dict[str, Any] | None:
        """Begin to profile *file*; wait `WAIT_SECONDS` for it at most.

        Returns:
            Why it can't be read, if that is known by then.

        Raises:
            WorkspaceFileNotFound, SandboxUnavailable: Also if known by then.
        """
        task = asyncio.create_task(self._profile(key, workspace, file, sha256))
        self._running.add(task)
        task.add_done_callback(self._end)
        done, _ = await asyncio.wait({task}, timeout=WAIT_SECONDS)
        profile = task.result() if done else None
        return profile.get("problem") if profile else None

    async def _profile(
        self, key: PathKey, workspace: Workspace, file: WorkspaceFile, sha256: str
    ) -> Profile | None:
        profile = await self._read(key, workspace, file, sha256)
        sheets = (profile or {}).get("sheets", ())
        facts = {
            "name": file.name,
            "sha256": sha256,
            "tables": sum(len(sheet.get("tables", ())) for sheet in sheets),
            "problem": (profile or {}).get("problem"),
        }
        await self._events.append(key, "file.profiled", facts, None)
        return profile

    async def _read(
        self, key: PathKey, workspace: Workspace, file: WorkspaceFile, sha256: str
    ) -> Profile | None:
        """Profile *file*; say how far it is meanwhile, where it is large."""
        shares: asyncio.Queue[float | None] = asyncio.Queue()
        reading = asyncio.ensure_future(self._profiler.profile(workspace, file, shares.put_nowait))
        reading.add_done_callback(lambda _: shares.put_nowait(None))
        try:
            while (share := await shares.get()) is not None:
                facts = {"name": file.name, "sha256": sha256, "share": share}
                await self._events.append(key, "file.profiling", facts, None)
            return await reading
        finally:
            reading.cancel()

    def _end(self, task: asyncio.Task[Profile | None]) -> None:
        self._running.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not isinstance(error, ContainerError | GatewayError):
            log.error("an upload could not be profiled", exc_info=error)

    async def aclose(self) -> None:
        """Stop profiling."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
