"""How long a new kernel takes, alone and with many at once, against Jupyter Kernel Gateway."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from benchmarks.peer_gateway import FRAME, PEER, PeerKernel, peer_gateway, private_bytes
from benchmarks.running import percentile
from container.limits import MIB, Limits
from container.session import KernelSession
from container.shim.client import keep_warm
from container.workspace import Workspace

ROUNDS = 20
PEER_ROUNDS = 7
MANY = 30
CROWD = 100
numbers = itertools.count()


class Startable(Protocol):
    """What both sides have."""

    async def start(self) -> None: ...
    async def show_frame(self) -> None: ...
    async def aclose(self) -> None: ...


class OwnKernel:
    """A kernel in its sandbox."""

    def __init__(self, directory: Path) -> None:
        self._session = KernelSession(Workspace.create(directory / f"w{next(numbers)}"))

    async def start(self) -> None:
        """Start it and wait for its kernel_info_reply."""
        await self._session.start()

    async def show_frame(self) -> None:
        """Run a cell that shows a DataFrame, until it is over."""
        shown = []

        async def keep(output: Any) -> None:
            shown.append(output)

        reply = await self._session.execute(FRAME, keep)
        if reply.status != "ok" or not shown:
            raise RuntimeError(f"the cell failed: {reply}")

    def memory_bytes(self) -> int:
        """Return the private memory of the kernel and of its namespace's first process."""
        pids = [self._session.pid or 0]
        for pid in pids:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
            pids += [int(child) for child in children.split()]
        return sum(private_bytes(pid) for pid in pids)

    async def aclose(self) -> None:
        """End it."""
        await self._session.aclose()


async def alone(make: Callable[[], Startable], rounds: int) -> tuple[float, float]:
    """Return the median ms to ready, and to the first DataFrame."""
    ready, framed = [], []
    for number in range(rounds + 1):
        kernel = make()
        began = time.perf_counter()
        await kernel.start()
        at_ready = time.perf_counter() - began
        await kernel.show_frame()
        at_frame = time.perf_counter() - began
        await kernel.aclose()
        if number:  # the first finds cold caches, on both sides
            ready.append(at_ready * 1000)
            framed.append(at_frame * 1000)
    return percentile(ready, 50), percentile(framed, 50)


async def at_once(make: Callable[[], Startable], count: int) -> float:
    """Return the seconds until *count* kernels, asked for together, are all ready."""
    kernels = [make() for _ in range(count)]
    began = time.perf_counter()
    await asyncio.gather(*(kernel.start() for kernel in kernels))
    seconds = time.perf_counter() - began
    await asyncio.gather(*(kernel.aclose() for kernel in kernels))
    return seconds


async def lease(directory: Path) -> float:
    """Return the median ms to a ready kernel that the pool held."""
    times = []
    connection = await keep_warm(4, Limits())
    try:
        for _ in range(10):
            await asyncio.sleep(0.5)  # the pool fills again
            kernel = OwnKernel(directory)
            began = time.perf_counter()
            await kernel.start()
            times.append((time.perf_counter() - began) * 1000)
            await kernel.aclose()
    finally:
        connection.close()
    return percentile(times, 50)


async def measure_kernel_start(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Measure one kernel, thirty and a hundred at once, and their memory."""

    def own() -> OwnKernel:
        return OwnKernel(directory)

    ready, framed = await alone(own, ROUNDS)
    many, crowd = await at_once(own, MANY), await at_once(own, CROWD)
    leased = await lease(directory)
    memory = await _memory(own())
    async with peer_gateway() as address:

        def peer() -> PeerKernel:
            return PeerKernel(address)

        peer_ready, peer_framed = await alone(peer, PEER_ROUNDS)
        peer_many = await at_once(peer, MANY)
        peer_memory = await _memory(peer())
    return [
        ("New kernel to kernel_info_reply, p50", ready, 40, "ms", f"{PEER}: {peer_ready:.0f} ms"),
        ("… times faster", peer_ready / ready, 15, "x", PEER),
        ("New kernel to its first DataFrame, p50", framed, 60, "ms", f"{peer_framed:.0f} ms"),
        ("… times faster", peer_framed / framed, 20, "x", PEER),
        (f"{MANY} kernels at once, all ready", many, peer_many, "s", f"{peer_many:.1f} s"),
        ("… times faster", peer_many / many, 10, "x", PEER),
        (f"{CROWD} kernels at once, all ready", crowd, 5, "s", ""),
        ("Lease of a warm kernel, p50", leased, 5, "ms", ""),
        ("Private memory of an idle kernel", memory, 20, "MB", f"{PEER}: {peer_memory:.0f} MB"),
    ]


async def _memory(kernel: OwnKernel | PeerKernel) -> float:
    await kernel.start()
    await kernel.show_frame()
    await asyncio.sleep(1)
    megabytes = kernel.memory_bytes() / MIB
    await kernel.aclose()
    return megabytes
