"""The upload quota of a workspace."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from container.limits import Limits
from container.shim.quota import Usage, measure
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import WorkspaceFull


@dataclass(slots=True)
class UploadQuota:
    """The upload quota for one upload, shared with concurrent uploads to the same workspace.

    Attributes:
        path: The workspace's path.
        limits: Has the largest size of the workspace.
        used: Size of the workspace when the upload began.
        before: *path.received* at that time.
    """

    path: OpenPath
    limits: Limits
    used: Usage
    before: Usage

    def take(self, name: str, size: int = 0, files: int = 0) -> None:
        """Count *size* bytes and *files* files received for *name*.

        Raises:
            WorkspaceFull: They exceed the quota; they count until `give_back`.
        """
        received = self._count(size, files)
        held = self.used.bytes + received.bytes - self.before.bytes
        number = self.used.files + received.files - self.before.files
        if held > self.limits.disk_bytes or number > self.limits.disk_files:
            raise WorkspaceFull(name, self.limits.disk_bytes, self.limits.disk_files)

    def give_back(self, size: int, files: int) -> None:
        """Subtract the bytes and files of a dropped file."""
        self._count(-size, -files)

    def _count(self, size: int, files: int) -> Usage:
        before = self.path.received
        self.path.received = Usage(before.bytes + size, before.files + files)
        return self.path.received


async def quota_of(path: OpenPath, limits: Limits) -> UploadQuota:
    """Measure *path*'s workspace and return its upload quota."""
    before = path.received
    most = Usage(limits.disk_bytes, limits.disk_files)
    used = await asyncio.to_thread(measure, path.workspace.directory, stop_at=most)
    return UploadQuota(path, limits, used, before)
