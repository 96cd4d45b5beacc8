"""Formulas, ranges, formats and drawings follow cells when rows or columns are inserted, deleted."""

import subprocess
import sys

import openpyxl
import pytest

from notebooks.workbooks.keep.opc import EditablePackage
from notebooks.workbooks.keep.parts import lost, said
from notebooks.workbooks.structure.shift import Rename, Shift
from tests.corpus.rich_template import make_template

ROW = Shift("Budget", "row", 3, 1)
TWO_ROWS_LESS = Shift("Budget", "row", 3, -2)
COLUMN = Shift("Budget", "column", 2, 1)


@pytest.mark.parametrize(
    ("formula", "row", "two_rows_less", "column"),
    [
        ("=SUM(B2:B5)", "=SUM(B2:B6)", "=SUM(B2:B3)", "=SUM(C2:C5)"),
        ("=SUM(B3:B4)", "=SUM(B4:B5)", "=SUM(#REF!)", "=SUM(C3:C4)"),
        ("=$B$6*b6", "=$B$7*B7", "=$B$4*B4", "=$C$6*C6"),
        ("=B3", "=B4", "=#REF!", "=C3"),
        ("=A2", "=A2", "=A2", "=A2"),
        ("=SUM(A:A)+SUM(B:C)", "=SUM(A:A)+SUM(B:C)", "=SUM(A:A)+SUM(B:C)", "=SUM(A:A)+SUM(C:D)"),
        ("=SUM($2:5)", "=SUM($2:6)", "=SUM($2:3)", "=SUM($2:5)"),
        ("=SUM(A1:A1048576)", "=SUM(A1:A1048576)", "=SUM(A1:A1048576)", "=SUM(A1:A1048576)"),
        ("=Budget!B6+'Budget'!B6", "=Budget!B7+'Budget'!B7", "=Budget!B4+'Budget'!B4",
         "=Budget!C6+'Budget'!C6"),
        ("=Other!B6", "=Other!B6", "=Other!B6", "=Other!B6"),
        ("=[1]Budget!B6", "=[1]Budget!B6", "=[1]Budget!B6", "=[1]Budget!B6"),
        ('="B6"&B6', '="B6"&B7', '="B6"&B4', '="B6"&C6'),
        ("=LOG10(B6)", "=LOG10(B7)", "=LOG10(B4)", "=LOG10(C6)"),
        ("=Sales2024_B6+Rate", "=Sales2024_B6+Rate", "=Sales2024_B6+Rate", "=Sales2024_B6+Rate"),
        ("=SUM(T[[#All],[B6]])+B6#", "=SUM(T[[#All],[B6]])+B7#", "=SUM(T[[#All],[B6]])+B4#",
         "=SUM(T[[#All],[B6]])+C6#"),
        ("=ZZZ9+B9999999", "=ZZZ9+B9999999", "=ZZZ9+B9999999", "=ZZZ9+B9999999"),
    ],
)  # fmt: skip
def test_references_follow_their_cells(formula, row, two_rows_less, column):
    moved = [shift.formula(formula, "Budget") for shift in (ROW, TWO_ROWS_LESS, COLUMN)]

    assert moved == [row, two_rows_less, column]


def test_on_another_sheet_only_references_that_name_the_sheet_follow():
    assert ROW.formula("=B6+budget!B6+'Bud''get'!B6", "Summary") == "=B6+budget!B7+'Bud''get'!B6"


@pytest.mark.parametrize(
    ("formula", "name", "renamed"),
    [
        ("=Old!A1+'Old'!$B$2:C3", "New", "=New!A1+New!$B$2:C3"),
        ("=Old!A1", "P&L 2024", "='P&L 2024'!A1"),
        ("=Old!A1", "Ann's", "='Ann''s'!A1"),
        ("=Old!A1", "Q1", "='Q1'!A1"),
        ('="Old!A1"&Older!A1&Old!Rate', "New", '="Old!A1"&Older!A1&New!Rate'),
        ("=SUM(Old:End!A1)", "New", "=SUM(New:End!A1)"),
        ("=SUM('First one:Old'!A1)", "It's", "=SUM('First one:It''s'!A1)"),
        ("=[1]Old!A1", "New", "=[1]Old!A1"),
    ],
)
def test_references_follow_a_renamed_sheet(formula, name, renamed):
    assert Rename("Old", name).formula(formula, "Other") == renamed


