"""Orders of an office supplier as a shop's export keeps them, and what plain Python reads of them."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook, load_workbook

PRODUCTS = {
    "Desk": "249.90",
    "Chair": "119.50",
    "Lamp": "39.95",
    "Shelf": "88.00",
    "Cabinet": "310.25",
    "Screen": "199.99",
    "Phone": "45.10",
}
CUSTOMERS = ("Acme Ltd", "Birch & Co", "Castor AG", "Delta SA", "Elm GmbH", "Fjord AS", "Gamma BV")
REGIONS = ("North", "South", "East", "West")
COLUMNS = ("Date", "Product", "Quantity", "Price", "Customer", "Region")


@dataclass(frozen=True)
class Order:
    """One order; its revenue is quantity times price."""

    date: datetime.date
    product: str
    quantity: int
    price: Decimal
    customer: str
    region: str

    @property
    def revenue(self) -> Decimal:
        return self.quantity * self.price


def orders(seed: int, start: datetime.date, count: int) -> list[Order]:
    """Return *count* orders of the 90 days from *start*, not in the order of their dates.

    One of them is of exactly 1,000, and customers' names are typed in several ways.
    """
    numbers = random.Random(seed)
    made = [_order(numbers, start) for _ in range(count)]
    made[count // 2] = Order(start, "Screen", 4, Decimal("250.00"), "Hotel Ibis", "North")
    return made


def _order(numbers: random.Random, start: datetime.date) -> Order:
    product = numbers.choice(list(PRODUCTS))
    typed = numbers.choice((str, str, str.upper, lambda name: f"{name} "))
    return Order(
        start + datetime.timedelta(days=numbers.randrange(90)),
        product,
        numbers.randint(1, 12),
        Decimal(PRODUCTS[product]),
        typed(numbers.choice(CUSTOMERS)),
        numbers.choice(REGIONS),
    )


def save(path: Path, rows: list[Order], title: str) -> Path:
    """Write *rows* below a title and a header in row 4, with a total row at the end."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Orders"
    sheet["A1"], sheet["A2"] = title, "Prices in USD"
    for column, name in enumerate(COLUMNS, 1):
        sheet.cell(4, column, name)
    for at, row in enumerate(rows, 5):
        values = (row.date, row.product, row.quantity, float(row.price), row.customer, row.region)
        for column, value in enumerate(values, 1):
            sheet.cell(at, column, value)
        sheet.cell(at, 1).number_format = "yyyy-mm-dd"
    sheet.cell(5 + len(rows), 1, "Total")
    sheet.cell(5 + len(rows), 3, sum(row.quantity for row in rows))
    book.save(path)
    return path


def read(path: Path) -> list[Order]:
    """Return the orders of a file that `save` wrote, cell by cell."""
    return list(_read(path))


def _read(path: Path) -> Iterator[Order]:
    for cells in load_workbook(path)["Orders"].iter_rows(min_row=5, values_only=True):
        if cells[0] == "Total":
            return
        date, product, quantity, price, customer, region = cells
        yield Order(date.date(), product, quantity, Decimal(str(price)), customer, region)


def as_json(rows: list[Order]) -> bytes:
    """Return *rows* as an API gives them: a list of objects, dates and prices as text."""
    return json.dumps([asdict(row) for row in rows], default=str).encode()
