"""Tasks that change workbooks, and usual analyses of finance."""

from __future__ import annotations

import datetime
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Font

from benchmarks.prompts.checks import cells, formats, mentions, rows, says
from benchmarks.prompts.tables import saved
from benchmarks.prompts.task import answer, call, code, one, printed, rule

EDIT = rule("load it with openpyxl, change the cells, and save it to `outputs/`")
ANALYSE = rule("`run_analysis` writes and runs the code of usual analyses")
FORMULAS = rule("Write a formula where the user will go on working with the sheet")
LOOK = rule("use the named styles and number formats that the workbook has")


def _prices(directory: Path) -> list[Path]:
    book = Workbook()
    book.active.title = "Lines"
    for line in [("Units", "Price", "Total"), *((n, n * 1.25, None) for n in range(1, 6))]:
        book.active.append(list(line))
    book.create_sheet("Terms")["A1"] = "Net 30 days"
    book.save(directory / "quote.xlsx")
    return [directory / "quote.xlsx"]


FORMULA = one(
    "formulas filled down",
    files=_prices,
    request="Fill Total (column C of quote.xlsx, sheet Lines) with formulas Units x Price that I "
    "can go on working with, and keep the file's name.",
    replies=(
        code(
            "from openpyxl import load_workbook",
            "book = load_workbook('inputs/quote.xlsx')",
            "sheet = book['Lines']",
            "for row in range(2, sheet.max_row + 1):",
            "    sheet.cell(row, 3).value = f'=A{row}*B{row}'",
            "book.save('outputs/quote.xlsx')",
            knows=(FORMULAS, EDIT),
        ),
        answer("Column C of outputs/quote.xlsx has the formulas."),
    ),
    right=(
        cells("quote.xlsx", "Lines", {f"C{row}": f"=A{row}*B{row}" for row in range(2, 7)}),
        cells("quote.xlsx", "Terms", {"A1": "Net 30 days"}),
    ),
)


def _template(directory: Path) -> list[Path]:
    book = Workbook()
    sheet = book.active
    sheet.title = "Invoice"
    for place, value in {
        "A1": "Invoice", "A3": "Customer", "A4": "Date", "A5": "Net", "A6": "VAT 19 %",
        "A7": "Gross", "B6": "=B5*0.19", "B7": "=B5+B6",
    }.items():  # fmt: skip
        sheet[place] = value
    sheet["A1"].font = Font(bold=True, size=16)
    sheet["B4"].number_format = "dd.mm.yyyy"
    for place in ("B5", "B6", "B7"):
        sheet[place].number_format = '#,##0.00 "EUR"'
    book.save(directory / "template.xlsx")
    return [directory / "template.xlsx"]


TEMPLATE = one(
    "a template filled in",
    files=_template,
    request="Fill template.xlsx for Acme Ltd, 31 January 2025, net 1200, keep its look, and save "
    "it as invoice_acme.xlsx.",
    replies=(
        code(
            "import datetime",
            "from openpyxl import load_workbook",
            "book = load_workbook('inputs/template.xlsx')",
            "sheet = book['Invoice']",
            "sheet['B3'], sheet['B5'] = 'Acme Ltd', net",
            "sheet['B4'].value = datetime.date(2025, 1, 31)",
            "sheet['B4'].number_format = 'dd.mm.yyyy'",
            "book.save('outputs/invoice_acme.xlsx')",
            "print('gross', round(net * 1.19, 2))",
            net=1200,
            knows=(EDIT, LOOK, rule("take numbers for your answer from pandas")),
        ),
        answer(
            "outputs/invoice_acme.xlsx is filled in; its formulas give ⟦value⟧ gross.",
            printed("gross"),
        ),
    ),
    right=(
        says(1428),
        cells(
            "invoice_acme.xlsx",
            "Invoice",
            {"B3": "Acme Ltd", "B4": datetime.date(2025, 1, 31), "B5": 1200, "B7": "=B5+B6"},
        ),
        formats("invoice_acme.xlsx", "Invoice", {"B4": "dd.mm.yyyy", "B5": '#,##0.00 "EUR"'}),
    ),
)


def _budget(directory: Path) -> list[Path]:
    book = Workbook()
    sheet = book.active
    sheet.title = "Budget"
    for line in [("Item", "Cost"), *((f"item {n}", n * 100) for n in range(1, 6))]:
        sheet.append(list(line))
    sheet.append(["Sum", "=SUM(B2:B6)"])
    book.create_sheet("Summary")["A1"] = "=Budget!B7"
    book.save(directory / "budget.xlsx")
    return [directory / "budget.xlsx"]


