"""Tasks that read, filter, join, pivot and stack tables."""

from __future__ import annotations

import datetime
import random
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook

from benchmarks.prompts.checks import parameter, ran, rows, says
from benchmarks.prompts.task import USE_RECIPE, answer, code, one, printed, recipe, rule
from tests.corpus import orders as corpus

PARAMETERS = rule("Pass such constants as `parameters`")
TOTALS_OUT = rule("leave out totals rows")
TEXT_DATES = rule("turn dates and numbers kept as text into real ones")
ORDERS = corpus.orders(7, datetime.date(2025, 1, 1), 150)
QUARTERS = [
    corpus.orders(20 + n, datetime.date(2025, 3 * n + 1, 1), 40 + n) for n in range(3)
]
REVENUE = '["Revenue"] = frame["Quantity"] * frame["Price"]'


def saved(path: Path, lines: Sequence[Sequence[object]], title: str = "Sheet1") -> Path:
    """Write *lines* as a workbook of one sheet."""
    book = Workbook()
    book.active.title = title
    for line in lines:
        book.active.append(list(line))
    book.save(path)
    return path


def _orders(directory: Path) -> list[Path]:
    return [corpus.save(directory / "orders.xlsx", ORDERS, "Orders 2025")]


def _quarters(directory: Path) -> list[Path]:
    return [
        corpus.save(directory / f"sales_q{n}.xlsx", made, f"Q{n} 2025")
        for n, made in enumerate(QUARTERS, 1)
    ]


def _sums(*names: str) -> dict[tuple[str, ...], Decimal]:
    sums: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in ORDERS:
        sums[tuple(getattr(row, name) for name in names)] += row.revenue
    return dict(sums)


READ = (USE_RECIPE, recipe("orders.xlsx"))
LARGE = [row for row in ORDERS if row.revenue > 1000]
ALL = [row for quarter in QUARTERS for row in quarter]
READ_QUARTERS = (USE_RECIPE, *(recipe(f"sales_q{n}.xlsx", f"q{n}") for n in (1, 2, 3)))
STACKED = (
    "frames = []",
    *(f"⟦q{n}⟧\nframes.append(frame)" for n in (1, 2, 3)),
    "stacked = pd.concat(frames, ignore_index=True)",
)
SAVED = rule("write every file you produce to `outputs/`")

FILTER = one(
    "filter above a limit",
    files=_orders,
    request="Keep the orders with revenue (Quantity x Price) above 1000 in large_orders.xlsx, "
    "with the columns as they are and Revenue; how many are there and what is their revenue?",
    replies=(
        code(
            "⟦recipe⟧",
            f"frame{REVENUE}",
            'large = frame[frame["Revenue"] > min_revenue]',
            'large.to_excel("outputs/large_orders.xlsx", index=False)',
            'print("rows", len(large))',
            'print("revenue", round(large["Revenue"].sum(), 2))',
            min_revenue=1000,
            knows=(*READ, PARAMETERS, SAVED),
        ),
        answer(
            "⟦rows⟧ orders are above 1,000; their revenue is ⟦revenue⟧. They are in "
            "outputs/large_orders.xlsx.",
            printed("rows", "rows"),
            printed("revenue", "revenue"),
        ),
    ),
    right=(
        says(len(LARGE), sum(row.revenue for row in LARGE)),
        parameter(1000),
        rows(
            "large_orders.xlsx",
            (*corpus.COLUMNS, "Revenue"),
            [
                (r.date, r.product, r.quantity, r.price, r.customer, r.region, r.revenue)
                for r in LARGE
            ],
        ),
    ),
)

