"""The notebook is valid after every cell, and a crash at any moment loses no finished cell."""

import errno
import json
import os
import threading

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from notebooks.errors import NotebookUnreadable
from notebooks.ledger.verify import verify_notebook
from notebooks.record.cells import CellIntent, Execution, OutputCollector, Provenance, new_cell_id
from notebooks.record.recorder import JOURNAL, JOURNAL_BYTES, MOST_UNWRITTEN, NOTEBOOK, Recorder

pytestmark = pytest.mark.check


def open_recorder(directory, running=None) -> Recorder:
    return Recorder.open(directory, conversation="conv_1", path="main", running=running)


def intent(source: str, **facts) -> CellIntent:
    return CellIntent(id=new_cell_id(), source=source, provenance=Provenance(turn_id="t", **facts))


@pytest.fixture
def slow_disk(monkeypatch):
    """A disk that has what was written once the event is set."""
    ready, sync = threading.Event(), os.fdatasync

    def wait_and_sync(descriptor):
        assert ready.wait(10)
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", wait_and_sync)
    yield ready
    ready.set()


@pytest.fixture
def broken_disk(monkeypatch):
    """A disk that takes no journal any more."""

    def fail(descriptor):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)


async def record(recorder, source: str, outcome="ok", **facts) -> None:
    async with recorder.cell(intent(source)) as cell:
        await cell.finish(Execution(outcome=outcome, execution_count=1, **facts))


async def record_later(recorder, source: str, **facts) -> None:
    async with recorder.cell(intent(source), write_later=True) as cell:
        await cell.finish(Execution(outcome="ok", execution_count=1, **facts))


async def test_the_file_is_a_valid_notebook_after_every_cell(tmp_path):
    recorder = open_recorder(tmp_path)

    for number in range(3):
        await record(recorder, f"x = {number}")
        notebook = nbformat.read(tmp_path / NOTEBOOK, as_version=4)
        nbformat.validate(notebook)

        assert len(notebook.cells) == number + 1
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.kernelspec.name == "tallybook-python"


async def test_the_file_is_what_jupyter_itself_would_write_for_it(tmp_path):
    awkward = 'a = [\n ],\n "metadata": {}\n ]\n}\n'
    outputs = ({"output_type": "stream", "name": "stdout", "text": "ä\u2028\n ]\n"},)
    recorder = open_recorder(tmp_path)
    for source in ("x = 1", awkward, "x = 2"):
        await record(recorder, source, outputs=outputs)
        await recorder.note(awkward, {"turn": "t"})
        recorder = open_recorder(tmp_path) if source == awkward else recorder
        written = (tmp_path / NOTEBOOK).read_text()

        assert written == nbformat.writes(nbformat.reads(written, as_version=4)) + "\n"


async def test_a_cell_carries_what_an_auditor_asks_for(tmp_path):
    recorder = open_recorder(tmp_path)
    await record(recorder, "x = 1", files_after={"outputs/a.xlsx": "ab"})

    facts = json.loads((tmp_path / NOTEBOOK).read_text())["cells"][0]["metadata"]["tallybook"]

    assert set(facts) >= {
        "turn", "request", "model", "tokens", "code_sha256", "risk", "findings", "decision",
        "started", "finished", "status", "files_before", "files_after", "checkpoint", "prev", "hash",
    }  # fmt: skip
    assert facts["files_after"] == {"outputs/a.xlsx": "ab"}


async def test_a_cell_whose_run_or_announcement_fails_is_still_recorded(tmp_path):
    recorder = open_recorder(tmp_path)

    with pytest.raises(OSError, match="no space"):
        async with recorder.cell(intent("x = 1")):
            raise OSError("no space left")
    with pytest.raises(OSError, match="no space"):
        async with recorder.cell(intent("x = 1")) as cell:
            await cell.finish(Execution(outcome="ok", execution_count=1))
            raise OSError("no space left")

    assert [cell["status"] for cell in recorder.code_cells()] == ["died", "ok"]
    assert [c["status"] for c in open_recorder(tmp_path).code_cells()] == ["died", "ok"]
    assert verify_notebook(tmp_path / NOTEBOOK).verified


