"""A re-run judges every cell itself, in a fresh sandboxed kernel."""

import shutil

import pytest

from kernel_gateway.rerunning import rerun_file
from notebooks.cells import CellIntent, Execution, Provenance, new_cell_id
from notebooks.errors import InputMissing, NotebookUnreadable, UnknownParameter
from notebooks.recorder import NOTEBOOK, Recorder
from tests.conftest import EXAMPLES


def result(text, count=1):
    return {
        "output_type": "execute_result",
        "execution_count": count,
        "data": {"text/plain": text},
        "metadata": {},
    }


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


@pytest.fixture
def record(tmp_path):
    """Write a notebook of (source, outcome, outputs) cells; a parameters cell comes first."""

    async def write(*cells, parameters="limit = 10\ninput_files = []", inputs=()):
        recorder = Recorder.open(tmp_path, conversation="c", path="main")
        before = {f"inputs/{name}": "0" * 64 for name in inputs}
        for source, outcome, outputs in ((parameters, "ok", ()), *cells):
            tags = ("parameters",) if source == parameters else ()
            intent = CellIntent(
                id=new_cell_id(),
                source=source,
                provenance=Provenance(turn_id="t"),
                tags=tags,
                files_before=before,
            )
            execution = Execution(outcome=outcome, execution_count=1, outputs=tuple(outputs))
            await recorder.commit(intent, execution)
        return tmp_path / NOTEBOOK

    return write


async def rerun(notebook, **options):
    import asyncio

    return await asyncio.to_thread(rerun_file, notebook, **{"parameters": {}, **options})


async def test_the_same_outputs_are_reproduced(record):
    notebook = await record(("limit + 1", "ok", [result("11")]))

    report = await rerun(notebook)

    assert report.verdict == "reproduced"
    assert report.notebook.exists()


async def test_another_output_differs_and_says_how(record):
    notebook = await record(("limit + 1", "ok", [result("12")]))

    report = await rerun(notebook)

    assert [cell.verdict for cell in report.cells] == ["reproduced", "differs"]
    assert "'12' became '11'" in report.cells[1].detail


async def test_a_parameter_can_be_replaced(record):
    notebook = await record(("limit + 1", "ok", [result("11")]))

    report = await rerun(notebook, parameters={"limit": "41"})

    assert report.changed
    assert "became '42'" in report.cells[1].detail


async def test_an_unknown_parameter_is_refused_with_the_known_ones(record):
    notebook = await record()

    with pytest.raises(UnknownParameter, match="It has: input_files, limit"):
        await rerun(notebook, parameters={"limt": 1})


async def test_a_new_exception_is_a_failure_and_what_follows_was_not_run(record):
    notebook = await record(("open('inputs/x')", "ok", []), ("1", "ok", [result("1")]))

    report = await rerun(notebook)

    assert [cell.verdict for cell in report.cells] == ["reproduced", "failed", "not-run"]


async def test_a_recorded_exception_is_reproduced_and_the_run_goes_on(record):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
    notebook = await record(
        ("raise ValueError('no')", "error", [error]), ("1", "ok", [result("1")])
    )

    report = await rerun(notebook)

    assert [cell.verdict for cell in report.cells] == ["reproduced"] * 3


async def test_a_kernel_that_dies_is_never_success(record):
    """papermill saves every cell after it as completed; the verdict says otherwise."""
    notebook = await record(("import os; os._exit(1)", "ok", []), ("1", "ok", [result("1")]))

    report = await rerun(notebook)

    assert report.cells[2].verdict == "not-run"
    assert report.verdict != "reproduced"


async def test_blocked_cells_are_not_run(record):
    notebook = await record(("open('outputs/ran', 'w')", "blocked", []))

    report = await rerun(notebook)

    assert len(report.cells) == 1


async def test_a_missing_input_is_named(record):
    notebook = await record(parameters="input_files = ['sales.xlsx']", inputs=["sales.xlsx"])

    with pytest.raises(InputMissing, match=r"sales\.xlsx.*--inputs"):
        await rerun(notebook)


async def test_new_inputs_come_from_the_directory_that_is_named(record, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    shutil.copy(EXAMPLES / "sales_q1.xlsx", given / "sales.xlsx")
    code = "import pandas as pd\nlen(pd.read_excel('inputs/sales.xlsx', header=3))"
    notebook = await record(
        (code, "ok", [result("61")]),
        parameters="input_files = ['sales.xlsx']",
        inputs=["sales.xlsx"],
    )

    report = await rerun(notebook, inputs=given)

    assert report.changed
    assert report.verdict == "reproduced"


async def test_produced_workbooks_are_compared_by_value(record, tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Sales"])
    book.active.append([9])
    (tmp_path / "outputs").mkdir()
    book.save(tmp_path / "outputs" / "made.xlsx")
    code = (
        "from openpyxl import Workbook\nb = Workbook()\n"
        "b.active.append(['Sales']); b.active.append([limit])\nb.save('outputs/made.xlsx')"
    )
    notebook = await record((code, "ok", []))

    differs = await rerun(notebook)
    same = await rerun(notebook, parameters={"limit": 9})

    assert differs.files[0].detail == "Sheet!A2: '9' became '10'"
    assert same.files[0].verdict == "reproduced"


async def test_what_is_no_notebook_is_a_typed_error(tmp_path):
    (tmp_path / "x.ipynb").write_text("not json")

    with pytest.raises(NotebookUnreadable):
        await rerun(tmp_path / "x.ipynb")
