"""Over Jupyter's websocket: ``1+1``, long output, many idle clients; against the peer."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from benchmarks.peer_gateway import PEER, PeerKernel, peer_gateway
from benchmarks.running import percentile

CELLS, WARM = 100, 10
LINES = 100_000
MANY_LINES = f"for n in range({LINES}): print(n)"
LINES_CHARACTERS = sum(len(str(n)) + 1 for n in range(LINES))
LARGE_BYTES = 50_000_000
LARGE = f"line = 'x' * 99\nfor n in range({LARGE_BYTES // 100}): print(line)"
IDLE = 1000
PAUSE_SECONDS = 0.02  # as from a person or a program that looks at results


@asynccontextmanager
async def _service(directory: Path) -> AsyncIterator[tuple[str, str, int]]:
    """Run the service as a process of its own; yield ``host:port``, token and process id."""
    settings = {"OUTPUT_LIMIT_MB": "100", "MEMORY_LIMIT_MB": "1024", "KEEP_KERNELS_SECONDS": "0",
                "REQUESTS_PER_MINUTE": "0"}  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kernel_gateway", "serve", "--port", "0",
        "--data-dir", str(directory / "service"),
        env={**os.environ, **{f"TALLYBOOK_{name}": value for name, value in settings.items()}},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        found = None
        while found is None and process.stdout is not None:
            line = (await process.stdout.readline()).decode()
            found = re.search(r"http://(\S+?)/\?token=(\S+)", line)
        if found is None:
            raise RuntimeError("the service did not start")
        yield found[1], found[2], process.pid
    finally:
        process.terminate()
        await process.wait()


def _memory_mb(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(rf"{name}:\s+(\d+)", status)
    return int(found[1]) / 1000 if found else 0.0


async def _adding(kernel: PeerKernel) -> float:
    times = []
    for _ in range(CELLS + WARM):
        times.append(await kernel.add())
        await asyncio.sleep(PAUSE_SECONDS)
    return 1000 * percentile(times[WARM:], 50)


async def measure_channels(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Measure the same client against the service and the peer."""
    async with peer_gateway() as address:
        peer = PeerKernel(address)
        await peer.start()
        peer_adds = await _adding(peer)
        peer_lines, peer_seconds = await peer.printed(MANY_LINES)
        peer_large, _ = await peer.printed(LARGE)
        await peer.aclose()
    async with _service(directory) as (address, token, pid):
        ours = PeerKernel(address, token)
        await ours.start()
        adds = await _adding(ours)
        lines, seconds = await ours.printed(MANY_LINES, 60)
        before = _memory_mb(pid, "VmHWM")
        large, _ = await ours.printed(LARGE, 60)
        growth = _memory_mb(pid, "VmHWM") - before
        await ours.aclose()
    peer_lost = f"{PEER} lost {100 * (1 - peer_large / LARGE_BYTES):.2f} %"
    peer_took = f"{PEER}: {peer_seconds:.1f} s, {LINES_CHARACTERS - peer_lines} characters lost"
    async with _service(directory / "idle") as (address, token, pid):
        idle = await _idle_sockets(address, token, pid)
    return [
        ("`1+1` over Jupyter's websocket, p50", adds, 5, "ms", f"{PEER}: {peer_adds:.1f} ms"),
        ("… times faster", peer_adds / adds, 8, "x", PEER),
        ("100,000 printed lines, times faster", peer_seconds / seconds, 1, "x", peer_took),
        ("… characters of them lost", LINES_CHARACTERS - lines, 0, "", peer_took),
        ("Bytes of 50 MB printed that were lost", LARGE_BYTES - large, 0, "", peer_lost),
        ("Memory for 50 MB printed", growth, 64, "MB", ""),
        (f"Memory for {IDLE} idle websockets", idle, 150, "MB", ""),
    ]


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
