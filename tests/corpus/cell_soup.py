"""Sheets and text files of random cells: blocks anywhere, odd names, gaps, any mixture of types."""

from __future__ import annotations

import csv
import datetime
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xlsxwriter

Make = Callable[[random.Random], Any]
NAMES = ("Amount", "Name", "x y", 2023, 2024, "Total", "", " ", "A\nB", datetime.datetime(2024, 1, 31), "2024", "001", None)  # fmt: skip
VALUES: tuple[Make, ...] = (
    lambda r: r.choice(("North", "South", "Total", "n/a", "-", "NA", "=x")),
    lambda r: r.random() * 100,
    lambda r: r.randint(0, 99),
    lambda r: datetime.datetime(2024, 1, 1) + datetime.timedelta(r.randint(0, 99)),
    lambda r: r.choice(("1.250,50", "(3.5)", "1,234", "5-", "abc")),
    lambda r: r.choice(("00123", "77", 5)),
    lambda r: r.random() < 0.5,
    lambda r: None,
    lambda r: r.choice(("a", 1, True, 2.5, None)),
)
TEXTS: tuple[Make, ...] = (
    lambda r: r.choice(("North", "South, East", "n/a", "-", "NA", "l1\nl2")),
    lambda r: f"{r.random() * 100:.2f}",
    lambda r: str(r.randint(0, 99)),
    lambda r: f"{r.randint(1, 28):02d}.{r.randint(1, 12):02d}.2024",
    lambda r: r.choice(("1.250,50", "-3,5", "12,25", "5-", "(7,00)")),
    lambda r: r.choice(("1,250.50", "-3.5", "12.25")),
    lambda r: f"{r.randint(0, 9999):05d}",
    lambda r: r.choice(("007", "12", "n/a")),
)


def write_sheet(path: Path, seed: int) -> None:
    """Write a workbook of one sheet with up to three blocks of random cells."""
    chance = random.Random(seed)
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("S")
        date, digits = (book.add_format({"num_format": f}) for f in ("dd.mm.yyyy", "00000"))
        top, left = chance.choice((0, 0, 1, 3)), chance.choice((0, 0, 0, 2))
        for _ in range(chance.randint(1, 3)):
            width, height = chance.randint(1, 6), chance.randint(1, 14)
            makes = [chance.choice(VALUES) for _ in range(width)]
            header = chance.choice((0, 1, 1, 1, 2))
            for row in range(height):
                for column, make in enumerate(makes):
                    value = chance.choice(NAMES) if row < header else make(chance)
                    if value is None or chance.random() < 0.08:
                        continue
                    at = top + row, left + column
                    if isinstance(value, str):
                        sheet.write_string(*at, value)
                    elif isinstance(value, datetime.datetime):
                        sheet.write_datetime(*at, value, date)
                    else:
                        sheet.write(*at, value, digits if make is VALUES[2] else None)
            if chance.random() < 0.6:
                top += height + chance.randint(0, 3)
            else:
                left += width + chance.randint(0, 2)


def write_text(path: Path, seed: int) -> None:
    """Write a text file: perhaps titles, names, rows of random fields, perhaps a total and a note."""
    chance = random.Random(seed)
    width, height = chance.randint(2, 6), chance.randint(3, 20)
    makes = [chance.choice(TEXTS) for _ in range(width)]
    blank = [""] * width
    lines = [[f"Title {n}", *blank[1:]] for n in range(chance.choice((0, 0, 1, 2)))]
    lines += [blank] * (bool(lines) and chance.random() < 0.5)
    words = ("Amount", "Name", "Konto", "Date", "x y", "Total", "", 'A "q"')
    lines.append([chance.choice(words) + (str(c) * (chance.random() < 0.7)) for c in range(width)])
    for _ in range(height):
        empty = chance.random() < 0.05
        lines.append(
            blank if empty else ["" if chance.random() < 0.08 else m(chance) for m in makes]
        )
    if chance.random() < 0.3:
        lines.append(["Total", *(str(chance.randint(1, 99)) for _ in blank[1:])])
    if chance.random() < 0.2:
        lines += [blank, ["Source: bank", *blank[1:]]]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=chance.choice(",;\t")).writerows(lines)
    path.write_bytes(
        buffer.getvalue().encode(chance.choice(("utf-8", "utf-16", "cp1252", "utf-8-sig")))
    )
