"""How long a new kernel takes, alone and with many at once, against Jupyter Kernel Gateway."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from benchmarks.peer_gateway import (
    FRAME,
    PEER,
    PeerKernel,
    PeerStalled,
    peer_gateway,
    private_bytes,
)
from benchmarks.running import percentile
from container.kernel.session import KernelSession
from container.limits import MIB, Limits
from container.shim.client import KernelLease, keep_warm
from container.shim.kernels import KernelRequest
from container.workspace.workspace import Workspace

ROUNDS, BURSTS, TRIES = 20, 3, 5
PAUSE_SECONDS = 0.35
WARM = Limits(seconds=119.0)
"""Of kernels from the pool, so that the others don't come from there."""
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

    def __init__(self, directory: Path, limits: Limits | None = None) -> None:
        self._session = KernelSession(Workspace.create(directory / f"w{next(numbers)}"), limits)

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


async def in_turn(*makes: Callable[[], Startable]) -> list[tuple[float, float]]:
    """Return, for each side, the median ms to ready and to the first DataFrame.

    The sides take turns, so that a slow moment of the machine is slow for all.
    """
    ready: list[list[float]] = [[] for _ in makes]
    framed: list[list[float]] = [[] for _ in makes]
    for number in range(ROUNDS + 1):
        for side, make in enumerate(makes):
            kernel = make()
            began = time.perf_counter()
            await kernel.start()
            at_ready = time.perf_counter() - began
            await kernel.show_frame()
            at_frame = time.perf_counter() - began
            await kernel.aclose()
            await asyncio.sleep(PAUSE_SECONDS)
            if number:  # the first finds cold caches, on both sides
                ready[side].append(at_ready * 1000)
                framed[side].append(at_frame * 1000)
    return [(percentile(a, 50), percentile(b, 50)) for a, b in zip(ready, framed, strict=True)]


async def at_once(make: Callable[[], Startable], count: int, *, frame: bool = False) -> float:
    """Return the seconds until *count* kernels, asked for together, have all answered.

    A burst in which one of the peer's kernels stalls is asked for again; ours has to come up.

    Args:
        make: Makes one of them.
        count: How many.
        frame: Until each has shown a DataFrame, too.
    """
    for _ in range(TRIES - 1):
        with contextlib.suppress(PeerStalled):
            return await _burst(make, count, frame=frame)
    return await _burst(make, count, frame=frame)


async def _burst(make: Callable[[], Startable], count: int, *, frame: bool) -> float:
    kernels = [make() for _ in range(count)]

    async def bring_up(kernel: Startable) -> None:
        await kernel.start()
        if frame:
            await kernel.show_frame()

    began = time.perf_counter()
    brought_up = await asyncio.gather(*map(bring_up, kernels), return_exceptions=True)
    seconds = time.perf_counter() - began
    await asyncio.gather(*(kernel.aclose() for kernel in kernels))
    for failure in brought_up:
        if failure is not None:
            raise failure
    return seconds


async def bursts(*makes: Callable[[], Startable], frame: bool = False) -> list[float]:
    """Return, for each side, the median seconds of `MANY` kernels at once; they take turns."""
    seconds: list[list[float]] = [[] for _ in makes]
    for _ in range(BURSTS):
        for side, make in enumerate(makes):
            seconds[side].append(await at_once(make, MANY, frame=frame))
            await asyncio.sleep(PAUSE_SECONDS)
    return [percentile(each, 50) for each in seconds]


async def lease(directory: Path) -> float:
    """Return the median ms to lease a kernel from the pool, with its workspace."""
    times = []
    connection = await keep_warm(2, WARM)
    try:
        for _ in range(ROUNDS):
            await asyncio.sleep(PAUSE_SECONDS)  # the pool fills again
            workspace = Workspace.create(directory / f"w{next(numbers)}")
            request = KernelRequest(
                workspace=workspace.directory, uid=workspace.uid, limits=WARM, record=True
            )
            began = time.perf_counter()
            lease = await KernelLease.start(request)
            times.append((time.perf_counter() - began) * 1000)
            await lease.aclose()
    finally:
        connection.close()
    return percentile(times, 50)


async def measure_kernel_start(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Measure one kernel, thirty and a hundred at once, and their memory."""

    def own() -> OwnKernel:
        return OwnKernel(directory)

    await at_once(own, 1)  # the fork server starts
    crowd = await at_once(own, CROWD)
    leased = await lease(directory)
    memory = await _memory(own())
    async with peer_gateway() as address:

        def peer() -> PeerKernel:
            return PeerKernel(address)

        connection = await keep_warm(2, WARM)
        cold, warm, theirs = await in_turn(own, lambda: OwnKernel(directory, WARM), peer)
        connection.close()
        many, peer_many = await bursts(own, peer)
        many_framed, peer_many_framed = await bursts(own, peer, frame=True)
        peer_memory = await _memory(peer())
    return [
        *_both("New kernel to kernel_info_reply, p50", "ms", cold[0], theirs[0], 40, 15),
        *_both("New kernel to its first DataFrame, p50", "ms", cold[1], theirs[1], 60, 20),
        *_both("New session of the service to kernel_info_reply, p50", "ms",
               warm[0], theirs[0], 40, 15),
        *_both("New session of the service to its first DataFrame, p50", "ms",
               warm[1], theirs[1], 60, 20),
        *_both(f"{MANY} new kernels at once, all answered", "s", many, peer_many, 2, 10),
        *_both(f"{MANY} new kernels at once, a DataFrame from each", "s",
               many_framed, peer_many_framed, 3, 10),
        (f"{CROWD} new kernels at once, all answered", crowd, 5, "s", ""),
        ("Lease of a kernel kept warm, p50", leased, 5, "ms", ""),
        ("Private memory of an idle kernel", memory, 20, "MB", f"{PEER}: {peer_memory:.0f} MB"),
    ]  # fmt: skip


def _both(
    name: str, unit: str, ours: float, theirs: float, goal: float, times: float
) -> list[tuple[str, float, float, str, str]]:
    """Return a figure, and how many times the peer's it is faster."""
    return [
        (name, ours, goal, unit, f"{PEER}: {theirs:.3g} {unit}"),
        ("… times faster", theirs / ours, times, "x", PEER),
    ]


async def _memory(kernel: OwnKernel | PeerKernel) -> float:
    await kernel.start()
    await kernel.show_frame()
    await asyncio.sleep(1)
    megabytes = kernel.memory_bytes() / MIB
    await kernel.aclose()
    return megabytes
