"""Columns in the notations people use: amounts as text, dates, identifiers, placeholders."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range

from tests.corpus.layouts import Pen
from tests.corpus.truth import Sheet, TrueTable

COUNT = 14
AMOUNTS = [
    1250.0,
    -80.5,
    2_000.25,
    -15.0,
    1_234_567.89,
    310.1,
    -999.99,
    45.0,
    7_777.77,
    -12_345.6,
    88.0,
    3.14,
    640.0,
    -5.55,
]
DAYS = [datetime.datetime(2024, 1, 31) - datetime.timedelta(days=17 * n) for n in range(COUNT)]
NAMES = [f"{n + 1:03d}-{'abcdefgh'[n % 8]}" for n in range(COUNT)]


def _grouped(number: float, thousands: str, decimal: str) -> str:
    return f"{abs(number):,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def _indian(number: float) -> str:
    whole, rest = f"{abs(number):.2f}".split(".")
    head, tail = whole[:-3], whole[-3:]
    groups = []
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return ",".join([*groups, tail]) + "." + rest


def _signed(text: str, number: float) -> str:
    return f"-{text}" if number < 0 else text


NOTATIONS: dict[str, Callable[[float], str]] = {
    "parentheses": lambda n: f"({_grouped(n, ',', '.')})" if n < 0 else _grouped(n, ",", "."),
    "minus behind": lambda n: _grouped(n, ",", ".") + ("-" if n < 0 else ""),
    "swiss": lambda n: _signed(_grouped(n, "'", "."), n),
    "swiss curly": lambda n: _signed(_grouped(n, "’", "."), n),
    "french": lambda n: _signed(_grouped(n, "\u202f", ","), n),
    "french no-break": lambda n: _signed(_grouped(n, "\u00a0", ","), n),
    "german": lambda n: _signed(_grouped(n, ".", ","), n),
    "german minus behind": lambda n: _grouped(n, ".", ",") + ("-" if n < 0 else ""),
    "indian": lambda n: _signed(_indian(n), n),
    "plain": lambda n: f"{n:.2f}",
    "plain comma": lambda n: f"{n:.2f}".replace(".", ","),
    "unicode minus": lambda n: ("\u2212" if n < 0 else "") + _grouped(n, ",", "."),
}
CURRENCIES: dict[str, Callable[[float], str]] = {
    "code before": lambda n: "EUR " + _signed(_grouped(n, ",", "."), n),
    "code behind": lambda n: _signed(_grouped(n, "'", "."), n) + " CHF",
    "symbol": lambda n: ("-" if n < 0 else "") + "$" + _grouped(n, ",", "."),
    "symbol in parentheses": lambda n: (
        f"(${_grouped(n, ',', '.')})" if n < 0 else "$" + _grouped(n, ",", ".")
    ),
    "euro behind": lambda n: _signed(_grouped(n, ".", ","), n) + " €",
}
DATE_FORMATS = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%b-%Y",
    "%Y/%m/%d",
    "%d %b %Y",
    "%b %d, %Y",
    "%Y%m%d",
    "%d.%m.%y",
)


@dataclass(frozen=True)
class Made:
    """A column: its name, the cells as written, their format, the kind and the frame's values."""

    name: str
    cells: Sequence[Any]
    code: str
    kind: str
    values: Sequence[Any]


