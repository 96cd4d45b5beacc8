"""What lineage costs a cell, and how long a trace takes."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.running import Found, running
from kernel_gateway.terminal.client import GatewayClient, path_url

CELLS, TRACES = 120, 12
READ = """import pandas as pd
sales = pd.DataFrame({"Region": list("NSWE") * 500, "Quarter": (["Q1"] * 4 + ["Q2"] * 4) * 250,
                      "Sales": [n % 97 + 0.25 for n in range(2000)]})
sales.to_excel("outputs/base.xlsx", index=False)
sales = pd.read_excel("outputs/base.xlsx")"""
PIVOT = """large = sales[sales["Sales"] > 30]
pivot = large.pivot_table(index="Region", columns="Quarter", values="Sales", aggfunc="sum")
pivot.to_excel("outputs/pivot.xlsx", sheet_name="Pivot")"""


def _code(number: int) -> str:
    """Return the code of an ordinary cell; every tenth writes a workbook."""
    work = f"part_{number} = sales[sales['Sales'] > {number % 60}].groupby('Region')['Sales'].sum()"
    if number % 10:
        return f"{work}\nlimit = {number}\nprint(part_{number}.sum() + limit)"
    return f"{work}\npart_{number}.to_excel('outputs/part_{number}.xlsx')"


async def measure_lineage(directory: Path) -> Found:
    """Run the same cells with lineage and without, in turns; then trace cells of the pivot."""
    usual: dict[str, Any] = {"keep_kernels_seconds": 0.0, "requests_per_minute": 0}
    async with (
        running(directory / "with", **usual) as (client, conversation),
        running(directory / "without", lineage=False, **usual) as plain,
        running(directory / "again", lineage=False, **usual) as again,
    ):
        sides = (client, conversation), plain, again
        for side in sides:
            await _run(*side, READ)
            await _run(*side, PIVOT)
        times = [[0.0, 0.0, 0.0] for _ in range(CELLS)]
        for number, row in enumerate(times, 1):
            for turn in range(3):
                side = (number + turn) % 3
                row[side] = await _run(*sides[side], _code(number))
        record = await _traces(client, conversation, rows="false")
        rows = await _traces(client, conversation, rows="true")
    slow = f"p50 {1000 * statistics.median(rows):.0f} ms; the code on the way runs again"
    return [
        (
            f"{CELLS} cells, each with lineage and without it, times as long, p50",
            statistics.median(own / plain for own, plain, _ in times),
            1.15,
            "times",
            f"without: p50 {1000 * statistics.median(t[1] for t in times):.1f} ms a cell; a second "
            f"service without it: {statistics.median(t[2] / t[1] for t in times):.2f} times",
        ),
        (
            "Trace of a cell by the record, p95",
            1000 * _p95(record),
            200.0,
            "ms",
            f"p50 {1000 * statistics.median(record):.1f} ms, {CELLS + 2} cells",
        ),
        ("Trace of a cell to the rows of the files, p95", 1000 * _p95(rows), 200.0, "ms", slow),
    ]


async def _run(client: GatewayClient, conversation: str, code: str) -> float:
    """Return how long the cell takes over HTTP, in seconds."""
    began = time.perf_counter()
    body = {"conversation": conversation, "code": code}
    done = await client.post("/api/v1/execute", body)
    if done.get("outcome") != "ok":
        raise RuntimeError(f"a cell failed: {done}")
    return time.perf_counter() - began


async def _traces(client: GatewayClient, conversation: str, rows: str) -> list[float]:
    found = []
    for number in range(TRACES):
        place = f"file=outputs/pivot.xlsx&cell=Pivot!{'BC'[number % 2]}{number % 4 + 2}"
        began = time.perf_counter()
        await client.get(f"{path_url(conversation)}/notebook/trace?{place}&rows={rows}")
        found.append(time.perf_counter() - began)
    return found


def _p95(times: list[float]) -> float:
    return sorted(times)[len(times) * 95 // 100]