PIVOT = one(
    "pivot by region and product",
    files=_orders,
    request="Make a pivot of revenue (Quantity x Price): regions down, products across, a last "
    "column Total, in pivot.xlsx.",
    replies=(
        code(
            "⟦recipe⟧",
            f"frame{REVENUE}",
            'pivot = frame.pivot_table(index="Region", columns="Product", values="Revenue",',
            '    aggfunc="sum", fill_value=0)',
            'pivot["Total"] = pivot.sum(axis=1)',
            'pivot.round(2).to_excel("outputs/pivot.xlsx")',
            'print("total", round(pivot["Total"].sum(), 2))',
            knows=READ,
        ),
        answer("The pivot is in outputs/pivot.xlsx; all is ⟦value⟧.", printed("total")),
    ),
    right=(
        says(sum(row.revenue for row in ORDERS)),
        rows(
            "pivot.xlsx",
            ("Region", *sorted(corpus.PRODUCTS), "Total"),
            [
                (
                    region,
                    *(_sums("region", "product").get((region, p), 0) for p in sorted(corpus.PRODUCTS)),
                    _sums("region")[region,],
                )
                for region in corpus.REGIONS
            ],
        ),
    ),
)

UNIQUE = one(
    "customers typed in several ways",
    files=_quarters,
    request="How many different customers do the three quarters have together? The same name in "
    "capitals or with a blank behind is the same customer.",
    replies=(
        code(
            *STACKED,
            'print("customers", stacked["Customer"].str.strip().str.casefold().nunique())',
            knows=READ_QUARTERS,
        ),
        answer("There are ⟦value⟧ different customers.", printed("customers")),
    ),
    right=(says(len({row.customer.strip().casefold() for row in ALL})),),
)

STACK = one(
    "stack and sort by date",
    files=_quarters,
    request="Stack the three quarters and sort them by date, into year.xlsx. How many rows, and "
    "what quantity in all?",
    replies=(
        code(
            *STACKED,
            'stacked = stacked.sort_values("Date", kind="stable", ignore_index=True)',
            'stacked.to_excel("outputs/year.xlsx", index=False)',
            'print("rows", len(stacked))',
            'print("quantity", stacked["Quantity"].sum())',
            knows=READ_QUARTERS,
        ),
        answer(
            "outputs/year.xlsx has ⟦rows⟧ rows; the quantity is ⟦quantity⟧.",
            printed("rows", "rows"),
            printed("quantity", "quantity"),
        ),
    ),
    right=(
        says(len(ALL), sum(row.quantity for row in ALL)),
        rows(
            "year.xlsx",
            ("Date", "Quantity", "Region"),
            [(r.date, r.quantity, r.region) for r in sorted(ALL, key=lambda row: row.date)],
            ordered=True,
        ),
    ),
)

SHIPPED = [("Austria", 41, 10.5), ("Brazil", 17, 20.25), ("Chile", 29, 31.0)]
RETURNED = [("Austria", 4, 10.5), ("Chile", 6, 31.0)]
CONSOLIDATE = one(
    "consolidate different structures",
    files=lambda d: [
        saved(
            d / "shipped.xlsx",
            [["Shipments"], [], ["Country", "Qty", "Unit price"], *SHIPPED, ["Total", 87, None]],
        ),
        saved(
            d / "returned.xlsx",
            [["Price (EUR)", "Quantity", "Land"], *[(p, q, c) for c, q, p in RETURNED]],
        ),
    ],
    request="Consolidate shipped.xlsx and returned.xlsx (quantities negative) into net.xlsx: "
    "Country, Quantity, Value, one row a country. What is the net value?",
    replies=(
        code(
            "⟦shipped⟧",
            'sent = frame.set_axis(["Country", "Quantity", "Price"], axis=1)',
            "⟦returned⟧",
            'back = frame.set_axis(["Price", "Quantity", "Country"], axis=1)',
            'both = pd.concat([sent, back.assign(Quantity=-back["Quantity"])])',
            'both["Value"] = both["Quantity"] * both["Price"]',
            'net = both.groupby("Country", as_index=False)[["Quantity", "Value"]].sum()',
            'net.to_excel("outputs/net.xlsx", index=False)',
            'print("value", round(net["Value"].sum(), 2))',
            knows=(
                rule("bring columns with other names or order together"),
                USE_RECIPE,
                recipe("shipped.xlsx", "shipped"),
                recipe("returned.xlsx", "returned"),
            ),
        ),
        answer("The net value is ⟦value⟧; see outputs/net.xlsx.", printed("value")),
    ),
    right=(
        says(
            sum(q * p for _, q, p in SHIPPED) - sum(q * p for _, q, p in RETURNED),
        ),
        rows(
            "net.xlsx",
            ("Country", "Quantity", "Value"),
            [("Austria", 37, 388.5), ("Brazil", 17, 344.25), ("Chile", 23, 713)],
        ),
    ),
)

