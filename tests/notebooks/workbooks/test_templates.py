"""Templates as programs write them: drop-downs and limits, buttons, formulas nobody computed."""

import datetime

import pytest
import xlsxwriter

from agent.context.profile_text import render_profile
from notebooks.workbooks.profile import profile_file
from tests.corpus.score import run_recipe


@pytest.fixture
def written(tmp_path):
    """Write a sheet with xlsxwriter; return its profile."""

    def write(fill, *, from_1904=False):
        path = tmp_path / "book.xlsx"
        with xlsxwriter.Workbook(path, {"date_1904": from_1904}) as book:
            fill(book.add_worksheet("Input"))
        return profile_file(path)

    return write


DAY = datetime.date(2020, 1, 1)


@pytest.mark.parametrize("from_1904", [False, True])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"validate": "date", "criteria": ">", "value": DAY}, "date > 2020-01-01"),
        (
            {"validate": "date", "criteria": "between", "minimum": DAY, "maximum": datetime.date(2026, 12, 31)},
            "date between 2020-01-01 and 2026-12-31",
        ),
        ({"validate": "time", "criteria": "<=", "value": datetime.time(18, 30)}, "time <= 18:30:00"),
        ({"validate": "integer", "criteria": "not between", "minimum": 1, "maximum": 9}, "whole number not between 1 and 9"),
        ({"validate": "decimal", "criteria": ">=", "value": "=$A$1"}, "decimal >= $A$1"),
        ({"validate": "length", "criteria": "<", "value": 31}, "length of text < 31"),
        ({"validate": "list", "source": ["Travel", "IT"]}, 'list "Travel,IT"'),
        ({"validate": "custom", "value": "=B3>0"}, "custom B3>0"),
    ],
)  # fmt: skip
def test_a_validation_is_told_with_its_operator_and_limits(written, options, told, from_1904):
    def fill(sheet):
        sheet.write("A1", "Period")
        sheet.data_validation("B3", options)

    [sheet] = written(fill, from_1904=from_1904)["sheets"]

    assert sheet["validations"] == [f"B3: {told}"]


def test_a_button_is_an_object_of_its_sheet_with_its_macro(written):
    def fill(sheet):
        sheet.write("A1", "Period")
        sheet.write_comment("A1", "which")
        sheet.insert_button("D1", {"macro": "say_hello", "caption": "Run"})

    profile = written(fill)

    objects = profile["sheets"][0]["objects"]
    assert (objects["controls"], objects["comments"]) == (1, 1)
    assert objects["control_macros"] == ["say_hello"]
    assert "1 control; run by controls: 'say_hello'" in render_profile("a", profile)


def invoices(sheet, formula, *, values=(), table=False):
    for column, name in enumerate(("Voucher", "Net", "Gross")):
        sheet.write(0, column, name)
    for n in range(1, 9):
        sheet.write(n, 0, f"V{n:03d}")
        sheet.write(n, 1, 40.5 * n)
        sheet.write_formula(n, 2, formula.format(row=n + 1), None, *(v * n for v in values))
    if table:
        sheet.add_table(0, 0, 8, 2, {"name": "tbl", "columns": [{"header": h} for h in ("Voucher", "Net", "Gross")]})  # fmt: skip
    sheet.write(9, 0, "Total")
    sheet.write_formula(9, 1, "=SUM(B2:B9)")
    sheet.write_formula(9, 2, "=SUM(C2:C9)")


@pytest.mark.parametrize("formula", ["=B{row}*1.21", "=B{row}-A1000", "=ROUND(B{row}*1.21,2)", "=SUM(B{row},B{row})"])  # fmt: skip
def test_formulas_that_nobody_computed_are_no_zeros(written, formula):
    profile = written(lambda sheet: invoices(sheet, formula))

    [sheet] = profile["sheets"]
    [table] = sheet["tables"]
    gross = table["columns"][2]
    assert (gross["kind"], gross["uncalculated"]) == ("formula", 8)
    assert "sum" not in gross
    assert sheet["formulas"]["without_value"] == 10
    assert run_recipe(table["recipe"])["Gross"].isna().all()
    assert "10 of them never calculated (they read as 0" in render_profile("a", profile)


def test_formulas_of_a_table_that_nobody_computed_are_no_zeros(written):
    profile = written(lambda sheet: invoices(sheet, "=tbl[[#This Row],[Net]]*1.21", table=True))

    assert profile["sheets"][0]["tables"][0]["columns"][2]["uncalculated"] == 8


@pytest.mark.parametrize("formula", ["=B{row}-B{row}", "=B{row}*A1000", "=B{row}*0", "=IF(B{row}>9999,1,0)"])  # fmt: skip
def test_zeros_that_may_be_true_stay_results(written, formula):
    def fill(sheet):
        for n in range(8):
            sheet.write(n, 0, f"V{n}")
            sheet.write(n, 1, 40.5 + n)
            sheet.write_formula(n, 2, formula.format(row=n + 1))

    [sheet] = written(fill)["sheets"]

    assert "without_value" not in sheet["formulas"]
