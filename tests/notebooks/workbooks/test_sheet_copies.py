"""A sheet that openpyxl copies takes along what Excel takes along, and the rest is named."""

import re
import subprocess
import sys
import zipfile

import openpyxl
import pytest
import xlsxwriter

from notebooks.workbooks.check.workbook import check_file
from notebooks.workbooks.structure.shift import Copied
from tests.corpus.rich_template import make_template, picture

pytestmark = pytest.mark.filterwarnings("ignore:.* extension is not supported:UserWarning")
COPY = """
import sys
from notebooks.workbooks.pandas_defaults import apply
apply()
from openpyxl import load_workbook
book = load_workbook(sys.argv[1])
{code}
book.save(sys.argv[2])
"""


def run(code, before, after):
    """Run *code* with `book` as a kernel does; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", COPY.format(code=code), str(before), str(after)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def monthly(tmp_path_factory):
    """A tab of one month, as it is copied for the next one; and a sheet with a list."""
    path = tmp_path_factory.mktemp("monthly") / "tabs.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Feb")
    sheet.merge_range("A1:D1", "Month", book.add_format())
    sheet.add_table(
        "A3:C8",
        {
            "name": "Items",
            "columns": [
                {"header": "Item"},
                {"header": "Net"},
                {"header": "Gross", "formula": "=[@Net]*2"},
            ],
            "data": [[f"Item {row}", row * 10] for row in range(5)],
        },
    )
    sheet.write_formula("E1", "=SUM(Items[Net])+Feb!B4+Lists!A1")
    sheet.write_formula("E2", "=SUM(Feb:Lists!A9)")
    sheet.data_validation("A4:A8", {"validate": "list", "source": "=Feb!$A$4:$A$5"})
    sheet.conditional_format(
        "B4:B8",
        {"type": "cell", "criteria": ">", "value": "=Feb!$B$4",
         "format": book.add_format({"bg_color": "#FFC7CE"})},
    )  # fmt: skip
    chart = book.add_chart({"type": "bar"})
    chart.add_series({"categories": "=Feb!$A$4:$A$8", "values": "=Feb!$B$4:$B$8"})
    sheet.insert_chart("G2", chart)
    (path.parent / "p.png").write_bytes(picture())
    sheet.insert_image("G20", str(path.parent / "p.png"))
    sheet.insert_textbox("G30", "a note")
    sheet.add_sparkline("F4", {"range": "Feb!B4:B8"})
    sheet.repeat_rows(0, 2)
    sheet.print_area("A1:D9")
    sheet.set_landscape()
    sheet.set_header("&CReport")
    sheet.freeze_panes(3, 1)
    sheet.set_column("A:A", 20)
    book.add_worksheet("Lists").write("A1", 5)
    book.close()
    return path


@pytest.fixture(scope="module")
def copied(monthly):
    """The workbook with a copy of the tab, and what was printed."""
    after = monthly.with_name("copied.xlsx")
    said = run("copy = book.copy_worksheet(book['Feb']); copy.title = 'Mar 26'", monthly, after)
    return after, said


def texts_of(path, pattern):
    """Return what a pattern finds in each part of a package."""
    with zipfile.ZipFile(path) as package:
        found = {name: re.findall(pattern, package.read(name)) for name in package.namelist()}
    return {name: texts for name, texts in found.items() if texts}


def test_lists_formats_panes_and_print_settings_are_copied(copied):
    sheet = openpyxl.load_workbook(copied[0])["Mar 26"]

    [validation] = sheet.data_validations.dataValidation
    assert (validation.formula1, str(validation.sqref)) == ("'Mar 26'!$A$4:$A$5", "A4:A8")
    [[rule]] = sheet.conditional_formatting._cf_rules.values()
    assert rule.formula == ["'Mar 26'!$B$4"]
    assert rule.dxf.fill.bgColor.rgb == "FFFFC7CE"
    assert sheet.freeze_panes == "B4"
    assert (sheet.print_title_rows, sheet.print_area) == ("$1:$3", "'Mar 26'!$A$1:$D$9")
    assert sheet.oddHeader.center.text == "Report"
    assert sheet.page_setup.orientation == "landscape"
    assert not sheet.sheet_view.tabSelected


def test_formulas_and_tables_of_the_copy_are_its_own(copied):
    book = openpyxl.load_workbook(copied[0])

    assert list(book["Feb"].tables) == ["Items"]
    [table] = book["Mar 26"].tables.values()
    assert (table.displayName, table.ref) == ("Items_2", "A3:C8")
    assert book["Mar 26"]["E1"].value == "=SUM(Items_2[Net])+'Mar 26'!B4+Lists!A1"
    assert book["Mar 26"]["E2"].value == "=SUM(Feb:Lists!A9)"
    assert book["Feb"]["E1"].value == "=SUM(Items[Net])+Feb!B4+Lists!A1"


def test_charts_pictures_and_what_openpyxl_does_not_know_are_copied(copied):
    path, said = copied

    charts = texts_of(path, rb"<(?:c:)?f>([^<]*)</(?:c:)?f>")
    values = sorted(found for name, found in charts.items() if "/charts/" in name)
    assert values == [
        [b"'Mar 26'!$A$4:$A$8", b"'Mar 26'!$B$4:$B$8"],
        [b"Feb!$A$4:$A$8", b"Feb!$B$4:$B$8"],
    ]
    boxes = texts_of(path, rb"<a:t>(a note)</a:t>")
    assert len(boxes) == 2
    sparklines = sorted(texts_of(path, rb"<xm:f>([^<]*)</xm:f>").values())
    assert sparklines == [[b"'Mar 26'!B4:B8"], [b"Feb!B4:B8"]]
    assert [len(sheet._images) for sheet in openpyxl.load_workbook(path).worksheets] == [1, 0, 1]
    assert "copy of" not in said


def test_a_template_that_is_removed_lives_on_in_its_copies(monthly, tmp_path):
    code = """
