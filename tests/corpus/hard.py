"""Labelled workbooks with what makes tables hard to see: sections, forms, sparse rows, odd totals."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range

from tests.corpus.layouts import Pen
from tests.corpus.truth import Sheet, TrueTable

Built = list[TrueTable]
Rows = list[tuple[Any, ...]]


def _write(pen: Pen, top: int, left: int, rows: Rows, codes: dict[int, str] | None = None) -> None:
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            pen.put(top + r, left + c, value, (codes or {}).get(c, ""))


def _table(
    area: str,
    header: tuple[int, ...],
    names: tuple[Any, ...],
    kinds: str,
    rows: Rows,
    totals: tuple[int, ...] = (),
) -> TrueTable:
    return TrueTable(area, header, names, tuple(kinds.split()), totals, tuple(rows))


def title_touches_groups(pen: Pen, turn: int) -> Built:
    """A title, a group row and a name row without any blank row between."""
    pen.put(0, 0, "Regional performance")
    pen.put(1, 1, "North")
    pen.put(1, 3, "South")
    pen.header(2, 0, ("Month", "Sales", "Cost", "Sales", "Cost"))
    rows: Rows = [
        (f"2024-{m:02d}", 10.5 * m, 7.25 * m, 11.75 * m + 1, 8.5 * m + 2) for m in range(1, 8)
    ]
    _write(pen, 3, 0, rows)
    names = ("Month", "North / Sales", "North / Cost", "South / Sales", "South / Cost")
    return [_table("A2:E10", (2, 3), names, "text number number number number", rows)]


def exported_index(pen: Pen, turn: int) -> Built:
    """An export with its row numbers in a column without a name."""
    rows: Rows = [(n, f"P{n:02d}x", 3.5 * n + 1, n % 2 == 0) for n in range(9)]
    pen.header(0, 1, ("sku", "price", "active"), bold=True)
    _write(pen, 1, 0, rows)
    return [
        _table(
            "A1:D10",
            (1,),
            ("Unnamed: 0", "sku", "price", "active"),
            "integer text number boolean",
            rows,
        )
    ]


def sections(pen: Pen, turn: int) -> Built:
    """Lines under headings that stand alone in their row, with totals by section."""
    pen.header(0, 0, ("Position", "Budget", "Actual"))
    row, rows, totals = 1, [], []
    for at, section in enumerate(("Income", "Expenses")):
        lines: Rows = [(section, None, None)]
        lines += [
            (
                f"{section} item {n}",
                round(310.4 + 77.3 * n * (at + 1), 2),
                round(290.1 + 81.9 * n * (at + 2), 2),
            )
            for n in range(4)
        ]
        _write(pen, row, 0, lines)
        row += len(lines)
        word = ("Total", "Sum of", "TOTAL")[turn % 3]
        _write(
            pen,
            row,
            0,
            [
                (
                    f"{word} {section}",
                    *(round(sum(line[c] or 0 for line in lines), 2) for c in (1, 2)),
                )
            ],
        )
        row += 1
        totals.append(row)
        rows += lines
    return [
        _table(
            xl_range(0, 0, row - 1, 2),
            (1,),
            ("Position", "Budget", "Actual"),
            "text number number",
            rows,
            tuple(totals),
        )
    ]


def form_then_table(pen: Pen, turn: int) -> Built:
    """A form without colons, then a table."""
    form: Rows = [
        ("Company", "ACME GmbH"),
        ("Fiscal year", 2024),
        ("Currency", "EUR"),
        ("Approved on", datetime.datetime(2024, 5, 3)),
        ("Tax rate", 0.19),
    ]
    _write(pen, 0, 0, form[: 3 + turn % 3])
    rows: Rows = [(f"Invoice {n}", datetime.datetime(2024, 1, 1 + n), 99.5 + n) for n in range(6)]
    pen.header(7, 0, ("Document", "Dated", "Net"))
    _write(pen, 8, 0, rows)
    return [_table("A8:C14", (8,), ("Document", "Dated", "Net"), "text date number", rows)]


def text_years(pen: Pen, turn: int) -> Built:
    """Years as text for names, and a total right below."""
    rows: Rows = [(f"Shop {c}", 120.5 + 31 * n, 80.25 + 17 * n * n) for n, c in enumerate("KLMNOP")]
    pen.header(0, 0, ("Shop", "2023", "2024"))
    _write(pen, 1, 0, rows)
    _write(pen, 7, 0, [("Total", *(sum(r[c] for r in rows) for c in (1, 2)))])
    return [_table("A1:C8", (1,), ("Shop", "2023", "2024"), "text number number", rows, (8,))]


def compact_pivot(pen: Pen, turn: int) -> Built:
    """A pivot table's values: row labels, column labels, grand totals."""
    pen.put(0, 0, "Sum of Sales")
    pen.put(0, 1, "Column Labels")
    pen.header(1, 0, ("Row Labels", "Lamp", "Desk", "Grand Total"))
    rows: Rows = [
        (c, 70.5 + n, 55.25 + 3 * n, 125.75 + 4 * n)
        for n, c in enumerate(("North", "South", "East", "West"))
    ]
    _write(pen, 2, 0, rows)
    _write(pen, 6, 0, [("Grand Total", *(sum(r[c] for r in rows) for c in (1, 2, 3)))])
    return [
        _table(
            "A2:D7",
            (2,),
            ("Row Labels", "Lamp", "Desk", "Grand Total"),
            "text number number number",
            rows,
            (7,),
        )
    ]


