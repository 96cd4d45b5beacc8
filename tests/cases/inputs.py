"""Small files as people and programs hand them in."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter
from openpyxl import Workbook

Rows = Iterable[Sequence[Any]]


def workbook(path: Path, rows: Rows, title: str = "Sheet", **more: Rows) -> Path:
    """Write *rows* to the sheet *title* of a workbook, and those of *more* to other sheets."""
    book = Workbook()
    book.active.title = title
    for sheet, lines in (
        (book.active, rows),
        *((book.create_sheet(n), r) for n, r in more.items()),
    ):
        for line in lines:
            sheet.append(list(line))
    book.save(path)
    return path


def accounts(path: Path) -> Path:
    """Accounts as numbers shown with zeros, customers as text with zeros, and cards of 18 digits."""
    book = Workbook()
    sheet = book.active
    sheet.append(["Account", "Customer", "Card", "Cost center", "Balance"])
    for n in range(1, 7):
        center = f"00{n}" if n % 2 else n
        sheet.append([40100 + n, f"{n:07}", f"400000000000{n:05}9", center, n * 100])
        sheet.cell(sheet.max_row, 1).number_format = "00000000"
    book.save(path)
    return path


def accounts_as_text(path: Path) -> Path:
    """The same as CSV, with the country code of Namibia."""
    lines = ["Account,Card,Country,Balance"]
    for n in range(1, 7):
        lines.append(f"{40100 + n:08},40000000000{n:05}9999,{'NA' if n == 2 else 'DE'},{n * 100}")
    path.write_text("\n".join(lines) + "\n")
    return path


def subtotals(path: Path) -> tuple[Path, int]:
    """Three regions, each followed by its subtotal, and a grand total; return that too."""
    rows: list[Sequence[Any]] = [("Region", "Month", "Sales")]
    grand = 0
    for region, start in (("North", 100), ("South", 200), ("West", 300)):
        sales = [start + n for n in range(30)]
        rows += [(region, f"2024-{n % 12 + 1:02}", value) for n, value in enumerate(sales)]
        rows.append((f"{region} Total", None, sum(sales)))
        grand += sum(sales)
    return workbook(path, [*rows, ("Grand Total", None, grand)]), grand


def quarters(path: Path) -> Path:
    """Quarters in merged cells, over Plan and Actual."""
    book = Workbook()
    sheet = book.active
    sheet["A1"] = "Cost center"
    sheet.merge_cells("A1:A2")
    for quarter, column in enumerate((2, 4, 6), 1):
        sheet.cell(1, column, f"Q{quarter} 2024")
        sheet.cell(2, column, "Plan")
        sheet.cell(2, column + 1, "Actual")
        sheet.merge_cells(start_row=1, end_row=1, start_column=column, end_column=column + 1)
    for n in range(1, 6):
        sheet.append([f"CC{n}", *(n * 100 + k for k in range(6))])
    book.save(path)
    return path


def bank_texts(path: Path) -> Path:
    """Texts that begin like formulas."""
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Date", "Text", "Amount"])
        texts = ["=> see invoice 17", "== reversal ==", "=CMD ref 8", "+49 170 call", "-refund-"]
        for row, text in enumerate(texts, 1):
            sheet.write_row(row, 0, [f"2024-01-0{row}", text, row * 10])
    return path


def bank_export(directory: Path) -> tuple[list[Path], float]:
    """A bank's CSV in three encodings, and the sum of what was paid out."""
    lines = ["Buchungstag;Empfänger;Verwendungszweck;Betrag (€)"]
    paid = 0.0
    for n in range(1, 31):
        sign = "-" if n % 3 else ""
        paid -= 1000 + n + 0.5 if sign else 0
        lines.append(
            f'{n:02}.03.2024;Müller GmbH;"Rechnung {n}\r\nSkonto 2,0 %, netto";{sign}1.{n:03},50'
        )
    text = "\r\n".join(lines) + "\r\n"
    contents = {
        "windows": text.encode("cp1252"),
        "wide": text.encode("utf-16"),
        "marked": f"sep=;\r\n{text}".encode("utf-8-sig"),
    }
    for name, content in contents.items():
        (directory / f"{name}.csv").write_bytes(content)
    return [directory / f"{name}.csv" for name in contents], paid


