"""Formulas whose values are known without a spreadsheet program, and workbooks of them."""

from __future__ import annotations

import datetime
import io
import re
import statistics
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.worksheet.formula import ArrayFormula

NUMBERS = (3, 1, 4, 1, 5, 9, 2, 6)
TEXTS = ("north", "south", "north", "west", "east", "south", "west", "north")
FIRST, LAST = 2, len(NUMBERS) + 1
A, B = f"$A${FIRST}:$A${LAST}", f"$B${FIRST}:$B${LAST}"


def _payment(rate: float, periods: int, amount: float) -> float:
    return -amount * rate / (1 - (1 + rate) ** -periods)


KNOWN: Mapping[str, Any] = {
    f"=SUM({A})": sum(NUMBERS),
    f"=AVERAGE({A})": sum(NUMBERS) / len(NUMBERS),
    f'=SUMIF({B},"north",{A})': 3 + 4 + 6,
    f'=SUMIFS({A},{B},"<>north",{A},">1")': 5 + 9 + 2,
    f'=COUNTIF({B},"*th")': 5,
    f'=COUNTIFS({B},"west",{A},"<2")': 1,
    f"=SUMPRODUCT({A},{A})": sum(n * n for n in NUMBERS),
    f'=SUMPRODUCT(--({B}="south"),{A})': 10,
    f"=MAX({A})-MIN({A})": 8,
    f"=MEDIAN({A})": 3.5,
    f"=LARGE({A},2)": 6,
    f"=RANK(A7,{A})": 1,
    f'=INDEX({A},MATCH("east",{B},0))': 5,
    f'=MATCH("missing",{B},0)': "#N/A",
    f'=IFERROR(MATCH("missing",{B},0),-1)': -1,
    f"=VLOOKUP(9,$A${FIRST}:$B${LAST},2,FALSE)": "south",
    f"=SUBTOTAL(9,{A})": sum(NUMBERS),
    f'=_xlfn.TEXTJOIN("/",TRUE,{B})': "/".join(TEXTS),
    '=_xlfn.IFS(A2>5,"high",A2>2,"middle",TRUE,"low")': "middle",
    f'=_xlfn.MAXIFS({A},{B},"west")': 2,
    f"=_xlfn.STDEV.S({A})": statistics.stdev(NUMBERS),
    "=ROUND(2.675*100,0)/100": 2.68,
    "=ROUND(-2.5,0)": -3,
    "=MOD(-7,3)": 2,
    "=1/3": 1 / 3,
    "=0.1+0.2": 0.3,
    "=10^-5": 1e-05,
    "=A2/0": "#DIV/0!",
    '=A2+"x"': "#VALUE!",
    "=UNKNOWN_NAME*2": "#NAME?",
    "=A2=3": True,
    "=NOT(TRUE)": False,
    '=IF(A2>2,"yes","no")': "yes",
    '=""': "",
    '=" padded "&CHAR(10)&"<&>"': " padded \n<&>",
    '=UPPER("élan")&"ü€"': "ÉLANü€",
    '=LEFT("2024-Q3",4)&RIGHT("2024-Q3",2)': "2024Q3",
    '=TEXT(1234.5,"#,##0.00")': "1,234.50",
    '=TEXT(DATE(2024,2,29),"yyyy-mm-dd")': "2024-02-29",
    "=DATE(2024,2,29)": (datetime.date(2024, 2, 29) - datetime.date(1899, 12, 30)).days,
    "=EOMONTH(DATE(2024,1,15),1)": (datetime.date(2024, 2, 29) - datetime.date(1899, 12, 30)).days,
    "=DATE(2024,3,1)-DATE(2024,2,1)": 29,
    "=WEEKDAY(DATE(2024,2,29),2)": 4,
    "=NETWORKDAYS(DATE(2024,2,1),DATE(2024,2,29))": 21,
    "=PMT(0.05/12,360,200000)": _payment(0.05 / 12, 360, 200_000),
    "=NPV(0.1,100,200,300)": 100 / 1.1 + 200 / 1.1**2 + 300 / 1.1**3,
    "=ROUND(IRR(IrrFlows),6)": 0.1,
    "='Year ''24'!A1*2": 84,
    "=SUM('Year ''24'!A1:A2)": 50,
    "=TaxRate*100": 19,
    '=HYPERLINK("#Sheet!A1","go")': "go",
}
"""Formula → its value; an error by its name."""


def known_workbook(path: Path, *, from_1904: bool = False) -> dict[str, Any]:
    """Write `KNOWN` without values to *path*; return cell → value."""
    book = Workbook()
    sheet = book.active
    sheet.title = 'Known & "quoted"'
    if from_1904:
        book.epoch = datetime.datetime(1904, 1, 1)
    sheet.append(["Amount", "Region"])
    for row in zip(NUMBERS, TEXTS, strict=True):
        sheet.append(row)
    other = book.create_sheet("Year '24")
    other["A1"], other["A2"] = 42, 8
    for row, amount in enumerate((-100, 10, 110), 1):
        other.cell(row, 3, amount)
    from openpyxl.workbook.defined_name import DefinedName

    book.defined_names["TaxRate"] = DefinedName("TaxRate", attr_text="0.19")
    book.defined_names["IrrFlows"] = DefinedName("IrrFlows", attr_text="'Year ''24'!$C$1:$C$3")
    expected = {}
    for row, (formula, value) in enumerate(KNOWN.items(), 2):
        sheet.cell(row, 5, formula).number_format = (
            "yyyy-mm-dd" if "DATE(" in formula else "General"
        )
        if from_1904 and formula in ("=DATE(2024,2,29)", "=EOMONTH(DATE(2024,1,15),1)"):
            value -= 1462
        expected[f"E{row}"] = value
    sheet["G2"] = ArrayFormula(f"G2:G{LAST}", f"={A}*10")
    expected |= {f"G{row}": number * 10 for row, number in enumerate(NUMBERS, 2)}
    sheet["H20"] = ArrayFormula("H20:J20", "=TRANSPOSE($A$2:$A$4)")
    expected |= {"H20": 3, "I20": 1, "J20": 4}
    book.save(path)
    return expected


def part_changed(path: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Change one part of the package at *path*."""
    with zipfile.ZipFile(path) as package:
        parts = {info.filename: package.read(info) for info in package.infolist()}
    parts[name] = change(parts[name])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for each, content in parts.items():
            package.writestr(each, content)
    path.write_bytes(made.getvalue())


def sheet_xml(path: Path, cells: str, *, more: Mapping[str, str] | None = None) -> None:
    """Write a workbook whose only sheet has *cells* as its sheetData, and further parts."""
    book = Workbook()
    book.active.title = "Data"
    book.save(path)

    def with_cells(content: bytes) -> bytes:
        filled = f"<sheetData>{cells}</sheetData>".encode()
        return re.sub(rb"<sheetData ?/>|<sheetData></sheetData>", lambda _: filled, content)

    part_changed(path, "xl/worksheets/sheet1.xml", with_cells)
    for name, content in (more or {}).items():
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as package:
            package.writestr(name, content)