async def test_a_cell_may_run_before_a_slow_disk_has_its_intent(tmp_path, slow_disk):
    recorder = open_recorder(tmp_path)
    begun = intent("x = 1")

    durable = await recorder.begin(begun)

    assert not durable.done()
    assert open_recorder(tmp_path, running=begun.id).interrupted == begun
    slow_disk.set()
    await durable


async def test_a_cell_whose_intent_no_disk_takes_is_not_said_to_be_ok(tmp_path, broken_disk):
    recorder = open_recorder(tmp_path)

    with pytest.raises(OSError, match="input/output"):
        await record(recorder, "x = 1")

    assert [cell["status"] for cell in recorder.code_cells()] == ["died"]


async def test_a_crash_while_a_cell_runs_leaves_it_as_died(tmp_path):
    recorder = open_recorder(tmp_path)
    await record(recorder, "x = 1")
    await recorder.begin(intent("while True: pass"))

    cells = open_recorder(tmp_path).code_cells()

    assert [(cell["source"], cell["status"]) for cell in cells] == [
        ("x = 1", "ok"),
        ("while True: pass", "died"),
    ]
    assert verify_notebook(tmp_path / NOTEBOOK).verified


async def test_a_crash_before_the_notebook_was_written_keeps_the_finished_cell(tmp_path):
    recorder = open_recorder(tmp_path)
    begun = intent("x = 1")
    await recorder.begin(begun)
    await recorder.finish(begun, Execution(outcome="ok", execution_count=1))

    cells = open_recorder(tmp_path).code_cells()

    assert [(cell["source"], cell["status"]) for cell in cells] == [("x = 1", "ok")]


async def test_a_crash_after_the_notebook_was_written_records_the_cell_once(tmp_path):
    recorder = open_recorder(tmp_path)
    begun, execution = intent("x = 1"), Execution(outcome="ok", execution_count=1)
    await recorder.begin(begun)
    await recorder.finish(begun, execution)
    journal = (tmp_path / JOURNAL).read_bytes()
    await recorder.commit(begun, execution)
    (tmp_path / JOURNAL).write_bytes(journal)

    assert len(open_recorder(tmp_path).code_cells()) == 1


async def test_a_crash_during_a_later_cell_leaves_those_before_it_as_they_were(tmp_path):
    recorder = open_recorder(tmp_path)
    for number in range(3):
        await record(recorder, f"x = {number}")
    await recorder.begin(intent("while True: pass"))

    cells = open_recorder(tmp_path).code_cells()

    assert [cell["status"] for cell in cells] == ["ok", "ok", "ok", "died"]
    assert verify_notebook(tmp_path / NOTEBOOK).verified


async def test_cells_left_for_later_are_in_the_file_once_it_is_written(tmp_path):
    recorder = open_recorder(tmp_path)
    for number in range(3):
        await record_later(recorder, f"x = {number}")
    before = nbformat.read(tmp_path / NOTEBOOK, as_version=4).cells

    await recorder.write()

    assert before == []
    assert len(nbformat.read(tmp_path / NOTEBOOK, as_version=4).cells) == 3
    assert verify_notebook(tmp_path / NOTEBOOK).verified


async def test_a_crash_before_the_file_is_written_changes_no_hash_of_those_left_for_later(tmp_path):
    recorder = open_recorder(tmp_path)
    for number in range(3):
        await record_later(recorder, f"x = {number}")
    await recorder.begin(intent("while True: pass"))

    reopened = open_recorder(tmp_path)

    hashes = [[entry["hash"] for entry in r.unannounced()] for r in (recorder, reopened)]
    assert len(hashes[0]) == 3
    assert hashes[1][:3] == hashes[0]
    assert [cell["status"] for cell in reopened.code_cells()] == ["ok", "ok", "ok", "died"]
    assert verify_notebook(tmp_path / NOTEBOOK).verified


