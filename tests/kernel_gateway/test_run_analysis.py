"""The model asks for a usual analysis: its code is written, checked, run and recorded as a cell.

Expected values are examples that Microsoft documents for Excel's functions, or tables of
authorities, or are worked out here in plain Python from the cells of the files.
"""

from __future__ import annotations

import datetime
import json
import statistics

import pytest
import pytest_asyncio
from openpyxl import Workbook, load_workbook

from agent.tools.analysis.call import KINDS, RUN_ANALYSIS
from agent.tools.office.arguments import schema_of
from tests.conftest import exchange, gateways

pytestmark = pytest.mark.asyncio(loop_scope="module")

SALES = {"file": "sales.xlsx", "sheet": "Months"}
BOOK = {"file": "sales.xlsx", "sheet": "Ledger"}
BANK = {"file": "sales.xlsx", "sheet": "Bank"}
BUDGET = {"file": "sales.xlsx", "sheet": "Budget"}
TOOLS = {"file": "sales.xlsx", "sheet": "Tools"}
COLUMNS = ["Date", "Voucher", "Account", "Amount", "Approver"]
LEDGER = [
    (datetime.date(2025, 1, 3), "V001", "Rent", -1200.5, "Ann"),
    (datetime.date(2025, 1, 20), "V002", "Sales", 5400, None),
    (datetime.date(2025, 2, 3), "V003", "Rent", -1200.5, "Ann"),
    (datetime.date(2025, 2, 17), "V003", "Travel", -310, "ben "),
    (datetime.date(2025, 4, 2), "V005", "Travel", -15400, None),
    (datetime.date(2025, 4, 9), "V006", "Sales", 7000, "Ann"),
    (datetime.date(2025, 4, 9), "V006", "Sales", 7000, "Ann"),
]
STATEMENT = [("V001", -1200.5), ("V002", 5400), ("V003 ", -1510.5), ("V006", 14000.4), ("V009", 25)]
PLAN = [("Revenue", 1050, 1000), ("Wages", 430, 400), ("Rent", 180, 200), ("Gifts", 5, 0)]
PAYMENTS = {"flows": [-10000, 2750, 4250, 3250, 2750], "days": ["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"]}  # fmt: skip
BRACKETS = [{"above": 0, "rate": 0.1}, {"above": 11_000, "rate": 0.12}, {"above": 44_725, "rate": 0.22}]  # fmt: skip
LOAN = {"analysis": "loan_schedule", "principal": 125_000, "rate": 0.09, "payments": 360, "round_cents": False}  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Tables of Excel's documentation, and a small ledger with its bank statement and budget."""
    book = Workbook()
    sheets = {
        "Months": [("Month", "Sales"), *((datetime.date(2025, month, 15), value) for month, value in enumerate((3100, 4500, 4400, 5400, 7500, 8100), 1))],
        "Tools": [("Strength", "Skew"), *zip((1345, 1301, 1368, 1322, 1310, 1370, 1318, 1350, 1303, 1299), (3, 4, 5, 2, 3, 4, 5, 6, 4, 7), strict=True)],
        "Ledger": [("General ledger 2025",), (), tuple(COLUMNS), *LEDGER],
        "Bank": [("Reference", "Paid"), *STATEMENT],
        "Budget": [("Line", "Actual", "Budget"), *PLAN],
    }  # fmt: skip
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cell in sheet["A"]:
            cell.number_format = "yyyy-mm-dd"
    path = tmp_path_factory.mktemp("book") / "sales.xlsx"
    book.save(path)
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def conversation(tmp_path_factory, book):
    """One conversation, whose model passes on the call that stands in the request."""
    script = []
    for number, arguments in enumerate(CALLS):
        call = {"functionCall": {"id": "c1", "name": "run_analysis", "args": arguments}}
        script += exchange(f"request {number}.", {"parts": [call]}, {"text": "Done."})
    async with gateways(tmp_path_factory.mktemp("gateway")) as start:
        yield await (await start(script)).conversation(book)


CALLS: list[dict] = []


def asks(**arguments):
    """Return the request that has the model make this call."""
    CALLS.append(arguments)
    return f"request {len(CALLS) - 1}."


