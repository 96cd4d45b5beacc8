"""Which recorded cells are stale: those whose inputs changed by code or files that came again."""

import pytest

from agent.cells.staleness import may_change
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
        ("n = 1000", "2 * n", "n = 1_000.0"),
        ("name = 'A'", "name.lower()", 'name: str = "A"  # the same'),
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


def sure_and_unsure(*sources):
    found = stale_cells(cells_of(notebook(*sources).cells), {})
    unsure = [each for each in found if not each.certain]
    assert all(("may be stale" in e.reason) is not e.certain for e in found)
    return [each.number for each in found if each.certain], [each.number for each in unsure]


CLEAN = "def clean(d, k):\n    d['x'] = d.a * k"
BOOK = """class Base:
    def add(self, x):
        self.keep(x)
class Book(Base):
    def __init__(self): self.rows = []
    def keep(self, x): self.rows.append(x)
    def total(self): return sum(self.rows) * rate"""


@pytest.mark.parametrize(
    "sources",
    [
        (READ, CLEAN, "clean(df, 1)", "df.x.sum()", "clean(df, 2)"),
        (READ, CLEAN, "df.pipe(clean, 1)", "df.x.sum()", "df.pipe(clean, 2)"),
        (READ, CLEAN, "f = clean\nf(df, 1)", "df.x.sum()", "f = clean\nf(df, 2)"),
        (READ, CLEAN, "clean(k=1, d=df)", "df.x.sum()", "clean(k=2, d=df)"),
        (READ, CLEAN, "e = df\nclean(e, 1)", "df.x.sum()", "e = df\nclean(e, 2)"),
        (READ, CLEAN, "for d in (df, 1): clean(d, 1)", "len(df)", "for d in (df, 1): clean(d, 2)"),
        (
            READ,
            "def order(d, by):\n    inner(d, by)\ndef inner(e, by):\n    e.sort_values(by, inplace=True)",
            "order(df, 'a')",
            "df.head()",
            "order(df, 'b')",
        ),
        (
            "rows = []",
            "def add(n):\n    for i in range(n):\n        rows.append(i)",
            "add(1)",
            "len(rows)",
            "add(2)",
        ),
        (
            "rate = 1",
            "def set_rate(r):\n    global rate\n    rate = r",
            "set_rate(1)",
            "100 * rate",
            "set_rate(2)",
        ),
        ("rate = 1", BOOK, "book = Book()\nbook.add(1)", "book.total()", "book.add(1)", "book.add(2)"),
        (
            "import numpy as np",
            "m = np.zeros((3, 3))",
            "np.fill_diagonal(m, 1)",
            "m.sum()",
            "np.fill_diagonal(m, 2)",
        ),
        ("x = 0", "rows = []", "add = lambda x: rows.append(x)\nadd(1)", "len(rows)",
         "add = lambda x: rows.append(x)\nadd(2)"),
    ],
)  # fmt: skip
def test_what_a_called_function_changes_makes_those_stale_that_used_it(sources):
    sure, unsure = sure_and_unsure(*sources)

    assert 4 in sure
    assert unsure == []


@pytest.mark.parametrize(
    "sources",
    [
        (READ, "def f(d, k):\n    d = d.copy()\n    d['x'] = k\n    return d", "f(df, 1)", "len(df)",
         "f(df, 2)"),
        (READ, "def f(d, k):\n    e = d[d.a > k]\n    e['x'] = 1\n    return e", "a = f(df, 1)",
         "df.a.sum()", "b = f(df, 2)"),
        (READ, "def f(d, k):\n    d = d.sort_values(k)\n    d.pop('a')", "f(df, 1)", "len(df)",
         "f(df, 2)"),
        (READ, "def show(d, n):\n    print(d.head(n), sorted(d.columns))", "show(df, 1)", "len(df)",
         "show(df, 2)"),
        (READ, "df.groupby('a').sum()", "len(df)", "df.groupby('b').sum()"),
        (READ, "def f(rows):\n    rows = list(rows)\n    rows.append(1)\n    return rows",
         "a = f(df.a)", "df.a", "a = f(df.a)"),
        ("def tax(x): return x * rate", "rate = 0.1", "tax(100)"),
    ],
)  # fmt: skip
def test_a_function_that_works_on_a_copy_makes_nothing_stale(sources):
    assert sure_and_unsure(*sources) == ([], [])


def test_a_cell_that_called_a_function_is_stale_once_what_the_function_uses_has_changed():
    sources = ("def tax(x): return scaled(x)", "def scaled(x): return x * rate", "rate = 0.1",
               "tax(100)", "rate = 0.2")  # fmt: skip

    assert sure_and_unsure(*sources) == ([4], [])


@pytest.mark.parametrize(
    "sources",
    [
        ("from helpers import clean", READ, "clean(df, 1)", "len(df)", "clean(df, 2)"),
        ("import helpers", READ, "helpers.clean(df, 1)", "len(df)", "helpers.clean(df, 2)"),
        ("class B(Unseen): pass", "b = B()", "b.run(1)", "b.total", "b.run(2)"),
        (READ, "def f(d, flag): d.dropna(inplace=flag)", "f(df, True)", "len(df)", "f(df, False)"),
        (READ, "def f(g, d, k): g(d, k)", "f(print, df, 1)", "len(df)", "f(print, df, 2)"),
    ],
)
def test_what_cannot_be_followed_may_have_made_a_cell_stale_and_says_may(sources):
    sure, unsure = sure_and_unsure(*sources)

    assert sure == []
    assert 4 in unsure


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): f(x)\nf(f)",
        "def f(x): g(x)\ndef g(x): f(x)\nf([])",
        "class A(A): pass\nA().b()",
        "class A(B): pass\nclass B(A): pass\nx = A()\nx.y()",
        "f = lambda: f()\nf(*f, **f)",
        "(lambda x: x.append(1))(y)",
        "a = b = a\na.append(b)",
        "exec('x' * 3)\n[f(x) for x in x for f in x]",
        "async def f():\n    async for x in y:\n        await x.clear()",
        "match x:\n    case [a, *b]: a.append(b)",
        "(x := y).sort()\ndel x[0], y",
        "global z\nz[0] += 1",
    ],
)
def test_odd_code_is_followed_to_an_end(source):
    sure_and_unsure(source, source, *source.splitlines())


def test_only_a_cell_that_does_nothing_to_variables_is_not_looked_at_after_it_ran():
    assert may_change("clean(df)", {}, {})
    assert may_change("book.add(1)", {}, {})
    assert not may_change("print(df.head())", {}, {})


def test_functions_that_all_call_each_other_are_followed_to_an_end():
    names = [f"f{n}" for n in range(40)]
    calls = "; ".join(f"{name}(x)" for name in names)
    functions = "\n".join(f"def {name}(x): {calls}" for name in names)

    sure, unsure = sure_and_unsure("a = [1]", functions, "f0(a)", "len(a)", "f0(a)")

    assert (sure, unsure) == ([], [4])


def test_a_long_chain_of_functions_is_followed_whatever_calls_come_again():
    chain = "\n".join(f"def f{n}(x): {'; '.join([f'f{n + 1}(x)'] * 6)}" for n in range(9))

    changing = f"{chain}\ndef f9(x): x.append(1)"

    assert sure_and_unsure("a = [1]", changing, "f0(a)", "len(a)", "f0(a)") == ([4], [])
