"""The service's overhead of a turn."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.running import EXAMPLES, percentile, running
from kernel_gateway.terminal.client import path_url

TURNS = 40
CODE = "import pandas as pd\nlen(pd.read_excel('inputs/sales_q1.xlsx', header=3))"
EXCHANGES = [
    {"when": {"after": 0}, "reply": {"text": "Counting.", "run_code": {"code": CODE}}},
    {"when": {"after": 1}, "reply": {"text": "There are 61 rows."}},
]


async def measure_turn(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Ask the same thing again and again, three workbooks uploaded, kernel warm."""
    overheads, code_times = [], []
    async with running(directory, EXCHANGES) as (client, conversation):
        await client.upload(path_url(conversation), sorted(EXAMPLES.glob("*.xlsx")))
        connection = await client.connect(path_url(conversation))
        events = connection.events()
        for number in range(TURNS + 3):
            started = time.perf_counter()
            await connection.send("turn.request", request="How many rows are there?")
            code = 0.0
            async for event in events:
                if event["kind"] == "cell.finished":
                    code += event["data"]["seconds"]
                if event["kind"] == "turn.finished":
                    break
            wall = time.perf_counter() - started
            if number >= 3:  # the first starts the kernel
                overheads.append((wall - code) * 1000)
                code_times.append(code * 1000)
    peer = f"the user's code itself: p50 {percentile(code_times, 50):.1f} ms"
    return [("Overhead of a turn, p95", percentile(overheads, 95), 150, "ms", peer)]
