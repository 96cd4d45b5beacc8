"""`tallybook rerun --each`: one notebook on many sets of files."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from notebooks.errors import RerunFailed
from notebooks.rerun.each_report import SetResult, each_html
from notebooks.rerun.inputs import given_inputs
from tests.waiting import eventually

TOTAL = """\
import pandas as pd
total = int(pd.read_csv('inputs/sales.csv')['amount'].sum())
open('outputs/total.txt', 'w').write(str(total))
total"""


def command(notebook, *arguments):
    return [sys.executable, "-m", "kernel_gateway", "rerun", str(notebook), *map(str, arguments)]


def rerun(notebook, *arguments):
    run = command(notebook, *arguments)
    return subprocess.run(run, capture_output=True, text=True, timeout=100)


async def recorded_total(record, source=TOTAL):
    """A notebook that read sales.csv and wrote its total."""
    of_input = {"inputs/sales.csv": "0" * 64}
    return await record((source, "ok", []), parameters="limit = 10", files_before=of_input)


def add_set(directory, name, *amounts, file="sales.csv"):
    made = directory / "sets" / name
    made.mkdir(parents=True)
    (made / file).write_text("amount\n" + "\n".join(map(str, amounts)) + "\n")


async def test_each_set_gets_its_own_files_results_and_line_in_the_report(record, tmp_path):
    notebook = await recorded_total(record)
    add_set(tmp_path, "2026-01", 1, 2)
    add_set(tmp_path, "2026-02", 10, 20)

    done = rerun(notebook, "--each", tmp_path / "sets")

    to = notebook.with_suffix(".each")
    totals = {d.name: (d / "outputs/total.txt").read_text() for d in to.iterdir() if d.is_dir()}
    report = {each["name"]: each for each in json.loads((to / "report.json").read_text())}
    assert done.returncode == 0, done.stderr
    assert totals == {"2026-01": "3", "2026-02": "30"}
    assert [report[name]["verdict"] for name in sorted(report)] == ["ran", "ran"]
    assert report["2026-01"]["produced"] == ["total.txt"]
    assert "2 of 2 sets went well" in (to / "report.html").read_text()
    assert not list(to.rglob(".inputs"))


async def test_what_is_done_is_not_run_again_until_its_files_change(record, tmp_path):
    notebook = await recorded_total(record)
    add_set(tmp_path, "a", 1)
    add_set(tmp_path, "b", 2)
    rerun(notebook, "--each", tmp_path / "sets")
    (tmp_path / "sets/b/sales.csv").write_text("amount\n7\n")

    again = rerun(notebook, "--each", tmp_path / "sets")

    assert "a: ran (done before)" in again.stdout
    assert "b: ran in " in again.stdout
    assert (notebook.with_suffix(".each") / "b/outputs/total.txt").read_text() == "7"


async def test_a_set_that_fails_is_named_with_its_reason_and_the_others_go_on(record, tmp_path):
    notebook = await recorded_total(record)
    add_set(tmp_path, "good", 1)
    add_set(tmp_path, "text", "many")
    add_set(tmp_path, "other", 1, file="costs.csv")

    done = rerun(notebook, "--each", tmp_path / "sets", "--to", tmp_path / "results")

    assert done.returncode == 1
    assert "good: ran in " in done.stdout
    assert "text: failed" in done.stdout
    assert "ValueError" in done.stdout
    assert "no file stands for the input sales.csv; there is costs.csv" in done.stdout
    assert "1 of 3 sets went well" in done.stdout
    assert "Traceback" not in done.stderr


async def test_a_pattern_names_the_file_of_each_set(record, tmp_path):
    notebook = await recorded_total(record)
    add_set(tmp_path, "jan", 4, file="export_jan.csv")

    done = rerun(notebook, "--each", tmp_path / "sets", "--input", "sales.csv", "export_*.csv")

    [result] = json.loads((notebook.with_suffix(".each") / "report.json").read_text())
    assert done.returncode == 0
    assert result["inputs"]["sales.csv"]["file"] == "export_jan.csv"
    assert (notebook.with_suffix(".each") / "jan/outputs/total.txt").read_text() == "4"


@pytest.mark.parametrize("end", [os.killpg, os.kill], ids=["all processes", "the command alone"])
async def test_ctrl_c_ends_the_running_set_and_says_how_to_go_on(record, tmp_path, end):
    endless = TOTAL + "\nif total > 1:\n    while True: pass"
    notebook = await recorded_total(record, endless)
    add_set(tmp_path, "a", 1)
    add_set(tmp_path, "b", 2)
    to = notebook.with_suffix(".each")
    run = command(notebook, "--each", tmp_path / "sets", "--jobs", 1)
    with subprocess.Popen(
        run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            await eventually("the second set runs", lambda: (to / "b/.inputs").exists())
            end(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()

    assert process.returncode == 1
    assert "Stopped: 1 of 2 sets are done. Run the same command again to go on." in said
    assert "Traceback" not in said
    assert not list(to.rglob(".inputs"))
    assert [r["name"] for r in json.loads((to / "report.json").read_text())] == ["a"]


def workers_of(process):
    """Return the ids of the processes that run its sets."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(c) for c in children if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]


