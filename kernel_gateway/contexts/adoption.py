"""The kernels a service that died has left behind."""

from __future__ import annotations

import asyncio
import logging
import time

from container.errors import ContainerError
from container.shim.client import Leash, LivingKernel, living_kernels

LET_GO_SECONDS = 5.0
log = logging.getLogger("tallybook.contexts")


async def left_kernels(prefix: str) -> list[LivingKernel]:
    """Return the kernels whose label begins with *prefix* and that nobody holds any more.

    Their owner may need a moment to see that their holder has gone.
    """
    deadline = time.monotonic() + LET_GO_SECONDS
    while True:
        kernels = [k for k in await living_kernels() if k.label.startswith(prefix)]
        if not any(k.held for k in kernels) or time.monotonic() > deadline:
            return [k for k in kernels if not k.held]
        await asyncio.sleep(0.05)


async def end_left_kernel(kernel: LivingKernel) -> None:
    """End a kernel that can't be taken over."""
    try:
        await (await Leash.adopt(kernel)).aclose()
    except ContainerError as gone:
        log.info("kernel %s has ended meanwhile: %s", kernel.id, gone)
