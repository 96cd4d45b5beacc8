"""What a Jupyter client waits for, here and at the peer, with both in turns."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from statistics import median

from benchmarks.front_door import (
    Burst,
    Cell,
    Server,
    Session,
    SessionFailed,
    adding,
    burst,
    started_and_framed,
)
from benchmarks.peer_gateway import PEER, peer_gateway
from benchmarks.running import Found, service

START_ROUNDS, STARTS, TRIES = 6, 4, 5
CELL_ROUNDS, CELLS, WARM_CELLS, PAUSE_SECONDS = 5, 60, 20, 0.02
ALONE_SECONDS = 30.0
BURSTS, MANY, MANY_SECONDS = 3, 30, 60.0
CROWDS, CROWD, CROWD_SECONDS = 3, 100, 300.0
REST_SECONDS = 1.0
"""Before each block, so that what follows the one before is over."""
REFILL_SECONDS, BURST_REFILL_SECONDS = 2.0, 5.0
"""After sessions, so that warm kernels are started again before the peer's turn."""
PRINT_ROUNDS = 3
LINES = "for i in range(100_000): print(i)"
LINES_CHARACTERS = sum(len(str(i)) + 1 for i in range(100_000))
LARGE = "s = 'x' * 99_999\nfor i in range(500): print(s)"
LARGE_CHARACTERS = 50_000_000
OUTPUT_LIMIT_MB, MEMORY_LIMIT_MB = "100", "1024"
AS_FAST = 1.2
"""One after the other may take so many times as long as one after a pause."""


async def measure_front_door(directory: Path) -> Found:
    """Measure sessions, cells and output through Jupyter's REST and websocket API."""
    async with (
        peer_gateway() as peer_address,
        peer_gateway(nodelay=True) as nodelay_address,
        service(directory / "plain") as (address, token, _),
    ):
        ours, peer = Server(f"http://{address}", token), Server(f"http://{peer_address}")
        nodelay = Server(f"http://{nodelay_address}")
        found = [
            *await _starts(ours, peer),
            *await _cells(ours, peer, nodelay),
            *await _many_at_once(ours, peer),
        ]
    found += await _crowd_at_once(directory)
    async with (
        peer_gateway() as peer_address,
        service(
            directory / "output", output_limit_mb=OUTPUT_LIMIT_MB, memory_limit_mb=MEMORY_LIMIT_MB
        ) as (address, token, _),
    ):
        ours, peer = Server(f"http://{address}", token), Server(f"http://{peer_address}")
        return [*found, *await _output(ours, peer)]


async def _starts(ours: Server, peer: Server) -> Found:
    """Measure blocks of sessions one after the other; of a block, the first comes after a rest."""
    blocks: dict[Server, list[list[tuple[float, float]]]] = {ours: [], peer: []}
    for server in blocks:
        await _started_again(server)  # finds cold caches
    for _ in range(START_ROUNDS):
        for server, found in blocks.items():
            await asyncio.sleep(REFILL_SECONDS)
            found.append([await _started_again(server) for _ in range(STARTS)])
    (start, frame), (peer_start, peer_frame) = (
        (median(s for s, _ in each), median(f for _, f in each))
        for each in (list(chain(*found)) for found in blocks.values())
    )
    first = median(block[0][0] for block in blocks[ours])
    next_ones = median(start for block in blocks[ours] for start, _ in block[1:])
    return [
        _faster("Session start to kernel_info_reply, p50", start, peer_start, 14),
        ("… one after the other, times as long as after a rest", next_ones / first, AS_FAST,
         "times", f"{1000 * next_ones:.1f} and {1000 * first:.1f} ms"),
        _faster("Session start to its first DataFrame, p50", frame, peer_frame, 18),
    ]  # fmt: skip


async def _started_again(server: Server) -> tuple[float, float]:
    """Start a session; one of the peer's that stalls, since another has its port, again."""
    tries = 1 if server.token else TRIES  # ours have to come up
    while True:
        tries -= 1
        try:
            return await started_and_framed(server, ALONE_SECONDS)
        except SessionFailed:
            if not tries:
                raise


async def _ready(server: Server) -> Session:
    """Return a session that has started; the peer's are tried again."""
    tries = 1 if server.token else TRIES
    while True:
        tries -= 1
        session = Session(server)
        try:
            await session.start(ALONE_SECONDS)
        except SessionFailed:
            await session.aclose()
            if not tries:
                raise
        else:
            return session


async def _cells(*servers: Server) -> Found:
    """Measure ``1+1`` until its reply and idle: ours, the peer, the peer with TCP_NODELAY."""
    sessions = [await _ready(server) for server in servers]
    for session in sessions:
        await adding(session, WARM_CELLS, 0)
    times: dict[float, list[list[float]]] = {
        pause: [[] for _ in sessions] for pause in (0.0, PAUSE_SECONDS)
    }
    for _ in range(CELL_ROUNDS):
        for pause, sides in times.items():
            for session, side in zip(sessions, sides, strict=True):
                await asyncio.sleep(REST_SECONDS)
                side.extend(await adding(session, CELLS, pause))
    await asyncio.gather(*(session.aclose() for session in sessions))
    at_once = [median(side) for side in times[0.0]]
    paused = [median(side) for side in times[PAUSE_SECONDS]]
    return [
        *_added("`1+1` back to back, to reply and idle, p50", at_once, 8, 6),
        ("… times as long as with a pause of 20 ms", at_once[0] / paused[0], AS_FAST, "times",
         f"{1000 * paused[0]:.1f} ms"),
        *_added("`1+1` with a pause of 20 ms, to reply and idle, p50", paused, 8, 6),
    ]  # fmt: skip