async def test_a_file_written_beside_a_running_cell_keeps_that_cells_intent(tmp_path):
    recorder = open_recorder(tmp_path)
    outputs = ({"output_type": "stream", "name": "stdout", "text": "x" * JOURNAL_BYTES},)
    await record_later(recorder, "x = 1", outputs=outputs)
    running = intent("while True: pass")
    await recorder.begin(running)

    await recorder.write()

    assert open_recorder(tmp_path, running=running.id).interrupted == running


async def test_no_number_of_requests_keeps_the_file_unwritten(tmp_path):
    recorder = open_recorder(tmp_path)

    for number in range(MOST_UNWRITTEN + 1):
        await record_later(recorder, f"x = {number}")

    written = nbformat.read(tmp_path / NOTEBOOK, as_version=4).cells
    assert len(written) == MOST_UNWRITTEN + 1


async def test_the_journal_does_not_grow_with_the_notebook(tmp_path):
    recorder = open_recorder(tmp_path)
    outputs = ({"output_type": "stream", "name": "stdout", "text": "x" * 100_000},)

    for number in range(20):
        await record(recorder, f"x = {number}", outputs=outputs)

    assert (tmp_path / JOURNAL).stat().st_size <= JOURNAL_BYTES
    assert len(open_recorder(tmp_path).code_cells()) == 20


async def test_a_journal_line_cut_by_the_crash_never_counted(tmp_path):
    recorder = open_recorder(tmp_path)
    begun = intent("x = 1")
    await recorder.begin(begun)
    await recorder.finish(begun, Execution(outcome="ok", execution_count=1))
    journal = tmp_path / JOURNAL
    journal.write_bytes(journal.read_bytes()[:-20])

    assert open_recorder(tmp_path).code_cells()[0]["status"] == "died"


async def test_a_result_journalled_after_a_line_that_was_cut_counts(tmp_path):
    begun, execution = intent("x = 1"), Execution(outcome="ok", execution_count=1)
    recorder = open_recorder(tmp_path)
    await recorder.begin(begun)
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write(b'{"result": {"outcome": "o')
    resumed = open_recorder(tmp_path, running=begun.id)

    await resumed.finish(begun, execution)

    again = open_recorder(tmp_path, running=begun.id)
    assert again.interrupted is None
    assert [cell["status"] for cell in again.code_cells()] == ["ok"]


async def test_what_a_crash_left_of_a_write_is_removed(tmp_path):
    left = tmp_path / f".{NOTEBOOK}.0a1b2c3d.part"
    left.write_bytes(b'{"cells"')

    open_recorder(tmp_path)

    assert not left.exists()


async def test_a_damaged_notebook_is_reported_and_never_overwritten(tmp_path):
    await record(open_recorder(tmp_path), "x = 1")
    damaged = (tmp_path / NOTEBOOK).read_bytes()[:-30]
    (tmp_path / NOTEBOOK).write_bytes(damaged)

    with pytest.raises(NotebookUnreadable):
        open_recorder(tmp_path)
    assert (tmp_path / NOTEBOOK).read_bytes() == damaged


@pytest.mark.parametrize("outcome", ["blocked", "not-run", "interrupted", "died"])
async def test_what_did_not_finish_is_kept_as_a_raw_cell_that_nothing_runs_again(tmp_path, outcome):
    recorder = open_recorder(tmp_path)
    output = {"output_type": "stream", "name": "stdout", "text": "half"}

    await record(recorder, "import os", outcome=outcome, outputs=(output,))

    cell = json.loads((tmp_path / NOTEBOOK).read_text())["cells"][0]
    assert cell["cell_type"] == "raw"
    assert cell["metadata"]["tallybook"]["status"] == outcome
    assert cell["metadata"]["tallybook"]["outputs"] == [output]


async def test_an_error_is_kept_as_code_that_a_re_run_may_raise_again(tmp_path):
    recorder = open_recorder(tmp_path)

    await record(recorder, "1 / 0", outcome="error")

    cell = json.loads((tmp_path / NOTEBOOK).read_text())["cells"][0]
    assert cell["cell_type"] == "code"
    assert "raises-exception" in cell["metadata"]["tags"]


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def test_pieces_of_one_stream_are_joined():
    collector = OutputCollector()
    for output in (stream("a"), stream("b"), stream("c", "stderr"), stream("d")):
        collector.add(output)

    assert [o["text"] for o in collector.outputs()] == ["ab", "c", "d"]


