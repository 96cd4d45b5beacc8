"""Files that a request writes: they open in Excel, keep what was there, and are where they should."""

import zipfile

import pandas as pd
import pytest
from openpyxl import load_workbook

from tests.cases import inputs
from tests.corpus.rich_template import make_template

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUM = """from openpyxl import Workbook
book = Workbook()
for row in (["Item", "Amount"], ["a", 10], ["b", 32], ["Total", "=SUM(B2:B3)"]):
    book.active.append(row)
book.save("outputs/report.xlsx")"""
NEW_FUNCTIONS = """from openpyxl import Workbook
book = Workbook()
sheet = book.active
for n in range(1, 6):
    sheet.append([f"k{n}", n])
sheet["D1"] = '=XLOOKUP("k3",A1:A5,B1:B5)'
sheet["D2"] = "=SUM(FILTER(B1:B5,B1:B5>2))"
sheet["D3"] = "=UNIQUE(A1:A5)"
sheet["D4"] = '=TEXTJOIN(",",TRUE,A1:A5)'
sheet["D5"] = "=SUMME(B1:B5)"
sheet["D6"] = "=SUM(B1;B5)"
book.save("outputs/functions.xlsx")"""
MENDED = """from openpyxl import load_workbook
from openpyxl.worksheet.formula import ArrayFormula
book = load_workbook("outputs/functions.xlsx")
sheet = book.active
sheet["D1"] = '=_xlfn.XLOOKUP("k3",A1:A5,B1:B5)'
sheet["D2"] = ArrayFormula("D2", "=SUM(_xlfn._xlws.FILTER(B1:B5,B1:B5>2))")
sheet["D3"] = None
sheet["D4"] = '=_xlfn.TEXTJOIN(",",TRUE,A1:A5)'
sheet["D5"] = "=SUM(B1:B5)"
sheet["D6"] = "=SUM(B1,B5)"
book.save("outputs/functions.xlsx")"""
TABLES = """from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.table import Table, TableColumn
book = Workbook()
book.active.append(["Line", 2023, 2024])
book.active.append(["Revenue", 1, 2])
book.active.add_table(Table(displayName="PL", ref="A1:C2"))
book.save("outputs/numbers.xlsx")
book = Workbook()
book.active.append(["Line", "Sales"])
book.active.append(["Revenue", 1])
book.active.add_table(Table(displayName="PL", ref="A1:B2"))
book.save("outputs/sound.xlsx")
book = load_workbook("outputs/sound.xlsx")
book.active["A1"] = "Position"
book.save("outputs/renamed.xlsx")
book = Workbook()
book.active.append(["Sales", "sales"])
book.active.append([1, 2])
book.active.add_table(Table(displayName="Twice", ref="A1:B2"))
book.save("outputs/twice.xlsx")"""
LIMITS = """import numpy as np
import pandas as pd
frames = {
    "zoned": pd.DataFrame({"t": [pd.Timestamp("2024-01-01", tz="Europe/Berlin")]}),
    "control": pd.DataFrame({"t": ["EUR 7\\x16 500", "a\\x0bb"]}),
    "long": pd.DataFrame({"t": ["x" * 40_000]}),
    "infinite": pd.DataFrame({"t": [np.inf]}),
}
for engine in ("openpyxl", "xlsxwriter"):
    for name, frame in frames.items():
        frame.to_excel(f"outputs/{name}_{engine}.xlsx", index=False, engine=engine)
    name = "Reconciliation of intercompany balances"
    frames["long"].tail(0).to_excel(f"outputs/name_{engine}.xlsx", sheet_name=name, engine=engine)"""
