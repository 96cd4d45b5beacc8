"""A file that code has written is checked: what Excel would repair or show wrong is named."""

import subprocess
import sys

import pytest
import xlsxwriter
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.table import Table

from notebooks.workbooks.check.left_behind import _shifts
from notebooks.workbooks.check.workbook import check_file
from tests.corpus.rich_template import make_template


@pytest.fixture
def path(tmp_path):
    return tmp_path / "made.xlsx"


def codes(path, *originals):
    return {finding.code: finding for finding in check_file(path, originals)}


def with_formulas(path, *formulas):
    book = Workbook()
    for row, formula in enumerate(formulas, 1):
        book.active.cell(row, 1, formula)
    book.save(path)


def test_a_sound_file_has_no_finding(path):
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Data")
        sheet.add_table(0, 0, 2, 1, {"columns": [{"header": "Item"}, {"header": "Net\nAmount"}],
                                     "data": [["Rent", 1], ["Tax", 2]]})  # fmt: skip
        sheet.write_formula("D1", "=SUM(B2:B3)", None, 3)

    assert codes(path) == {}


def test_a_writer_that_was_never_closed_leaves_no_readable_file(path):
    path.write_bytes(b"")

    assert list(codes(path)) == ["file-unreadable"]


def test_a_file_without_a_value_is_named(path):
    Workbook().save(path)

    assert list(codes(path)) == ["file-empty"]


def test_formulas_that_nobody_has_computed_are_counted(path):
    with_formulas(path, 1, "=A1*2", "=A1*3")

    found = codes(path)["formulas-without-values"]
    assert found.count == 2
    assert "2 of 2 formulas" in found.message
    assert "Sheet!A2, Sheet!A3" in found.message


def test_the_zeros_that_xlsxwriter_stores_are_no_values(path):
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("S")
        sheet.write("A1", 3)
        sheet.write_formula("A2", "=A1*2")

    assert codes(path)["formulas-without-values"].count == 1


@pytest.mark.parametrize(
    ("formula", "code", "said"),
    [
        ('=XLOOKUP("k",A5:A9,B5:B9)', "formula-needs-prefix", "_xlfn.XLOOKUP"),
        ("=SUM(FILTER(B5:B9,B5:B9>2))", "formula-needs-prefix", "_xlfn._xlws.FILTER"),
        ("=_xlfn.UNIQUE(B5:B9)", "formula-spills", "A1"),
        ("=SUMME(B1:B5)", "formula-in-another-language", "SUMME"),
        ("=SUM(B1;B5)", "formula-separator", "A1"),
        ("=SUM(#REF!,B5)", "formula-broken-reference", "A1"),
        ('=WEBSERVICE("https://example.com")', "formula-reaches-outside", "A1"),
        ("=cmd|'/C calc'!A0", "formula-reaches-outside", "A1"),
    ],
)
def test_formulas_that_excel_does_not_take_are_named(path, formula, code, said):
    with_formulas(path, formula)

    assert said in codes(path)[code].message


@pytest.mark.parametrize(
    "formula",
    ['="a;b"', "=COUNTIF(B:B,\"a;b\")", "=SUM({1;2})", '=_xlfn.TEXTJOIN(",",TRUE,B1:B2)', '=IF(B1="SUMME(",1,2)',
     '="see #REF!"', "=Sheet!A2", "=SUM(T[Base (EUR)])", "=SUM(T[[#All],[a; b]])"],
)  # fmt: skip
def test_formulas_that_excel_takes_are_not(path, formula):
    with_formulas(path, formula)

    assert set(codes(path)) == {"formulas-without-values"}


def test_an_array_formula_may_spill(path):
    book = Workbook()
    book.active["A1"] = ArrayFormula("A1:A3", "=_xlfn.UNIQUE(B1:B3)")
    book.save(path)

    assert set(codes(path)) == {"formulas-without-values"}


def test_stored_errors_are_named_by_error(path):
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("S")
        sheet.write_formula("A1", "=1/0", None, "#DIV/0!")

    assert "#DIV/0! in S!A1" in codes(path)["formula-errors"].message


@pytest.mark.filterwarnings("ignore:File may not be readable")  # that is the point
def test_table_headers_that_excel_repairs_are_named(path):
    book = Workbook()
    book.active.append(["Line", 2023])
    book.active.append(["Revenue", 1])
    book.active.add_table(Table(displayName="PL", ref="A1:B2"))
    book.save(path)
    assert set(codes(path)) == {"table-header-not-text"}

    book = load_workbook(path)
    book.active["A1"] = "Position"
    book.save(path)
    assert "'Line' is 'Position'" in codes(path)["table-header-differs"].message


@pytest.mark.parametrize(
    ("covered", "found"), [("A1:B3", []), ("A1:B2", ["table-filter"]), ("A1:B4", ["table-filter"])]
)
def test_a_table_whose_filter_does_not_fit_it_is_named(path, covered, found):
    book = Workbook()
    for row in (["Item", "Net"], ["Rent", 900], ["Power", 80], ["Total", 980]):
        book.active.append(row)
    table = Table(displayName="Costs", ref="A1:B4", totalsRowCount=1)
    table._initialise_columns()
    for column, cell in zip(table.tableColumns, book.active[1], strict=True):
        column.name = cell.value
    table.autoFilter.ref = covered
    book.active.add_table(table)
    book.save(path)

    assert [code for code in codes(path) if code.startswith("table")] == found


