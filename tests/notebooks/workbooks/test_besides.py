"""A check names cells that changed although the code which wrote the workbook names others."""

from __future__ import annotations

import pytest
from openpyxl import Workbook, load_workbook

from notebooks.workbooks.check.besides import besides_findings

LOADS = "from openpyxl import load_workbook\nbook = load_workbook('inputs/plan.xlsx')\nws = book['Plan']\n"


@pytest.fixture
def made(tmp_path):
    """Return what is found in a workbook that *change* made of the plan."""

    def make(code, change):
        book = Workbook()
        sheet = book.active
        sheet.title = "Plan"
        sheet.append(["Account", "Net", "Gross"])
        for n in range(1, 21):
            sheet.append([f"A{n}", n, f"=B{n + 1}*1.2"])
        book.save(tmp_path / "plan.xlsx")
        other = Workbook()
        other.active.append(["Something", "else"])
        other.save(tmp_path / "other.xlsx")
        book = load_workbook(tmp_path / "plan.xlsx")
        change(book["Plan"])
        book.save(tmp_path / "made.xlsx")
        originals = [tmp_path / "other.xlsx", tmp_path / "plan.xlsx"]
        return besides_findings(tmp_path / "made.xlsx", originals, [LOADS + code])

    return make


def test_a_formula_that_became_a_value_beside_the_wanted_change_is_named(made):
    def change(sheet):
        sheet["B3"] = 99
        sheet["C9"] = 9.6

    [finding] = made("ws['B3'] = 99", change)

    assert (finding.code, finding.count) == ("changed-besides", 1)
    assert "Plan!C9" in finding.message
    assert "B3" not in finding.message


def test_nothing_is_found_where_the_code_names_what_changed(made):
    assert made("ws['B3'] = 99", lambda sheet: sheet.__setitem__("B3", 99)) == []


def test_nothing_is_found_where_the_code_does_not_show_what_it_writes(made):
    assert made("exec(text)", lambda sheet: sheet.__setitem__("C9", 1)) == []


def test_a_workbook_of_its_own_is_not_compared(made):
    def rewrite(sheet):
        sheet.delete_rows(1, 30)
        for n in range(40):
            sheet.append([f"Z{n}", n * 7])

    assert made("ws['B3'] = 99", rewrite) == []