BALANCES = [(f"{n * 37:06}", n * 125.5) for n in range(1, 31)]
OWNERS = [(f"{n * 37:06}", ("Ito", "Jain", "Koch")[n % 3]) for n in range(1, 31) if n % 7]
JOIN = one(
    "join by account numbers with leading zeros",
    files=lambda d: [
        saved(d / "balances.xlsx", [["Account", "Balance"], *BALANCES]),
        _text(d / "owners.csv", ["Account,Owner", *(f"{a},{o}" for a, o in OWNERS)]),
    ],
    request="Join balances.xlsx with owners.csv by Account into owned.xlsx (Account, Owner, "
    "Balance), only accounts with an owner. What do they hold together?",
    replies=(
        code(
            "⟦balances⟧",
            "left = frame",
            "⟦owners⟧",
            'owned = left.merge(frame, on="Account")',
            'owned.to_excel("outputs/owned.xlsx", index=False)',
            'print("held", round(owned["Balance"].sum(), 2))',
            knows=(USE_RECIPE, recipe("balances.xlsx", "balances"), recipe("owners.csv", "owners")),
        ),
        answer("They hold ⟦value⟧ together; see outputs/owned.xlsx.", printed("held")),
    ),
    right=(
        says(sum(b for (a, b) in BALANCES if a in dict(OWNERS))),
        rows(
            "owned.xlsx",
            ("Account", "Owner", "Balance"),
            [(a, dict(OWNERS)[a], b) for a, b in BALANCES if a in dict(OWNERS)],
        ),
    ),
)


def _text(path: Path, lines: Sequence[str], encoding: str = "utf-8") -> Path:
    path.write_text("\r\n".join(lines) + "\r\n", encoding=encoding, newline="")
    return path


BOOKED = [
    (
        datetime.date(2025, 3, 1) + datetime.timedelta(days=n % 28),
        ("Müller Büro", "Gehälter", "Miete")[n % 3],
        Decimal(random.Random(n).randint(-250_000, 180_000)) / 100,
    )
    for n in range(60)
]


def _german(amount: Decimal) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


EUROPEAN = one(
    "bank statement in a European notation",
    files=lambda d: [
        _text(
            d / "umsatz.csv",
            [
                "Buchungstag;Empfänger;Betrag",
                *(f"{day:%d.%m.%Y};{who};{_german(amount)}" for day, who, amount in BOOKED),
            ],
            "cp1252",
        )
    ],
    request="What do the outgoing payments of umsatz.csv (negative Betrag) sum up to?",
    replies=(
        code(
            "⟦recipe⟧",
            'out = frame.loc[frame["Betrag"] < 0, "Betrag"].sum()',
            'print("outgoing", f"{out:.2f}")',
            knows=(USE_RECIPE, recipe("umsatz.csv")),
        ),
        answer("The outgoing payments sum up to ⟦value⟧.", printed("outgoing")),
    ),
    right=(says(sum(amount for *_, amount in BOOKED if amount < 0)),),
)

