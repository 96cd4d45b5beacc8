"""Tables beside each other that only lines divide, and single tables with lines inside."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range

from tests.corpus.layouts import Pen
from tests.corpus.truth import Sheet, TrueTable

Rows = Sequence[tuple[Any, ...]]
DAY = datetime.datetime(2025, 1, 31)
BUDGET: Rows = [("Rent", 1200), ("Wages", 5300), ("Power", 310), ("Travel", 95), ("Phone", 40)]
LOANS: Rows = [(datetime.datetime(2025, n, 5), f"L{n}", 100.5 * n) for n in range(1, 10)]


def framed(
    pen: Pen, top: int, left: int, rows: Rows, *, inner: int = 0, frame: int = 2, strong: int = -1
) -> None:
    """Write *rows* in a frame; *inner* lines between cells, a frame's line right of *strong*."""
    last, width = len(rows) - 1, len(rows[0])
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            lines = {
                "left": frame if column == 0 else inner,
                "right": frame if column in (width - 1, strong) else inner,
                "top": frame if at == 0 else inner,
                "bottom": frame if at == last else inner,
            }
            form = {name: line for name, line in lines.items() if line}
            if isinstance(value, datetime.datetime):
                form["num_format"] = "yyyy-mm-dd"
            made = pen.format(**form)
            if value is None:
                pen.sheet.write_blank(top + at, left + column, None, made)
            else:
                pen.sheet.write(top + at, left + column, value, made)


def table(top: int, left: int, names: tuple[Any, ...], kinds: str, rows: Rows) -> TrueTable:
    return TrueTable(
        range=xl_range(top, left, top + len(rows), left + len(names) - 1),
        header_rows=(top + 1,),
        names=names,
        kinds=tuple(kinds.split()),
        rows=tuple(rows),
    )


def different_ends(pen: Pen, turn: int) -> list[TrueTable]:
    """The left or the right one is shorter; thin lines inside, heavier ones around."""
    a = (("Cost", "Amount"), "text integer", BUDGET)
    b = (("Due", "Loan", "Interest"), "date text number", LOANS)
    (one, kinds, rows), (two, more, lines) = (a, b) if turn % 2 else (b, a)
    framed(pen, 2, 0, [one, *rows], inner=turn // 2 % 2)
    framed(pen, 2, len(one), [two, *lines], inner=turn // 2 % 2)
    return [table(2, 0, one, kinds, rows), table(2, len(one), two, more, lines)]


def different_starts(pen: Pen, turn: int) -> list[TrueTable]:
    """The right one begins two rows lower, and both end in the same row."""
    loans = LOANS[: len(BUDGET) - 2]
    a, b = ("Cost", "Amount"), ("Due", "Loan", "Interest")
    framed(pen, 1, 1, [a, *BUDGET], frame=2 + turn % 2 * 3)
    framed(pen, 3, 3, [b, *loans], frame=2 + turn % 2 * 3)
    return [
        table(1, 1, a, "text integer", BUDGET),
        table(3, 3, b, "date text number", loans),
    ]


def same_names(pen: Pen, turn: int) -> list[TrueTable]:
    """The same list for two years, of the same length, one frame each."""
    names = ("Cost", "Amount", "Share")
    year = [(name, amount, amount / 6945) for name, amount in BUDGET]
    next_ = [(name, amount + 7 * turn + 5, amount / 7000) for name, amount in BUDGET]
    framed(pen, 0, 0, [names, *year], inner=turn % 2)
    framed(pen, 0, 3, [names, *next_], inner=turn % 2)
    return [
        table(0, 0, names, "text integer number", year),
        table(0, 3, names, "text integer number", next_),
    ]


def line_before_totals(pen: Pen, turn: int) -> list[TrueTable]:
    """One table: a heavy line parts its months from the sum of the year."""
    names = ("Cost", "January", "February", "March", "Quarter", "Budget")
    rows = [(name, n, n + 1, n + 3, 3 * n + 4, 3 * n) for name, n in BUDGET]
    framed(pen, 1, 0, [names, *rows], inner=turn % 2, strong=3)
    return [table(1, 0, names, "text" + " integer" * 5, rows)]


def blank_remarks(pen: Pen, turn: int) -> list[TrueTable]:
    """One table: behind a heavy line, the last rows have no remark and no approver."""
    names = ("Cost", "Amount", "Remark", "Approved by")
    rows = [(*row, "seen", "Ann") if n < 3 else (*row, None, None) for n, row in enumerate(BUDGET)]
    framed(pen, 0, 0, [names, *rows], inner=turn % 2, strong=1)
    return [table(0, 0, names, "text integer text text", rows)]


def groups(pen: Pen, turn: int) -> list[TrueTable]:
    """One table: a heavy line before the second of two groups with the same names."""
    names = ("Region", "Units", "Sales", "Units", "Sales")
    rows = [(name, n, 2.5 * n, n + 4, 3.5 * n) for name, n in BUDGET]
    framed(pen, 0, 0, [names, *rows], inner=turn % 2, strong=2)
    found = table(0, 0, names, "text integer number integer number", rows)
    unique = ("Region", "Units", "Sales", "Units.1", "Sales.1")
    return [TrueTable(found.range, (1,), unique, found.kinds, (), found.rows)]


LAYOUTS: tuple[Callable[[Pen, int], list[TrueTable]], ...] = (
    different_ends, different_starts, same_names, line_before_totals, blank_remarks, groups,
)  # fmt: skip


def write_framed(path: Path, *, times: int = 4) -> list[Sheet]:
    """Write one workbook with every layout *times* over, and return what is true of it."""
    sheets = []
    with xlsxwriter.Workbook(path) as book:
        for layout in LAYOUTS:
            for turn in range(times):
                pen = Pen(book, f"{layout.__name__} {turn}")
                sheets.append(Sheet(pen.name, tuple(layout(pen, turn)), pen.name))
    return sheets
