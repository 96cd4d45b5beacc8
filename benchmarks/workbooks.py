"""How right profiles and recipes are on the labelled workbooks, and how fast profiles are."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import xlsxwriter

from notebooks.workbooks.check.workbook import check_file
from notebooks.workbooks.keep.carry import SheetPair, carry_over
from notebooks.workbooks.keep.parts import lost
from notebooks.workbooks.profile import profile_file
from tests.corpus.layouts import LAYOUTS, Pen
from tests.corpus.records import LANGUAGES
from tests.corpus.score import Score
from tests.corpus.score_all import GOALS, score_fitted, score_held_out

NAMES = {
    "bounds": "Tables wrong",
    "kinds": "Column kinds wrong",
    "totals": "Total rows wrong",
    "recipe": "Recipes wrong",
}
PEAK = """import sys
from pathlib import Path
from notebooks.workbooks.check.workbook import check_file
from notebooks.workbooks.keep.carry import SheetPair, carry_over
from notebooks.workbooks.keep.parts import lost
from notebooks.workbooks.profile import profile_file
profile_file(Path(sys.argv[1]))
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) / 1024)"""


async def measure_workbooks(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Score the labelled workbooks, and time profiles of ordinary and odd ones."""
    figures = []
    for which, score in (
        ("", score_fitted(directory)),
        (", held out", score_held_out(directory)),
    ):
        figures += _shares(which, score)
    return [*figures, *_times(directory)]


def _shares(which: str, score: Score) -> list[tuple[str, float, float, str, str]]:
    return [
        (
            f"{NAMES[question]}{which}",
            100 * (1 - score.share(question)),
            100 * (1 - goal),
            "%",
            f"{score.right[question]} of {score.asked[question]} right",
        )
        for question, goal in GOALS.items()
    ]


def _times(directory: Path) -> list[tuple[str, float, float, str, str]]:
    ordinary = [ordinary_workbook(directory / f"ordinary{n}.xlsx", n) for n in range(50)]
    started = time.perf_counter()
    for path in ordinary:
        profile_file(path)
    fifty = time.perf_counter() - started
    stray = directory / "stray.xlsx"
    with xlsxwriter.Workbook(stray) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Region", "Sales"])
        sheet.write_row(1, 0, ["North", 1.5])
        sheet.write(1_048_575, 16_383, "stray")
    started = time.perf_counter()
    profile_file(stray)
    far = time.perf_counter() - started
    peak = float(subprocess.check_output([sys.executable, "-c", PEAK, str(stray)], text=True))
    return [
        *_check_and_guard(directory),
        ("Profiles of 50 ordinary workbooks", fifty, 2.0, "s", ""),
        ("Profile of a sheet with a cell in XFD1048576", far, 0.3, "s", ""),
        ("Peak memory of that, the process included", peak, 100.0, "MB", ""),
    ]


def _check_and_guard(directory: Path) -> list[tuple[str, float, float, str, str]]:
    """Time the check of a written workbook of 10 MB, and what a save of it by openpyxl adds."""
    read, written = directory / "read.xlsx", directory / "written.xlsx"
    for path in (read, written):
        _ten_megabytes(path, objects=path is read)
    size = f"{read.stat().st_size / 1e6:.1f} MB"
    started = time.perf_counter()
    check_file(written)
    checked = time.perf_counter() - started
    started = time.perf_counter()
    kept = directory / "kept.xlsx"
    carry_over(read, written, [SheetPair("Data", "Data")], kept, suffix=".xlsx")
    gone = lost(read, kept, {"Data": "Data"})
    guarded = time.perf_counter() - started
    if gone:
        raise RuntimeError(f"the guard is wrong: {gone}")
    return [
        ("Check of a 10 MB workbook", checked, 0.5, "s", size),
        ("Guard of a 10 MB workbook: parts carried over, losses named", guarded, 0.5, "s", size),
    ]


def _ten_megabytes(path: Path, *, objects: bool) -> None:
    numbers = random.Random(1)
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet, form = book.add_worksheet("Data"), book.add_format({"num_format": "#,##0.00"})
        sheet.write_row(0, 0, [f"Column {n}" for n in range(12)])
        for row in range(1, 110_001):
            values = [round(numbers.random() * 10_000, 2) for _ in range(10)]
            sheet.write_row(row, 0, [f"text {row % 977}", row, *values], form)
        if objects:
            chart = book.add_chart({"type": "column"})
            chart.add_series({"values": "=Data!$B$2:$B$50"})
            sheet.insert_chart("N2", chart)
            sheet.add_sparkline("N1", {"range": "Data!B2:L2"})


def ordinary_workbook(path: Path, number: int) -> Path:
    """Write a workbook of four labelled sheets."""
    with xlsxwriter.Workbook(path) as book:
        for at in range(4):
            layout = LAYOUTS[(number + 5 * at) % len(LAYOUTS)]
            layout(Pen(book, f"Sheet {at}"), LANGUAGES[number % len(LANGUAGES)], number)
    return path
