"""How long an undo of a request takes with a snapshot of the variables, and by replay.

Two conversations of the same cells, one with snapshots and one without: a cell that reads and
works on 200 MB of frames, and one that changes them, which is undone. In the same run, in turns.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.running import Found, scripted
from kernel_gateway.terminal.client import GatewayClient, path_url

MB = 1_000_000
ROUNDS = 5
MAKE = """
import numpy as np, pandas as pd
rng = np.random.default_rng(1)
parts = [pd.DataFrame({f"c{n}": rng.normal(size=1_250_000) for n in range(4)}) for _ in range(5)]
total = 0
for part in parts:
    total += len(part.sort_values("c0").groupby((part["c1"] * 10).round()).sum())
total
"""
CHANGE = "parts[0] = parts[0] * 2\nparts[0].shape"


async def measure_snapshots(directory: Path) -> Found:
    """Time undos with and without snapshots, and the cell that comes after one is begun."""
    settings: dict[str, Any] = {"memory_limit_mb": 2048, "requests_per_minute": 0}
    with_room = {**settings, "snapshot_mb": 1000.0}
    without = {**settings, "snapshot_mb": 0.0}
    async with scripted(directory / "with", **with_room) as (client, _):
        held = await _undos(client)
        restored = await _lost(client)
        stored = _stored(directory / "with")
    async with scripted(directory / "without", **without) as (client, _):
        replayed = await _undos(client)
    fast, slow = statistics.median(held.undo), statistics.median(replayed.undo)
    waits = (statistics.median(held.next) - statistics.median(replayed.next)) * 1000
    return [
        ("Undo of a request with 200 MB of frames, with a snapshot", fast, 0.3, "s", ""),
        ("The same against a replay of its cells", slow / fast, 3.0, "x", f"replay {slow:.2f} s"),
        ("A lost kernel's 200 MB of frames and the next cell", restored, 0.3, "s", ""),
        ("What the next cell waits for a snapshot", waits, 100.0, "ms", "sent at once, p50"),
        ("Stored for the snapshots of 200 MB, one frame of five changed", stored, 260.0, "MB", ""),
    ]


class _Times:
    """Seconds of each undo, and of each cell that was sent right after a request."""

    def __init__(self) -> None:
        self.undo: list[float] = []
        self.next: list[float] = []


async def _undos(client: GatewayClient) -> _Times:
    times = _Times()
    conversation = (await client.post("/api/v1/conversations", {}))["id"]
    await _run(client, conversation, MAKE)
    for _ in range(3):
        times.next.append(await _run(client, conversation, "1 + 1"))
    await asyncio.sleep(5)  # a snapshot is made in the background
    for _ in range(ROUNDS):
        await _run(client, conversation, CHANGE)
        started = time.perf_counter()
        reply = await client.post(f"{path_url(conversation)}/history/undo", {})
        times.undo.append(time.perf_counter() - started)
        if "parts" not in {*reply["variables"]["restored"], *reply["variables"]["recomputed"]}:
            raise RuntimeError(f"the frames are not there: {reply['variables']}")
    return times


async def _run(client: GatewayClient, conversation: str, code: str) -> float:
    started = time.perf_counter()
    reply = await client.post("/api/v1/execute", {"code": code, "conversation": conversation})
    if reply["status"] != "ok":
        raise RuntimeError(f"the cell failed: {reply}")
    return time.perf_counter() - started


async def _lost(client: GatewayClient) -> float:
    conversation = (await client.get("/api/v1/conversations"))["conversations"][0]["id"]
    await client._fetch("DELETE", f"{path_url(conversation)}/context")
    return await _run(client, conversation, "total")


def _stored(directory: Path) -> float:
    files = [f for f in directory.rglob("snapshots/*") if f.is_file()]
    return sum(file.stat().st_size for file in files) / MB