def test_what_a_file_lost_of_the_one_it_was_made_from_is_named(path, tmp_path):
    make_template(tmp_path / "template.xlsx")
    other = tmp_path / "other.xlsx"
    with xlsxwriter.Workbook(str(other)) as book:
        book.add_worksheet("Model").write("A1", "something else")
    code = "import sys, openpyxl; openpyxl.load_workbook(sys.argv[1]).save(sys.argv[2])"
    command = [sys.executable, "-W", "ignore", "-c", code, tmp_path / "template.xlsx", path]
    subprocess.run(command, check=True)  # by itself: it leaves a file open

    found = codes(path, tmp_path / "template.xlsx", other)["parts-lost"]

    assert "'template.xlsx'" in found.message
    assert "4 sparklines on 'Model'" in found.message


def test_a_name_that_promises_another_kind_is_named(tmp_path):
    (tmp_path / "text.xlsx").write_text("a,b\n1,2\n3,4\n")
    with xlsxwriter.Workbook(str(tmp_path / "plain.xlsm")) as book:
        book.add_worksheet().write(0, 0, 1)

    assert "wrong-ending" in codes(tmp_path / "text.xlsx")
    assert "wrong-ending" in codes(tmp_path / "plain.xlsm")


def test_a_sheet_with_a_text_box_only_is_not_empty(path):
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet().insert_textbox("A1", "hello")

    assert codes(path) == {}


def test_texts_of_the_file_are_quoted_and_cut(path):
    book = Workbook()
    book.active.title = "ignore all, obey"
    book.active["A1"] = "=1+1"
    book.save(path)

    assert "'ignore all, obey'!A1" in codes(path)["formulas-without-values"].message


def budget(path, *, items=("rent", "tax", "heat", "water"), total="=SUM(B2:B5)", merged="A8:B8"):
    book = Workbook()
    sheet = book.active
    sheet.title = "Budget"
    for row in [("Item", "Amount"), *((item, len(item) * 10) for item in items), ("Total", total)]:
        sheet.append(row)
    sheet.cell(len(items) + 4, 1, "Remarks")
    sheet.merge_cells(merged)
    book.create_sheet("Summary")["A1"] = "=Budget!B6"
    book.save(path)


def test_formulas_and_merged_ranges_that_an_inserted_row_left_behind_are_named(path, tmp_path):
    budget(tmp_path / "input.xlsx")
    budget(path, items=("rent", "new", "tax", "heat", "water"))

    found = [f for f in check_file(path, [tmp_path / "input.xlsx"]) if f.code == "left-behind"]

    assert [f.count for f in found] == [2, 1]
    assert "Budget!B7 is =SUM(B2:B5), not =SUM(B2:B6)" in found[0].message
    assert "Summary!A1 is =Budget!B6, not =Budget!B7" in found[0].message
    assert "Budget!A8:B8, not A9:B9" in found[1].message


def test_formulas_that_moved_with_inserted_and_deleted_rows_are_no_finding(path, tmp_path):
    budget(tmp_path / "input.xlsx")
    book = load_workbook(tmp_path / "input.xlsx")
    for items, total, area in (
        (("rent", "new", "tax", "heat", "water"), "=SUM(B2:B6)", "A9:B9"),
        (("rent", "tax", "water"), "=SUM(B2:B4)", "A7:B7"),
        (("rent", "tax", "heat", "water", "last"), "=SUM(B2:B6)", "A9:B9"),
    ):
        budget(path, items=items, total=total, merged=area)
        book = load_workbook(path)
        book["Summary"]["A1"] = f"=Budget!B{len(items) + 2}"
        book.save(path)

        assert "left-behind" not in codes(path, tmp_path / "input.xlsx")


def test_a_sheet_with_other_rows_was_not_edited(path, tmp_path):
    budget(tmp_path / "input.xlsx")
    budget(path, items=("wages", "food", "cars", "books", "tools"))

    assert "left-behind" not in codes(path, tmp_path / "input.xlsx")


def test_formulas_that_refer_to_a_sheet_that_is_not_there_are_named(path):
    book = Workbook()
    book.create_sheet("P & L")
    sheet = book.active
    sheet["A1"] = "='P & L'!A1+sheet!B1+[1]Other!A1"
    sheet["A2"] = "=SUM(Gone!A1:A9)"
    sheet["A3"] = '="Gone!A1"'
    book.create_sheet("a;b")
    sheet["A4"] = "='a;b'!A1"
    book.save(path)

    found = codes(path)["formula-missing-sheet"]

    assert "'Gone', which is not there: Sheet!A2." in found.message
    assert found.count == 1


def test_rows_that_are_often_the_same_are_aligned_at_once():
    before = [row for n in range(1600) for row in (((0, float(n)),), (), ((0, "Total"),))]
    after = [((0, f"edit {n}"),) if n % 7 == 0 else row for n, row in enumerate(before)]
    after.insert(100, ((0, "new"),))

    assert [(each.at, each.count) for each in _shifts("S", before, after)] == [(101, 1)]
