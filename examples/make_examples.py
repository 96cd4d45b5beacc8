"""Make the three example workbooks: quarterly sales as finance people really keep them.

Run ``python examples/make_examples.py`` to write them again; the content is always
the same.
"""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font, PatternFill

HERE = Path(__file__).resolve().parent
REGIONS = ["North", "South", "East", "West"]
PRODUCTS = ["Desk", "Chair", "Lamp", "Shelf", "Cabinet"]
BOLD = Font(bold=True)
TITLE = Font(bold=True, size=14)
GREY = PatternFill("solid", fgColor="DDDDDD")

Sale = tuple[date, str, str, int, float]


def quarter(seed: int, start: date, count: int) -> list[Sale]:
    """Return *count* sales spread over the quarter from *start*; some at or below 1,000."""
    numbers = random.Random(seed)  # noqa: S311 (example data)
    rows: list[Sale] = []
    for index in range(count):
        day = start + timedelta(days=index * 90 // count)
        units = numbers.randint(1, 40)
        sales = round(units * numbers.uniform(20, 120), 2)
        rows.append((day, numbers.choice(REGIONS), numbers.choice(PRODUCTS), units, sales))
    rows[3] = (*rows[3][:4], 1000.0)  # exactly on the boundary of "more than 1000"
    return rows


def _header(sheet, row: int, names: list[str]) -> None:
    for column, name in enumerate(names, 1):
        cell = sheet.cell(row, column, name)
        cell.font, cell.fill = BOLD, GREY


def _notes(book: Workbook, lines: list[str]) -> None:
    sheet = book.create_sheet("Notes")
    for row, line in enumerate(lines, 1):
        sheet.cell(row, 1, line)


def make_q1(rows: list[Sale]) -> Workbook:
    """Title and subtitle above the header, real dates, a Total row, a hidden lookup sheet."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Sales Q1"
    sheet["A1"], sheet["A2"] = (
        "Meridian Office Supply: Sales Q1 2026",
        "in EUR, prepared by Finance",
    )
    sheet["A1"].font = TITLE
    sheet.merge_cells("A1:E1")
    _header(sheet, 4, ["Date", "Region", "Product", "Units", "Sales"])
    for index, (day, region, product, units, sales) in enumerate(rows, 5):
        sheet.cell(index, 1, day).number_format = "yyyy-mm-dd"
        for column, value in enumerate((region, product, units, sales), 2):
            sheet.cell(index, column, value)
    last = 5 + len(rows)
    sheet.cell(last, 1, "Total").font = BOLD
    sheet.cell(last, 4, sum(row[3] for row in rows))
    sheet.cell(last, 5, round(sum(row[4] for row in rows), 2))
    _notes(
        book, ["Returns are booked in the next quarter.", "Region West was reorganised in March."]
    )
    hidden = book.create_sheet("Lookup")
    hidden.sheet_state = "hidden"
    for row, region in enumerate(REGIONS, 1):
        hidden.cell(row, 1, region)
        hidden.cell(row, 2, f"R{row:02d}")
    return book


def make_q2(rows: list[Sale]) -> Workbook:
    """Other column names and order, dates as text, a Grand total row."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Q2"
    sheet["A1"] = "Sales second quarter"
    sheet["A1"].font = TITLE
    _header(sheet, 3, ["Region", "Order Date", "Item", "Qty", "Sales (EUR)"])
    for index, (day, region, product, units, sales) in enumerate(rows, 4):
        values = (region, day.strftime("%d/%m/%Y"), product, units, sales)
        for column, value in enumerate(values, 1):
            sheet.cell(index, column, value)
    last = 4 + len(rows)
    sheet.cell(last, 1, "Grand total").font = BOLD
    sheet.cell(last, 5, round(sum(row[4] for row in rows), 2))
    _notes(book, ["Dates come from the till system as text (dd/mm/yyyy)."])
    return book


def make_q3(rows: list[Sale]) -> Workbook:
    """A third set of names and order, regions in capitals, a hidden working sheet."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Data"
    sheet["A1"], sheet["A2"] = "Q3 2026", "Source: ERP export 2026-10-02"
    sheet["A1"].font = TITLE
    sheet.merge_cells("A1:E1")
    _header(sheet, 5, ["Product name", "Sales amount", "Region", "Date", "Quantity"])
    for index, (day, region, product, units, sales) in enumerate(rows, 6):
        values = (product, sales, region.upper(), day, units)
        for column, value in enumerate(values, 1):
            sheet.cell(index, column, value)
        sheet.cell(index, 4).number_format = "dd.mm.yyyy"
    last = 6 + len(rows)
    sheet.cell(last, 1, "Total").font = BOLD
    sheet.cell(last, 2, round(sum(row[1 + 3] for row in rows), 2))
    working = book.create_sheet("Working")
    working.sheet_state = "hidden"
    working["A1"], working["B1"] = "scratch", 42
    _notes(book, ["Regions are in capitals since the ERP change."])
    return book


def main() -> None:
    """Write the three workbooks beside this file."""
    books = {
        "sales_q1.xlsx": make_q1(quarter(1, date(2026, 1, 2), 60)),
        "sales_q2.xlsx": make_q2(quarter(2, date(2026, 4, 1), 48)),
        "sales_q3.xlsx": make_q3(quarter(3, date(2026, 7, 1), 72)),
    }
    for name, book in books.items():
        book.properties.created = book.properties.modified = datetime(2026, 10, 5, 9, 0)
        book.save(HERE / name)


if __name__ == "__main__":
    main()
