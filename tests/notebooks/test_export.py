"""Exports stand alone, can't harm their reader, and never bring refused code back to life."""

import ast
import json

import pytest

from notebooks.errors import NotebookUnreadable
from notebooks.export.formats import EXPORTS
from notebooks.ledger.verify import verify_bytes
from notebooks.record.cells import CellIntent, Execution, Provenance, new_cell_id
from notebooks.record.recorder import NOTEBOOK, Recorder
from tests.notebooks.records import error, printed


async def recorded(directory, *cells):
    """Record (source, outcome, options of the execution, decision) cells behind a request."""
    recorder = Recorder.open(directory, conversation="c", path="main")
    await recorder.note("Stack the workbooks", {"turn": "t", "kind": "request"})
    for source, outcome, options, *decision in cells:
        why = Provenance(turn_id="t", decision=decision[0] if decision else None)
        intent = CellIntent(id=new_cell_id(), source=source, provenance=why)
        await recorder.commit(intent, Execution(outcome=outcome, **options))
    return directory / NOTEBOOK


def foreign(directory, *cells):
    """Write a notebook that Tallybook did not record."""
    made = [
        {"cell_type": kind, "id": f"c{number}", "metadata": {}, "source": source}
        | ({"execution_count": 1, "outputs": []} if kind == "code" else {})
        for number, (kind, source) in enumerate(cells)
    ]
    file = directory / "foreign.ipynb"
    file.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return file


def script_of(notebook):
    """The exported script; it must be Python."""
    script = EXPORTS["py"](notebook).decode()
    compile(script, "script", "exec")
    return script


def live_names(script):
    return {node.id for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Name)}


def run(script):
    names = {"__name__": "script"}
    exec(compile(script, "script", "exec", dont_inherit=True), names)
    return names


@pytest.mark.parametrize(
    ("outcome", "message", "decision", "said"),
    [
        ("blocked", "Line 1: it starts a process.", None, "was blocked and did not run: Line 1"),
        ("blocked", "the user said no.", {"decision": "deny"}, "was denied and did not run: the"),
        ("blocked", "no reply came", {"decision": "timeout"}, "was denied and did not run: no"),
        ("not-run", "It is too long.", None, "did not run (recorded as not-run): It is too long."),
        ("interrupted", "Cancelled.", None, "was interrupted: Cancelled."),
        ("died", "It took more memory\nthan 1 GB.", None, "died: It took more memory than 1 GB."),
    ],
)
async def test_code_that_did_not_run_to_its_end_is_a_comment_with_outcome_and_reason(
    tmp_path, outcome, message, decision, said
):
    facts = {"error": {"code": outcome, "message": message}}
    refused = "refused = 1\n'''\nrefused = 2\n'''\rrefused = 3\x0crefused = 4\u2028refused = 5"
    notebook = await recorded(tmp_path, (refused, outcome, facts, decision), ("fine = 1", "ok", {}))

    script = script_of(notebook)

    assert f"# This cell {said}" in script
    assert "# refused = 3" in script
    assert live_names(script) == {"fine"}


async def test_a_record_whose_refused_cell_was_made_code_again_stays_a_comment(tmp_path):
    notebook = await recorded(tmp_path, ("refused = 1", "blocked", {}))
    content = json.loads(notebook.read_text())
    cell = next(cell for cell in content["cells"] if cell["cell_type"] == "raw")
    cell |= {"cell_type": "code", "execution_count": 1, "outputs": []}
    notebook.write_text(json.dumps(content))

    assert live_names(script_of(notebook)) == set()


@pytest.mark.parametrize(
    ("source", "live"),
    [
        ("%matplotlib inline\nx = 1", "get_ipython().run_line_magic('matplotlib', 'inline')"),
        ("%%time\nx = 1", "get_ipython().run_cell_magic('time', ''"),
        ("!ls -l", "get_ipython().system('ls -l')"),
        ("files = !ls", "files = get_ipython().getoutput('ls')"),
        ("print?", "get_ipython().run_line_magic('pinfo', 'print')"),
        (
            "import asyncio\nawait asyncio.sleep(0)",
            "get_ipython().run_cell('import asyncio\\nawait",
        ),
        ("  x = 1\n  y = 2", "x = 1\ny = 2"),
    ],
)
async def test_what_only_ipython_understands_becomes_python(tmp_path, source, live):
    script = script_of(await recorded(tmp_path, (source, "ok", {})))

    assert live in script
    assert ("from IPython import get_ipython" in script) == ("get_ipython()" in live)


@pytest.mark.parametrize(
    "source", ["def broken(:", "x = 'no end", "return 1", "x = 1\0", "(" * 300]
)
async def test_what_is_no_python_is_a_comment(tmp_path, source):
    notebook = foreign(tmp_path, ("code", source), ("code", "fine = 1"))

    script = script_of(notebook)

    assert "# This cell is no Python" in script
    assert live_names(script) == {"fine"}


async def test_imports_from_the_future_stand_at_the_top(tmp_path):
    future = "import os; from __future__ import annotations"
    notebook = foreign(
        tmp_path,
        ("markdown", "# coding: latin-1"),
        ("code", "before = 'ä'"),
        ("code", "from __future__ import (\n  annotations,\n  division)\ndef f(x: Unknown): pass"),
        ("code", future),
    )

    names = run(script_of(notebook))

    assert names["before"] == "ä"
    assert names["f"].__annotations__ == {"x": "Unknown"}


