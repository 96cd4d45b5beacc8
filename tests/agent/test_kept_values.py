"""A formula that can't be computed keeps its stored value while what it depends on is the same."""

import io

import pytest
import xlsxwriter
from openpyxl import Workbook, load_workbook

from agent.checks.formula_values import FormulaValues, office_installed, summary
from container.limits import Limits
from notebooks.workbooks.keep.opc import EditablePackage
from notebooks.workbooks.recalculate.names import names_of
from notebooks.workbooks.recalculate.sheets import read_sheets
from notebooks.workbooks.recalculate.unchanged import Written, kept_values, read_original
from tests.agent.test_formula_values import put

UPLOAD, NAME = "inputs/report.xlsx", "outputs/report.xlsx"
ROWS = (("Alpha", 10.5), ("Beta", 20), ("Alpha", 30), ("Gamma", 5))
REPORT = {"A2": "Alpha", "B2": 40.5, "B3": 20, "B4": 5, "B6": 65.5, "B7": 70, "B8": -4.5, "B9": 30}


@pytest.fixture
async def values():
    """Computes, as the service does."""
    assert office_installed(), "LibreOffice is missing: .ci/setup test installs it"
    computing = FormulaValues(Limits(), warm=False)
    yield computing
    await computing.aclose()


def make_report(path):
    """Write a report with a spill, a link to another workbook, and what depends on them."""
    book = xlsxwriter.Workbook(path)
    data = book.add_worksheet("Data")
    data.write_row(0, 0, ["Customer", "Amount"])
    for row, each in enumerate(ROWS, 1):
        data.write_row(row, 0, each)
    report = book.add_worksheet("Report")
    report.write_row(0, 0, ["Customer", "Total"])
    report.write_dynamic_array_formula("A2:A4", "=UNIQUE(Data!A2:A5)", None, "Alpha")
    report.write("A3", "Beta")
    report.write("A4", "Gamma")
    for row, value in enumerate((40.5, 20, 5), 2):
        formula = f"=SUMIFS(Data!$B$2:$B$5,Data!$A$2:$A$5,A{row})"
        report.write_formula(f"B{row}", formula, None, value)
    report.write_formula("B6", "=SUM(B2:B4)", None, 65.5)
    report.write_formula("B7", "='[Budget 2026.xlsx]Sheet1'!$B$4", None, 70)
    report.write_formula("B8", "=B6-B7", None, -4.5)
    report.write_dynamic_array_formula("B9", "=INDEX(SORT(Data!B2:B5,1,-1),1)", None, 30)
    book.add_worksheet("Notes").write("A1", "draft")
    book.close()


def edited(workspace, tmp_path, edit):
    """Upload the report, and write it as openpyxl does after *edit*."""
    make_report(tmp_path / "upload.xlsx")
    put(workspace, tmp_path / "upload.xlsx", UPLOAD)
    book = load_workbook(tmp_path / "upload.xlsx")
    edit(book)
    book.save(tmp_path / "saved.xlsx")
    return put(workspace, tmp_path / "saved.xlsx", NAME)


def report_of(file):
    sheet = load_workbook(file, data_only=True)["Report"]
    return {name: sheet[name].value for name in REPORT}


async def test_an_edit_elsewhere_leaves_every_result_of_a_report(workspace, values, tmp_path):
    file = edited(workspace, tmp_path, lambda book: book["Notes"].__setitem__("A1", "final"))

    found = (await values.compute(workspace, [NAME]))[NAME]

    assert report_of(file) == REPORT
    assert found["kept"]["original"] == UPLOAD
    assert found["kept"]["count"] == 3
    assert found["computed"] + found["kept"]["count"] == found["formulas"] == 8
    assert found["without_value"] == {}
    said = summary(found)
    assert "3 formulas keep the value stored in 'inputs/report.xlsx'" in said
    assert "no value" not in said


async def test_a_changed_precedent_leaves_no_stale_result(workspace, values, tmp_path):
    """What can still be computed is: the variance takes the linked budget as it was."""
    file = edited(workspace, tmp_path, lambda book: book["Data"].__setitem__("B2", 11.5))

    found = (await values.compute(workspace, [NAME]))[NAME]

    now = report_of(file)
    assert now == {**REPORT, "B2": 41.5, "B6": 66.5, "B8": -3.5, "B9": None}
    assert list(found["without_value"]) == ["SORT"]
    assert found["kept"]["cells"] == ["Report!A2", "Report!B7"]


async def test_without_the_upload_the_reasons_are_in_excels_words(workspace, values, tmp_path):
    make_report(tmp_path / "upload.xlsx")
    book = load_workbook(tmp_path / "upload.xlsx")
    book.save(tmp_path / "saved.xlsx")
    file = put(workspace, tmp_path / "saved.xlsx", NAME)

    found = (await values.compute(workspace, [NAME]))[NAME]

    without = {reason: each["cells"] for reason, each in found["without_value"].items()}
    assert without["a reference to another workbook or program"] == ["Report!B7"]
    assert "Report!B8" in without["depends on such cells"]
    assert "Err:" not in summary(found)
    assert report_of(file)["B7"] is None


