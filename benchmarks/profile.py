"""The profile of a 100,000 x 12 workbook, against openpyxl reading it."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import xlsxwriter
from openpyxl import load_workbook

from agent.context.profiler import Profiler
from container.workspace.workspace import Workspace

ROWS, COLUMNS, RUNS = 100_000, 12, 5


async def measure_profile(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Profile the file several times, each without what is remembered."""
    workspace = Workspace.create(directory / "workspace")
    with workspace.add_input("big.xlsx") as new:
        book = xlsxwriter.Workbook(new.file, {"constant_memory": True})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [f"Column {i}" for i in range(COLUMNS)])
        for row in range(1, ROWS + 1):
            values = [f"text {row % 97}" if i % 3 == 0 else row * 1.25 + i for i in range(COLUMNS)]
            sheet.write_row(row, 0, values)
        book.close()
    (listed,) = workspace.files("inputs")
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        profile = await Profiler().profile(workspace, listed)
        times.append(time.perf_counter() - started)
    if profile is None or profile["sheets"][0]["data_rows"] != ROWS:
        raise RuntimeError("the profile is wrong")
    started = time.perf_counter()
    path = workspace.directory / "inputs" / "big.xlsx"
    opened = load_workbook(path, read_only=True)
    rows = sum(1 for _ in opened.worksheets[0].iter_rows(values_only=True))
    opened.close()
    openpyxl = time.perf_counter() - started
    median = statistics.median(times)
    peer = (
        f"openpyxl reading {rows:,} rows: {openpyxl:.1f} s ({openpyxl / median:.0f} times longer)"
    )
    return [("Profile of a 100k x 12 workbook, median", median, 0.7, "s", peer)]
