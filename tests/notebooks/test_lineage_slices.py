"""The code on the way to a file: what gave its values, and nothing that only stood beside."""

import pytest

from notebooks.lineage.follow import slice_of, variables_of
from notebooks.lineage.record import cells_of
from notebooks.record.cells import CellIntent, Execution, Provenance
from notebooks.record.document import append_cell, make_notebook
from notebooks.workbooks.origin.across import across_rows
from notebooks.workbooks.origin.constants import written_constant


def lines_to(*sources):
    """Return the lines of code that lead to the file that the last of *sources* writes."""
    made = make_notebook("c", "main", None)
    for number, source in enumerate(sources, 1):
        last = number == len(sources)
        intent = CellIntent(id=f"c{number}", source=source, provenance=Provenance(turn_id="t"))
        after = {"outputs/a.xlsx": "1" * 64} if last else {}
        append_cell(made, intent, Execution(outcome="ok", files_after=after))
    cells = cells_of(made.cells)
    taken = slice_of(cells, cells[-1], "outputs/a.xlsx", "")
    return [each.statement.code for each in taken if not each.statement.imports], taken


@pytest.mark.parametrize(
    "beside",
    [
        "sales = pd.read_excel('inputs/sales.xlsx')\nsales['Band'] = 1",
        "t = df.copy()\nt['Running'] = t['Sales'].cumsum()",
        "g = df.groupby('Region')['Sales'].sum().to_frame()\ng['Share'] = 1",
        "for region, part in df.groupby('Region'):\n    part['Rank'] = part['Sales'].rank()",
        "wb = Workbook()\nws = wb.active\nws['A1'] = df['Sales'].sum()\nwb.save('outputs/b.xlsx')",
        "def load(name): return pd.read_csv(name)\nother = load('x')\nother.columns = ['a']",
    ],
)
def test_what_other_frames_and_workbooks_are_made_of_is_not_on_the_way(beside):
    found, taken = lines_to(
        "import pandas as pd\nfrom openpyxl import Workbook",
        "df = pd.read_csv('inputs/m.csv')",
        beside,
        "df.groupby('Region')['Sales'].sum().to_excel('outputs/a.xlsx')",
    )

    assert found == [
        "df = pd.read_csv('inputs/m.csv')",
        "df.groupby('Region')['Sales'].sum().to_excel('outputs/a.xlsx')",
    ]
    assert variables_of(taken) == ["df"]


def test_what_is_done_to_parts_of_a_workbook_is_on_the_way():
    steps = (
        "wb = load_workbook('inputs/a.xlsx')",
        "ws = wb['Data']",
        "cell = ws.cell(1, 1)\ncell.value = 5",
        "for row in ws.iter_rows():\n    row[0].value = 1",
        "new = wb.create_sheet('New')\nnew.append([1])",
        "wb.save('outputs/a.xlsx')",
    )

    found, _ = lines_to("from openpyxl import load_workbook", *steps)

    assert "\n".join(found) == "\n".join(steps)


READ = "sales = pd.read_excel('inputs/sales.xlsx')"


@pytest.mark.parametrize(
    ("code", "column", "expected"),
    [
        (["t = sales.copy()", "t['Run'] = t['Sales'].cumsum()"], "Run", ["cumsum"]),
        (["sales['T'] = sales.groupby('R')['S'].transform('max')"], "T", ["max", "transform"]),
        (["total = sales['S'].sum()", "sales['Share'] = sales['S'] / total"], "Share", ["sum"]),
        (["def f(d): return d / d.sum()", "sales['Share'] = f(sales['S'])"], "Share", ["sum"]),
        (["out = sales.assign(Rank=lambda d: d['S'].rank())"], "Rank", ["rank"]),
        (["out = sales.query('S > 3').assign(Net=lambda d: d['S'] / 1.2)"], "Net", []),
        (["n = sales['S'].sum()", "sales['Row'] = sales[['a', 'b']].sum(axis=1)"], "Row", []),
        (["sales['N'] = sales['Name'].str.count('x')"], "N", []),
        (["def f(:"], "N", []),
    ],
)
def test_a_column_that_is_computed_from_other_rows_too_is_known(code, column, expected):
    statements = [{"cell": 1, "line": 1, "code": each} for each in (READ, *code)]

    assert across_rows(statements, column) == expected


@pytest.mark.parametrize(
    ("code", "line", "value", "expected"),
    [
        ("ws['A1'] = 'x'\nws['D2'] = 99", 8, 99, True),
        ("ws['D2'] = -4.5", 7, -4.5, True),
        ("ws.cell(2, 4, 99)", 7, 99, True),
        ("ws.cell(row=2, column=4, value='North')", 7, "North", True),
        ("for r in range(3):\n    ws.cell(r, 99, rows[r])", 8, 99, False),
        ("ws['D2'] = total", 7, 99, False),
        ("ws['D2'] = 99", 8, 99, False),
        ("ws['D2'] = True", 7, 1, False),
    ],
)
def test_a_value_that_the_code_writes_as_it_stands_is_a_constant(code, line, value, expected):
    statements = [{"cell": 3, "line": 7, "code": code}]

    assert written_constant(statements, 3, line, value) is expected
    assert not written_constant(statements, 4, line, value)
