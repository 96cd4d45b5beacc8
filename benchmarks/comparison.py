"""The comparison of two 100,000 x 12 workbooks."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import xlsxwriter

from agent.checks.comparison import compare_in_sandbox
from benchmarks.running import Found
from container.workspace.workspace import Workspace

ROWS, RUNS = 100_000, 5
NAMES = ("Date", "Account", "Region", "Customer", "Text", "Amount", "Tax", "Net", "Cost", "Price")
REGIONS = ("North", "South", "East", "West")
EDITED, REMOVED = 777, 50_000


async def measure_comparison(directory: Path) -> Found:
    """Compare a workbook with a copy in which a row is gone, one cell is edited, all else is new.

    Both were written from their rows: texts have other numbers in them, so that no part is the
    same byte by byte.
    """
    workspace = Workspace.create(directory / "workspace")
    for name, changed in (("before.xlsx", False), ("after.xlsx", True)):
        with workspace.add_input(name) as new:
            _write(new.file, changed=changed)
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        found = await compare_in_sandbox(workspace, "inputs/before.xlsx", "inputs/after.xlsx")
        times.append(time.perf_counter() - started)
    if found.counts != {"values": {"edited": 1, "removed": 1}}:
        raise RuntimeError(f"the comparison is wrong: {found.counts} {found.problem}")
    what = "a row removed, a cell edited; values, formulas, formats, objects; sandbox included"
    return [("Compare two 100k x 12 workbooks, median", statistics.median(times), 3.0, "s", what)]


def _write(file: object, *, changed: bool) -> None:
    with xlsxwriter.Workbook(file) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        money = book.add_format({"num_format": "#,##0.00"})
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, [*NAMES, "Rate", "Open"])
        rows = (n for n in range(1, ROWS + 1) if not (changed and n == REMOVED))
        for at, n in enumerate(rows, 1):
            sheet.write_number(at, 0, 43_831 + n % 1500, day)
            texts = (f"A{n % 5000:05d}", REGIONS[n % 4], f"Customer {n % 20_000}", f"Text {n}")
            sheet.write_row(at, 1, texts)
            for column in range(5):
                amount = round(n * 1.37 * (column + 1) % 9973, 2)
                edited = changed and n == EDITED and column == 2
                sheet.write_number(at, 5 + column, amount + edited, money)
            sheet.write_number(at, 10, n % 100)
            sheet.write_boolean(at, 11, n % 2 == 0)