SHEET = {"A1": 2, "A2": 3, "A3": "x", "A4": 4}
FORMULAS = {
    "B1": "=_xlfn.STOCKHISTORY(A1,1)",
    "B2": "=SUM(A1:A2)",
    "B3": "=B1+1",
    "B4": "=Rate*2",
    "B5": "=[1]Other!A1",
    "B6": "=TODAY()-A1",
    "B7": '=INDIRECT("A"&A2)',  # may read the volatile one
    "B8": "=SUM(Other!A:A)",
    "B9": "='Pivot'!A1+GETPIVOTDATA(\"Sales\",Pivot!$A$3)",
    "B10": "=SUM(A4:A9)",
}


def make_book(edit=lambda book: None, *, stored=False):
    """Return a workbook as openpyxl writes it; with *stored* each formula has its row as value."""
    from openpyxl.workbook.defined_name import DefinedName

    book = Workbook()
    sheet = book.active
    sheet.title = "Main"
    for name, value in {**SHEET, **FORMULAS}.items():
        sheet[name] = value
    for name in ("Other", "Pivot", "Unread"):
        book.create_sheet(name)["A1"] = 1
    book.defined_names["Rate"] = DefinedName("Rate", attr_text="Main!$A$1")
    edit(book)
    made = io.BytesIO()
    book.save(made)
    if not stored:
        return made
    with EditablePackage(made) as package:
        part = "xl/worksheets/sheet1.xml"
        content = package.read(part)
        for row in range(1, len(FORMULAS) + 1):
            start = content.index(b'<c r="B%d"' % row)
            end = content.index(b"<v", start)
            rest = content[content.index(b"</c>", end) :]
            content = content[:end] + b"<v>%d</v>" % row + rest
        package.write(part, content)
        kept = io.BytesIO()
        package.save(kept)
    return kept


def kept(edit, *, original=None):
    """Return the rows whose formulas keep their value after *edit*."""
    with (
        EditablePackage(make_book(edit)) as package,
        EditablePackage(original or make_book(stored=True)) as upload,
    ):
        sheets = read_sheets(package)
        written = Written(package, sheets, names_of(package, sheets), sheets.texts, set())
        read = read_original("a", upload)
        _, values = kept_values(written, [read] if read else [], sheets.cells)
    assert all(value == row for (_, (row, _)), value in values.items())
    return {row for _, (row, _) in values}


def put_in(sheet, name, value):
    return lambda book: book[sheet].__setitem__(name, value)


@pytest.mark.parametrize(
    ("edit", "rows"),
    [
        pytest.param(put_in("Unread", "A1", 9), {1, 2, 3, 4, 5, 8, 9, 10}, id="unread cell"),
        pytest.param(put_in("Unread", "A1", 1.0), {1, 2, 3, 4, 5, 8, 9, 10}, id="same value"),
        pytest.param(put_in("Main", "A1", 5), {5, 8, 9, 10}, id="precedent"),
        pytest.param(put_in("Main", "A1", "2"), {5, 8, 9, 10}, id="number made text"),
        pytest.param(put_in("Main", "A1", None), {5, 8, 9, 10}, id="precedent emptied"),
        pytest.param(put_in("Main", "A9", 5), {1, 2, 3, 4, 5, 8, 9}, id="cell of a range filled"),
        pytest.param(put_in("Main", "B1", "=A1"), {2, 4, 5, 8, 9, 10}, id="formula changed"),
        pytest.param(put_in("Main", "B1", 7), {2, 4, 5, 8, 9, 10}, id="formula overwritten"),
        pytest.param(put_in("Main", "A2", "=A4"), {1, 3, 4, 5, 8, 9, 10}, id="made a formula"),
        pytest.param(put_in("Other", "A77", 1), {1, 2, 3, 4, 5, 9, 10}, id="whole column"),
        pytest.param(put_in("Pivot", "C9", 1), {1, 2, 3, 4, 5, 8, 10}, id="pivot table"),
        pytest.param(
            lambda book: setattr(book.defined_names["Rate"], "attr_text", "Main!$A$2"),
            {1, 2, 3, 5, 8, 9, 10},
            id="name changed",
        ),
        pytest.param(
            lambda book: book.create_sheet("New", 0).__setitem__("A1", 1),
            {1, 2, 3, 4, 5, 8, 9, 10},
            id="sheet put first",
        ),
    ],
)
def test_a_value_is_kept_only_while_all_that_its_formula_reads_is_the_same(edit, rows):
    assert kept(edit) == rows


def test_zeros_that_a_writer_stored_for_excel_to_compute_are_no_values():
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made)
    book.add_worksheet("Main").write_formula("B1", "=_xlfn.STOCKHISTORY(A1,1)")
    book.close()

    assert kept(lambda book: None, original=made) == set()
