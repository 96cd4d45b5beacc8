"""Over Jupyter's websocket: ``1+1``, long output, many idle clients; against the peer."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from benchmarks.peer_gateway import PEER, PeerKernel, peer_gateway
from benchmarks.running import percentile, service

ROUNDS, CELLS, WARM, MANY_CELLS = 5, 60, 10, 1000
SETTINGS = {"output_limit_mb": "100", "memory_limit_mb": "1024"}
LINES = 100_000
MANY_LINES = f"for n in range({LINES}): print(n)"
LINES_CHARACTERS = sum(len(str(n)) + 1 for n in range(LINES))
LARGE_BYTES = 50_000_000
LARGE = f"line = 'x' * 99\nfor n in range({LARGE_BYTES // 100}): print(line)"
IDLE = 1000
PAUSE_SECONDS = 0.02  # as from a person or a program that looks at results

T = TypeVar("T")


def _memory_mb(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(rf"{name}:\s+(\d+)", status)
    return int(found[1]) / 1000 if found else 0.0


async def _adding(kernel: PeerKernel, cells: int) -> list[float]:
    times = []
    for _ in range(cells):
        times.append(1000 * await kernel.add())
        await asyncio.sleep(PAUSE_SECONDS)
    return times


async def _in_turns(
    kernels: Sequence[PeerKernel], measure: Callable[[PeerKernel], Awaitable[T]]
) -> list[list[T]]:
    """Return each side's measures; they take turns, so that a slow moment is slow for all."""
    sides: list[list[T]] = [[] for _ in kernels]
    for _ in range(ROUNDS):
        for side, kernel in zip(sides, kernels, strict=True):
            side.append(await measure(kernel))
    return sides


async def _adding_in_turns(*kernels: PeerKernel) -> list[float]:
    """Return each side's median ms."""
    for kernel in kernels:
        await _adding(kernel, WARM)
    sides = await _in_turns(kernels, lambda kernel: _adding(kernel, CELLS))
    return [percentile([*itertools.chain(*side)], 50) for side in sides]


async def _printed_in_turns(*kernels: PeerKernel) -> list[tuple[int, float]]:
    """Return for each side the fewest characters that came, and the median seconds they took."""
    runs = await _in_turns(kernels, lambda kernel: kernel.printed(MANY_LINES))
    return [
        (min(count for count, _ in side), percentile([seconds for _, seconds in side], 50))
        for side in runs
    ]


async def _after_many(kernel: PeerKernel) -> float:
    """Return the median ms in a notebook of a thousand cells."""
    for _ in range(MANY_CELLS - ROUNDS * CELLS - WARM):
        await kernel.add()
    return percentile(await _adding(kernel, CELLS), 50)


async def measure_channels(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Measure the same client against the service and the peer."""
    async with peer_gateway() as peer_address, service(directory, **SETTINGS) as own:
        address, token, pid = own
        peer, ours = PeerKernel(peer_address), PeerKernel(address, token)
        await peer.start()
        await ours.start()
        adds, peer_adds = await _adding_in_turns(ours, peer)
        after_many = await _after_many(ours)
        (lines, seconds), (peer_lines, peer_seconds) = await _printed_in_turns(ours, peer)
        peer_large, _ = await peer.printed(LARGE)
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # a new VmHWM
        before = _memory_mb(pid, "VmHWM")
        large, _ = await ours.printed(LARGE, 60)
        growth = _memory_mb(pid, "VmHWM") - before
        await peer.aclose()
        await ours.aclose()
    peer_lost = f"{PEER} lost {100 * (1 - peer_large / LARGE_BYTES):.2f} %"
    peer_took = f"{PEER}: {peer_seconds:.1f} s, {LINES_CHARACTERS - peer_lines} characters lost"
    async with service(directory / "idle", **SETTINGS) as (address, token, pid):
        idle = await _idle_sockets(address, token, pid)
    return [
        ("`1+1` over Jupyter's websocket, p50", adds, 5, "ms", f"{PEER}: {peer_adds:.1f} ms"),
        ("… times faster", peer_adds / adds, 8, "x", PEER),
        (f"… in a notebook of {MANY_CELLS} cells, times as long", after_many / adds, 1.5, "times",
         f"{after_many:.1f} ms"),
        ("100,000 printed lines, times faster", peer_seconds / seconds, 1, "x", peer_took),
        ("… characters of them lost", LINES_CHARACTERS - lines, 0, "", peer_took),
        ("Bytes of 50 MB printed that were lost", LARGE_BYTES - large, 0, "", peer_lost),
        ("Memory for 50 MB printed", growth, 64, "MB", ""),
        (f"Memory for {IDLE} idle websockets", idle, 150, "MB", ""),
    ]  # fmt: skip


async def _idle_sockets(address: str, token: str, pid: int) -> float:
    kernel = PeerKernel(address, token)
    await kernel.start()
    before = _memory_mb(pid, "VmRSS")
    request = f"ws://{address}/api/kernels/{kernel.kernel_id}/channels?token={token}"
    sockets = []
    for _ in range(IDLE // 50):
        opening = (websocket_connect(HTTPRequest(request, request_timeout=60)) for _ in range(50))
        sockets += await asyncio.gather(*opening)
    grown = _memory_mb(pid, "VmRSS") - before
    for socket in sockets:
        socket.close()
    await kernel.aclose()
    return grown