def all_text(pen: Pen, turn: int) -> Built:
    """Only texts, nothing bold."""
    rows: Rows = [
        ("Germany", "Berlin", "Europe"),
        ("Japan", "Tokyo", "Asia"),
        ("Kenya", "Nairobi", "Africa"),
        ("Peru", "Lima", "America"),
        ("Italy", "Rome", "Europe"),
    ]
    pen.header(turn % 2 * 2, 0, ("Country", "Capital", "Continent"))
    if turn % 2:
        pen.put(0, 0, "List of countries")
    _write(pen, turn % 2 * 2 + 1, 0, rows)
    top = turn % 2 * 2
    return [
        _table(
            xl_range(top, 0, top + 5, 2),
            (top + 1,),
            ("Country", "Capital", "Continent"),
            "text text text",
            rows,
        )
    ]


def stacked_bare(pen: Pen, turn: int) -> Built:
    """Two tables below each other with a blank row and no titles."""
    a: Rows = [(f"A{n}", 5 + n, 2.5 * n + 1) for n in range(5)]
    b: Rows = [
        (f"Depot {c}", datetime.datetime(2024, 2, 1 + n), f"{n * 31 + 7:05d}")
        for n, c in enumerate("VWXYZ")
    ]
    pen.header(0, 0, ("Article", "Pieces", "Weight"))
    _write(pen, 1, 0, a)
    pen.header(7, 0, ("Depot", "Opened", "Number"))
    _write(pen, 8, 0, b)
    return [
        _table("A1:C6", (1,), ("Article", "Pieces", "Weight"), "text integer number", a),
        _table("A8:C13", (8,), ("Depot", "Opened", "Number"), "text date identifier", b),
    ]


def offset_neighbours(pen: Pen, turn: int) -> Built:
    """Two tables beside each other that begin in different rows."""
    a: Rows = [(f"K{n}", 1.5 * n + 2) for n in range(9)]
    b: Rows = [(f"Rate {c}", 0.02 * n + 0.01, 7 + n) for n, c in enumerate("ABCD")]
    pen.header(0, 0, ("Key", "Value"))
    _write(pen, 1, 0, a)
    pen.header(3, 3, ("Band", "Rate", "Days"))
    _write(pen, 4, 3, b, {1: "0.0%"})
    return [
        _table("A1:B10", (1,), ("Key", "Value"), "text number", a),
        _table("D4:F8", (4,), ("Band", "Rate", "Days"), "text percent integer", b),
    ]


def label_in_second_column(pen: Pen, turn: int) -> Built:
    """Totals named in the second column, with a currency or a colon behind the word."""
    word = ("Total EUR", "Total:", "Sum total", "  TOTAL")[turn % 4]
    rows: Rows = [(f"{7000 + n}", f"Cost type {n}", 412.75 + 19.3 * n) for n in range(8)]
    pen.header(0, 0, ("Account", "Text", "Amount"))
    _write(pen, 1, 0, rows)
    _write(pen, 9, 0, [(None, word, round(sum(r[2] for r in rows), 2))])
    return [
        _table("A1:C10", (1,), ("Account", "Text", "Amount"), "identifier text number", rows, (10,))
    ]


def empty_template(pen: Pen, turn: int) -> Built:
    """A header with nothing below it yet."""
    names = ("Date", "Cost center", "Amount", "Remark", "Approved by")
    pen.put(0, 0, "Journal entries: please fill in")
    pen.header(2, 0, names, bold=True)
    return [TrueTable("A3:E3", (3,), names, ("empty",) * 5)]


