"""The kernels a service that died has left behind."""

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
"""By then whoever goes on with a busy kernel's cell has taken it over."""
log = logging.getLogger("tallybook.contexts")


class LeftKernels:
    """The kernels an earlier run of the service left, until their path is used again."""

    def __init__(self, directory: Path, store: ContextStore, node: str) -> None:
        """Look after the kernels of paths in *directory* whose contexts are *node*'s."""
        self._directory, self._store, self._node = directory, store, node
        self._kernels: dict[PathKey, LivingKernel] = {}
        self._found = time.monotonic()

    async def find(self, conversations: Collection[str] | None) -> int:
        """Find those of *conversations*, of all if that is ``None``; return how many.

        Contexts whose kernel is gone are noted as terminated; kernels without one are ended.
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
            # Nobody knows what is in it: it was being given its variables back.
            await _end(kernel)
        self._found = time.monotonic()
        return found

    def __contains__(self, key: PathKey) -> bool:
        return key in self._kernels

    def __iter__(self) -> Iterator[PathKey]:
        return iter(list(self._kernels))

    def last_cell(self, key: PathKey) -> str | None:
        """Return the cell that the kernel of a path runs or ran last, if there is one."""
        kernel = self._kernels.get(key)
        known = kernel.last_cell if kernel is not None else None
        return str(known["cell"]) if known is not None else None

    def take(self, key: PathKey) -> LivingKernel | None:
        """Return the kernel of a path, which is the caller's from now on."""
        return self._kernels.pop(key, None)

    def spare(self) -> list[PathKey]:
        """Return the paths whose kernels run nothing that somebody goes on with."""
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
    """Return the kernels of paths in *directory*, of *conversations* only unless that is ``None``.

    Whose they are now has no other holder that may still use them: their owner may need a
    moment to see that, and one that was only stopped never lets go.
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
