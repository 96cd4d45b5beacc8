"""The paths in memory; concurrent callers share one read of a path."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.ids import PathKey
from kernel_gateway.single_flight import SingleFlight


class OpenPaths:
    """The open paths of this process."""

    def __init__(self, read: Callable[[PathKey], Awaitable[OpenPath]]) -> None:
        """Use *read* to open a path that is not in memory."""
        self._read = read
        self._paths: dict[PathKey, OpenPath] = {}
        self._opening: SingleFlight[PathKey, OpenPath] = SingleFlight()

    def __iter__(self) -> Iterator[OpenPath]:
        return iter(list(self._paths.values()))

    def get(self, key: PathKey) -> OpenPath | None:
        """Return a path if it is in memory."""
        return self._paths.get(key)

    async def open(self, key: PathKey) -> OpenPath:
        """Return a path, read if it is not in memory; raise what *read* raises."""
        path = self._paths.get(key)
        if path is None:
            path = await self._opening.join(key, self._open)
        path.last_used = time.monotonic()
        return path

    async def _open(self, key: PathKey) -> OpenPath:
        path = self._paths[key] = await self._read(key)
        return path

    async def opened(self) -> None:
        """Wait until no path is being opened."""
        await asyncio.gather(*self._opening.flights, return_exceptions=True)

    def drop(self, key: PathKey) -> None:
        """Drop a path from memory, if it is there."""
        self._paths.pop(key, None)

    def drop_unused(self, since: float) -> list[PathKey]:
        """Drop and return the paths without a kernel, unused since monotonic time *since*."""
        unused = [key for key, path in self._paths.items() if path.unused(since)]
        for key in unused:
            del self._paths[key]
        return unused
