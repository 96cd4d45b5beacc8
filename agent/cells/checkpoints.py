"""Makes a checkpoint of a path's files before something changes them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, BinaryIO

from agent.cells.file_hashes import FileHashes
from agent.ports import EventSink, PathRuntime
from container.errors import ContainerError
from container.workspace.workspace import Workspace
from notebooks.history.checkpoints import Checkpoint, Present, Reason

MOST_NAMED = 20


async def checkpoint_before(
    files: Mapping[str, str],
    runtime: PathRuntime,
    sink: EventSink,
    hashes: FileHashes,
    *,
    turn: str,
    cell: str | None = None,
    reason: Reason = "cell",
) -> str | None:
    """Make a checkpoint of the workspace, unless the last one has the same files.

    Emits ``checkpoint.created`` for a new one, or ``checkpoint.skipped`` with the reason.

    Args:
        files: The files as they are, name → sha256, from *hashes*.
        runtime: The path.
        sink: Receives the events.
        hashes: The workspace's file hashes.
        turn: The turn that is about to change files.
        cell: The cell that is about to run.
        reason: What is about to change files.

    Returns:
        The id of the checkpoint with these files; ``None`` if there is none.
    """
    checkpoints = runtime.checkpoints
    if checkpoints is None or not checkpoints.enabled:
        return None
    if (known := checkpoints.matching(files)) is not None:
        return known
    present = present_files(runtime.workspace, files, hashes)
    add = partial(checkpoints.add, present, turn=turn, cell=cell, reason=reason)
    try:
        made, new = await asyncio.to_thread(add)
    except OSError as error:
        facts = _skipped(error, present, cell)
        await sink.emit("checkpoint.skipped", facts)
        return None
    if new:
        await sink.emit("checkpoint.created", created_facts(made))
    return made.id


def present_files(workspace: Workspace, files: Mapping[str, str], hashes: FileHashes) -> Present:
    """Return *workspace* as `Checkpoints.add` takes it; *files* are its names and sha256."""

    def open_file(name: str) -> BinaryIO:
        try:
            return workspace.open_read(name)
        except ContainerError as error:
            raise OSError(str(error)) from None

    return Present(hashes=files, sizes=hashes.sizes(), open=open_file)


def created_facts(made: Checkpoint) -> dict[str, Any]:
    """Return the data of ``checkpoint.created``."""
    not_kept = [
        {"name": name, "size": made.files[name].size, "reason": reason}
        for name, reason in list(made.not_kept.items())[:MOST_NAMED]
    ]
    return {
        "checkpoint": made.id,
        "cell": made.cell,
        "reason": made.reason,
        "files": len(made.files),
        "size": made.size,
        "not_kept": not_kept,
    }


def _skipped(error: OSError, present: Present, cell: str | None) -> dict[str, Any]:
    size = sum(present.sizes.get(name, 0) for name in present.hashes)
    why = error.strerror or type(error).__name__
    message = (
        f"No checkpoint was made: {why}. Changes from here on can't be undone file by file "
        f"({len(present.hashes)} files, {size / 1_000_000:.1f} MB)."
    )
    return {"cell": cell, "message": message, "files": len(present.hashes), "size": size}