def test_cleared_output_is_not_kept():
    collector = OutputCollector()
    for output in (stream("10%"), {"output_type": "clear_output", "wait": True}, stream("20%")):
        collector.add(output)

    assert [o["text"] for o in collector.outputs()] == ["20%"]


def display(text, kind="display_data", display_id="d1"):
    return {
        "output_type": kind,
        "data": {"text/plain": text},
        "metadata": {},
        "transient": {"display_id": display_id},
    }


def update(text, display_id="d1"):
    return display(text, "update_display_data", display_id)


@pytest.mark.parametrize(
    ("outputs", "kept"),
    [
        ([display("old"), stream("x"), update("new")], ["new", "x"]),
        ([display("old"), display("other", display_id="d2"), update("new")], ["new", "other"]),
        ([display("old"), display("again"), update("new")], ["new", "new"]),
        ([display("old"), display("again")], ["again", "again"]),
        ([update("of an earlier cell's")], ["of an earlier cell's"]),
    ],
)
def test_an_update_changes_what_its_display_shows(outputs, kept):
    collector = OutputCollector()
    for output in outputs:
        collector.add(output)

    shown = [o.get("text") or o["data"]["text/plain"] for o in collector.outputs()]
    assert shown == kept
    assert {o["output_type"] for o in collector.outputs()} <= {"display_data", "stream"}


@pytest.mark.parametrize("outputs", [
    [display("old"), stream("x"), update("new")],
    [display("old"), display("again")],
    [display("old"), display("again"), update("new")],
])  # fmt: skip
def test_updates_are_kept_as_nbclient_keeps_them(outputs):
    client, cell = NotebookClient(new_notebook()), new_code_cell()
    client.nb.cells.append(cell)
    client.clear_before_next_output = False  # as at a cell's beginning
    collector = OutputCollector()
    for output in outputs:
        content = {name: value for name, value in output.items() if name != "output_type"}
        kind, parts = output["output_type"], {"parent_header": {}, "content": content}
        message = {"header": {"msg_type": kind}, "msg_type": kind, **parts}
        client.process_message(message, cell, 0)
        collector.add(output)

    assert [dict(output) for output in collector.outputs()] == cell.outputs


async def test_every_cell_of_the_journal_that_the_notebook_lacks_is_recorded(tmp_path):
    """A disk that was full when a notebook was to be written, and a kill after the next cell began."""
    recorder = open_recorder(tmp_path)
    first, second = intent("x = 1"), intent("y = 2")
    await recorder.begin(first)
    await recorder.finish(first, Execution(outcome="ok", execution_count=1))
    await recorder.begin(second)

    reopened = open_recorder(tmp_path)

    cells = [(cell["source"], cell["status"]) for cell in reopened.code_cells()]
    assert cells == [("x = 1", "ok"), ("y = 2", "died")]
    assert verify_notebook(tmp_path / NOTEBOOK).verified


async def test_a_cell_that_still_runs_stays_open_when_one_before_it_is_recorded(tmp_path):
    recorder = open_recorder(tmp_path)
    first, second = intent("x = 1"), intent("y = 2")
    await recorder.begin(first)
    await recorder.finish(first, Execution(outcome="ok", execution_count=1))
    await recorder.begin(second)

    reopened = open_recorder(tmp_path, running=second.id)

    assert [cell["status"] for cell in reopened.code_cells()] == ["ok"]
    assert reopened.interrupted == second


async def test_a_note_that_could_not_be_written_is_not_recorded_by_a_later_write(tmp_path):
    recorder = open_recorder(tmp_path / "home")
    await record(recorder, "1")
    (tmp_path / "home").rename(tmp_path / "away")

    with pytest.raises(OSError, match="No such file"):
        await recorder.note("undone", {"turn": "t", "kind": "undo"})
    (tmp_path / "away").rename(tmp_path / "home")
    await record(recorder, "2")

    assert [cell.source for cell in nbformat.read(recorder.file, 4).cells] == ["1", "2"]
    assert verify_notebook(recorder.file).verified