def mixed_years(pen: Pen, turn: int) -> Built:
    """Years as names, then a change in percent and a remark."""
    names = ("Line", 2022, 2023, "Change", "Remark")
    rows: Rows = [
        (f"Line {c}", 100.5 + n, 110.25 + 2 * n, 0.0925 + n / 100, "new" if n == 2 else None)
        for n, c in enumerate("ABCDEFG")
    ]
    pen.header(1, 0, names)
    _write(pen, 2, 0, rows, {3: "0.0%"})
    pen.put(0, 0, "in kEUR")
    return [_table("A2:E9", (2,), names, "text number number percent text", rows)]


def paged_report(pen: Pen, turn: int) -> Built:
    """A printed report: the header again after each page, opening balances as rows."""
    names = ("Posted", "Voucher", "Amount", "Balance")
    rows, balance = [], 500.0
    for n in range(10):
        balance += 12.5 * (n + 1)
        rows.append((datetime.datetime(2024, 6, 1 + n), f"V-{n:04d}", 12.5 * (n + 1), balance))
    pen.put(0, 0, "Ledger account 1200")
    pen.header(1, 0, names)
    _write(pen, 2, 0, rows[:5])
    pen.header(7, 0, names)
    _write(pen, 8, 0, rows[5:])
    return [_table("A2:D13", (2,), names, "date text number number", rows)]


def stamps(pen: Pen, turn: int) -> Built:
    """Times of day, ISO stamps as text, whole numbers with blanks."""
    days = [datetime.datetime(2024, 3, 1 + n, 8, 30 + n) for n in range(8)]
    rows: Rows = [(f"Job {n}", d, n * 3 if n % 3 else None) for n, d in enumerate(days)]
    pen.header(0, 0, ("Job", "Started", "Errors"))
    for n, (job, started, errors) in enumerate(rows):
        pen.put(1 + n, 0, job)
        pen.put(1 + n, 1, started.isoformat(" "))
        pen.put(1 + n, 2, errors)
    return [_table("A1:C9", (1,), ("Job", "Started", "Errors"), "text date integer", rows)]


def wide_gap_total(pen: Pen, turn: int) -> Built:
    """Consolidation: entities as columns, eliminations, a sum column; totals in the middle."""
    names = ("Position", "DE", "FR", "Elim.", "Group")
    lines = (
        ("Sales", 500.5, 310.25, -60.0),
        ("Other income", 20.5, 11.0, 0.0),
        ("Total income", 521.0, 321.25, -60.0),
        ("Material", 210.1, 99.4, -60.0),
        ("Staff", 150.2, 88.8, 0.0),
        ("Total expenses", 360.3, 188.2, -60.0),
    )
    pen.header(2, 0, names)
    every: Rows = [(*line, round(sum(line[1:]), 2)) for line in lines]
    _write(pen, 3, 0, every)
    pen.put(0, 0, "Consolidation 2024")
    return [
        _table(
            "A3:E9",
            (3,),
            names,
            "text number number integer number",
            [r for n, r in enumerate(every) if n not in (2, 5)],
            (6, 9),
        )
    ]


def no_totals_here(pen: Pen, turn: int) -> Built:
    """Running sums, constants and small numbers that add up by chance are no totals."""
    rows: Rows = [(f"Step {n}", n + 1, 2 * (n + 1), 50) for n in range(10)]
    pen.header(0, 0, ("Step", "Count", "Double", "Fixed"))
    _write(pen, 1, 0, rows)
    return [
        _table(
            "A1:D11",
            (1,),
            ("Step", "Count", "Double", "Fixed"),
            "text integer integer integer",
            rows,
        )
    ]


def long_texts(pen: Pen, turn: int) -> Built:
    """Sentences in a column, line breaks in cells, a last row with little in it."""
    rows: Rows = [
        (
            n,
            f"Finding {n}",
            f"The control was not carried out in period {n}.\nSee working paper {n * 3}.",
            "open" if n % 2 else "closed",
        )
        for n in range(1, 7)
    ]
    rows.append((7, "Finding 7", None, None))
    pen.header(0, 0, ("No.", "Title", "Description", "Status"))
    _write(pen, 1, 0, rows)
    return [
        _table(
            "A1:D8", (1,), ("No.", "Title", "Description", "Status"), "integer text text text", rows
        )
    ]


def invoice(pen: Pen, turn: int) -> Built:
    """Addresses on the left, facts on the right, positions, and totals in the last columns."""
    _write(
        pen,
        0,
        0,
        [
            ("ACME Ltd", None, None, "INVOICE"),
            ("Street 1", None, None, "No.", "2024-17"),
            ("City",),
        ],
    )
    pen.put(2, 3, "Date:")
    pen.put(2, 4, datetime.datetime(2024, 5, 1))
    rows: Rows = [
        (n + 1, f"Item {c}", 2 + n, 10.5 + n, (2 + n) * (10.5 + n)) for n, c in enumerate("XYZ")
    ]
    pen.header(4, 0, ("Pos", "Description", "Qty", "Price", "Amount"))
    _write(pen, 5, 0, rows)
    _write(pen, 9, 3, [("Subtotal", 89.0), ("VAT 19%", 16.91), ("To pay", 105.91)])
    kinds = "integer text integer number number"
    return [_table("A5:E8", (5,), ("Pos", "Description", "Qty", "Price", "Amount"), kinds, rows)]


