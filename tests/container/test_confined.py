"""One command, confined, while kernels come and go."""

import asyncio
import os

import pytest

from container.confined import run_confined
from container.limits import Limits
from container.tree import change_owner

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has several host users")


@pytest.mark.parametrize("otherwise", ["exit 1", "echo damaged"])
async def test_a_reader_whose_workspace_gets_another_owner_meanwhile_reads_it_again(
    workspace, otherwise
):
    """Also one that takes the refusal for damage of the file, and ends well."""
    os.mkfifo(workspace.directory / "gate")
    (workspace.directory / "book.csv").write_text("a,b\n")
    (workspace.directory / "book.csv").chmod(0o600)
    owner = workspace.uid
    change_owner(workspace.directory, owner)
    # The second run finds no gate.
    script = (
        f"cd /workspace; if [ -p gate ]; then cat gate; fi\ncat book.csv 2>/dev/null || {otherwise}"
    )

    running = asyncio.create_task(
        run_confined(("/bin/sh", "-c", script), workspace, Limits(seconds=20))
    )
    await asyncio.to_thread(_open_and_change, workspace, owner)
    result = await running

    assert result.status is not None
    assert (result.status.exit_code, result.printed) == (0, "a,b\n")


def _open_and_change(workspace, owner: int) -> None:
    """Change the owner while the command waits at the gate."""
    gate = os.open(workspace.directory / "gate", os.O_WRONLY)  # returns once it waits there
    change_owner(workspace.directory, owner + 1)
    (workspace.directory / "gate").unlink()
    os.close(gate)