async def test_cells_that_are_python_one_by_one_only_are_comments(tmp_path):
    notebook = foreign(tmp_path, ("code", "x = 1"), ("code", "global x\ny = 1"), ("code", "z = 1"))

    script = script_of(notebook)

    assert "can't stand in one file with the code before it" in script
    assert live_names(script) == {"x", "z"}


async def test_a_cell_that_ended_in_an_error_does_what_it_did_and_the_script_goes_on(
    tmp_path, capsys
):
    source = 'if True:\n    text = """a\n  b"""\n    f = f"""{text}\nc"""\nraise SystemExit(3)\n'
    notebook = await recorded(
        tmp_path,
        (source, "error", {"error": {"ename": "SystemExit", "evalue": "3"}}),
        ("after = f", "ok", {}),
    )

    script = script_of(notebook)
    names = run(script)

    assert "# It ended in an error: SystemExit: 3" in script
    assert names["after"] == "a\n  b\nc"
    assert "SystemExit: 3" in capsys.readouterr().err


async def test_the_error_is_named_by_the_outputs_where_the_record_does_not(tmp_path):
    notebook = await recorded(
        tmp_path, ("1/0", "error", {"outputs": (error("ZeroDivisionError", "by zero"),)})
    )

    assert "# It ended in an error: ZeroDivisionError: by zero" in script_of(notebook)


async def test_an_editor_finds_each_cell_by_its_mark(tmp_path):
    notebook = await recorded(
        tmp_path, ("fine = 1", "ok", {"execution_count": 1}), ("refused = 1", "blocked", {})
    )

    marks = [line for line in script_of(notebook).splitlines() if line.startswith("# %%")]
    assert marks == ["# %% [markdown]", "# %% In[1]", "# %% [raw]"]


async def test_the_text_cells_are_comments(tmp_path):
    script = script_of(await recorded(tmp_path, ("total = 1", "ok", {})))

    assert "# Stack the workbooks" in script
    assert "\ntotal = 1\n" in script


async def test_the_page_says_what_did_not_run_and_why(tmp_path):
    facts = {"error": {"code": "blocked", "message": "Line 1: <b>it</b> starts a process."}}
    page = EXPORTS["html"](await recorded(tmp_path, ("import os", "blocked", facts))).decode()

    assert "was blocked and did not run: Line 1: &lt;b&gt;it&lt;/b&gt; starts" in page


@pytest.mark.parametrize("kind", list(EXPORTS))
def test_what_no_file_can_hold_is_replaced(tmp_path, kind):
    file = foreign(tmp_path, ("markdown", "a\ud800b"), ("code", "x = '\ud800'"))
    odd = file.rename(tmp_path / "odd \udcff.ipynb")

    assert b"a?b" in EXPORTS[kind](odd)


@pytest.mark.parametrize("kind", ["html", "py"])
async def test_every_format_works_on_a_copy_with_repaired_cell_ids(tmp_path, kind):
    file = foreign(tmp_path, ("code", "x = 1"), ("code", "y = 2"))
    content = json.loads(file.read_text())
    content["cells"][0]["id"] = None
    content["cells"][1].pop("id")
    file.write_text(json.dumps(content))
    before = file.read_bytes()

    assert EXPORTS[kind](file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("kind", list(EXPORTS))
@pytest.mark.parametrize(
    "facts",
    [
        "text",
        {"status": 1, "decision": "x", "error": "x", "outputs": "x"},
        {"status": "died", "outputs": [1, {"output_type": "stream"}], "error": {"message": [1]}},
    ],
)
def test_a_record_of_any_shape_is_exported(tmp_path, kind, facts):
    file = foreign(tmp_path, ("code", "marker"), ("raw", "y = 2"))
    content = json.loads(file.read_text())
    for cell in content["cells"]:
        cell["metadata"] = {"tallybook": facts}
    file.write_text(json.dumps(content))

    assert b"marker" in EXPORTS[kind](file)


async def test_what_a_cell_printed_before_it_was_stopped_is_shown(tmp_path):
    kept = {"outputs": (printed("so far\n"),), "error": {"code": "x", "message": "Cancelled."}}

    page = EXPORTS["html"](await recorded(tmp_path, ("loop()", "interrupted", kept))).decode()

    assert "so far" in page


@pytest.mark.parametrize("kind", list(EXPORTS))
@pytest.mark.parametrize("content", [b"[" * 100_000, b"{}", b'{"nbformat": 4, "cells": [1]}'])
def test_what_is_no_notebook_is_a_typed_error(tmp_path, kind, content):
    (tmp_path / "x.ipynb").write_bytes(content)

    with pytest.raises(NotebookUnreadable):
        EXPORTS[kind](tmp_path / "x.ipynb")


async def test_html_that_is_nested_without_end_is_left_for_the_plain_text(tmp_path):
    data = {"text/html": "<div>" * 200_000 + "deep", "text/plain": "plain instead"}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    notebook = await recorded(tmp_path, ("1", "ok", {"outputs": (output,)}))

    page = EXPORTS["html"](notebook).decode()

    assert "plain instead" in page
    assert "deep" not in page


async def test_the_notebook_still_verifies(tmp_path):
    notebook = await recorded(tmp_path, ("1", "ok", {"outputs": (printed("1\n"),)}))

    assert verify_bytes(EXPORTS["ipynb"](notebook)).verified