REQUESTS = {
    "write a sum": [SUM],
    "read the sum": [
        "import pandas as pd\nprint(pd.read_excel('outputs/report.xlsx')['Amount'].tolist())"
    ],
    "copy the statement": [
        """import pandas as pd
frame = pd.read_excel("inputs/texts.xlsx")
for engine in ("openpyxl", "xlsxwriter"):
    frame[frame["Amount"] > 10].to_excel(f"outputs/{engine}.xlsx", index=False, engine=engine)"""
    ],
    "put 42 into B2": [
        """from openpyxl import load_workbook
book = load_workbook("inputs/template.xlsx")
book["Model"]["B2"] = 42
book.save("outputs/filled.xlsx")"""
    ],
    "use new functions": [NEW_FUNCTIONS, MENDED],
    "save reports": [
        """import pandas as pd
writer = pd.ExcelWriter("outputs/report.xlsx", engine="xlsxwriter")
pd.DataFrame({"a": [1]}).to_excel(writer)
print("saved outputs/report.xlsx")""",
        """pd.DataFrame({"a": [1]}).to_excel("report2.xlsx")
print("saved report2.xlsx")""",
        """pd.DataFrame({"a": [1]}).to_csv("/tmp/report3.csv")
pd.DataFrame({"a": [1]}).to_excel("/tmp/report4.xlsx")
open("/tmp/notes.txt", "w").close()
print("saved /tmp/report3.csv")""",
        """from openpyxl import Workbook, load_workbook
Workbook().save("outputs/x.xlsx")
load_workbook("outputs/x.xlsx").active["A1"] = 5
print("written A1")""",
    ],
    "make tables": [TABLES],
    "write odd values": [LIMITS],
    "add a column": [
        """from openpyxl import load_workbook
book = load_workbook("inputs/results.xlsx")
for row, value in enumerate(["Double", 2, 4, 6, 8, 10], 1):
    book.active.cell(row, 3, value)
book.save("outputs/results.xlsx")"""
    ],
    "sales of the regions": [
        """import pandas as pd
frame = pd.DataFrame({"Region": ["North", "South"], "Sales": [1200, 900]})
frame.to_excel("outputs/made_up.xlsx", index=False)"""
    ],
    "fill both and check": [
        """import pandas as pd
from openpyxl import load_workbook
for name in ("north", "south"):
    book = load_workbook(f"inputs/{name}.xlsx")
    for row, value in enumerate(["Double", 2, 4], 1):
        book.active.cell(row, 3, value)
    book.save(f"outputs/{name}.xlsx")
    print(pd.read_excel(f"outputs/{name}.xlsx")["Double"].sum())"""
    ],
}


async def test_a_later_request_reads_the_value_of_a_formula_that_code_wrote(ask):
    first = await ask("write a sum")
    second = await ask("read the sum", after=first)

    assert second.printed == "[10, 32, 42]\n"


async def test_texts_that_begin_like_formulas_stay_texts(ask, tmp_path):
    asked = await ask("copy the statement", inputs.bank_texts(tmp_path / "texts.xlsx"))

    assert "kept as text, not made formulas" in asked.printed
    for engine in ("openpyxl", "xlsxwriter"):
        cells = load_workbook(asked.outputs / f"{engine}.xlsx").active["B"][1:]
        assert [cell.value for cell in cells] == [
            "== reversal ==", "=CMD ref 8", "+49 170 call", "-refund-",
        ]  # fmt: skip
        assert {cell.data_type for cell in cells} == {"s"}


async def test_a_filled_template_keeps_its_parts_and_nothing_says_otherwise(ask, tmp_path):
    make_template(tmp_path / "template.xlsx")

    asked = await ask("put 42 into B2", tmp_path / "template.xlsx")

    # One formula of the template is not computed by LibreOffice; no part is said to be lost.
    assert asked.findings == {"outputs/filled.xlsx": ["formulas-without-values"]}
    with zipfile.ZipFile(asked.outputs / "filled.xlsx") as package:
        everything = b"".join(map(package.read, package.namelist()))
    for kept in (
        b"sparkline",
        b"wdUpDiag",
        b"x14:dataValidation",
        b"threadedComment ref",
        b"<xdr:sp",
    ):
        assert kept in everything
    assert pd.read_excel(asked.outputs / "filled.xlsx", engine="calamine").loc[0, 1] == 42
    assert asked.printed == ""  # openpyxl's own warnings speak of what it would have removed