def amounts(path: Path) -> tuple[Path, dict[str, float]]:
    """Amounts as text, one notation in each column, and what each column adds up to."""
    columns = {
        "Parentheses": (("(1,250.00)", "$ 2,000.00", "(15.00)"), 735.0),
        "Minus behind": (("1,250.00-", "2,000.00", "15.00-"), 735.0),
        "Swiss": (("1'250.00", "2’000.00", "-15.00"), 3235.0),
        "French": (("1\u202f250,00", "2\u00a0000,00", "-15,00"), 3235.0),
        "German": (("1.250,00", "2.000,00", "-15,00"), 3235.0),
        "Indian": (("12,34,567.00", "1,00,000.00", "15.00"), 1334582.0),
        "With code": (("EUR 1,250.00", "2,000.00 CHF", "USD (15.00)"), 3235.0),
        "Dash": (("-", "10.00", " - "), 10.0),
        "Percent": (("(15 %)", "20 %", "5%"), 0.1),
    }
    names = ["Account", *columns]
    rows = [[1000 + n, *(texts[n] for texts, _ in columns.values())] for n in range(3)]
    return workbook(path, [names, *rows]), {name: total for name, (_, total) in columns.items()}


def errors(path: Path) -> Path:
    """A price list with two error cells, another in the next column, and the text N/A."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Prices")
        sheet.write_row(0, 0, ["Item", "Price", "Share", "Note"])
        for row in range(1, 11):
            note = "N/A" if row == 4 else "ok"
            sheet.write_row(row, 0, [f"P{row}", row * 10.0, row / 55, note])
        sheet.write_formula("B3", "=VLOOKUP(1,A:A,1,0)", None, "#N/A")
        sheet.write_formula("B6", "=#REF!+1", None, "#REF!")
        sheet.write_formula("C8", "=1/0", None, "#DIV/0!")
    return path


def wide_plan(path: Path) -> Path:
    """180 months beside the account, and a long list with columns of similar names."""
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    names = [f"{month} {year}" for year in range(2024, 2039) for month in months]
    plan = [[f"A{n}", *range(n * 1000, n * 1000 + len(names))] for n in range(1, 6)]
    items = [(n % 52 + 1, (n + 26) % 52 + 1, n % 7, n) for n in range(1500)]
    heads = ("Org Week", "Week", "Weekday", "Amount")
    return workbook(path, [["Account", *names], *plan], "Plan", Items=[heads, *items])


def portal_exports(directory: Path) -> list[Path]:
    """Exports that are named .xls: an HTML table, tab-separated text, XML Spreadsheet 2003."""
    rows = [("Date", "Text", "Amount")]
    rows += [(f"2024-01-{n:02}", f"text {n}", n * 10.5) for n in range(1, 8)]  # type: ignore[misc]
    cells = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    lines = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    kind: Callable[[Any], str] = lambda c: "Number" if isinstance(c, float) else "String"  # noqa: E731
    xml = "".join(
        "<Row>"
        + "".join(f'<Cell><Data ss:Type="{kind(c)}">{c}</Data></Cell>' for c in row)
        + "</Row>"
        for row in rows
    )
    names = 'xmlns="urn:schemas-microsoft-com:office:spreadsheet"'
    contents = {
        "html": f"<html><meta charset='utf-8'><table border=1>{cells}</table></html>",
        "tabs": lines,
        "xml": f'<?xml version="1.0"?><Workbook {names} {names.replace("xmlns", "xmlns:ss")}>'
        f'<Worksheet ss:Name="S"><Table>{xml}</Table></Worksheet></Workbook>',
    }
    for name, content in contents.items():
        (directory / f"{name}.xls").write_text(content)
    return [directory / f"{name}.xls" for name in contents]


def open_document(path: Path) -> Path:
    """An .ods of seven rows."""
    rows: list[tuple[Any, Any]] = [("Item", "Value"), *((f"i{n}", n * 1.5) for n in range(1, 8))]

    def cell(value: Any) -> str:
        number = isinstance(value, float)
        kind = f'"float" office:value="{value}"' if number else '"string"'
        return f"<table:table-cell office:value-type={kind}><text:p>{value}</text:p></table:table-cell>"

    body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    with zipfile.ZipFile(path, "w") as package:
        mime = "application/vnd.oasis.opendocument.spreadsheet"
        package.writestr(zipfile.ZipInfo("mimetype"), mime)
        package.writestr(
            "content.xml",
            f'<office:document-content {spaces} office:version="1.2"><office:body>'
            f'<office:spreadsheet><table:table table:name="Values">{body}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def empty_fill(path: Path) -> Path:
    """A workbook with a fill entry that holds nothing: valid in Excel, refused by openpyxl."""
    plain = workbook(
        path.with_name("plain.xlsx"), [("Item", "Value"), *((f"i{n}", n) for n in range(1, 6))]
    )
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w") as package:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/styles.xml":
                assert b"<fill><patternFill />" in content or b"<fill><patternFill/>" in content
                content = content.replace(b"<fill><patternFill /></fill>", b"<fill/>")
                content = content.replace(b"<fill><patternFill/></fill>", b"<fill/>")
            package.writestr(name, content)
    return path
