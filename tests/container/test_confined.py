"""One command, confined, while kernels come and go."""

import asyncio
import os
from pathlib import Path

import pytest

from container.confined import run_confined
from container.limits import Limits
from container.tree import change_owner

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has several host users")


def _let_go_on(gate: Path) -> None:
    """Wait until the command waits at *gate*, a FIFO, and let it go on."""
    os.close(os.open(gate, os.O_WRONLY))


async def test_a_reader_whose_workspace_gets_another_owner_meanwhile_reads_it_again(workspace):
    for name in ("first", "second"):
        os.mkfifo(workspace.directory / name)
    (workspace.directory / "book.csv").write_text("a,b\n")
    (workspace.directory / "book.csv").chmod(0o600)
    owner = workspace.uid
    change_owner(workspace.directory, owner)
    # The second run finds no gate `first`, and waits at the other one.
    script = "cd /workspace; if [ -p first ]; then cat first; else cat second; fi; cat book.csv"

    running = asyncio.create_task(
        run_confined(("/bin/sh", "-c", script), workspace, Limits(seconds=20))
    )
    await asyncio.to_thread(_open_and_change, workspace, owner)
    await asyncio.to_thread(_let_go_on, workspace.directory / "second")
    result = await running

    assert result.status is not None
    assert (result.status.exit_code, result.printed) == (0, "a,b\n")


def _open_and_change(workspace, owner: int) -> None:
    """Change the owner while the command waits at the first gate."""
    gate = os.open(workspace.directory / "first", os.O_WRONLY)  # returns once it waits there
    change_owner(workspace.directory, owner + 1)
    (workspace.directory / "first").unlink()
    os.close(gate)
