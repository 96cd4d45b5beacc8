"""A re-run judges every cell itself, in a fresh sandboxed kernel."""

import json
import shutil

import pytest

from notebooks.errors import InputMissing, NotebookUnreadable, RerunFailed, UnknownParameter
from tests.conftest import EXAMPLES
from tests.notebooks.records import error, printed, rerun, result, verdicts


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
    notebook = await record(
        ("raise ValueError('no')", "error", [error("ValueError", "no")]),
        ("1", "ok", [result("1")]),
    )

    report = await rerun(notebook)

    assert [cell.verdict for cell in report.cells] == ["reproduced"] * 3


@pytest.mark.parametrize(
    "dies", ["import os; os._exit(0)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
)
async def test_a_cell_that_kills_the_kernel_has_failed_and_what_follows_was_not_run(record, dies):
    """papermill saves all of them as completed."""
    notebook = await record((dies, "ok", []), ("1", "ok", [result("1")]))

    report = await rerun(notebook)

    assert verdicts(report) == ["failed", "not-run"]
    assert report.cells[1].detail == "the kernel died"
    assert "ended at cell 2" in report.cells[2].detail


async def test_a_last_cell_that_kills_the_kernel_has_failed(record):
    notebook = await record(("1", "ok", [result("1")]), ("import os; os._exit(0)", "ok", []))

    report = await rerun(notebook)

    assert verdicts(report) == ["reproduced", "failed"]
    assert report.verdict == "failed"


async def test_a_cell_that_runs_too_long_has_failed_and_says_the_limit(record):
    notebook = await record(("while True: pass", "ok", []), ("1", "ok", [result("1")]))

    report = await rerun(notebook, cell_seconds=2)

    assert verdicts(report) == ["failed", "not-run"]
    assert report.cells[1].detail == "it ran longer than 2 s and was stopped"


@pytest.mark.parametrize(
    "ends", ["exit()", "quit()", "raise SystemExit(0)", "import sys; sys.exit()"]
)
async def test_a_cell_that_ends_the_notebook_has_failed_and_what_follows_was_not_run(record, ends):
    notebook = await record((ends, "ok", []), ("1", "ok", [result("1")]))

    report = await rerun(notebook)

    assert verdicts(report) == ["failed", "not-run"]


@pytest.mark.parametrize("ends", ["exit()", "quit()"])
async def test_exit_in_the_last_cell_is_never_success(record, ends):
    notebook = await record((f"print('on')\n{ends}", "ok", [printed("on\n")]))

    assert verdicts(await rerun(notebook)) == ["failed"]


async def test_an_error_of_the_record_that_does_not_come_again_differs(record):
    notebook = await record(("1", "error", [error("ValueError", "no")]))

    report = await rerun(notebook)

    assert verdicts(report) == ["differs"]
    assert "the record ends in ValueError" in report.cells[1].detail


async def test_the_saved_notebook_does_not_call_cells_completed_that_never_ran(record):
    notebook = await record(("import os; os._exit(0)", "ok", []), ("1", "ok", [result("1")]))

    report = await rerun(notebook)

    cells = json.loads(report.notebook.read_text())["cells"]
    states = [cell["metadata"]["papermill"]["status"] for cell in cells]
    assert states == ["completed", "failed", "pending"]


async def test_what_is_saved_and_reported_names_no_directory_of_the_re_run(record, tmp_path):
    notebook = await record(("import os; print(os.getcwd())", "ok", [printed("/workspace\n")]))

    report = await rerun(notebook)

    assert report.verdict == "reproduced"
    for file in (report.notebook, report.notebook.with_suffix(".json")):
        assert "tallybook-rerun-" not in file.read_text()
        assert "tallybook-papermill-" not in file.read_text()


async def test_blocked_cells_are_not_run(record):
    notebook = await record(("open('outputs/ran', 'w')", "blocked", []))

    report = await rerun(notebook)

    assert len(report.cells) == 1


async def test_a_missing_input_is_named(record):
    notebook = await record(
        parameters="input_files = ['sales.xlsx']", files_before={"inputs/sales.xlsx": "0" * 64}
    )

    with pytest.raises(InputMissing, match=r"sales\.xlsx.*--inputs"):
        await rerun(notebook)


async def test_an_input_that_is_missing_is_looked_for_where_the_user_keeps_them(record, tmp_path):
    (tmp_path / "inputs").mkdir()
    notebook = await record(parameters="input_files = ['sales.xlsx']")

    with pytest.raises(InputMissing) as refused:
        await rerun(notebook)

    assert str(tmp_path / "inputs") in str(refused.value)


async def test_new_inputs_come_from_the_directory_that_is_named(record, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    shutil.copy(EXAMPLES / "sales_q1.xlsx", given / "sales.xlsx")
    code = "import pandas as pd\nlen(pd.read_excel('inputs/sales.xlsx', header=3))"
    notebook = await record(
        (code, "ok", [result("61")]),
        parameters="input_files = ['sales.xlsx']",
        files_before={"inputs/sales.xlsx": "0" * 64},
    )

    report = await rerun(notebook, inputs=given)

    assert report.changed
    assert report.verdict == "reproduced"


async def test_what_is_no_notebook_is_a_typed_error(tmp_path):
    (tmp_path / "x.ipynb").write_text("not json")

    with pytest.raises(NotebookUnreadable):
        await rerun(tmp_path / "x.ipynb")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("notebook.ipynb", "would replace the notebook itself"),
        ("gone/again.ipynb", "can't be written"),
        ("again.json", "is where the report goes"),
    ],
)
async def test_a_place_that_cannot_be_written_is_refused_before_anything_runs(
    record, tmp_path, place, said
):
    notebook = await record(("1", "ok", [result("1")]))
    before = notebook.read_bytes()

    with pytest.raises(RerunFailed, match=said):
        await rerun(notebook, saved=tmp_path / place)

    assert notebook.read_bytes() == before


async def test_names_with_braces_are_plain_names(record, tmp_path):
    notebook = await record(("1", "ok", [result("1")]))
    odd = notebook.rename(tmp_path / "a {b} {0}.ipynb")

    assert (await rerun(odd)).verdict == "reproduced"


async def test_a_notebook_with_repeated_and_missing_cell_ids_is_run_as_a_repaired_copy(tmp_path):
    def cell(source, outputs=(), **own):
        return {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": list(outputs),
                "source": source, **own}  # fmt: skip

    cells = [
        cell("x = 1", id="aaaa1111"),
        cell("x = 2", id="aaaa1111"),
        cell("print(x)", [printed("2\n")]),
        cell("x", [result("2")], id=None),
    ]
    notebook = tmp_path / "copied.ipynb"
    notebook.write_text(
        json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    )
    before = notebook.read_bytes()

    report = await rerun(notebook)

    assert report.verdict == "reproduced"
    assert report.repaired_cells == (2, 3, 4)
    assert notebook.read_bytes() == before
