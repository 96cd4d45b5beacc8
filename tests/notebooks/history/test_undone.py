"""Which cells count after undos, worked out from the notebook alone."""

import pytest

from notebooks.history.names import assigned_names
from notebooks.history.plan import changes, plan_restore
from notebooks.record.cells import CellIntent, Execution, Provenance
from notebooks.record.document import append_cell, append_text, make_notebook
from notebooks.record.undone import (
    RESTART,
    UNDO,
    before_turn,
    end_of_turn,
    files_at,
    standing,
    undone,
    undone_turns,
    withdraw_undone,
)


def notebook_of(*entries):
    """A notebook with a cell for each name, and a note for each mapping."""
    notebook = make_notebook("conv", "main")
    for number, entry in enumerate(entries):
        if isinstance(entry, str):
            intent = CellIntent(
                id=entry, source=f"{entry} = 1", provenance=Provenance(turn_id=f"t-{entry}")
            )
            append_cell(notebook, intent, Execution(outcome="ok", files_after={"f": entry}))
        else:
            append_text(notebook, f"note{number}", "words", {"turn": f"t-note{number}", **entry})
    return notebook


def back_to(cell):
    return {"kind": UNDO, "back_to": cell}


@pytest.mark.parametrize(
    ("entries", "counted", "live"),
    [
        (("a", "b"), "ab", "ab"),
        (("a", "b", back_to("a")), "a", "a"),
        (("a", "b", back_to("")), "", ""),
        (("a", "b", back_to("a"), "c"), "ac", "ac"),
        (("a", "b", back_to("a"), "c", back_to("b")), "ab", "ab"),
        (("a", "b", back_to("a"), "c", back_to("c")), "ac", "ac"),
        (("a", "b", back_to(""), back_to("b")), "ab", "ab"),
        (("a", "b", back_to("a"), "c", back_to("note2")), "a", "a"),
        (("a", "b", "c", {"kind": UNDO, "without": ["b"]}), "ac", "ac"),
        (("a", "b", {"kind": UNDO, "without": ["a"]}, back_to("b")), "ab", "ab"),
        (("a", {"kind": RESTART}, "b"), "ab", "b"),
        (("a", {"kind": RESTART}, "b", back_to("a")), "a", "a"),
        (("a", {"kind": UNDO}, "b"), "ab", "ab"),
        (("a", back_to("not there"), "b"), "ab", "ab"),
        (("a", {"kind": UNDO, "without": "a"}, {"kind": UNDO, "back_to": None}), "a", "a"),
    ],
)
def test_the_cells_that_count_are_those_at_the_point_an_undo_goes_back_to(entries, counted, live):
    cells = notebook_of(*entries).cells

    found = standing(cells)

    assert "".join(found.counted) == counted
    assert "".join(found.live) == live
    assert undone(cells) == {e for e in entries if isinstance(e, str)} - set(counted)


def test_a_turn_has_a_beginning_an_end_and_files():
    cells = notebook_of("a", {"kind": "request", "turn": "t-b"}, "b", back_to("a")).cells

    assert before_turn(cells, "t-a") == ""
    assert before_turn(cells, "t-b") == "a"
    assert end_of_turn(cells, "t-b") == "b"
    assert files_at(cells, "note1") == {"f": "a"}
    assert files_at(cells, "b") == {"f": "b"}
    assert files_at(cells, "") == {}
    emptied = notebook_of("a", {**back_to(""), "files_after": {}}).cells
    assert files_at(emptied, "note1") == {}
    with pytest.raises(KeyError):
        end_of_turn(cells, "t-none")


def test_a_withdrawn_cell_never_runs_and_says_why():
    note = {**back_to("a"), "undone": ["b"], "user": "ann", "at": "2026-01-31"}
    notebook = withdraw_undone(notebook_of("a", "b", note))

    [kept, out] = [cell for cell in notebook.cells if cell.cell_type != "markdown"]

    assert (kept.cell_type, out.cell_type) == ("code", "raw")
    assert out.metadata.tallybook["status"] == "undone"
    assert out.metadata.tallybook["error"]["message"] == "by ann at 2026-01-31"


@pytest.mark.parametrize(
    "forged",
    [
        {"kind": UNDO, "back_to": "a", "undone": [["b"], None, {}], "user": {"a": 1}},
        {"kind": UNDO, "back_to": ["a"], "undone": "b"},
        {"kind": UNDO, "without": [{}, "b", 3]},
        {"kind": ["undo"]},
    ],
)
def test_a_forged_undo_in_somebodys_notebook_breaks_nothing(forged):
    notebook = notebook_of("a", "b", forged)
    notebook.cells[0].metadata["tallybook"] = "no mapping"

    withdraw_undone(notebook)

    assert [cell.id for cell in notebook.cells] == ["a", "b", "note2"]


def test_a_turn_is_undone_when_all_its_cells_are():
    cells = notebook_of("a", "b", "c", back_to("a")).cells
    cells[1].metadata["tallybook"]["turn"] = "t-a"

    assert undone_turns(cells) == {"t-c"}


def test_a_plan_writes_what_differs_and_leaves_uploads_that_were_added():
    wanted = {"outputs/a": "1", "outputs/b": "2", "inputs/i": "old", "outputs/lost": "9"}
    current = {"outputs/a": "1", "outputs/b": "3", "inputs/i": "new", "inputs/j": "j", "new": "n"}

    plan = plan_restore(wanted, current, lambda sha256: sha256 != "9")

    assert plan.write == {"outputs/b": "2", "inputs/i": "old"}
    assert plan.remove == ("new",)
    assert list(plan.unavailable) == ["outputs/lost"]
    assert changes(current, plan.result(current)).names == ("inputs/i", "outputs/b", "new")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import os.path, re as r\nfrom a import *", {"os", "r"}),
        ("for i in x:\n    y, *z = i", {"i", "y", "z"}),
        ("def f():\n    inner = 1\nclass C:\n    inner = 1", {"f", "C"}),
        ("[n for n in x]; (w := 1)", {"w"}),
        ("with open('a') as file: pass\ntry: pass\nexcept E as e: pass", {"file", "e"}),
        ("out = !ls\n%time t = 1", {"out"}),
        ("x +", set()),
        ("a.b = 1; c[0] = 2", set()),
    ],
)
def test_the_names_a_cell_sets_are_read_from_its_text(source, names):
    assert assigned_names(source) == names
