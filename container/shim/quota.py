"""Enforce a workspace's size: a watcher stops the kernel that exceeds it.

A plain directory has no quota. The watcher asks the file system several times a second how
much space is in use, which is cheap, and measures the workspaces only when that has grown.
In addition, rlimits bound the size of one file, and the tmpfs on /tmp has a size.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from container.tree import WHOLE_DEPTH, walk_path

LOOK_SECONDS = 0.1
WORTH_COUNTING_BYTES = 4 * 1024 * 1024
WORTH_COUNTING_FILES = 500
TOO_DEEP_FILES = 1_000_000
COUNT_UP_TO = 8
"""Multiple of the limit at which measuring stops; more need not be known exactly."""
COUNT_AT_LEAST_EVERY = 50
"""Polls after which to measure in any case: space that other processes free at the same time
can hide what a kernel writes."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A workspace's usage: bytes on disk, and number of files and directories."""

    bytes: int
    files: int


def measure(directory: Path, *, stop_at: Usage | None = None) -> Usage:
    """Measure *directory*, without following links.

    Args:
        directory: A workspace.
        stop_at: Measuring stops once either number is exceeded.
    """
    total, files = 0, 0
    for met in walk_path(directory, WHOLE_DEPTH):
        for name in (*met.directories, *met.files):
            files += 1
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=met.descriptor, follow_symlinks=False)
                total += status.st_blocks * 512
        if met.too_deep and met.directories:
            files += TOO_DEEP_FILES  # the content below is unknown
        if stop_at is not None and (total > stop_at.bytes or files > stop_at.files):
            break
    return Usage(total, files)


class QuotaWatcher:
    """Watches the workspaces of running kernels."""

    def __init__(self) -> None:
        self._watched: dict[str, tuple[Path, Usage, Callable[[Usage], Awaitable[None]]]] = {}
        self._task: asyncio.Task[None] | None = None

    def watch(
        self, name: str, directory: Path, limit: Usage, passed: Callable[[Usage], Awaitable[None]]
    ) -> None:
        """Watch *directory*; await *passed* with the usage whenever it is over *limit*.

        Args:
            name: A key for `forget`.
            directory: A workspace.
            limit: The most it may hold.
            passed: Awaited at each measurement over the limit.
        """
        self._watched[name] = (directory, limit, passed)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def forget(self, name: str) -> None:
        """Stop watching *name*."""
        self._watched.pop(name, None)

    async def _run(self) -> None:
        free: dict[int, tuple[int, int]] = {}
        looks = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            looks += 1
            grown = self._file_systems_that_grew(free)
            if looks % COUNT_AT_LEAST_EVERY == 0:
                grown = set(free)
            for directory, limit, passed in list(self._watched.values()):
                with contextlib.suppress(OSError):
                    if directory.stat().st_dev not in grown:
                        continue
                    most = Usage(COUNT_UP_TO * limit.bytes, COUNT_UP_TO * limit.files)
                    usage = await asyncio.to_thread(measure, directory, stop_at=most)
                    if usage.bytes > limit.bytes or usage.files > limit.files:
                        await passed(usage)

    def _file_systems_that_grew(self, free: dict[int, tuple[int, int]]) -> set[int]:
        """Return the devices whose usage has grown since the last measurement; update *free*."""
        grown, seen = set(), set()
        for directory, _, _ in self._watched.values():
            with contextlib.suppress(OSError):
                device = directory.stat().st_dev
                if device in seen:
                    continue
                seen.add(device)
                now = os.statvfs(directory)
                space, files = now.f_bfree * now.f_frsize, now.f_ffree
                before = free.get(device)
                if before is None or (
                    before[0] - space > WORTH_COUNTING_BYTES
                    or before[1] - files > WORTH_COUNTING_FILES
                ):
                    grown.add(device)
                    free[device] = (space, files)
                elif space > before[0] or files > before[1]:
                    free[device] = (max(space, before[0]), max(files, before[1]))
        return grown

    async def aclose(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
