"""A kill at any moment of an append, a checkpoint, a restore or an undo leaves a whole record."""

import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from notebooks.errors import BlobError
from notebooks.ledger.verify import verify_notebook
from notebooks.record.chain import facts_of
from notebooks.record.undone import files_at
from tests.faults.history_worker import CONVERSATION, finish_undo, opened

SEED = 20
OF_ONE_HISTORY = 25
"""Kills after which the next begins with an empty path: the checks read all of it."""


@pytest.fixture
def start_worker():
    """Start a worker on a directory, and return what kills it after it did some things."""
    command = [sys.executable, "-m", "tests.faults.history_worker"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as forks:

        def start(directory, seed):
            forks.stdin.write(json.dumps([str(directory), seed]) + "\n")
            forks.stdin.flush()
            worker = int(forks.stdout.readline())

            def kill(things, seconds):
                while things:
                    assert forks.stdout.readline() == "done\n"
                    things -= 1
                time.sleep(seconds)
                os.kill(worker, signal.SIGKILL)
                while forks.stdout.readline() != "ended\n":
                    pass

            return kill

        yield start
        forks.stdin.close()


@pytest.mark.parametrize(
    "kills", [50, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
async def test_after_any_kill_cells_checkpoints_and_files_agree(tmp_path, start_worker, kills):
    moments = random.Random(SEED if kills < 100 else None)
    seen = {"cells": 0, "undos": 0, "checkpoints": 0, "plans": 0}
    for number in range(kills):
        directory = tmp_path / f"history-{number // OF_ONE_HISTORY}"
        kill = start_worker(directory, moments.randrange(1 << 30))
        kill(moments.randrange(6), moments.uniform(0.0, 0.03))

        home = directory / CONVERSATION / "main"
        if not (home / "notebook.ipynb").exists():
            continue
        seen["plans"] += (home / "restoring.json").exists()
        assert verify_notebook(home / "notebook.ipynb").verified
        path = opened(directory)
        await finish_undo(path)
        report = verify_notebook(home / "notebook.ipynb")
        assert report.verified, report.problems
        _checkpoints_are_whole(path)
        _files_are_as_recorded(path)
        kinds = [facts_of(cell).get("kind") for cell in path.recorder.cells]
        seen["cells"] = max(seen["cells"], len(kinds))
        seen["undos"] = max(seen["undos"], kinds.count("undo"))
        seen["checkpoints"] = max(seen["checkpoints"], len(list(path.checkpoints.all())))

    assert min(seen.values()) > 0, seen


def _checkpoints_are_whole(path):
    """Each can be read, and each content that it names as kept is there."""
    files = list(path.checkpoints.directory.glob("*.json"))
    kept = list(path.checkpoints.all())
    assert len(kept) == len(files)
    for checkpoint in kept:
        for name, state in checkpoint.files.items():
            content = io.BytesIO()
            try:
                path.blobs.copy(state.sha256, content)
            except BlobError:
                assert name in checkpoint.not_kept
            else:
                assert hashlib.sha256(content.getvalue()).hexdigest() == state.sha256
    assert not list(path.home.glob("restoring/*"))


def _files_are_as_recorded(path):
    """The files are those after the last entry; a cell that was killed may have changed them."""
    cells = path.recorder.cells
    last = cells[-1] if cells else None
    if last is None or facts_of(last).get("status") == "died":
        return
    now = path.hashes.snapshot(path.workspace)[0]
    assert now == files_at(cells, last.id)
