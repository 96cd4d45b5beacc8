"""Where a request is worked on: the workbook open in Excel, or Python on files."""

import pytest

from agent.route import choose_route, operation_of

BOOK = "Budget.xlsx"
FILES = {"inputs/sales.xlsx": 9_000, "inputs/huge.csv": 6_000_000, "inputs/long.csv": 4_000_000}
ROWS = {"inputs/sales.xlsx": 60, "inputs/long.csv": 100_001, "inputs/huge.csv": 10}


def route(request, workbook=BOOK, files=FILES, rows=ROWS):
    return choose_route(request, workbook=workbook, files=files, rows=rows)


@pytest.mark.parametrize(
    ("request_", "way", "reason"),
    [
        ("add a total below the table", "office", "the open workbook 'Budget.xlsx' alone"),
        ("make the header bold", "office", "alone"),
        ("look at budget.xlsx and fill in the gaps", "office", "alone"),
        ("what does sales.xlsx hold?", "python", "the file 'inputs/sales.xlsx'"),
        ("add up SALES", "python", "the file 'inputs/sales.xlsx'"),
        ("compare sales.xlsx with long.csv", "python", "100,001 rows"),
        ("sum up long", "python", "100,001 rows, more than 100,000"),
        ("sum up huge.csv", "python", "6.0 MB, more than 5 MB"),
        ("stack the uploaded files", "python", "100,001 rows"),
        ("my salesman's list here", "office", "alone"),
    ],
)
def test_the_way_fits_what_the_request_is_about(request_, way, reason):
    chosen = route(request_)

    assert chosen.way == way
    assert reason in chosen.reason


def test_several_files_go_to_python():
    few = {"inputs/a.xlsx": 1, "inputs/b.xlsx": 1}

    assert route("stack all files", files=few, rows={}).reason == "it concerns 2 files"


def test_without_a_pane_everything_goes_to_python():
    assert route("make the header bold", workbook=None).way == "python"


def test_a_request_about_the_files_there_are_not_is_about_the_workbook():
    assert route("combine the files", files={}, rows={}).way == "office"


@pytest.mark.parametrize(
    ("request_", "operation"),
    [
        ("combine the three regions and chart them", "merge"),
        ("reconcile the bank statement with the ledger", "reconcile"),
        ("total sales by region", "pivot"),
        ("plot revenue per month", "chart"),
        ("remove duplicates", "clean"),
        ("only orders above 1000", "filter"),
        ("highlight negative numbers", "format"),
        ("write a VLOOKUP for the price", "formula"),
        ("sort by date", "sort"),
        ("write a report", "report"),
        ("hello", "other"),
        ("x" * 100_000, "other"),
    ],
)
def test_the_kind_of_operation_is_what_the_request_names(request_, operation):
    assert operation_of(request_) == operation
