"""The score over all labelled workbooks."""

from __future__ import annotations

from pathlib import Path

import xlsxwriter

from tests.corpus.columns import write_columns
from tests.corpus.framed import write_framed
from tests.corpus.hard import write_hard, write_seen
from tests.corpus.holdout import write_holdout
from tests.corpus.layouts import Pen, plain, write_layouts
from tests.corpus.score import Score, score_file
from tests.corpus.texts import text_files
from tests.corpus.truth import Sheet, TrueTable

GOALS = {"bounds": 0.98, "kinds": 0.97, "totals": 0.95, "recipe": 0.97}
"""Share of right answers: header and bounds of tables, kinds of columns, total rows, frames."""


def score_fitted(directory: Path) -> Score:
    """Score the labelled workbooks that the detector was written with."""
    score = Score()
    for name, write in (("layouts.xlsx", write_layouts), ("columns.xlsx", write_columns)):
        sheets = write(directory / name)
        score_file(directory / name, sheets, score)
    for file in text_files():
        file.write(directory / file.name)
        score_file(directory / file.name, file.sheets, score)
    for name, write in (
        ("seen.xlsx", write_seen),
        ("framed.xlsx", write_framed),
        ("many_sheets.xlsx", write_many_sheets),
        ("wide.xlsx", write_wide),
    ):
        sheets = write(directory / name)
        score_file(directory / name, sheets, score)
    return score


def score_held_out(directory: Path) -> Score:
    """Score the labelled workbooks that were written after the detector."""
    score = Score()
    for name, write in (("holdout.xlsx", write_holdout), ("hard.xlsx", write_hard)):
        sheets = write(directory / name)
        score_file(directory / name, sheets, score)
    return score


def write_many_sheets(path: Path) -> list[Sheet]:
    """Write 500 sheets; every fiftieth is labelled, so that the recipes take no minutes."""
    labelled = []
    with xlsxwriter.Workbook(path) as book:
        for number in range(500):
            pen = Pen(book, f"Entity {number:03d}")
            tables = plain(pen, "en", number)
            if number % 50 == 0:
                labelled.append(Sheet(pen.name, tuple(tables), pen.name))
    return labelled


def write_wide(path: Path) -> list[Sheet]:
    """Write a sheet with all 16,384 columns."""
    names = ("Account", *(f"Day {n}" for n in range(1, 16_384)))
    rows = tuple((f"A{r}", *(r * 7 + n % 89 + 0.5 for n in range(16_383))) for r in range(3))
    with xlsxwriter.Workbook(path) as book:
        pen = Pen(book, "Wide")
        pen.sheet.write_row(0, 0, names)
        for number, row in enumerate(rows, 1):
            pen.sheet.write_row(number, 0, row)
    kinds = ("text", *["number"] * 16_383)
    true = TrueTable("A1:XFD4", (1,), names, kinds, (), rows)
    return [Sheet("Wide", (true,), "Wide")]


def report(score: Score) -> str:
    """Return the shares of right answers, one line for each question."""
    lines = [
        f"{question:8} {score.right[question]:6} of {score.asked[question]:6}  {score.share(question):7.2%}"
        f"  goal {goal:.0%}"
        for question, goal in GOALS.items()
    ]
    return "\n".join([*lines, *score.wrong[:40]])
