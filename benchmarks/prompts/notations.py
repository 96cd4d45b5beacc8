"""Tasks on how files write things: zeros in front, decimal commas, texts, subtotals."""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from benchmarks.prompts.checks import ran, rows, says
from benchmarks.prompts.tables import saved
from benchmarks.prompts.task import USE_RECIPE, answer, code, one, printed, recipe, rule

TOTALS_OUT = rule("leave out totals rows")
TEXT_DATES = rule("turn dates and numbers kept as text into real ones")
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

TASKS = (JOIN, EUROPEAN, TEXT_AMOUNTS, TEXT_DAYS, SUBTOTALS)
