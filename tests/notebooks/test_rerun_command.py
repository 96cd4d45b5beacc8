"""`tallybook rerun`: the exit code tells what happened, every mistake gets one plain line."""

import json
import subprocess
import sys

import pytest

from tests.notebooks.records import printed, result


def rerun(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "kernel_gateway", "rerun", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
    )


async def test_a_last_cell_that_kills_the_kernel_exits_with_1(record):
    notebook = await record(("import os; os._exit(0)", "ok", []))

    done = rerun(notebook)

    assert done.returncode == 1
    assert "): failed the kernel died" in done.stdout
    assert "verdict: failed" in done.stdout
    assert "Traceback" not in done.stderr


async def test_a_recorded_file_that_is_missing_exits_with_3_and_says_so(record):
    after = {"outputs/made.xlsx": "0" * 64}
    notebook = await record(("1", "ok", [result("1")]), files_after=after)

    done = rerun(notebook)

    assert done.returncode == 3
    assert "outputs/made.xlsx: incomplete not compared: the recorded file is missing" in done.stdout
    assert "verdict: incomplete" in done.stdout
    assert json.loads(notebook.with_suffix(".rerun.json").read_text())["verdict"] == "incomplete"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("limit", "many"), "'many' can't be the parameter limit, which is a whole number"),
        (("limit", "nan"), "'nan' can't be the parameter limit"),
        (("limitt", "1"), "no parameter 'limitt'. It has: input_files, limit."),
    ],
)
async def test_a_parameter_that_is_not_known_or_does_not_fit_is_one_plain_line(record, given, said):
    done = rerun(await record(), "-p", *given)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_text_from_the_command_line_stays_text(record):
    notebook = await record(
        ("print(account)", "ok", [printed("00123\n")]), parameters="account = '1'"
    )

    assert rerun(notebook, "-p", "account", "00123").returncode == 0


async def test_what_a_cell_says_cannot_steer_the_terminal(record):
    code = "open('outputs/\\x1b[2Ja', 'w').close()\nraise ValueError('\\x1b]0;owned\\x07')"
    notebook = await record((code, "ok", []))

    done = rerun(notebook)

    assert "owned" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
