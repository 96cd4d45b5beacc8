"""A path's kernels for languages other than Python: one each, beside its Python kernel.

They work on the path's workspace, count in the limit on kernels, and end with the path's Python
kernel or with the service: their processes are never adopted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial

from container.kernel.session import KernelSession
from kernel_gateway.contexts.kernel_line import KernelLine
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.contexts.restore import Emit
from kernel_gateway.contexts.starting import KernelStarter
from kernel_gateway.store.tombstones import Deletions
from kernel_gateway.telemetry import Telemetry


class OtherKernels:
    """Starts and ends the kernels of other languages."""

    def __init__(
        self,
        starter: KernelStarter,
        line: KernelLine,
        deletions: Deletions,
        telemetry: Telemetry,
    ) -> None:
        """Start them with *starter* once *line* allows it, but not where *deletions* forbids."""
        self._starter, self._line = starter, line
        self._deletions, self._telemetry = deletions, telemetry
        self.starting = 0
        """How many are being started."""

    async def session(
        self, path: OpenPath, kernel: str, emit: Emit, waits: Callable[..., object]
    ) -> KernelSession:
        """Return *path*'s live *kernel*, started if there is none; any number of callers get one.

        Args:
            path: The path.
            kernel: One of `container.kernel.languages.KERNELS`, not Python's.
            emit: Emits the events of a restoration.
            waits: Awaited with the key, *emit* and the facts while the path waits in line.

        Raises:
            LanguageNotInstalled, SandboxUnavailable, KernelStartFailed, KernelLimitReached: No
                kernel could start.
        """
        async with path.starting:
            check = partial(self._deletions.check, path.key.conversation)
            check()
            path.last_used = time.monotonic()
            session = path.others.get(kernel)
            if session is not None and session.alive:
                return session
            if session is not None:
                del path.others[kernel]
                await session.aclose()
            await self._line.enter(partial(waits, path.key, emit), check)  # type: ignore[arg-type]
            self.starting += 1
            try:
                session = await self._starter.start(path, emit, self._telemetry, kernel)
                path.others[kernel] = session
            finally:
                self.starting -= 1
            return session

    @staticmethod
    async def end(path: OpenPath) -> None:
        """End all of *path*'s; the caller holds `OpenPath.starting`."""
        ended = list(path.others.values())
        path.others.clear()
        await asyncio.gather(*(session.aclose() for session in ended))

    async def end_unused(self, paths: Iterable[OpenPath], since: float) -> None:
        """End those of *paths* that were not used since monotonic time *since*."""
        for path in paths:
            if path.others and not path.in_use and path.last_used < since:
                async with path.starting:
                    await self.end(path)