def columns() -> list[Made]:
    """Return all the columns."""
    found = [
        Made("Amount", [write(n) for n in AMOUNTS], "", "number", AMOUNTS)
        for write in NOTATIONS.values()
    ]
    found += [
        Made("Balance", [write(n) for n in AMOUNTS], "", "currency", AMOUNTS)
        for write in CURRENCIES.values()
    ]
    found += [
        Made("Booking date", [day.strftime(form) for day in DAYS], "", "date", DAYS)
        for form in DATE_FORMATS
    ]
    shares = [n / 1000 for n in range(5, 5 + COUNT)]
    numbers = list(range(40_101, 40_101 + COUNT))
    serials = [(day - datetime.datetime(1899, 12, 30)).days for day in DAYS]
    dashes = ["-" if n % 4 == 0 else float(n) + 0.5 for n in range(COUNT)]
    missing = ["n/a" if n % 5 == 0 else n * 3 + 7 for n in range(COUNT)]
    found += [
        Made("Share", [f"{s * 100:.1f}%" for s in shares], "", "percent", shares),
        Made("Share", [f"{s * 100:.1f} %".replace(".", ",") for s in shares], "", "percent", shares),
        Made("Share", shares, "0.0%", "percent", shares),
        Made("Konto", numbers, "00000000", "identifier", [f"{n:08d}" for n in numbers]),
        Made("Customer", [f"{n:010d}" for n in numbers], "", "identifier", [f"{n:010d}" for n in numbers]),
        Made("Card", [f"{4 * 10**17 + n}" for n in numbers], "", "identifier", [f"{4 * 10**17 + n}" for n in numbers]),
        Made("Cost center", [f"{n:03d}" if n % 2 else n for n in range(1, COUNT + 1)], "", "identifier", [f"{n:03d}" for n in range(1, COUNT + 1)]),
        Made("Due date", serials, "", "date", DAYS),
        Made("Date", [int(day.strftime("%Y%m%d")) for day in DAYS], "", "date", DAYS),
        Made("Date", DAYS, "dd.mm.yyyy", "date", DAYS),
        Made("Posted", DAYS, "mmm-yy", "date", DAYS),
        Made("Net", AMOUNTS, '#,##0.00 "kr"', "number", AMOUNTS),
        Made("Net", AMOUNTS, "#,##0.00 [$CHF]", "currency", AMOUNTS),
        Made("Net", AMOUNTS, '_-* #,##0.00 "€"_-', "currency", AMOUNTS),
        Made("Net", AMOUNTS, "$#,##0.00;[Red]($#,##0.00)", "currency", AMOUNTS),
        Made("Amount (USD)", AMOUNTS, "", "currency", AMOUNTS),
        Made("Zero as dash", dashes, "", "number", [0.0 if v == "-" else v for v in dashes]),
        Made("Count", missing, "", "integer", [None if v == "n/a" else v for v in missing]),
        Made("Country", ["NA" if n % 3 == 0 else "DE" for n in range(COUNT)], "", "text", ["NA" if n % 3 == 0 else "DE" for n in range(COUNT)]),
        Made("Flag", [n % 3 == 0 for n in range(COUNT)], "", "boolean", [n % 3 == 0 for n in range(COUNT)]),
        Made("Remark", ["ok" if n % 2 else n * 10 for n in range(COUNT)], "", "mixed", ["ok" if n % 2 else n * 10 for n in range(COUNT)]),
        Made("Year", [2010 + n for n in range(COUNT)], "", "integer", [2010 + n for n in range(COUNT)]),
        Made("Empty", [None] * COUNT, "", "empty", [None] * COUNT),
        Made("Version", [f"1.{n}.0" for n in range(COUNT)], "", "text", [f"1.{n}.0" for n in range(COUNT)]),
        Made("Period", [f"2024-{n % 12 + 1:02d}" for n in range(COUNT)], "", "text", [f"2024-{n % 12 + 1:02d}" for n in range(COUNT)]),
    ]  # fmt: skip
    return found


def write_columns(path: Any) -> list[Sheet]:
    """Write one workbook with a sheet for each column, between a text and a number."""
    sheets = []
    with xlsxwriter.Workbook(path) as book:
        for at, made in enumerate(columns()):
            pen = Pen(book, f"column {at}")
            pen.header(0, 0, ("Item", made.name, "Weight"))
            weights = [0.25 + 3 * n for n in range(COUNT)]
            rows = []
            for row in range(COUNT):
                pen.put(row + 1, 0, NAMES[row])
                pen.put(row + 1, 1, made.cells[row], made.code)
                pen.put(row + 1, 2, weights[row])
                rows.append((NAMES[row], made.values[row], weights[row]))
            true = TrueTable(
                range=xl_range(0, 0, COUNT, 2),
                header_rows=(1,),
                names=("Item", made.name, "Weight"),
                kinds=("text", made.kind, "number"),
                rows=tuple(rows),
            )
            sheets.append(Sheet(f"{made.name}: {made.cells[0]!r} {made.code}", (true,), pen.name))
    return sheets
