"""`verify` finds any changed byte and names the cell."""

import json

import pytest

from notebooks.errors import NotebookUnreadable
from notebooks.ledger.verify import verify_bytes, verify_notebook
from notebooks.record.cells import CellIntent, Execution, Provenance, new_cell_id
from notebooks.record.recorder import NOTEBOOK, Recorder

pytestmark = pytest.mark.check


@pytest.fixture
async def recorded(tmp_path):
    recorder = Recorder.open(tmp_path, conversation="conv_1", path="main")
    await recorder.note("Stack the workbooks", {"turn": "t1", "kind": "request"})
    for source in ("x = 1", "x + 1"):
        intent = CellIntent(
            id=new_cell_id(), source=source, provenance=Provenance(turn_id="t1", request="ä €")
        )
        output = {
            "output_type": "execute_result",
            "execution_count": 2,
            "data": {"text/plain": "2"},
            "metadata": {},
        }
        await recorder.commit(intent, Execution(outcome="ok", execution_count=2, outputs=(output,)))
    return tmp_path / NOTEBOOK


def is_same(altered, content):
    """Whether only blanks and line breaks between JSON values differ."""
    return json.loads(altered) == json.loads(content)


def changed(notebook, change) -> bytes:
    """Return the notebook's bytes after *change* to its JSON, laid out as before."""
    value = json.loads(notebook.read_text())
    change(value)
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode()


def test_a_recorded_notebook_verifies(recorded):
    report = verify_notebook(recorded)

    assert report.verified
    assert report.cells == 3


def test_every_single_changed_byte_is_found(recorded):
    content = recorded.read_bytes()
    missed = []
    for position in range(len(content)):
        for flip in (0x01, 0x20):
            altered = bytearray(content)
            altered[position] ^= flip
            if verify_bytes(bytes(altered)).as_written:
                missed.append((position, flip))

    assert missed == []


def test_a_removed_or_doubled_byte_is_found(recorded):
    content = recorded.read_bytes()
    missed = []
    for position in range(len(content)):
        byte = content[position : position + 1]
        altered = content[:position] + byte * (position % 2 * 2) + content[position + 1 :]
        between = byte in b" \n"  # or in a text
        if verify_bytes(altered).as_written and not (between and is_same(altered, content)):
            missed.append(position)

    assert missed == []


def test_changed_code_is_named_with_its_cell(recorded):
    def change(value):
        value["cells"][1]["source"] = ["x = 2"]

    (problem,) = verify_bytes(changed(recorded, change)).problems

    assert problem.cell == 2
    assert problem.what == "its code was changed"


def test_a_changed_output_is_named_with_its_cell(recorded):
    def change(value):
        value["cells"][2]["outputs"][0]["data"]["text/plain"] = ["3"]

    (problem,) = verify_bytes(changed(recorded, change)).problems

    assert problem.cell == 3
    assert "outputs" in problem.what


def test_a_removed_cell_is_noticed(recorded):
    def change(value):
        del value["cells"][1]

    problems = verify_bytes(changed(recorded, change)).problems

    assert any("the cell before it" in problem.what for problem in problems)


def test_a_cell_cut_off_the_end_is_noticed(recorded):
    problems = verify_bytes(changed(recorded, lambda value: value["cells"].pop())).problems

    assert any("removed from its end" in problem.what for problem in problems)


def test_a_cell_added_by_hand_is_noticed(recorded):
    def change(value):
        value["cells"].append(
            {"cell_type": "markdown", "id": "abcd1234", "metadata": {}, "source": ["hi"]}
        )

    problems = verify_bytes(changed(recorded, change)).problems

    assert any("Tallybook did not record it" in problem.what for problem in problems)


def test_a_changed_layout_is_noticed_though_no_content_changed(recorded):
    content = json.dumps(json.loads(recorded.read_text())).encode()

    report = verify_bytes(content)

    assert report.verified
    assert not report.as_written
    assert "written anew" in report.notes[0]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"nbformat": 3}', b"null"])
def test_what_is_no_notebook_is_a_problem_not_a_traceback(content):
    report = verify_bytes(content)

    assert not report.verified
    assert "not a valid notebook" in report.problems[0].what


def test_a_missing_file_is_a_typed_error(tmp_path):
    with pytest.raises(NotebookUnreadable, match=r"gone\.ipynb"):
        verify_notebook(tmp_path / "gone.ipynb")


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (["aa", "aa"], "cells 1 and 2 have the same id 'aa'"),
        (["aa", None], "cell 2 has no valid id"),
        (["aa", "a b"], "cell 2 has no valid id: 'a b'"),
    ],
)
def test_cell_ids_that_repeat_or_are_none_are_named(ids, said):
    cells = [{"cell_type": "raw", "metadata": {}, "source": "", "id": value} for value in ids]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

    report = verify_bytes(json.dumps(content).encode())

    assert not report.verified
    assert said in report.problems[0].what