async def test_a_process_that_is_killed_is_a_failed_set_and_no_traceback(record, tmp_path):
    """As the kernel does when memory runs out."""
    endless = TOTAL + "\nif total > 1:\n    while True: pass"
    notebook = await recorded_total(record, endless)
    add_set(tmp_path, "a", 1)
    add_set(tmp_path, "b", 2)
    to = notebook.with_suffix(".each")
    run = command(notebook, "--each", tmp_path / "sets", "--jobs", 1)
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    try:
        await eventually("the second set runs", lambda: (to / "b/.inputs").exists())
        for worker in workers_of(process):
            os.kill(worker, signal.SIGKILL)
        printed, said = process.communicate(timeout=60)
    finally:
        process.kill()

    assert process.returncode == 1
    assert "b: failed" in printed
    assert "ended from outside" in printed
    assert "Traceback" not in said
    verdicts = {r["name"]: r["verdict"] for r in json.loads((to / "report.json").read_text())}
    assert verdicts == {"a": "ran", "b": "failed"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--each", "."], "has no directories"),
        (["--to", "x"], "need --each"),
        (["--each", ".", "--inputs", "."], "with --each use --to"),
        (["--each", "."], "one directory for each set of files"),
    ],
)
async def test_a_mistake_is_one_plain_line(record, tmp_path, arguments, said):
    notebook = await recorded_total(record)
    empty = tmp_path / "empty"
    empty.mkdir()
    arguments = [str(empty) if each == "." else each for each in arguments]

    done = rerun(notebook, *arguments)

    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def named(given):
    return {each.name: each.file.name for each in given}


def test_a_name_in_another_case_or_normalization_stands_for_the_recorded_one(tmp_path):
    decomposed = unicodedata.normalize("NFD", "UMSÄTZE.xlsx")
    (tmp_path / decomposed).write_text("x")

    given = given_inputs({"Umsätze.xlsx": "0" * 64}, tmp_path, {})

    assert named(given) == {"Umsätze.xlsx": decomposed}


def test_a_renamed_file_is_found_by_its_content(tmp_path):
    (tmp_path / "another.csv").write_text("same")
    (tmp_path / "more.csv").write_text("other")

    given = given_inputs({"sales.csv": hashlib.sha256(b"same").hexdigest()}, tmp_path, {})

    assert named(given) == {"sales.csv": "another.csv", "more.csv": "more.csv"}
    assert [each.recorded for each in given] == [True, False]


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        ({"sales.csv": "*.csv"}, "must match one file for the input 'sales.csv'; found: a.csv, b"),
        ({"sales.csv": "*.xls"}, "found: none"),
        ({"sale.csv": "a.csv"}, "no input 'sale.csv'. It has: sales.csv"),
        ({}, "there is a.csv, b.csv. Add it"),
    ],
)
def test_a_set_that_does_not_fit_says_what_is_there(tmp_path, patterns, said):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(name)

    with pytest.raises(RerunFailed) as raised:
        given_inputs({"sales.csv": "0" * 64}, tmp_path, patterns)

    assert said in str(raised.value)


def test_no_name_is_markup_in_the_report():
    hostile = "<script>alert(1)</script>"
    result = SetResult(
        name=hostile, verdict="ran", reason=hostile, produced=[hostile], fine=True,
        inputs={hostile: {"file": hostile, "sha256": hostile}},
    )  # fmt: skip

    assert "<script>" not in each_html(hostile, [result])
