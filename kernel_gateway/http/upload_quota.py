"""How much a workspace may still take in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from container.limits import Limits
from container.shim.quota import Usage, measure
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import WorkspaceFull


@dataclass(slots=True)
class Room:
    """What is left of a workspace's size for one upload, with others at the same time.

    Attributes:
        path: Whose workspace.
        limits: How large it may be.
        used: What it held when the upload began.
        before: What uploads had brought by then.
    """

    path: OpenPath
    limits: Limits
    used: Usage
    before: Usage

    def take(self, name: str, size: int = 0, files: int = 0) -> None:
        """Count *size* bytes and *files* files that have come for *name*.

        Raises:
            WorkspaceFull: There is no room for them; they count until they are given back.
        """
        received = self._count(size, files)
        held = self.used.bytes + received.bytes - self.before.bytes
        number = self.used.files + received.files - self.before.files
        if held > self.limits.disk_bytes or number > self.limits.disk_files:
            raise WorkspaceFull(name, self.limits.disk_bytes, self.limits.disk_files)

    def give_back(self, size: int, files: int) -> None:
        """Count no longer what was dropped."""
        self._count(-size, -files)

    def _count(self, size: int, files: int) -> Usage:
        before = self.path.received
        self.path.received = Usage(before.bytes + size, before.files + files)
        return self.path.received


async def quota_of(path: OpenPath, limits: Limits) -> Room:
    """Measure *path*'s workspace and return its room."""
    before = path.received
    most = Usage(limits.disk_bytes, limits.disk_files)
    used = await asyncio.to_thread(measure, path.workspace.directory, stop_at=most)
    return Room(path, limits, used, before)