START = """
import sys
import openpyxl
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.table import Table
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Font
from openpyxl.chart import BarChart, Reference
from notebooks.workbooks import pandas_defaults
pandas_defaults.apply()
source, target = sys.argv[1:]
"""
BUDGET = """
book = openpyxl.Workbook(); sheet = book.active; sheet.title = "Budget"
sheet.append(["Item", "Amount"])
for number in range(1, 5):
    sheet.append([f"item {number}", number * 100])
sheet.append(["Total", "=SUM(B2:B5)"])
sheet["D1"] = "=B6*2"
sheet["A8"] = "Remarks"; sheet.merge_cells("A8:B8")
sheet["A8"].hyperlink = "https://example.com"
sheet["B6"].number_format = sheet["B2"].number_format = "#,##0.00"
sheet.row_dimensions[6].height = 30
sheet.column_dimensions["B"].width = 40
sheet.freeze_panes = "A2"
sheet.auto_filter.ref = "A1:B5"
sheet.print_area = "A1:B8"
sheet.conditional_formatting.add("B2:B5", FormulaRule(formula=["B2>$B$6/4"], font=Font(bold=True)))
rule = DataValidation(type="list", formula1="Summary!$A$1:$A$3"); rule.add("A2:A5")
sheet.add_data_validation(rule)
book.defined_names["Total"] = DefinedName("Total", attr_text="Budget!$B$6")
book.create_sheet("Summary")["A1"] = "=Budget!B6"
chart = BarChart(); chart.add_data(Reference(sheet, min_col=2, min_row=2, max_row=5))
sheet.add_chart(chart, "E7")
book.save(target)
"""


