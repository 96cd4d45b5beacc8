"""The living kernels of an earlier run of the service."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from container.errors import ContainerError
from container.shim.client import KernelLease, LivingKernel, living_kernels
from kernel_gateway.contexts.stores import ContextStore
from kernel_gateway.ids import PathKey

LET_GO_SECONDS = 5.0
TAKE_OVER_SECONDS = 60.0
"""Seconds within which a resumed turn has adopted the busy kernel of its cell."""
log = logging.getLogger("tallybook.contexts")


class LeftKernels:
    """The kernels an earlier run of the service left, until their path adopts or ends them."""

    def __init__(self, directory: Path, store: ContextStore, node: str) -> None:
        """Manage the kernels of paths in *directory* whose contexts belong to *node*."""
        self._directory, self._store, self._node = directory, store, node
        self._kernels: dict[PathKey, LivingKernel] = {}
        self._found = time.monotonic()

    async def find(self, conversations: Collection[str] | None) -> int:
        """Find the kernels of *conversations*, or of all if ``None``; return how many.

        Mark contexts whose kernel is gone as terminated; end kernels without a ready context.
        """
        left = {k.id: k for k in await _left_kernels(self._directory, conversations)}
        found = 0
        for context in await self._store.live(self._node):
            if conversations is not None and context.key.conversation not in conversations:
                continue
            if context.kernel is not None and context.kernel in left:
                self._kernels[context.key] = left.pop(context.kernel)
                found += 1
            else:
                await self._store.put(context.to("terminated"))
        for kernel in left.values():
            # Its variables were still being restored: its state is unknown.
            await _end(kernel)
        self._found = time.monotonic()
        return found

    def __contains__(self, key: PathKey) -> bool:
        return key in self._kernels

    def __iter__(self) -> Iterator[PathKey]:
        return iter(list(self._kernels))

    def last_cell(self, key: PathKey) -> str | None:
        """Return the id of the last cell of a path's kernel, running or not, if any."""
        kernel = self._kernels.get(key)
        known = kernel.last_cell if kernel is not None else None
        return str(known["cell"]) if known is not None else None

    def take(self, key: PathKey) -> LivingKernel | None:
        """Remove and return the kernel of a path; the caller now owns it."""
        return self._kernels.pop(key, None)

    def spare(self) -> list[PathKey]:
        """Return the paths whose kernels may be ended: no turn can still resume their cell."""
        late = time.monotonic() - self._found > TAKE_OVER_SECONDS
        return [
            key
            for key, kernel in self._kernels.items()
            if late or not (kernel.last_cell or {}).get("busy")
        ]

    async def end(self, key: PathKey) -> None:
        """End the kernel of a path, if there is one."""
        if (kernel := self.take(key)) is not None:
            await _end(kernel)


async def _left_kernels(
    directory: Path, conversations: Collection[str] | None
) -> list[LivingKernel]:
    """Return the kernels of paths in *directory*: of *conversations*, or of all if ``None``.

    Wait up to `LET_GO_SECONDS` until no earlier holder is connected: the kernel's owner may see
    its end late, and a holder that was only suspended (SIGSTOP) never disconnects.
    """
    prefix, deadline = f"{directory}:", time.monotonic() + LET_GO_SECONDS
    while True:
        kernels = [
            kernel
            for kernel in await living_kernels()
            if kernel.label.startswith(prefix)
            and (conversations is None or _conversation(kernel, prefix) in conversations)
        ]
        if not any(kernel.held for kernel in kernels) or time.monotonic() > deadline:
            return kernels
        await asyncio.sleep(0.05)


def _conversation(kernel: LivingKernel, prefix: str) -> str:
    return kernel.label.removeprefix(prefix).partition("/")[0]


async def _end(kernel: LivingKernel) -> None:
    try:
        await (await KernelLease.adopt(kernel)).aclose()
    except ContainerError as gone:
        log.info("kernel %s has ended meanwhile: %s", kernel.id, gone)