INSERTED = one(
    "a row inserted under formulas",
    files=_budget,
    request="Insert a row 'new item' with cost 999 above item 3 in budget.xlsx and keep the file's "
    "name; what is the sum then?",
    replies=(
        code(
            "from openpyxl import load_workbook",
            "book = load_workbook('inputs/budget.xlsx')",
            "sheet = book['Budget']",
            "sheet.insert_rows(4)",
            "sheet['A4'], sheet['B4'] = 'new item', cost",
            "book.save('outputs/budget.xlsx')",
            "print('sum', sum(sheet.cell(row, 2).value for row in range(2, 8)))",
            cost=999,
            knows=(EDIT, rule("take formulas, ranges and drawings along")),
        ),
        answer("outputs/budget.xlsx has the row; the sum is ⟦value⟧.", printed("sum")),
    ),
    right=(
        says(2499),
        cells(
            "budget.xlsx",
            "Budget",
            {"A4": "new item", "B4": 999, "A5": "item 3", "B8": "=SUM(B2:B7)"},
        ),
        cells("budget.xlsx", "Summary", {"A1": "=Budget!B8"}),
    ),
)

MACRO = one(
    "a macro that can't be written",
    files=lambda d: [
        saved(d / "stock.xlsx", [["Part", "Units"], *((f"P{n}", n % 3) for n in range(12))])
    ],
    request="Write a macro into stock.xlsx that deletes the parts with 0 units, and run it; save "
    "as stock_left.xlsx.",
    replies=(
        code(
            "from openpyxl import load_workbook",
            "book = load_workbook('inputs/stock.xlsx')",
            "sheet = book.active",
            "for row in range(sheet.max_row, 1, -1):",
            "    if sheet.cell(row, 2).value == 0:",
            "        sheet.delete_rows(row)",
            "book.save('outputs/stock_left.xlsx')",
            "print('left', sheet.max_row - 1)",
            knows=(rule("Macros can't be written or run here: do the work itself in Python"),),
            otherwise={"text": "Done: the macro has deleted them."},
        ),
        answer(
            "I can't write or run macros here, so I deleted the parts in Python: ⟦value⟧ are left, "
            "in outputs/stock_left.xlsx.",
            printed("left"),
        ),
    ),
    right=(
        says(8),
        mentions("macro"),
        rows("stock_left.xlsx", ("Part", "Units"), [(f"P{n}", n % 3) for n in range(12) if n % 3]),
    ),
)

BOOKS = [(f"R{n:03}", n * 12.5) for n in range(1, 41)]
BANK = [(ref, amount + (5 if ref == "R007" else 0)) for ref, amount in BOOKS if ref != "R020"]
RECONCILED = one(
    "a ledger reconciled with the bank",
    files=lambda d: [
        saved(d / "ledger.xlsx", [["Ref", "Amount"], *BOOKS]),
        saved(d / "bank.xlsx", [["Ref", "Amount"], *BANK, ("R099", 77.0)]),
    ],
    request="Reconcile ledger.xlsx with bank.xlsx by Ref: which items differ, and which are only "
    "in one of them?",
    replies=(
        call(
            "run_analysis",
            knows=(ANALYSE,),
            analysis="reconciliation",
            table={"file": "ledger.xlsx"},
            other={"file": "bank.xlsx"},
            key=["Ref"],
            value="Amount",
        ),
        answer(
            "⟦differs⟧ differs (by 5), ⟦ledger⟧ is only in the ledger, ⟦bank⟧ only in the bank.",
            r"^.*(?P<differs>R007).*$",
            r"^.*(?P<ledger>R020).*$",
            r"^.*(?P<bank>R099).*$",
        ),
    ),
    right=(mentions("R007", "R020", "R099"),),
)

FLOWS = [-1000.0, 300.0, 420.0, 560.0]
NPV = one(
    "net present value and rate of return",
    request="NPV at 8 % of -1000 now and 300, 420, 560 in the following years?",
    replies=(
        call(
            "run_analysis",
            knows=(ANALYSE,),
            analysis="npv",
            flows=FLOWS,
            rate=0.08,
            first_flow="now",
        ),
        answer("The NPV is ⟦value⟧.", r"net present value at [\d.]+%: (?P<value>-?\d+\.\d+)"),
    ),
    right=(says(round(sum(flow / 1.08**n for n, flow in enumerate(FLOWS)), 2)),),
)

TASKS = (FORMULA, TEMPLATE, INSERTED, MACRO, RECONCILED, NPV)