def run(tmp_path, code, *, source="source.xlsx", target="result.xlsx"):
    """Run *code* after `START`, which reads ``source`` and writes ``target``; return its prints."""
    command = [sys.executable, "-c", START + code, str(tmp_path / source), str(tmp_path / target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def budget(tmp_path_factory):
    directory = tmp_path_factory.mktemp("budget")
    run(directory, BUDGET, target="source.xlsx")
    return directory


def test_all_that_refers_to_cells_below_an_inserted_row_follows(budget):
    printed = run(
        budget,
        """
book = openpyxl.load_workbook(source); sheet = book["Budget"]
sheet.insert_rows(3)
sheet["A3"], sheet["B3"] = "new item", 999
book.save(target)
""",
    )

    book = openpyxl.load_workbook(budget / "result.xlsx")
    sheet, summary = book["Budget"], book["Summary"]
    assert (sheet["B7"].value, sheet["D1"].value) == ("=SUM(B2:B6)", "=B7*2")
    assert summary["A1"].value == "=Budget!B7"
    assert str(sheet.merged_cells) == "A9:B9"
    assert (sheet["A9"].hyperlink.ref, sheet["A8"].hyperlink) == ("A9", None)
    assert (sheet.row_dimensions[7].height, sheet.row_dimensions[6].height) == (30, None)
    assert sheet["B3"].number_format == "#,##0.00"  # as the row above it
    assert (sheet.auto_filter.ref, sheet.print_area) == ("A1:B6", "'Budget'!$A$1:$B$9")
    [(block, [rule])] = sheet.conditional_formatting._cf_rules.items()
    assert (str(block.sqref), rule.formula) == ("B2:B6", ["B2>$B$7/4"])
    [validation] = sheet.data_validations.dataValidation
    assert (str(validation.sqref), validation.formula1) == ("A2:A6", "Summary!$A$1:$A$3")
    assert book.defined_names["Total"].attr_text == "Budget!$B$7"
    [chart] = sheet._charts
    assert chart.series[0].val.numRef.f == "'Budget'!$B$2:$B$6"
    assert chart.anchor._from.row == 7
    assert "move with inserted and deleted rows" in printed


def test_deleted_rows_take_their_cells_along_although_others_are_sparse(budget):
    run(
        budget,
        """
book = openpyxl.load_workbook(source); sheet = book["Budget"]
sheet["Z2"] = "only here"
sheet.delete_rows(2, 2)
book.save(target)
""",
    )

    sheet = openpyxl.load_workbook(budget / "result.xlsx")["Budget"]
    assert [sheet.cell(row, 1).value for row in range(1, 5)] == [
        "Item",
        "item 3",
        "item 4",
        "Total",
    ]
    assert (sheet["B4"].value, sheet["D1"].value, sheet["Z2"].value) == (
        "=SUM(B2:B3)",
        "=B4*2",
        None,
    )
    assert str(sheet.merged_cells) == "A6:B6"


EXPENSES = """
book = openpyxl.Workbook(); sheet = book.active; sheet.title = "Expenses"
for row in (["Item", "Net"], ["Rent", 900], ["Power", 80], ["Total", "=SUBTOTAL(109,B2:B3)"]):
    sheet.append(row)
table = Table(displayName="Costs", ref="A1:B4", totalsRowCount=1)
table._initialise_columns(); table.autoFilter.ref = "A1:B3"
for column, cell in zip(table.tableColumns, sheet[1]): column.name = cell.value
sheet.add_table(table)
sheet.conditional_formatting.add("B2:B3", FormulaRule(formula=["B2>100"], font=Font(bold=True)))
rule = DataValidation(type="list", formula1='"Rent,Power"'); rule.add("A2:A3"); rule.add("D1:D3")
sheet.add_data_validation(rule)
"""


def grown(directory, code):
    run(directory, f"{EXPENSES}{code}\nbook.save(target)")
    sheet = openpyxl.load_workbook(directory / "result.xlsx")["Expenses"]
    table = sheet.tables["Costs"]
    formats = [str(block.sqref) for block in sheet.conditional_formatting]
    [rule] = sheet.data_validations.dataValidation
    return table.ref, table.autoFilter.ref, formats, str(rule.sqref)


def test_rows_inserted_above_a_totals_row_get_the_tables_filter_formats_and_lists(tmp_path):
    found = grown(tmp_path, "sheet.insert_rows(4, 2)")

    assert found == ("A1:B6", "A1:B5", ["B2:B5"], "A2:A5 D1:D3")


def test_rows_deleted_from_a_table_leave_its_totals_row_out_of_the_filter(tmp_path):
    found = grown(tmp_path, "sheet.delete_rows(3)")

    assert found == ("A1:B3", "A1:B2", ["B2"], "A2 D1:D2")


def test_a_table_that_code_makes_longer_is_saved_with_a_filter_that_fits(tmp_path):
    found = grown(tmp_path, "table.totalsRowCount = None; table.ref = 'A1:B9'")

    assert found[:2] == ("A1:B9", "A1:B9")


def test_inserted_columns_move_widths_and_join_tables_that_they_divide(budget):
    run(
        budget,
        """
book = openpyxl.load_workbook(source); sheet = book["Budget"]
sheet.auto_filter.ref = None
sheet.add_table(Table(displayName="Items", ref="A1:B5"))
sheet._tables["Items"]._initialise_columns()
for column, cell in zip(sheet._tables["Items"].tableColumns, sheet[1]): column.name = cell.value
sheet.insert_cols(2)
book.save(target)
""",
    )

    sheet = openpyxl.load_workbook(budget / "result.xlsx")["Budget"]
    table = sheet.tables["Items"]
    assert (table.ref, table.column_names) == ("A1:C5", ["Item", "Column1", "Amount"])
    assert (sheet["B1"].value, sheet["C6"].value) == ("Column1", "=SUM(C2:C5)")
    assert (sheet.column_dimensions["C"].width, "B" in sheet.column_dimensions) == (40, False)


def test_a_merged_range_grows_with_a_row_inserted_into_it_and_keeps_a_cell_for_its_value(tmp_path):
    run(
        tmp_path,
        """
book = openpyxl.Workbook(); sheet = book.active
sheet["A2"] = "north"; sheet.merge_cells("A2:A4")
sheet["C2"] = "south"; sheet.merge_cells("C2:C3")
sheet.insert_rows(3)
sheet.delete_rows(2)
sheet["A2"] = "again"
book.save(target)
""",
    )

    sheet = openpyxl.load_workbook(tmp_path / "result.xlsx").active
    assert str(sheet.merged_cells) == "A2:A4 C2:C3"
    assert (sheet["A2"].value, sheet["C2"].value) == ("again", None)


def test_formulas_follow_a_renamed_sheet(budget):
    run(
        budget,
        """
book = openpyxl.load_workbook(source)
book["Budget"].title = "Plan 2025"
book.save(target)
""",
    )

    book = openpyxl.load_workbook(budget / "result.xlsx")
    assert book["Summary"]["A1"].value == "='Plan 2025'!B6"
    assert book.defined_names["Total"].attr_text == "'Plan 2025'!$B$6"
    assert book["Plan 2025"]._charts[0].series[0].val.numRef.f == "'Plan 2025'!$B$2:$B$5"


def test_what_a_save_puts_back_has_moved_with_its_cells(tmp_path):
    make_template(tmp_path / "source.xlsx")
    run(
        tmp_path,
        """
book = openpyxl.load_workbook(source); sheet = book["Model"]
sheet.insert_rows(1, 3)
book["Lists"].title = "Choices"
book["Choices"].insert_rows(2)
book.save(target)
""",
    )

    result = tmp_path / "result.xlsx"
    with EditablePackage(result) as package:
        parts = {name: package.read(name).decode("utf-8", "replace") for name in package.names}
    sheet = parts["xl/worksheets/sheet1.xml"]
    drawn = "".join(text for name, text in parts.items() if "drawings/drawing" in name)
    threads = "".join(text for name, text in parts.items() if "threadedComment" in name)
    chart = next(text for name, text in parts.items() if "charts/chart" in name)
    legacy = "".join(text for name, text in parts.items() if name.endswith(".vml"))
    assert (
        said(lost(tmp_path / "source.xlsx", result, {"Model": "Model", "Lists": "Choices"})) == ""
    )
    assert "<xm:f>Model!B5:D5</xm:f><xm:sqref>E5</xm:sqref>" in sheet
    assert "<xm:f>Choices!$A$1:$A$3</xm:f></x14:formula1><xm:sqref>F5:F8</xm:sqref>" in sheet
    assert "Model!$B$5:$B$8" in chart
    assert 'ref="A5"' in threads
    assert "<xdr:row>4</xdr:row>" in drawn  # the chart was at G2
    assert "<x:Row>4</x:Row>" in legacy
    assert 'r="N5"' in sheet
    assert 'cm="1"' in sheet.partition('r="N5"')[2][:40]


def test_a_thread_on_a_deleted_row_is_deleted_with_it(tmp_path):
    make_template(tmp_path / "source.xlsx")
    run(
        tmp_path,
        """
book = openpyxl.load_workbook(source)
book["Model"].delete_rows(2)
book.save(target)
""",
    )

    with EditablePackage(tmp_path / "result.xlsx") as package:
        threads = [package.read(n) for n in package.names if "threadedComments/" in n]
    assert b"please check" not in b"".join(threads)


def test_cells_are_not_pushed_off_the_sheet(tmp_path):
    printed = run(
        tmp_path,
        """
sheet = openpyxl.Workbook().active
sheet["A1048576"] = "last"
try:
    sheet.insert_rows(5, 2)
except ValueError as error:
    print(error)
print(sheet["A1048576"].value)
""",
    )

    assert "with 2 more it would have more than the 1,048,576 of a sheet" in printed
    assert printed.endswith("last\n")
