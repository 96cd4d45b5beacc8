"""The model asks for a usual analysis: its code is written, checked, run and recorded as a cell.

Expected values are examples that Microsoft documents for Excel's functions, or tables of
authorities, or are worked out here in plain Python from the cells of the files.
"""

from __future__ import annotations

import datetime
import json
import re
import statistics

import pytest
import pytest_asyncio
from openpyxl import Workbook, load_workbook

from agent.context.profiler import Profiler
from agent.ports import ToolCall
from agent.tools.analysis.call import KINDS, RUN_ANALYSIS, analysis_code
from agent.tools.office.arguments import schema_of
from agent.tools.tool import Reach, ToolFailed
from container.workspace.workspace import Workspace
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
        "Kept": [("Item", "Amount"), ("a", 10.5), ("b", "12.50 "), ("c", "7"), ("d", "3.25"), ("e", 4), ("f", 8.5)],
        "Words": [("Old", "New"), *((f"old {n}", f"new {n}") for n in "abcdef")],
    }  # fmt: skip
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cell in sheet["A"]:
            if isinstance(cell.value, datetime.date):
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


VALUES = [
    ("the tax on an amount by brackets is that of the tax table", asks(analysis="tax_calculation", amount=50_000, brackets=BRACKETS), "tax", 6307.5),
    ("a value-added tax comes on top", asks(analysis="tax_calculation", amount=100.5, rate=0.19), "tax_calculation.iloc[0].tolist()", [100.5, 19.10, 100.5, 119.6]),
    ("a value-added tax is taken out of a gross amount", asks(analysis="tax_calculation", amount=119, rate=0.19, included=True), "tax_calculation.iloc[0].tolist()", [119, 19, 100, 119]),
    ("half a cent of tax is rounded up", asks(analysis="tax_calculation", amount=0.5, rate=0.07), "tax", 0.04),
    ("each row of a table is taxed", asks(analysis="tax_calculation", table=BUDGET, value="Budget", rate=0.2), "tax_calculation['tax'].tolist()", [200, 80, 40, 0]),
    ("a loan rounded to cents is paid back to the last cent", asks(analysis="loan_schedule", principal=10_000, rate=0.08, payments=10), "[round(loan_schedule['principal'].sum(), 2), loan_schedule['balance'].iloc[-1]]", [10_000, 0]),
    ("a loan with equal principal pays less interest each time", asks(analysis="loan_schedule", principal=1_200, rate=0.12, payments=12, kind="equal_principal", first_payment="2025-01-31"), "[loan_schedule['interest'].tolist(), str(loan_schedule['date'][1])[:10]]", [[12 - n for n in range(12)], "2025-02-28"]),
    ("a bullet loan pays its principal last", asks(analysis="loan_schedule", principal=1_000, rate=0.04, payments=4, per_year=4, kind="bullet"), "loan_schedule['amount'].tolist()", [10, 10, 10, 1010]),
    ("extra principal ends a loan sooner", asks(analysis="loan_schedule", principal=1_000, rate=0, payments=10, extra=100), "loan_schedule['amount'].tolist()", [200] * 5),
    ("rates without interest give equal payments", asks(analysis="loan_schedule", principal=1_000, rate=0, payments=3), "loan_schedule['amount'].tolist()", [333.33, 333.33, 333.34]),
    ("a first year of some months leaves the rest for the last", asks(analysis="depreciation", cost=1_200, life=2, method="straight_line", first_year_months=3), "depreciation['depreciation'].tolist()", [150, 600, 450]),
    ("periods without rows count in a trend", asks(analysis="trend", table=BOOK, date="Date", value="Amount"), "trend['value'].tolist()", [4199.5, -1510.5, 0, -1400]),
    ("a trend by group has a line for each", asks(analysis="trend", table=BOOK, date="Date", value="Amount", by=["Account"], every="quarter"), "dict(zip(trend['Account'], trend['change a period']))", {"Rent": pytest.approx(2401), "Sales": pytest.approx(8600), "Travel": pytest.approx(-15090)}),
    ("cash flow goes from opening to closing balance", asks(analysis="cash_flow", table=BOOK, date="Date", value="Amount", opening=500, by=["Account"]), "[list(map(float, row)) for row in cash_flow[['opening', 'inflow', 'outflow', 'closing']].to_numpy()]",
     [[500, 5400, -1200.5, 4699.5], [4699.5, 0, -1510.5, 3189], [3189, 0, 0, 3189], [3189, 14000, -15400, 1789]]),
    ("a reconciliation says what is only in one of two tables", asks(analysis="reconciliation", table=BOOK, other=BANK, key=["Voucher"], other_key=["Reference"], value="Amount", other_value="Paid"), "reconciliation[['key 1', 'difference', 'status']].to_numpy().tolist()",
     [["V005", -15400.0, "only in table"], ["V009", -25.0, "only in other"], ["V006", pytest.approx(-0.4), "different"]]),
    ("a variance is favourable by what the line is", asks(analysis="variance", table=BUDGET, actual="Actual", budget="Budget", by=["Line"], costs=["Wages", "Rent", "Gifts"], limit_percent=6), "variance.set_index('Line')[['variance', 'effect', 'beyond limit']].T.to_dict('list')",
     {"Gifts": [5, "unfavourable", True], "Rent": [-20, "favourable", True], "Revenue": [50, "favourable", False], "Wages": [30, "unfavourable", True]}),
    ("an outlier is found by quartiles", asks(analysis="outliers", table=BOOK, value="Amount"), "[[int(n) for n in outliers.index], [float(low), float(high)]]",
     [[8], statistics.quantiles([row[3] for row in LEDGER], method="inclusive")[::2]]),
    ("an outlier is found within its group", asks(analysis="outliers", table=BOOK, value="Amount", by=["Account"], measure="zscore", limit=1.1), "outliers['Voucher'].tolist()", ["V002"]),
    ("statistics by group", asks(analysis="summary_statistics", table=BOOK, columns=["Amount"], by=["Account"]), "dict(zip(summary_statistics['Account'], summary_statistics['Amount sum']))", {"Rent": -2401, "Sales": 19400, "Travel": -15710}),
    ("quality is that of the values as they are kept", asks(analysis="data_quality", table={"file": "sales.xlsx", "sheet": "Kept"}), "data_quality.set_index('column').loc['Amount', ['texts among others', 'numbers as text', 'blanks around text']].tolist()", [3, 3, 1]),
    ("quality counts blanks, repeats and shared keys", asks(analysis="data_quality", table=BOOK, key=["Voucher"]), "[data_quality.set_index('column').loc['Approver', ['blank', 'distinct', 'blanks around text']].tolist(), len(repeated_rows), repeated_keys['Voucher'].tolist()]", [[2, 2, 1], 2, ["V003", "V003", "V006", "V006"]]),
    ("flows come from a column", asks(analysis="npv", table=SALES, value="Sales", rate=0, first_flow="now"), "npv", 33000),
    ("rules are checked as they are given", asks(analysis="compliance_check", table=BOOK, rules=[
        {"name": "Above 5,000 somebody approves", "check": "filled", "columns": ["Approver"], "when": [{"column": "Amount", "is": "above", "value": 5000}]},
        {"name": "Large payments have an approver", "check": "filled", "columns": ["Approver"], "when": [{"column": "Amount", "is": "below", "value": -5000}]},
        {"name": "Vouchers are numbered once", "check": "unique", "columns": ["Voucher"]},
        {"name": "Vouchers are V and three digits", "check": "pattern", "columns": ["Voucher"], "pattern": "V[0-9]{3}"},
        {"name": "Known accounts", "check": "one_of", "columns": ["Account"], "values": ["Rent", "Sales"]},
        {"name": "This quarter", "check": "between", "columns": ["Date"], "minimum": "2025-01-01", "maximum": "2025-03-31"},
        {"name": "Accounts balance", "check": "balanced", "columns": ["Amount"], "by": ["Account"]},
    ]), "dict(zip(compliance_check['rule'], compliance_check['first rows']))", {
        "Above 5,000 somebody approves": "5", "Large payments have an approver": "8", "Vouchers are numbered once": "6, 7, 9, 10",
        "Vouchers are V and three digits": "", "Known accounts": "7, 8", "This quarter": "8, 9, 10", "Accounts balance": "4, 5, 6, 7, 8, 9, 10",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "expression", "expected"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES])  # fmt: skip
async def test_it_gives_what_is_worked_out_here(conversation, request_, expression, expected):
    await conversation.ask(request_)

    assert reply_of(conversation)["status"] == "ok", reply_of(conversation)
    found = await value(conversation, expression)
    if any(
        isinstance(each, list | dict | str)
        for each in (expected if isinstance(expected, list | dict) else [])
    ):
        assert found == expected
    else:
        assert found == pytest.approx(expected, abs=0.006)


WRONG = [
    ({"analysis": "trend", "table": SALES, "date": "Month", "value": "sales "}, "has no column 'sales '. Did you mean 'Sales'?"),
    ({"analysis": "trend", "table": SALES, "date": "Sales", "value": "Sales"}, "The column 'Sales' of Sheet 'Months' of 'inputs/sales.xlsx' holds integer, not dates. Columns of dates: 'Month'"),
    ({"analysis": "outliers", "table": BOOK, "value": "Account"}, "holds text, not numbers. Columns of numbers: 'Amount'"),
    ({"analysis": "npvs", "rate": 0.1}, "There is no analysis 'npvs'. Did you mean npv"),
    ({"analysis": ["npv"]}, "There is no analysis ['npv']"),
    ({"analysis": "npv", "rates": 0.1, "flows": [1, 2], "first_flow": "now"}, "rates: npv has no such argument; did you mean rate?"),
    ({"analysis": "npv", "rate": 19, "flows": [1, 2], "first_flow": "now"}, "rate: Input should be less than or equal to 1"),
    ({"analysis": "npv", "rate": 0.1, "first_flow": "now"}, "give either flows, or table and value"),
    ({"analysis": "xirr", "flows": [-1, 2], "days": ["2025-01-01"]}, "2 flows need as many days; there are 1"),
    ({"analysis": "data_quality", "table": {"file": "sales.xlsx"}}, "has several sheets: its sheets with tables are 'Months', 'Tools', 'Ledger', 'Bank', 'Budget', 'Kept', 'Words'. Give the sheet."),
    ({"analysis": "data_quality", "table": {"file": "sale.xlsx"}}, "There is no file 'sale.xlsx'. There are: 'inputs/sales.xlsx'"),
    ({"analysis": "data_quality", "table": {"file": "sales.xlsx", "variable": "x"}}, "give either file or variable"),
    ({"analysis": "data_quality", "table": {"variable": "framed"}}, "No variable 'framed' holds a DataFrame."),
    ({"analysis": "depreciation", "cost": 1, "salvage": 2, "life": 1, "method": "straight_line"}, "salvage has to be less than cost"),
    ({"analysis": "compliance_check", "table": BOOK, "rules": [{"name": "x", "check": "between", "columns": ["Amount"]}]}, "the check between needs minimum or maximum"),
    ({"analysis": "compliance_check", "table": BOOK, "rules": [{"name": "x", "check": "between", "columns": ["Date"], "minimum": "soon"}]}, "give 'soon' as YYYY-MM-DD"),
    ({"analysis": "compliance_check", "table": BOOK, "rules": [{"name": "x", "check": "filled", "columns": ["Aprover"]}]}, "has no column 'Aprover'. Did you mean 'Approver'?"),
    ({"analysis": "summary_statistics", "table": {"file": "sales.xlsx", "sheet": "Words"}, "by": ["Old"]}, "Sheet 'Words' of 'inputs/sales.xlsx' has no column of numbers"),
    ({"analysis": "data_quality", "table": BOOK, "save_as": "../x.xlsx"}, "save_as: "),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reach(tmp_path_factory, book):
    """The files that a call can be about."""
    workspace = Workspace.create(tmp_path_factory.mktemp("files") / "workspace")
    with workspace.add_input(book.name) as new:
        new.file.write(book.read_bytes())
    return Reach(workspace, Profiler())


@pytest.mark.parametrize(("arguments", "why"), WRONG, ids=[case[1][:40] for case in WRONG])
async def test_a_wrong_call_says_in_words_what_would_fit(reach, arguments, why):
    with pytest.raises(ToolFailed) as failed:
        await analysis_code(ToolCall("run_analysis", arguments), reach, [])

    assert why in str(failed.value)


MISTYPED = asks(analysis="trend", table=SALES, date="Month", value="Sale")


async def test_the_model_goes_on_after_a_wrong_call_and_nothing_ran(conversation):
    before = len(conversation.of_kind("cell.started"))

    finished = await conversation.ask(MISTYPED)

    assert finished["answer"] == "Done."
    assert "Did you mean 'Sales'?" in reply_of(conversation)["error"]
    assert conversation.of_kind("tool.called")[-1]["status"] == "error"
    assert len(conversation.of_kind("cell.started")) == before


SAVED = asks(analysis="variance", table=BUDGET, actual="Actual", budget="Budget", by=["Line"], save_as="variance.xlsx")  # fmt: skip
OF_VARIABLE = asks(analysis="summary_statistics", table={"variable": "mine"}, by=["it's"])
ODD = "a\"b'c\n{0}«frame»"


async def test_the_code_is_recorded_and_its_result_saved_as_asked(conversation):
    await conversation.ask(SAVED)

    cell = [each for each in conversation.cells() if each["cell_type"] == "code"][-1]
    saved = conversation.notebook.parent / "workspace" / "outputs" / "variance.xlsx"
    rows = list(load_workbook(saved).active.iter_rows(values_only=True))
    source = "".join(cell["source"])
    assert source.startswith("# Variance of sheet 'Budget' of 'inputs/sales.xlsx'\n")
    assert "frame = pd.read_excel('inputs/sales.xlsx', sheet_name='Budget')" in source
    assert cell["metadata"]["tallybook"]["risk"] == "low"
    assert rows[0] == ("Line", "actual", "budget", "variance", "variance %", "effect")
    assert [row[:4] for row in rows[1:]] == [(n, a, b, a - b) for n, a, b in sorted(PLAN)]


async def test_it_works_on_a_variable_that_code_made_whatever_its_columns_are_called(conversation):
    odd = {"it's": ["x", "x", "y"], ODD: [1, 2, 4]}
    await conversation.execute(f"import pandas as pd\nmine = pd.DataFrame({odd!r})")

    await conversation.ask(OF_VARIABLE)

    assert await value(conversation, "summary_statistics.iloc[:, 2].tolist()") == [3, 4]


async def test_the_declaration_names_every_argument_of_every_analysis_in_under_3_kb():
    """Each call of the model carries it."""
    lines = dict(
        line.split("(", 1) for line in RUN_ANALYSIS.description.splitlines() if "(" in line
    )

    for name, kind in KINDS.items():
        taken = re.findall(r"[\w|=?]+", lines[name].partition(")")[0].replace("[]", ""))
        named = [each.partition("=")[0].rstrip("?") for each in taken]
        properties = schema_of(kind.arguments)["properties"]
        assert [*named, "save_as"] == [*(p for p in properties if p != "save_as"), "save_as"], name
        for argument, each in properties.items():
            assert "|".join(each.get("enum", ())) in lines[name], argument
    assert len(json.dumps([RUN_ANALYSIS.description, RUN_ANALYSIS.schema])) < 3_000
    assert "$ref" not in json.dumps(RUN_ANALYSIS.schema)


IN_OPTIONS = asks(
    analysis="npv", options={"flows": [-100, 60, 60], "rate": 0.1, "first_flow": "now"}
)
TWICE = asks(analysis="irr", flows=[-1, 2], options={"flows": [-1, 3]})
EXPLAINED = asks(analysis="compliance_check", explain=True)


async def test_arguments_may_stand_in_options_but_not_twice(conversation):
    await conversation.ask(IN_OPTIONS)
    assert await value(conversation, "npv") == pytest.approx(-100 + 60 / 1.1 + 60 / 1.21)

    await conversation.ask(TWICE)
    assert reply_of(conversation)["error"] == "flows is given twice, also in options."


async def test_the_arguments_of_one_analysis_are_explained_on_request_and_nothing_runs(
    conversation,
):
    before = len(conversation.of_kind("cell.started"))

    await conversation.ask(EXPLAINED)

    takes = reply_of(conversation)["result"]
    assert "- rules (list of object)\n  - name (string): What it demands" in takes
    assert "    - is ('equal' or 'not_equal'" in takes
    assert conversation.of_kind("tool.called")[-1]["status"] == "ok"
    assert len(conversation.of_kind("cell.started")) == before


async def test_a_call_that_does_not_fit_gets_all_arguments_of_its_analysis(reach):
    with pytest.raises(ToolFailed) as failed:
        await analysis_code(ToolCall("run_analysis", {"analysis": "npv", "rate": 8}), reach, [])

    assert "- first_flow ('now' or 'after_one_period'): When the first" in str(failed.value)


async def test_in_preview_the_user_sees_the_code_of_an_analysis_before_it_runs(conversation):
    url = f"/api/v1/conversations/{conversation.id}/mode"
    await conversation.running.client.put(url, {"name": "preview"})
    try:
        await conversation.connection.send("turn.request", request=IN_OPTIONS)
        asked = (await conversation.until("permission.required"))["data"]
        started = len(conversation.of_kind("cell.started"))
        await conversation.connection.send("permission.reply", id=asked["id"], decision="once")
        await conversation.until("turn.finished")
    finally:
        await conversation.running.client.put(url, {"name": "auto"})

    assert "# Npv" in asked["preview"]
    assert "rate = 0.1" in asked["preview"]
    assert started < len(conversation.of_kind("cell.started"))
    assert reply_of(conversation)["status"] == "ok"