async def test_new_functions_and_foreign_formulas_are_named_and_can_be_mended(ask):
    asked = await ask("use new functions")

    first, mended = asked.conversation.of_kind("workbook.checked")
    told = {finding["message"] for finding in first["findings"]}
    for words in (
        "must name it _xlfn.XLOOKUP",
        "must name it _xlfn._xlws.FILTER",
        "must name it _xlfn.UNIQUE",
        "must name it _xlfn.TEXTJOIN",
        "SUMME in Sheet!D5 is a function's name in another language",
        "Arguments are separated by ';'",
        "Formulas that give several values are no array formulas",
    ):
        assert any(words in message for message in told)
    assert mended["findings"] == []
    assert mended["computed"]["cells"] == {
        "Sheet!D1": 3, "Sheet!D2": 12, "Sheet!D4": "k1,k2,k3,k4,k5", "Sheet!D5": 15, "Sheet!D6": 6,
    }  # fmt: skip


async def test_files_that_are_not_there_empty_or_elsewhere_are_named(ask):
    asked = await ask("save reports")

    assert asked.findings == {
        "outputs/report.xlsx": ["file-unreadable"],
        "report2.xlsx": ["outside-outputs"],
        "/tmp/report3.csv": ["outside-outputs"],
        "/tmp/report4.xlsx": ["outside-outputs"],
        "outputs/x.xlsx": ["file-empty"],
    }
    assert "/tmp/report3.csv was written outside outputs/" in asked.seen


async def test_tables_that_excel_would_repair_are_named(ask):
    asked = await ask("make tables")

    assert asked.findings == {
        "outputs/numbers.xlsx": ["table-header-not-text"],
        "outputs/sound.xlsx": [],
        "outputs/renamed.xlsx": ["table-header-differs"],
        "outputs/twice.xlsx": ["table-header-repeated"],
    }


async def test_values_that_a_sheet_cannot_hold_are_converted_and_named(ask):
    asked = await ask("write odd values")

    for words in (
        "times with a zone (Europe/Berlin) written as their local time, without it.",
        "control characters replaced by a space in 2 text(s).",
        "1 text(s) cut at 32,767 characters.",
        "1 infinite number(s) written as text.",
        "is named 'Reconciliation of intercompany'",
    ):
        assert asked.printed.count(words) == 2  # once for each engine
    assert set(map(tuple, asked.findings.values())) <= {(), ("file-empty",)}


async def test_a_workbook_whose_styles_openpyxl_refuses_is_read_and_edited(ask, tmp_path):
    asked = await ask("add a column", inputs.empty_fill(tmp_path / "results.xlsx"))

    assert "'Value': integer; 1 to 5; sum 15" in asked.profile
    assert pd.read_excel(asked.outputs / "results.xlsx", engine="calamine")["Double"].sum() == 30
    assert asked.findings == {"outputs/results.xlsx": []}


async def test_data_that_the_model_made_up_are_named_as_such(ask, tmp_path):
    rows = [("Region", "Sales"), ("North", 1), ("South", 2)]

    asked = await ask("sales of the regions", inputs.workbook(tmp_path / "sales.xlsx", rows))

    assert asked.findings == {"outputs/made_up.xlsx": ["nothing-read"]}
    assert "its data come from the code" in asked.seen
    [*_, cell, _answer] = asked.conversation.cells()
    assert cell["metadata"]["tallybook"]["inputs_read"] == []


async def test_reading_a_result_back_to_check_it_is_no_source_of_other_results(ask, tmp_path):
    rows = [("Item", "Value"), ("a", 1), ("b", 2)]
    files = [inputs.workbook(tmp_path / f"{name}.xlsx", rows) for name in ("north", "south")]

    asked = await ask("fill both and check", *files)

    assert asked.printed == "6\n6\n"
    results = asked.conversation.of_kind("result.checked")
    assert [each["file"] for result in results for each in result["read"]] == [
        "inputs/north.xlsx", "inputs/south.xlsx",
    ] * 2  # fmt: skip