def _added(name: str, sides: Sequence[float], goal_ms: float, goal_times: float) -> Found:
    ours, peer, nodelay = sides
    times = f"with TCP_NODELAY set: {1000 * nodelay:.1f} ms ({nodelay / ours:.1f} x)"
    return [
        (name, 1000 * ours, goal_ms, "ms", f"{PEER}: {1000 * peer:.1f} ms; {times}"),
        ("… times faster", peer / ours, goal_times, "x", PEER),
    ]


async def _many_at_once(ours: Server, peer: Server) -> Found:
    """Measure bursts; the peer's time is that of its kernels that came up."""
    bursts: dict[Server, list[Burst]] = {ours: [], peer: []}
    for _ in range(BURSTS):
        for server, found in bursts.items():
            await asyncio.sleep(BURST_REFILL_SECONDS)
            found.append(await burst(server, MANY, MANY_SECONDS))
    many, peer_many = (median(one.seconds for one in found) for found in bursts.values())
    failed, peer_failed = (
        sum(one.asked - one.ready + one.failed_cells for one in found) for found in bursts.values()
    )
    return [
        _faster(f"{MANY} sessions at once, until the last is ready", many, peer_many, 10),
        (f"… of {MANY * BURSTS}, never ready or without a first cell", failed, 0, "",
         f"{PEER}: {peer_failed}"),
    ]  # fmt: skip


async def _crowd_at_once(directory: Path) -> Found:
    """Measure a hundred sessions at once, each time at a service on its default settings."""
    bursts = []
    for number in range(CROWDS):
        async with service(directory / f"defaults{number}", defaults=True) as (address, token, _):
            server = Server(f"http://{address}", token)
            await started_and_framed(server)  # the fork server runs
            await asyncio.sleep(REST_SECONDS)
            bursts.append(await burst(server, CROWD, CROWD_SECONDS))
    name = f"{CROWD} sessions at once on default settings"
    fewest = min(bursts, key=lambda one: one.ready)
    reasons = Counter(fewest.failures).most_common(2)
    why = f"{fewest.ready} ready" + "".join(f"; {count} {reason}" for reason, count in reasons)
    failed_cells = max(one.failed_cells for one in bursts)
    return [
        (f"{name}, until the last is ready", median(one.seconds for one in bursts), 4,
         "s", ""),
        ("… refused or never ready, of the worst of three", CROWD - fewest.ready, 0, "", why),
        ("… ready, but the first cell failed", failed_cells, 0, "", ""),
    ]  # fmt: skip


async def _output(ours: Server, peer: Server) -> Found:
    sessions = [await _ready(ours), await _ready(peer)]
    lines = await _printed(sessions, LINES)
    large = await _printed(sessions, LARGE)
    await asyncio.gather(*(session.aclose() for session in sessions))
    (seconds, lost), (peer_seconds, peer_lost) = (
        _took_and_lost(s, LINES_CHARACTERS) for s in lines
    )
    (large_seconds, large_lost), (peer_large, peer_large_lost) = (
        _took_and_lost(side, LARGE_CHARACTERS) for side in large
    )
    return [
        _faster("100,000 printed lines, to reply and idle", seconds, peer_seconds, 1.3),
        ("… characters of them lost", lost, 0, "", f"{PEER}: {peer_lost}"),
        ("50 MB printed, to reply and idle", large_seconds, 0.9, "s",
         f"{PEER}: {peer_large:.2f} s to the last that came"),
        ("… bytes of them lost", large_lost, 0, "",
         f"{PEER}: {100 * peer_large_lost / LARGE_CHARACTERS:.1f} %"),
    ]  # fmt: skip


async def _printed(sessions: Sequence[Session], code: str) -> list[list[Cell]]:
    sides: list[list[Cell]] = [[] for _ in sessions]
    for _ in range(PRINT_ROUNDS):
        for session, side in zip(sessions, sides, strict=True):
            side.append(await session.execute(code))
    return sides


def _took_and_lost(cells: Sequence[Cell], characters: int) -> tuple[float, int]:
    """Return the median seconds, and how many of *characters* were lost of the worst."""
    came = min(cell.characters for cell in cells)
    return median(cell.seconds for cell in cells), characters - came


def _faster(name: str, ours: float, peer: float, goal: float) -> tuple[str, float, float, str, str]:
    """Return how many times faster than the peer something is, with the times of both."""
    both = f"{_time(ours)}; {PEER}: {_time(peer)}"
    return (f"{name}, times faster", peer / ours, goal, "x", both)


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"
