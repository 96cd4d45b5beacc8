"""Large workbooks in a kernel with the default limits: written, read, read again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from benchmarks.running import Found
from container.kernel.session import KernelSession
from container.limits import Limits
from container.shim.client import stop_all_shims
from container.workspace.workspace import Workspace

MADE = """
import time, resource, numpy as np, pandas as pd
n = 500_000
made = np.random.default_rng(1)
frame = pd.DataFrame({
    "Date": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n) % 1500, unit="D"),
    "Account": [f"A{i % 5000:05d}" for i in range(n)],
    "Region": np.array(["North", "South", "East", "West"], dtype=object)[np.arange(n) % 4],
    "Customer": [f"Customer {i % 20000}" for i in range(n)],
    "Text": [f"Invoice text {i}" for i in range(n)],
    **{name: (made.random(n) * 10_000).round(2) for name in ("Amount", "Tax", "Net", "Cost")},
    "Price": made.random(n), "Rate": np.arange(n) % 100, "Open": np.arange(n) % 2 == 0,
})
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
"""
WRITTEN = "t = time.perf_counter(); frame.to_excel('large.xlsx', index=False)\n" + (
    "print(time.perf_counter() - t, peak())"
)
READ = """
import time, resource, pandas as pd
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
t = time.perf_counter()
frame = pd.read_excel("inputs/large.xlsx")
first = time.perf_counter() - t
t = time.perf_counter()
again = pd.read_excel("inputs/large.xlsx")
second = time.perf_counter() - t
assert frame.shape == again.shape == (500_000, 12)
print(first, peak(), second)
"""


async def measure_large_workbooks(directory: Path) -> Found:
    """Write a workbook of 500,000 x 12 cells in one kernel, and read it twice in another."""
    written = await _run(directory / "writer", MADE, WRITTEN)
    reader = Workspace.create(directory / "reader")
    with reader.add_input("large.xlsx") as new:
        shutil.copyfileobj((directory / "writer" / "large.xlsx").open("rb"), new.file)
    read = await _run(directory / "reader", READ)
    stop_all_shims()
    what = "500,000 x 12 cells"
    return [
        (f"Write {what}", written[0], 25.0, "s", "default limits: 1 processor, 512 MB"),
        (f"Write {what}: peak memory of the kernel", written[1], 400.0, "MB", "the frame included"),
        (f"Read {what} into a frame", read[0], 6.0, "s", "default limits"),
        (f"Read {what}: peak memory of the kernel", read[1], 400.0, "MB", "the frame included"),
        (f"Read {what} again", read[2], 0.3, "s", "the same content in the same kernel"),
    ]


async def _run(directory: Path, *cells: str) -> list[float]:
    """Return the numbers that the last of *cells* prints, run in a kernel of its own."""
    session = KernelSession(Workspace.create(directory), Limits(), backend="zygote")
    printed: list[str] = []

    async def keep(output: Any) -> None:
        printed.append(str(output.get("text", "")))

    await session.start()
    try:
        for cell in cells:
            printed.clear()
            reply = await session.execute(cell, keep)
            if reply.status != "ok":
                raise RuntimeError(f"{reply.ename}: {reply.error}")
    finally:
        await session.aclose()
    return [float(number) for number in "".join(printed).split()]