def reply_of(conversation):
    """Return what the model was given of its last call."""
    contents = conversation.running.standin.requests[-1]["contents"]
    return contents[-1]["parts"][0]["functionResponse"]["response"]


async def value(conversation, expression):
    """Return the value of *expression* in the kernel."""
    printed = await conversation.printed(
        f"import json\nprint(json.dumps({expression}, default=str))"
    )
    return json.loads(printed)


OF_EXCEL = [
    ("NPV", asks(analysis="npv", rate=0.1, flows=[-10000, 3000, 4200, 6800], first_flow="after_one_period"), "npv", 1188.44),
    ("NPV of later flows", asks(analysis="npv", rate=0.08, flows=[-40000, 8000, 9200, 10000, 12000, 14500], first_flow="now"), "npv", 1922.06),
    ("IRR after four years", asks(analysis="irr", flows=[-70000, 12000, 15000, 18000, 21000]), "100 * irr", -2.12),
    ("IRR after five years", asks(analysis="irr", flows=[-70000, 12000, 15000, 18000, 21000, 26000]), "100 * irr", 8.66),
    ("XIRR", asks(analysis="xirr", **PAYMENTS), "1e6 * xirr", 373362.53),
    ("XNPV", asks(analysis="xirr", **PAYMENTS, rate=0.09), "xnpv(0.09)", 2086.65),
    ("PMT", asks(analysis="loan_schedule", principal=10_000, rate=0.08, payments=10), "loan_schedule['amount'][0]", 1037.03),
    ("IPMT", asks(analysis="loan_schedule", principal=8_000, rate=0.1, payments=36), "loan_schedule['interest'][0]", 66.67),
    ("PPMT", asks(analysis="loan_schedule", principal=2_000, rate=0.1, payments=24), "loan_schedule['principal'][0]", 75.62),
    ("CUMIPMT", asks(**LOAN), "loan_schedule['interest'][12:24].sum()", 11135.23),
    ("CUMPRINC", asks(**LOAN), "loan_schedule['principal'][12:24].sum()", 934.11),
    ("SLN", asks(analysis="depreciation", cost=30_000, salvage=7_500, life=10, method="straight_line"), "depreciation['depreciation'].tolist()", [2250] * 10),
    ("SYD", asks(analysis="depreciation", cost=30_000, salvage=7_500, life=10, method="sum_of_years"), "depreciation['depreciation'].iloc[[0, 9]].tolist()", [4090.91, 409.09]),
    ("DB", asks(analysis="depreciation", cost=1_000_000, salvage=100_000, life=6, method="fixed_declining", first_year_months=7), "depreciation['depreciation'].tolist()",
     [186083.33, 259639.42, 176814.44, 120410.64, 81999.64, 55841.76, 15845.10]),
    ("DDB", asks(analysis="depreciation", cost=2_400, salvage=300, life=10, method="declining_balance"), "depreciation['depreciation'].iloc[[0, 9]].tolist()", [480, 22.12]),
    ("DDB with a factor", asks(analysis="depreciation", cost=2_400, salvage=300, life=10, method="declining_balance", factor=1.5), "depreciation['depreciation'][1]", 306),
    ("VDB", asks(analysis="depreciation", cost=2_400, salvage=300, life=120, method="declining_balance", switch_to_straight_line=True), "sum(amounts[6:18])", 396.31),
    ("FORECAST by LINEST", asks(analysis="trend", table=SALES, date="Month", value="Sales", ahead=3), "start + slope * 8", 11000),
    ("STDEV.S", asks(analysis="summary_statistics", table=TOOLS, columns=["Strength"]), "summary_statistics['standard deviation'][0]", 27.46),
    ("SKEW and KURT", asks(analysis="summary_statistics", table=TOOLS), "[1000 * summary_statistics[n][1] for n in ('skewness', 'kurtosis')]", [359.54, -151.80]),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "expression", "expected"), [case[1:] for case in OF_EXCEL], ids=[case[0] for case in OF_EXCEL])  # fmt: skip
async def test_it_gives_what_excel_documents(conversation, request_, expression, expected):
    finished = await conversation.ask(request_)

    assert reply_of(conversation)["status"] == "ok", reply_of(conversation)
    assert finished["status"] == "ok"
    assert await value(conversation, expression) == pytest.approx(expected, abs=0.006)
