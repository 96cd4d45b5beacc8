"""Text files as banks and systems export them: delimiters, encodings, signs, titles, totals."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xlsxwriter.utility import xl_range

from tests.corpus.columns import AMOUNTS, COUNT, DAYS, NOTATIONS
from tests.corpus.truth import File, Sheet, TrueTable

HEADER = ("Buchungstag", "Empfänger", "Konto", "Betrag", "Stück")
KINDS = ("date", "text", "identifier", "number", "integer")


def _rows() -> list[tuple[Any, ...]]:
    return [
        (
            DAYS[n],
            ("Müller GmbH", "Bäcker & Söhne", "Größe, AG")[n % 3],
            f"{n * 37:06d}",
            AMOUNTS[n],
            n * 5 + 1,
        )
        for n in range(COUNT)
    ]


def text_file(
    name: str,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    amount: str = "plain",
    date: str = "%Y-%m-%d",
    before: tuple[tuple[str, ...], ...] = (),
    after: tuple[tuple[str, ...], ...] = (),
    sep_line: bool = False,
    total: bool = False,
    trailing: bool = False,
    quoting: int = csv.QUOTE_MINIMAL,
) -> File:
    """Return a text file in one of the usual dialects with what is true of it."""
    rows = _rows()
    write_amount: Callable[[float], str] = NOTATIONS[amount]
    lines: list[tuple[str, ...]] = [*before, HEADER]
    for day, who, account, money, count in rows:
        lines.append((day.strftime(date), who, account, write_amount(money), str(count)))
    if total:
        lines.append(("Summe", "", "", write_amount(sum(AMOUNTS)), str(sum(r[4] for r in rows))))
    bottom = len(lines) - 1
    lines += after
    if trailing:
        lines = [(*line, "") for line in lines]

    def write(path: Path) -> None:
        buffer = io.StringIO(newline="")
        if sep_line:
            buffer.write(f"sep={delimiter}\r\n")
        csv.writer(buffer, delimiter=delimiter, quoting=quoting).writerows(lines)
        path.write_bytes(buffer.getvalue().encode(encoding))

    top = len(before)
    true = TrueTable(
        range=xl_range(top, 0, bottom, 4),
        header_rows=(top + 1,),
        names=HEADER,
        kinds=KINDS,
        totals=(bottom + 1,) if total else (),
        rows=tuple(rows),
    )
    return File(name, write, [Sheet(name, (true,))])


TITLE = (
    ("Kontoauszug", "", "", "", ""),
    ("Zeitraum:", "01.01.2024 - 31.01.2024", "", "", ""),
    ("", "", "", "", ""),
)


def text_files() -> list[File]:
    """Return the labelled text files."""
    german = {"delimiter": ";", "amount": "german", "date": "%d.%m.%Y"}
    return [
        text_file("comma.csv"),
        text_file("quoted.csv", quoting=csv.QUOTE_ALL),
        text_file("thousands.csv", amount="unicode minus", quoting=csv.QUOTE_ALL),
        text_file("parentheses.csv", amount="parentheses"),
        text_file("german.csv", **german),
        text_file("german_cp1252.csv", encoding="cp1252", **german),
        text_file("german_utf16.csv", encoding="utf-16", **german),
        text_file("german_bom.csv", encoding="utf-8-sig", **german),
        text_file("german_sep.csv", encoding="utf-8-sig", sep_line=True, **german),
        text_file("german_title.csv", before=TITLE, **german),
        text_file("german_total.csv", total=True, **german),
        text_file(
            "german_minus_behind.csv", delimiter=";", amount="german minus behind", date="%d.%m.%Y"
        ),
        text_file("german_trailing.csv", trailing=True, **german),
        text_file("plain_comma.csv", delimiter=";", amount="plain comma", date="%d.%m.%y"),
        text_file("swiss.csv", delimiter=";", amount="swiss", date="%d.%m.%Y"),
        text_file("french.csv", delimiter=";", amount="french no-break", date="%d/%m/%Y"),
        text_file("tabs.txt", delimiter="\t", date="%d-%b-%Y"),
        text_file("tabs.tsv", delimiter="\t", amount="german", date="%d.%m.%Y", total=True),
        text_file("pipes.txt", delimiter="|", date="%Y%m%d"),
        text_file("us_dates.csv", date="%m/%d/%Y"),
        text_file(
            "title_and_note.csv",
            before=TITLE,
            after=(("", "", "", "", ""), ("Erstellt am 3.2.2024", "", "", "", "")),
        ),
    ]


def day(year: int, month: int, number: int) -> datetime.datetime:
    """Return a day as the frame has it."""
    return datetime.datetime(year, month, number)
