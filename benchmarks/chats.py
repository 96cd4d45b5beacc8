"""A hundred chats at once: the service's overhead of a turn while all of them go on."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

from benchmarks.running import percentile, running
from kernel_gateway.terminal.client import GatewayClient, path_url

CHATS = 100
TURNS = 4
THINKING_SECONDS = 30.0
CODE = "total = sum(range(1000))\ntotal"
EXCHANGES: list[dict[str, Any]] = [
    {"when": {"after": 0}, "reply": {"text": "Adding.", "run_code": {"code": CODE}}},
    {"when": {"after": 1}, "reply": {"text": "It is 499,500."}},
]


async def measure_chats(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Let every chat ask, read and think, and ask again."""
    async with running(directory, EXCHANGES, max_kernels=CHATS + 10, requests_per_minute=0) as (
        client,
        _,
    ):
        moments = random.Random(1)
        made = [(await client.post("/api/v1/conversations", {}))["id"] for _ in range(CHATS)]
        overheads = await asyncio.gather(*(_chat(client, c, moments) for c in made))
    all_of_them = [overhead for chat in overheads for overhead in chat]
    name = f"Overhead of a turn among {CHATS} chats, p95"
    peer = f"each thinks {THINKING_SECONDS / 2:g} s on average; client and stand-in in one process"
    return [(name, percentile(all_of_them, 95), 150, "ms", peer)]


async def _chat(client: GatewayClient, conversation: str, moments: random.Random) -> list[float]:
    connection = await client.connect(path_url(conversation))
    events = connection.events()
    overheads = []
    for number in range(TURNS):
        await asyncio.sleep(moments.uniform(0, THINKING_SECONDS))
        started, code = time.perf_counter(), 0.0
        await connection.send("turn.request", request="What is the sum?")
        async for event in events:
            if event["kind"] == "cell.finished":
                code += event["data"]["seconds"]
            if event["kind"] == "turn.finished":
                break
        if number:  # the first starts the kernel
            overheads.append((time.perf_counter() - started - code) * 1000)
    return overheads
