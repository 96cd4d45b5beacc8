"""The kernels a service that died has left behind."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from pathlib import Path

from container.errors import ContainerError
from container.shim.client import Leash, LivingKernel, living_kernels

LET_GO_SECONDS = 5.0
log = logging.getLogger("tallybook.contexts")


async def left_kernels(
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


async def end_left_kernel(kernel: LivingKernel) -> None:
    """End a kernel that can't be taken over."""
    try:
        await (await Leash.adopt(kernel)).aclose()
    except ContainerError as gone:
        log.info("kernel %s has ended meanwhile: %s", kernel.id, gone)
