"""Tasks that read, filter, join, pivot and stack tables."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook

from benchmarks.prompts.checks import parameter, rows, says
from benchmarks.prompts.task import USE_RECIPE, answer, code, one, printed, recipe, rule
from tests.corpus import orders as corpus

PARAMETERS = rule("Pass such constants as `parameters`")
ORDERS = corpus.orders(7, datetime.date(2025, 1, 1), 150)
QUARTERS = [corpus.orders(20 + n, datetime.date(2025, 3 * n + 1, 1), 40 + n) for n in range(3)]
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


NAMES = sorted(corpus.PRODUCTS)
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
            ("Region", *NAMES, "Total"),
            [
                (
                    region,
                    *(
                        _sums("region", "product").get((region, p), 0)
                        for p in sorted(corpus.PRODUCTS)
                    ),
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

MONTHLY = sorted({f"{row.date:%Y-%m}" for row in ORDERS})
REPORT = one(
    "a report of two sheets",
    files=_orders,
    request="Make report.xlsx for the board: a sheet Months (Month as 2025-01, Orders, Quantity) "
    "and a sheet Regions (Region, Revenue as Quantity x Price), best region first; name it.",
    replies=(
        code(
            "⟦recipe⟧",
            f"frame{REVENUE}",
            'month = pd.to_datetime(frame["Date"]).dt.strftime("%Y-%m").rename("Month")',
            'months = frame.groupby(month)["Quantity"].agg(Orders="count", Quantity="sum")',
            'regions = frame.groupby("Region")["Revenue"].sum().round(2)',
            "regions = regions.sort_values(ascending=False)",
            'with pd.ExcelWriter("outputs/report.xlsx") as writer:',
            '    months.reset_index().to_excel(writer, sheet_name="Months", index=False)',
            '    regions.reset_index().to_excel(writer, sheet_name="Regions", index=False)',
            "print(regions.to_string())",
            knows=READ,
        ),
        answer(
            "outputs/report.xlsx is there; ⟦region⟧ is best with ⟦value⟧.",
            r"^Region\n(?P<region>\w+) +(?P<value>[\d.]+)$",
        ),
    ),
    right=(
        says(max(_sums("region").values())),
        rows(
            "report.xlsx",
            ("Month", "Orders", "Quantity"),
            [
                (m, len(of), sum(row.quantity for row in of))
                for m in MONTHLY
                if (of := [row for row in ORDERS if f"{row.date:%Y-%m}" == m])
            ],
        ),
        rows(
            "report.xlsx",
            ("Region", "Revenue"),
            sorted(((k[0], v) for k, v in _sums("region").items()), key=lambda each: -each[1]),
            ordered=True,
        ),
    ),
)

TASKS = (FILTER, PIVOT, REPORT, UNIQUE, STACK, CONSOLIDATE)