def stars(pen: Pen, turn: int) -> Built:
    """A list from SAP: a first column without a name that marks sums with stars, texts throughout."""
    names = ("Unnamed: 0", "CoCode", "Account", "Amount in LC")
    lines: Rows = [
        (None, "1000", "0000400100", "1.250,00-"), (None, "1000", "0000400100", "2.000,00"),
        ("*", None, "0000400100", "750,00"), (None, "1000", "0000400200", "10,50"),
        (None, "1000", "0000400200", "20,00"), ("*", None, "0000400200", "30,50"), ("**", None, None, "780,50"),
    ]  # fmt: skip
    pen.header(0, 1, names[1:])
    _write(pen, 1, 0, lines)
    amounts = {1: -1250.0, 2: 2000.0, 4: 10.5, 5: 20.0}
    rows = [(*lines[at - 1][:3], amount) for at, amount in amounts.items()]
    return [_table("A1:D8", (1,), names, "empty identifier identifier number", rows, (4, 7, 8))]


def flags_over_months(pen: Pen, turn: int) -> Built:
    """Actual or forecast written over each month-end, sections, sums by formula."""
    ends = [datetime.datetime(2024, m + 1, 1) - datetime.timedelta(days=1) for m in range(1, 5)]
    pen.put(0, 0, "Cash flow forecast")
    pen.header(2, 1, ("Actual", "Actual", "Forecast", "Forecast"))
    pen.header(3, 0, ("Line", *ends))
    rows: Rows = [("Receipts", *[None] * 4)]
    rows += [
        (f"  Customer {c}", *(round(100.5 + 7.3 * n + 3.1 * m, 2) for m in range(4)))
        for n, c in enumerate("AB")
    ]
    _write(pen, 4, 0, rows)
    pen.put(7, 0, "Total receipts")
    for column in range(1, 5):
        letter = "ABCDE"[column]
        total = round(sum(row[column] or 0 for row in rows), 2)
        pen.sheet.write_formula(7, column, f"=SUM({letter}6:{letter}7)", None, total)
    flags = ("Actual", "Actual", "Forecast", "Forecast")
    names = ("Line", *(f"{flag} / {end.date()}" for flag, end in zip(flags, ends, strict=True)))
    return [_table("A3:E8", (3, 4), names, "text number number number number", rows, (8,))]


def survey(pen: Pen, turn: int) -> Built:
    """Long questions over short answers."""
    names = (
        "Respondent",
        "How satisfied are you with the speed of the month-end close in your entity?",
        "Would you recommend the planning system to your colleagues in the group?",
    )
    rows: Rows = [
        (f"R{n}", ("Very", "Not", "OK")[n % 3], ("Yes", "No")[n % 2]) for n in range(1, 8)
    ]
    pen.header(0, 0, names)
    _write(pen, 1, 0, rows)
    return [_table("A1:C8", (1,), names, "text text text", rows)]


LAYOUTS: tuple[Callable[[Pen, int], Built], ...] = (
    title_touches_groups, exported_index, sections, form_then_table, text_years, compact_pivot,
    all_text, stacked_bare, offset_neighbours, label_in_second_column, empty_template, mixed_years,
    paged_report, stamps, wide_gap_total, no_totals_here, long_texts,
)  # fmt: skip
SEEN: tuple[Callable[[Pen, int], Built], ...] = (invoice, stars, flags_over_months, survey)
"""Layouts whose first profiles had faults that were mended then."""


def write_seen(path: Any) -> list[Sheet]:
    """Write one workbook with the layouts of `SEEN`, and return what is true of it."""
    return write_hard(path, times=1, layouts=SEEN)


def write_hard(
    path: Any, *, times: int = 4, layouts: tuple[Callable[[Pen, int], Built], ...] = LAYOUTS
) -> list[Sheet]:
    """Write one workbook with every layout *times* over, and return what is true of it."""
    sheets = []
    with xlsxwriter.Workbook(path) as book:
        for layout in layouts:
            for turn in range(times):
                pen = Pen(book, f"{layout.__name__[:26]} {turn}")
                sheets.append(Sheet(pen.name, tuple(layout(pen, turn)), pen.name))
    return sheets
