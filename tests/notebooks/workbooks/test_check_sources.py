"""Pivot tables and charts that do not show what code wrote into or below their source."""

import datetime
import zipfile

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference

from notebooks.workbooks.check.sources import area_of
from notebooks.workbooks.check.workbook import check_file
from tests.corpus.slicers import make_slicers

pytestmark = pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")
NEW = ("North", datetime.date(2025, 3, 5), 30)


@pytest.fixture
def pivot(tmp_path):
    """A pivot of Data!A1:C3, a range rather than a table."""
    file = make_slicers(tmp_path / "pivot.xlsx")
    with zipfile.ZipFile(file) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    with zipfile.ZipFile(file, "w") as package:
        for name, content in parts.items():
            source = content.replace(
                b'<worksheetSource name="Sales"/>', b'<worksheetSource ref="A1:C3" sheet="Data"/>'
            )
            package.writestr(name, source)
    return file


def found(file, edit):
    """Return code → message of what is found after *edit* of the book in *file*."""
    book, out = openpyxl.load_workbook(file), file.with_name("out.xlsx")
    edit(book)
    book.save(out)
    findings = check_file(out, [file])
    return {each.code: each.message for each in findings if each.code.endswith("-behind")}


def append(book, *, reaches=False):
    for column, value in enumerate(NEW, 1):
        book["Data"].cell(4, column, value)
    if reaches:
        cache = book["Pivot"]._pivots[0].cache
        cache.cacheSource.worksheetSource.ref = "A1:C4"
        cache.refreshOnLoad = True


def test_a_pivot_that_does_not_reach_a_new_row_is_named_with_the_row(pivot):
    said = found(pivot, append)["pivot-behind"]

    assert "Pivot 'Sums' on 'Pivot' shows what it showed before" in said
    assert "its source 'Data'!A1:C3), and does not include row 4" in said


def test_a_changed_value_in_a_pivots_source_is_named_until_it_is_refreshed(pivot):
    said = found(pivot, lambda book: book["Data"].cell(2, 3, 99))["pivot-behind"]

    assert "until Excel refreshes it" in said
    assert "include" not in said


@pytest.mark.parametrize(
    "edit",
    [
        lambda _: None,
        lambda book: book["Cover"].cell(9, 9, "note"),
        lambda book: book["Data"].cell(6, 1, "Source: ledger"),
        lambda book: book["Data"].cell(4, 1, "checked by Ann"),
        lambda book: append(book, reaches=True),
    ],
    ids=["nothing", "elsewhere", "a note", "a note right below", "the source too"],
)
def test_a_pivot_that_shows_its_source_is_not_named(pivot, edit):
    assert found(pivot, edit) == {}


@pytest.fixture
def charts(tmp_path):
    """A chart of B2:B4 over months, and one of row 2."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [("Month", "Sales", "Costs"), (1, 5, 3), (2, 6, 4), (3, 7, 5)]:
        sheet.append(row)
    for references in ((2, 2, 2, 4), (2, 2, 3, 2)):
        left, top, right, bottom = references
        chart = BarChart()
        chart.add_data(
            Reference(sheet, min_col=left, min_row=top, max_col=right, max_row=bottom),
            from_rows=top == bottom,
        )
        sheet.add_chart(chart)
    book.save(tmp_path / "charts.xlsx")
    return tmp_path / "charts.xlsx"


def test_a_chart_that_does_not_reach_new_data_is_named_with_the_rows_or_column(charts):
    down = found(charts, lambda book: [book["Sheet"].append(r) for r in ((4, 8, 6), (5, 9, 7))])
    right = found(charts, lambda book: book["Sheet"].cell(2, 4, 11))

    assert down == {"chart-behind": "Data were added behind what charts show: on 'Sheet' "
                    "'Sheet'!B2:B4, not rows 5 to 6."}  # fmt: skip
    assert "'Sheet'!B2:C2, not column D" in right["chart-behind"]


def test_a_chart_above_a_row_that_was_there_before_is_not_named(charts):
    book = openpyxl.load_workbook(charts)
    book["Sheet"].append(["Total", 18, 12])
    book.save(charts)

    assert found(charts, lambda book: book["Sheet"].cell(5, 2, 19)) == {}


@pytest.mark.parametrize(
    "text", ["", "A1", "Sales", "Data!A1,Data!B2", "[1]Data!A1:B2", "Data!A3:B1", "A0:B", "#REF!"]
)
def test_what_is_no_range_of_this_workbook_is_left_alone(text):
    assert area_of(text) is None