for month in ("Jan", "Mar"):
    made = book.copy_worksheet(book["Feb"])
    made.title = month
again = book.copy_worksheet(book["Mar"])
again.title = "Apr"
del book["Feb"]
"""
    run(code, monthly, tmp_path / "a.xlsx")

    charts = texts_of(tmp_path / "a.xlsx", rb"<(?:c:)?f>([^<]*)\$B\$4:\$B\$8</(?:c:)?f>")
    assert sorted(found for name, found in charts.items() if "/charts/" in name) == [
        [b"Apr!"], [b"Jan!"], [b"Mar!"],
    ]  # fmt: skip
    assert len(texts_of(tmp_path / "a.xlsx", rb"<a:t>(a note)</a:t>")) == 3


def test_rows_inserted_into_the_copy_move_its_parts_alone(monthly, tmp_path):
    code = "made = book.copy_worksheet(book['Feb']); made.title = 'Mar'; made.insert_rows(1)"
    run(code, monthly, tmp_path / "a.xlsx")

    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert str(book["Mar"].data_validations.dataValidation[0].sqref) == "A5:A9"
    assert str(book["Feb"].data_validations.dataValidation[0].sqref) == "A4:A8"
    charts = texts_of(tmp_path / "a.xlsx", rb"<(?:c:)?f>(\w+!\$B[^<]*)</(?:c:)?f>")
    assert sorted(found for name, found in charts.items() if "/charts/" in name) == [
        [b"Feb!$B$4:$B$8"], [b"Mar!$B$5:$B$9"],
    ]  # fmt: skip


def test_what_cannot_be_there_twice_is_named(tmp_path):
    make_template(tmp_path / "a.xlsx")
    title = openpyxl.load_workbook(tmp_path / "a.xlsx").sheetnames[0]

    said = run("book.copy_worksheet(book.worksheets[0]).title = 'Mar'",
               tmp_path / "a.xlsx", tmp_path / "b.xlsx")  # fmt: skip

    assert f"sheet 'Mar' is a copy of '{title}' without" in said
    assert "1 comment thread" in said
    assert "lost in saving" not in said


def test_a_copy_that_another_writer_made_is_checked(monthly, tmp_path):
    plain = openpyxl.load_workbook(monthly)
    plain.copy_worksheet(plain["Feb"]).title = "Mar"
    plain.save(tmp_path / "plain.xlsx")

    found = check_file(tmp_path / "plain.xlsx", [monthly])

    [finding] = [each for each in found if each.code == "copy-incomplete"]
    assert finding.message.startswith("Sheet 'Mar' is a copy of 'Feb', but lacks 1 chart, ")
    assert "1 drop-down or validation" in finding.message


def test_neither_a_whole_copy_nor_a_table_written_beside_it_is_named(copied, monthly, tmp_path):
    book = openpyxl.load_workbook(monthly)
    listed = book.create_sheet("Filtered")
    for row in book["Feb"].iter_rows(min_row=1, max_row=6, values_only=True):
        listed.append(list(row[:2]))
    book.save(tmp_path / "a.xlsx")

    codes = [
        finding.code
        for path in (copied[0], tmp_path / "a.xlsx")
        for finding in check_file(path, [monthly])
    ]
    assert "copy-incomplete" not in codes


@pytest.mark.parametrize(
    ("formula", "copied"),
    [
        ("=Feb!A1+'Feb'!B2:B3+Jan!A1", "='Mar 26'!A1+'Mar 26'!B2:B3+Jan!A1"),
        ("=SUM(Jan:Feb!A1)", "=SUM(Jan:Feb!A1)"),
        ('="Feb!A1"&[1]Feb!A1', '="Feb!A1"&[1]Feb!A1'),
        ("=SUM(Sales[Net])+ROWS(sales)", "=SUM(Sales_2[Net])+ROWS(Sales_2)"),
        ('="Sales"&Sales!A1&MySales&Sales(1)&T[Sales]', '="Sales"&Sales!A1&MySales&Sales(1)&T[Sales]'),
    ],
)  # fmt: skip
def test_only_references_to_the_own_sheet_and_tables_change(formula, copied):
    change = Copied("Feb", "Mar 26", {"sales": "Sales_2"})

    assert change.formula(formula, "Mar 26") == copied
