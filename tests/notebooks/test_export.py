"""Exports stand alone and can't harm their reader."""

import ast

import pytest

from notebooks.cells import CellIntent, Execution, Provenance, new_cell_id
from notebooks.export.formats import EXPORTS
from notebooks.recorder import NOTEBOOK, Recorder
from notebooks.verify import verify_bytes

pytestmark = pytest.mark.check


async def recorded(directory):
    recorder = Recorder.open(directory, conversation="c", path="main")
    await recorder.note("Stack the workbooks", {"turn": "t", "kind": "request"})
    output = {
        "output_type": "display_data",
        "data": {"text/html": "<b>Sum</b><script>alert(1)</script>", "text/plain": "Sum"},
        "metadata": {},
    }
    intent = CellIntent(id=new_cell_id(), source="total = 1", provenance=Provenance(turn_id="t"))
    await recorder.commit(intent, Execution(outcome="ok", execution_count=1, outputs=(output,)))
    return directory / NOTEBOOK


async def test_the_page_shows_request_code_and_output_without_scripts_or_addresses(tmp_path):
    page = EXPORTS["html"](await recorded(tmp_path)).decode()

    assert "Stack the workbooks" in page
    assert "<b>Sum</b>" in page
    assert "<script>alert" not in page
    for tag in (
        '<script src="http',
        '<link rel="stylesheet" href="http',
        "import('http",
        "from 'http",
    ):
        assert tag not in page


async def test_the_script_is_python(tmp_path):
    script = EXPORTS["py"](await recorded(tmp_path)).decode()

    assert "total = 1" in script
    ast.parse(script)


async def test_the_notebook_still_verifies(tmp_path):
    assert verify_bytes(EXPORTS["ipynb"](await recorded(tmp_path))).verified
