"""Changes that the code which wrote a workbook does not name."""

from __future__ import annotations

import pytest
from openpyxl import Workbook, load_workbook

from notebooks.workbooks.compare.named_cells import named_cells
from notebooks.workbooks.compare.unintended import unintended
from notebooks.workbooks.compare.workbooks import compare_workbooks

OPENS = (
    "from openpyxl import load_workbook\nbook = load_workbook('inputs/a.xlsx')\nws = book['Data']\n"
)


@pytest.fixture
def judged(tmp_path):
    """Return what is unintended when *code* stands for what *change* did."""

    def judge(code, change):
        one, other = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
        book = Workbook()
        sheet = book.active
        sheet.title = "Data"
        sheet.append(["Account", "Region", "Amount"])
        for n in range(1, 11):
            sheet.append([f"A{n}", "NSEW"[n % 4], n * 1.5])
        book.create_sheet("Notes")["A1"] = "note"
        book.save(one)
        book = load_workbook(one)
        change(book)
        book.save(other)
        return unintended(compare_workbooks(one, other, most=5000), named_cells([code]))

    return judge


def put(**cells):
    def change(book):
        for place, value in cells.items():
            book["Data"][place] = value

    return change


@pytest.mark.parametrize(
    "code",
    [
        "ws['C3'] = 9",
        "ws['C3'].value = 9",
        "ws.cell(3, 3).value = 9",
        "ws.cell(row=3, column=3, value=9)\nws.cell(row=3, column=3).value = 9",
        "for r in range(2, 5):\n    ws[f'C{r}'] = 9",
        "for r in range(2, 5):\n    ws['C' + str(r)] = 9",
        "for r in range(2, 5):\n    ws.cell(r, 3).value = 9",
        "for row in ws.iter_rows(min_row=2, min_col=3):\n    for cell in row:\n        cell.value = 9",
        "for row in ws['A2:C9']:\n    row[2].value = 9",
        "cell = ws['C3']\ncell.value = 9",
        "sheet = book.active\nsheet['C3'] = 9",
        "for sheet in book:\n    sheet['C3'] = 9",
        "for sheet in book.worksheets:\n    sheet.cell(3, 3).value = 9",
        "def mend(sheet):\n    sheet['C3'] = 9\nmend(ws)",
        "c = 3\nws.cell(3, c).value = 9",
        "rows[0][2].value = 9",
        "from helpers import mend\nmend(ws)",
        "df['Amount'] = 9\ndf.to_excel('outputs/b.xlsx', sheet_name='Data')",
        "df.loc[1, 'Amount'] = 9",
    ],
)
def test_a_change_that_the_code_names_is_intended(judged, code):
    assert judged(OPENS + code, put(C3=9)).count == 0


@pytest.mark.parametrize(
    "code",
    [
        "ws['C4'] = 9",
        "book['Notes']['C3'] = 9",
        "ws.cell(3, 2).value = 9",
        "for r in range(4, 9):\n    ws.cell(r, 3).value = 9",
        "for r in range(2, 9):\n    ws[f'B{r}'] = 9",
        "for row in ws.iter_rows(min_row=4):\n    row[0].value = 9",
        "ws.column_dimensions['C'].width = 20",
        "print(ws['C3'].value)",
        "df['Region'] = 'N'",
    ],
)
def test_a_change_that_the_code_does_not_name_is_listed(judged, code):
    found = judged(OPENS + code, put(C3=9))

    assert found.count == 1
    assert found.differences[0].place == "C3"
    assert "Data!C3 (3 → 9)" in str(found)


@pytest.mark.parametrize(
    "code",
    [
        "exec(text)",
        "import zipfile",
        "this is no Python",
        "setattr(ws['A1'], name, 1)",
        "mend(book)",
    ],
)
def test_what_cannot_be_known_is_not_called_unintended_and_says_so(judged, code):
    found = judged(OPENS + code, put(C3=9))

    assert found.count == 0
    assert found.unknown
    assert "can't be told" in str(found)


def test_objects_rows_and_sheets_outside_the_code_count(judged):
    def change(book):
        sheet = book["Data"]
        sheet["B2"] = "X"
        sheet.freeze_panes = "A2"
        sheet.append(["A11", "N", 1])
        del book["Notes"]

    found = judged(OPENS + "ws['B2'] = 'X'", change)

    assert found.count == 3
    assert {each.layer for each in found.differences} == {"objects", "values", "sheets"}


def test_objects_rows_and_sheets_that_the_code_names_do_not(judged):
    def change(book):
        sheet = book["Data"]
        sheet.freeze_panes = "A2"
        sheet.append(["A11", "N", 1])
        del book["Notes"]

    code = "ws.freeze_panes = 'A2'\nws.append(['A11', 'N', 1])\ndel book['Notes']"

    assert judged(OPENS + code, change).count == 0


def test_values_computed_anew_are_no_edits_of_their_own(tmp_path):
    import xlsxwriter

    for name, value in (("a.xlsx", 1), ("b.xlsx", 2)):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            sheet = book.add_worksheet("Data")
            sheet.write("A1", value)
            sheet.write_formula("A2", "=A1*2", None, value * 2)

    found = compare_workbooks(tmp_path / "a.xlsx", tmp_path / "b.xlsx")

    assert unintended(found, named_cells([OPENS + "ws['A1'] = 2"])).count == 0


@pytest.mark.parametrize(
    "code",
    [
        "r = 2\nwhile r < 9:\n    ws.cell(r, 3).value = 9\n    r += 1",
        "if big:\n    sheet = book['Notes']\nelse:\n    sheet = book['Data']\nsheet['C3'] = 9",
        "sheet = book['Data']\nfor n in (1, 2):\n    sheet['C3'] = 9\n    sheet = book['Notes']",
        "for cell in ws['C']:\n    cell.value = 9\nfor cell in book['Notes']['A']:\n    cell.value = 1",
    ],
)
def test_a_name_that_stands_for_several_things_names_all_of_them(judged, code):
    assert judged(OPENS + code, put(C3=9)).count == 0


def test_a_cell_that_runs_again_names_the_same_cells(judged):
    from notebooks.workbooks.compare.named_cells import named_cells

    code = OPENS + "ws['C4'] = 9"

    assert named_cells([code, code]).areas == named_cells([code]).areas
