"""Labelled workbooks that the detector was not fitted to: written after it, to judge it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range

from tests.corpus.layouts import Pen
from tests.corpus.truth import Sheet, TrueTable

Built = list[TrueTable]


def _write(
    pen: Pen, top: int, left: int, rows: list[tuple[Any, ...]], codes: dict[int, str] | None = None
) -> None:
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            pen.put(top + r, left + c, value, (codes or {}).get(c, ""))


def trial_balance(pen: Pen, turn: int) -> Built:
    """Company, period, a blank row, two header rows with debit and credit, totals, a check line."""
    start = turn % 2
    pen.put(start, 0, "ACME Trading Ltd")
    pen.put(start + 1, 0, "Trial balance as at 31 March 2024")
    top = start + 3
    pen.put(top, 0, "Account")
    pen.put(top, 1, "Description")
    pen.sheet.merge_range(top, 2, top, 3, "Balance")
    pen.header(top + 1, 2, ("Debit", "Credit"))
    names = [
        "Cash",
        "Receivables",
        "Inventory",
        "Payables",
        "Share capital",
        "Sales",
        "Wages",
        "Rent",
    ]
    debit = [1200.5, 5300.25, 2110.0, None, None, None, 4100.75, 990.1]
    credit = [None, None, None, 2500.6, 6000.0, 5201.0, None, None]
    rows = [
        (f"{1000 + 10 * n:04d}", name, d, c)
        for n, (name, d, c) in enumerate(zip(names, debit, credit, strict=True))
    ]
    _write(pen, top + 2, 0, rows)
    end = top + 2 + len(rows)
    _write(pen, end, 0, [(None, "Total", sum(d or 0 for d in debit), sum(c or 0 for c in credit))])
    return [
        TrueTable(
            xl_range(top, 0, end, 3),
            (top + 1, top + 2),
            ("Account", "Description", "Balance / Debit", "Balance / Credit"),
            ("identifier", "text", "number", "number"),
            (end + 1,),
            tuple(rows),
        )
    ]


def income_statement(pen: Pen, turn: int) -> Built:
    """Lines with named subtotals that are sums and one that is a difference."""
    years = (2022, 2023) if turn % 2 else ("FY22", "FY23")
    pen.put(0, 0, "Income statement (in thousands)")
    pen.header(2, 0, ("", *years) if turn % 3 == 0 else ("Line", *years), bold=True)
    rows = [
        ("Product revenue", 812.4, 903.1), ("Service revenue", 233.7, 280.9), ("Total revenue", 1046.1, 1184.0),
        ("Materials", 401.3, 440.2), ("Personnel", 288.8, 301.7), ("Rent", 60.2, 61.4), ("Total costs", 750.3, 803.3),
        ("Operating profit", 295.8, 380.7),
    ]  # fmt: skip
    for at, row in enumerate(rows):
        _write(pen, 3 + at, 0, [row])
    data = tuple(r for at, r in enumerate(rows) if at not in (2, 6))
    first = "Unnamed: 0" if turn % 3 == 0 else "Line"
    return [
        TrueTable(
            xl_range(2, 0, 10, 2),
            (3,),
            (first, *years),
            ("text", "number", "number"),
            (6, 10),
            data,
        )
    ]


def aging(pen: Pen, turn: int) -> Built:
    """Buckets such as 0-30 as names, customers with ids, percent row below the total."""
    buckets = ("0-30", "31-60", "61-90", ">90")
    top = 1 + turn % 3
    if top > 1:
        pen.put(0, 0, "Aging report")
    pen.header(top, 0, ("Customer no.", "Customer", *buckets, "Total"))
    rows = []
    for n in range(9):
        values = [round(120.15 * (n + 1) * (b + 1) % 977, 2) for b in range(4)]
        rows.append(
            (
                f"{70_000 + n * 13:06d}",
                f"Customer {chr(65 + n)} Ltd",
                *values,
                round(sum(values), 2),
            )
        )
    _write(pen, top + 1, 0, rows)
    end = top + 1 + len(rows)
    _write(
        pen, end, 0, [("Total", None, *(round(sum(r[c] for r in rows), 2) for c in range(2, 7)))]
    )
    return [
        TrueTable(
            xl_range(top, 0, end, 6),
            (top + 1,),
            ("Customer no.", "Customer", *buckets, "Total"),
            ("identifier", "text", *["number"] * 5),
            (end + 1,),
            tuple(rows),
        )
    ]


def bank_statement(pen: Pen, turn: int) -> Built:
    """Key and value lines, opening balance as a fact, amounts in two columns with blanks."""
    facts = [
        ("IBAN", "DE89 3704 0044 0532 0130 00"),
        ("Currency", "EUR"),
        ("Opening balance", 1234.56),
        ("From", datetime.datetime(2024, 1, 1)),
    ]
    _write(pen, 0, 0, facts[: 2 + turn % 3])
    top = 6
    pen.header(top, 0, ("Value date", "Text", "Debit", "Credit", "Balance"))
    rows, balance = [], 1234.56
    for n in range(12):
        money = round(37.41 * (n + 2), 2)
        out = n % 3 != 0
        balance = round(balance + (-money if out else money), 2)
        rows.append(
            (
                datetime.datetime(2024, 1, 2) + datetime.timedelta(days=2 * n),
                f"Payment ref {n * 7919 % 1000}",
                money if out else None,
                None if out else money,
                balance,
            )
        )
    _write(pen, top + 1, 0, rows, {0: "dd/mm/yyyy"})
    pen.put(top + 14, 0, "End of statement")
    return [
        TrueTable(
            xl_range(top, 0, top + 12, 4),
            (top + 1,),
            ("Value date", "Text", "Debit", "Credit", "Balance"),
            ("date", "text", "number", "number", "number"),
            (),
            tuple(rows),
        )
    ]


def headcount(pen: Pen, turn: int) -> Built:
    """Three header rows: year, quarter, measure."""
    pen.sheet.merge_range(0, 1, 0, 4, "2023")
    pen.sheet.merge_range(0, 5, 0, 8, "2024")
    for year in range(2):
        for quarter in range(2):
            pen.sheet.merge_range(
                1, 1 + 4 * year + 2 * quarter, 1, 2 + 4 * year + 2 * quarter, f"Q{quarter + 1}"
            )
    pen.put(2, 0, "Department")
    pen.header(2, 1, ("FTE", "Cost") * 4)
    rows = [
        (d, *(round(3.5 + n * 2.25 + c * 11.5, 2) for c in range(8)))
        for n, d in enumerate(("Sales", "IT", "Finance", "Legal", "HR"))
    ]
    _write(pen, 3, 0, rows)
    names = (
        "Department",
        *(f"{y} / Q{q} / {m}" for y in (2023, 2024) for q in (1, 2) for m in ("FTE", "Cost")),
    )
    return [
        TrueTable(
            xl_range(0, 0, 7, 8), (1, 2, 3), names, ("text", *["number"] * 8), (), tuple(rows)
        )
    ]


def three_across(pen: Pen, turn: int) -> Built:
    """Three small tables beside each other, of different lengths, under one title."""
    pen.put(0, 0, "Reference data")
    out = []
    for at, (names, kinds, rows) in enumerate((
        (("Code", "Currency"), ("text", "text"), [("EUR", "Euro"), ("USD", "US dollar"), ("CHF", "Swiss franc"), ("GBP", "Pound")]),
        (("Month", "Rate"), ("date", "number"), [(datetime.datetime(2024, m, 1), 1.05 + m / 100) for m in range(1, 8)]),
        (("Plant", "City", "Capacity"), ("identifier", "text", "integer"), [(f"{n:04d}", c, 100 * n + 15) for n, c in enumerate(("Lyon", "Graz", "Turin", "Porto", "Oslo"), 1)]),
    )):  # fmt: skip
        left = (0, 3, 6)[at] + (at * (turn % 2))
        pen.header(2, left, names)
        _write(pen, 3, left, rows)
        out.append(
            TrueTable(
                xl_range(2, left, 2 + len(rows), left + len(names) - 1),
                (3,),
                names,
                kinds,
                (),
                tuple(rows),
            )
        )
    return out


def cost_centers(pen: Pen, turn: int) -> Built:
    """Nested groups: subtotals of subtotals with words in front, a grand total, sparse labels."""
    words = (
        ("Total", "Grand total"),
        ("Summe", "Gesamt"),
        ("Suma", "Razem"),
        ("Totale", "Totale generale"),
    )[turn % 4]
    pen.header(0, 0, ("Area", "Cost center", "Budget", "Spent"))
    row, marks, data, everything = 1, [], [], []
    for area in ("Production", "Sales", "Administration"):
        group = []
        for n in range(4):
            group.append(
                (
                    area if n == 0 else None,
                    f"CC {len(data) + n + 100}",
                    round(900.4 + 311.7 * (len(data) + n) % 613, 2),
                    round(720.9 + 211.3 * (len(data) + n) % 509, 2),
                )
            )
        _write(pen, row, 0, group)
        row += len(group)
        _write(
            pen,
            row,
            0,
            [
                (
                    f"{words[0]} {area}",
                    None,
                    round(sum(g[2] for g in group), 2),
                    round(sum(g[3] for g in group), 2),
                )
            ],
        )
        row += 1
        marks.append(row)
        data += group
        everything += group
    _write(
        pen,
        row,
        0,
        [
            (
                words[1],
                None,
                round(sum(g[2] for g in everything), 2),
                round(sum(g[3] for g in everything), 2),
            )
        ],
    )
    return [
        TrueTable(
            xl_range(0, 0, row, 3),
            (1,),
            ("Area", "Cost center", "Budget", "Spent"),
            ("text", "text", "number", "number"),
            (*marks, row + 1),
            tuple(data),
        )
    ]


def vendors_named_total(pen: Pen, turn: int) -> Built:
    """Vendors and texts that begin or end with a word for total, and are none."""
    names = (
        "Total Energies SE",
        "Summit Ltd",
        "Sumitomo",
        "Grand Hotel",
        "Total Wine & More",
        "Subtotal Systems",
        "Gesamtverband Metall",
        "Acme Total",
    )
    pen.header(turn % 3, 0, ("Vendor", "Invoice", "Net"))
    rows = [
        (name, f"INV-{n:05d}", round(200.35 + 57.15 * n * n, 2)) for n, name in enumerate(names)
    ]
    _write(pen, turn % 3 + 1, 0, rows)
    return [
        TrueTable(
            xl_range(turn % 3, 0, turn % 3 + 8, 2),
            (turn % 3 + 1,),
            ("Vendor", "Invoice", "Net"),
            ("text", "text", "number"),
            (),
            tuple(rows),
        )
    ]


def weeks(pen: Pen, turn: int) -> Built:
    """Running numbers as names: weeks 1 to 13 or days 1 to 31 above numbers."""
    count = 13 if turn % 2 else 31
    pen.header(0, 0, ("Shift", *range(1, count + 1)))
    rows = [
        (f"{s} shift", *((41 * n + 17 * w * w) % 97 for w in range(count)))
        for n, s in enumerate(("Early", "Late", "Night", "Relief"))
    ]
    _write(pen, 1, 0, rows)
    return [
        TrueTable(
            xl_range(0, 0, 4, count),
            (1,),
            ("Shift", *range(1, count + 1)),
            ("text", *["integer"] * count),
            (),
            tuple(rows),
        )
    ]


def employees(pen: Pen, turn: int) -> Built:
    """Mostly text: names, e-mail, phone with plus, zip codes, entry dates, part time percent."""
    names = ("Employee", "E-mail", "Phone", "Zip", "Entry", "Part time", "Active")
    pen.header(1, 1, names, bold=bool(turn % 2))
    rows = [
        (
            f"{a} {b}",
            f"{a.lower()}@example.com",
            f"+49 30 {10_000 + 731 * n}",
            f"{1000 + 997 * n:05d}",
            datetime.datetime(2015 + n, 1 + n, 15),
            (50 + 5 * n) / 100,
            n % 2 == 0,
        )
        for n, (a, b) in enumerate(
            (
                ("Ada", "Byron"),
                ("Carl", "Gauß"),
                ("Emmy", "Noether"),
                ("Alan", "Turing"),
                ("Sofia", "Kowalewskaja"),
                ("Leonhard", "Euler"),
            )
        )
    ]
    _write(pen, 2, 1, rows, {5: "0%"})
    return [
        TrueTable(
            xl_range(1, 1, 7, 7),
            (2,),
            names,
            ("text", "text", "text", "identifier", "date", "percent", "boolean"),
            (),
            tuple(rows),
        )
    ]


def price_list(pen: Pen, turn: int) -> Built:
    """A currency in the format of each column, a discount, a stray remark in a number column."""
    names = ("SKU", "Description", "List", "Net", "Discount", "Stock")
    pen.header(0, 0, names)
    rows = [
        (
            f"A-{n:03d}",
            f"Valve DN{15 + 5 * n}",
            19.9 + 7.35 * n,
            15.5 + 6.1 * n,
            0.05 * (n % 4),
            10 * n,
        )
        for n in range(16)
    ]
    _write(
        pen,
        1,
        0,
        rows,
        {
            2: "[$$-409]#,##0.00",
            3: "#,##0.00\\ [$kr-414]" if turn % 2 else "[$£-809]#,##0.00",
            4: "0%",
        },
    )
    pen.put(3, 5, "n/a")
    data = [(*r[:5], None) if at == 2 else r for at, r in enumerate(rows)]
    return [
        TrueTable(
            xl_range(0, 0, 16, 5),
            (1,),
            names,
            ("text", "text", "currency", "currency", "percent", "integer"),
            (),
            tuple(data),
        )
    ]


def notes_between(pen: Pen, turn: int) -> Built:
    """Two stacked tables with a paragraph between them and footnotes below each."""
    a = [(f"Fund {c}", 1000.5 + 3 * n, 0.01 * n) for n, c in enumerate("ABCDE")]
    pen.header(0, 0, ("Fund", "NAV", "Return"))
    _write(pen, 1, 0, a, {2: "0.00%"})
    pen.put(6, 0, "* NAV before fees")
    pen.put(
        8,
        0,
        "The second table lists the fees that were charged to each of the funds in the period.",
    )
    b = [(f"Fund {c}", datetime.datetime(2024, 3, 28), 12.25 + n) for n, c in enumerate("ABC")]
    pen.header(10, 0, ("Fund", "Charged", "Fee"))
    _write(pen, 11, 0, b)
    pen.put(15, 0, "Note: fees are unaudited")
    return [
        TrueTable(
            xl_range(0, 0, 5, 2),
            (1,),
            ("Fund", "NAV", "Return"),
            ("text", "number", "percent"),
            (),
            tuple(a),
        ),
        TrueTable(
            xl_range(10, 0, 13, 2),
            (11,),
            ("Fund", "Charged", "Fee"),
            ("text", "date", "number"),
            (),
            tuple(b),
        ),
    ]


def month_ends(pen: Pen, turn: int) -> Built:
    """Actual and forecast over month-ends: dates in the second header row."""
    ends = [datetime.datetime(2024, m + 1, 1) - datetime.timedelta(days=1) for m in range(1, 7)]
    pen.sheet.merge_range(0, 2, 0, 4, "Actual")
    pen.sheet.merge_range(0, 5, 0, 7, "Forecast")
    pen.header(1, 0, ("Entity", "Line", *ends))
    rows = [
        (e, line, *(round(50.5 + 31.7 * n + 13.3 * m, 2) for m in range(6)))
        for n, (e, line) in enumerate(
            (e, x) for e in ("DE01", "FR02", "PL03") for x in ("Revenue", "Margin")
        )
    ]
    _write(pen, 2, 0, rows)
    names = (
        "Entity",
        "Line",
        *(f"{'Actual' if m < 3 else 'Forecast'} / {d.date()}" for m, d in enumerate(ends)),
    )
    return [
        TrueTable(
            xl_range(0, 0, 7, 7), (1, 2), names, ("text", "text", *["number"] * 6), (), tuple(rows)
        )
    ]


def dashboard(pen: Pen, turn: int) -> Built:
    """Key figures on the left as labels and values, a table on the right."""
    _write(
        pen,
        1,
        0,
        [
            ("Revenue:", 1_234_000),
            ("Margin:", 0.23),
            ("Updated:", datetime.datetime(2024, 5, 2)),
            ("Owner:", "Controlling"),
        ],
    )
    rows = [(f"Team {c}", 5 + n, 81.5 + 2.25 * n) for n, c in enumerate("PQRSTU")]
    pen.header(1, 4, ("Team", "Heads", "Score"))
    _write(pen, 2, 4, rows)
    return [
        TrueTable(
            xl_range(1, 4, 7, 6),
            (2,),
            ("Team", "Heads", "Score"),
            ("text", "integer", "number"),
            (),
            tuple(rows),
        )
    ]


def spaced(pen: Pen, turn: int) -> Built:
    """A blank spacer column before the figures, as printed reports have it."""
    pen.header(2, 0, ("Plant", "Line"))
    pen.header(2, 3, ("Output", "Scrap"))
    rows = [(f"Plant {1 + n // 4}", f"L{n}", None, 900.5 + 13 * n, 3.25 + n / 4) for n in range(12)]
    _write(pen, 3, 0, rows)
    return [
        TrueTable(
            xl_range(2, 0, 14, 4),
            (3,),
            ("Plant", "Line", "Unnamed: 2", "Output", "Scrap"),
            ("text", "text", "empty", "number", "number"),
            (),
            tuple(rows),
        )
    ]


def loose_total(pen: Pen, turn: int) -> Built:
    """The total two rows below, with another word, beside its number only."""
    word = ("TOTAL:", "Celkem", "итого", "합계")[turn % 4]
    pen.header(0, 0, ("Item", "Qty", "Amount"))
    rows = [(f"Part {n * 37 % 91}", 3 + n, round(41.35 + 17.8 * n, 2)) for n in range(10)]
    _write(pen, 1, 0, rows)
    pen.put(12, 1, word)
    pen.put(12, 2, round(sum(r[2] for r in rows), 2))
    return [
        TrueTable(
            xl_range(0, 0, 12, 2),
            (1,),
            ("Item", "Qty", "Amount"),
            ("text", "integer", "number"),
            (13,),
            tuple(rows),
        )
    ]


LAYOUTS: tuple[Callable[[Pen, int], Built], ...] = (
    trial_balance, income_statement, aging, bank_statement, headcount, three_across, cost_centers,
    vendors_named_total, weeks, employees, price_list, notes_between, month_ends, dashboard, spaced,
    loose_total,
)  # fmt: skip


def write_holdout(path: Any, *, times: int = 4) -> list[Sheet]:
    """Write one workbook with every layout *times* over, and return what is true of it."""
    sheets = []
    with xlsxwriter.Workbook(path) as book:
        for layout in LAYOUTS:
            for turn in range(times):
                pen = Pen(book, f"{layout.__name__[:26]} {turn}")
                sheets.append(Sheet(pen.name, tuple(layout(pen, turn)), pen.name))
    return sheets