TYPED = [("(1,250.00)", -1250), ("310.40", 310.4), ("75.10-", -75.1), ("2,000.00", 2000)] * 6
TEXT_AMOUNTS = one(
    "amounts kept as text",
    files=lambda d: [
        saved(
            d / "postings.xlsx",
            [["Doc", "Amount"], *((f"D{n}", text) for n, (text, _) in enumerate(TYPED, 1))],
        )
    ],
    request="What is the net total of the Amount column in postings.xlsx?",
    replies=(
        code(
            "⟦recipe⟧",
            'print("net", round(frame["Amount"].sum(), 2))',
            knows=(USE_RECIPE, recipe("postings.xlsx"), TEXT_DATES),
        ),
        answer("The net total is ⟦value⟧.", printed("net")),
    ),
    right=(says(sum(value for _, value in TYPED)),),
)

DAYS = [datetime.date(2025, 1, 3) + datetime.timedelta(days=3 * n) for n in range(40)]
TEXT_DAYS = one(
    "dates kept as text, day first",
    files=lambda d: [
        saved(
            d / "visits.xlsx",
            [["Day", "Fee"], *((f"{day:%d/%m/%Y}", 10 + n) for n, day in enumerate(DAYS))],
        )
    ],
    request="Sum the fees of visits.xlsx by month into fees.xlsx, columns Month (as 2025-01) and "
    "Fee.",
    replies=(
        code(
            "⟦recipe⟧",
            'month = frame["Day"].dt.strftime("%Y-%m").rename("Month")',
            'fees = frame.groupby(month)["Fee"].sum().reset_index()',
            'fees.to_excel("outputs/fees.xlsx", index=False)',
            'print("fees", fees["Fee"].sum())',
            knows=(USE_RECIPE, recipe("visits.xlsx"), TEXT_DATES),
        ),
        answer("The fees by month are in outputs/fees.xlsx, ⟦value⟧ in all.", printed("fees")),
    ),
    right=(
        ran(cells=True),
        rows(
            "fees.xlsx",
            ("Month", "Fee"),
            [
                (m, sum(10 + n for n, day in enumerate(DAYS) if f"{day:%Y-%m}" == m))
                for m in sorted({f"{day:%Y-%m}" for day in DAYS})
            ],
        ),
    ),
)

REGIONS = {"North": 100, "South": 200, "West": 300}


def _subtotals(directory: Path) -> list[Path]:
    lines: list[Sequence[object]] = [["Region", "Month", "Sales"]]
    for region, start in REGIONS.items():
        lines += [(region, f"2024-{n % 12 + 1:02}", start + n) for n in range(20)]
        lines.append((f"{region} Total", None, sum(start + n for n in range(20))))
    return [saved(directory / "regions.xlsx", [*lines, ("Grand Total", None, 12570)])]


SUBTOTALS = one(
    "subtotals in the middle",
    files=_subtotals,
    request="Sum Sales by Region from regions.xlsx, into by_region.xlsx (Region, Sales), and tell "
    "me the total.",
    replies=(
        code(
            "⟦recipe⟧",
            'sales = frame.groupby("Region", as_index=False)["Sales"].sum()',
            'sales.to_excel("outputs/by_region.xlsx", index=False)',
            'print("total", sales["Sales"].sum())',
            knows=(USE_RECIPE, recipe("regions.xlsx"), TOTALS_OUT),
        ),
        answer("The total is ⟦value⟧; outputs/by_region.xlsx has the regions.", printed("total")),
    ),
    right=(
        says(sum(20 * start + 190 for start in REGIONS.values())),
        rows(
            "by_region.xlsx",
            ("Region", "Sales"),
            [(region, 20 * start + 190) for region, start in REGIONS.items()],
        ),
    ),
)

TASKS = (
    FILTER, PIVOT, UNIQUE, STACK, CONSOLIDATE, JOIN, EUROPEAN, TEXT_AMOUNTS, TEXT_DAYS, SUBTOTALS,
)  # fmt: skip
