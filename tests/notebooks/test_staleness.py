"""Which recorded cells are stale: those whose inputs changed by code or files that came again."""

import pytest

from notebooks.lineage.record import RecordedCells, cells_of
from notebooks.lineage.staleness import LiveCells, stale_cells
from notebooks.record.cells import CellIntent, Execution, Provenance
from notebooks.record.document import append_cell, append_text, make_notebook

READ = "import pandas as pd\ndf = pd.read_csv('inputs/a.csv')"


def notebook(*sources, files=None):
    made = make_notebook("c", "main", None)
    for number, source in enumerate(sources, 1):
        add(made, f"cell{number}", source, files or {})
    return made


def add(made, cell_id, source, files, read=("inputs/a.csv",)):
    opened = list(read) if "read_" in source else []
    intent = CellIntent(
        id=cell_id, source=source, provenance=Provenance(turn_id="t"), files_before=files
    )
    append_cell(made, intent, Execution(outcome="ok", files_after=files, inputs_read=opened))


def stale(*sources):
    return [each.number for each in stale_cells(cells_of(notebook(*sources).cells), {})]


@pytest.mark.parametrize(
    "sources",
    [
        (READ, "total = df.Sales.sum()", "df['Tax'] = df.Sales * 0.2", "df.Tax.sum()"),
        (READ, "total = df.Sales.sum()", "df = df[df.Sales > 0]", "df.head()"),
        (READ, "df.head()", "df.sort_values('Sales', inplace=True)"),
        (READ, "df.head()", "df.loc[0, 'Sales'] = 5", "del df['Sales']"),
        ("rows = []", "len(rows)", "rows.append(1)", "for n in range(3): rows.append(n)"),
        ("n = 1", "m = n + 1", "n += 1"),
        (READ, "total = df.Sales.sum()", READ, "total = df.Sales.sum()"),
        ("rate = 0.1", "tax = 100 * rate", "rate = 0.2", "rate = 0.1"),
        ("def f(x): return x", "f(1)", "def f(x): return x"),
    ],
)
def test_a_later_cell_that_goes_on_from_a_variable_makes_no_earlier_one_stale(sources):
    assert stale(*sources) == []


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (("rate = 0.1", "tax = 100 * rate", "rate = 0.2"), [2]),
        (("rate = 0.1", "tax = 100 * rate", "round(tax)", "rate = 0.2"), [2, 3]),
        ((READ, "df.head()", "df = pd.read_csv('inputs/b.csv')"), [2]),
        ((READ, "df['x'] = df.a * 2", "df.x.sum()", "df['x'] = df.a * 3"), [3]),
        ((READ, "df = df[df.a > 1]", "len(df)", "df = df[df.a > 2]"), [3]),
        (("def f(x): return x", "f(1)", "def f(x): return 2 * x"), [2]),
        (
            ("import random\nx = random.random()", "x + 1", "import random\nx = random.random()"),
            [2],
        ),
    ],
)
def test_code_that_comes_again_makes_those_stale_that_used_what_it_gave(sources, expected):
    assert stale(*sources) == expected


def test_a_file_that_is_read_again_after_a_change_makes_its_users_stale():
    made = notebook(READ, "df.head()", files={"inputs/a.csv": "1" * 64})
    now = {"inputs/a.csv": "2" * 64}

    by_file = stale_cells(cells_of(made.cells), now)
    add(made, "again", READ, now)
    by_name = stale_cells(cells_of(made.cells), now)

    assert [(each.number, each.files) for each in by_file] == [(1, ("inputs/a.csv",)), (2, ())]
    assert [(each.number, dict(each.names)) for each in by_name][1] == (2, {"df": 3})


def test_cells_that_come_one_by_one_give_what_all_of_them_give_at_once():
    """Also across a restart of the kernel, an undo, and a note that was taken back."""
    made = make_notebook("c", "main", None)
    recorded, live = RecordedCells(), LiveCells()
    sources = (
        "a = 1",
        "b = a",
        "a = 2",
        "c = b + a",
        "a = 3",
        "restart",
        "a = 4",
        "b = a",
        "a = 5",
    )
    seen = []
    for number, source in enumerate(sources):
        if source == "restart":
            append_text(made, f"note{number}", "restarted", {"kind": "restart"}, None)
        else:
            add(made, f"cell{number}", source, {})
        seen.append(live.stale(recorded.of(made.cells), {}))
        assert seen[-1] == stale_cells(cells_of(made.cells), {})
    facts = {"kind": "undo", "without": ["cell8"], "undone": ["cell8"], "files_after": {}}
    append_text(made, "undo", "undone", facts, None)

    assert recorded.of(made.cells) == cells_of(made.cells)
    assert [len(each) for each in seen] == [0, 0, 1, 2, 2, 2, 0, 0, 1]
    assert live.stale(recorded.of(made.cells), {}) == []
    del made.cells[-1]
    assert len(live.stale(recorded.of(made.cells), {})) == 1
