"""A copy of a workspace's files that is kept while cells work, and put back when they have ended.

Cells keep the files they have: also a file that an earlier cell has left open is one of theirs, and
goes when the copy takes its place. Uploads can't be changed by cells, and stay where they are.
"""

from __future__ import annotations

import os
from pathlib import Path

from container.tree import remove
from container.workspace.copy import copy_files
from container.workspace.workspace import INPUTS, OUTPUTS, Workspace


def keep_copy(workspace: Workspace, place: Path) -> None:
    """Copy all files except the inputs to *place*. Blocks.

    A crash midway leaves no copy; one afterwards leaves it for `put_copy_back`.

    Args:
        workspace: The workspace; no cell runs in it.
        place: A directory that does not exist yet, beside the workspace.

    Raises:
        OSError: The disk is full; there is no copy.
    """
    unfinished = place.with_name(f"{place.name}.unfinished")
    remove(unfinished)
    unfinished.mkdir(mode=0o700)
    try:
        names = [f.name for f in workspace.files() if not f.name.startswith(f"{INPUTS}/")]
        copy_files(workspace, unfinished, names, workspace.uid)
        unfinished.rename(place)
    except BaseException:
        remove(unfinished)
        raise


def put_copy_back(workspace: Workspace, place: Path) -> None:
    """Give *workspace* the files of the copy at *place*, and remove all others. Blocks.

    May be repeated after a crash; without a copy it does nothing.
    """
    returning = place.with_name(f"{place.name}.returning")
    if place.is_dir():
        for entry in _changeable(workspace.directory):
            remove(workspace.directory / entry)
        place.rename(returning)
    if not returning.is_dir():
        return
    for entry in sorted(os.listdir(returning)):
        remove(workspace.directory / entry)
        (returning / entry).rename(workspace.directory / entry)
    returning.rmdir()
    outputs = workspace.directory / OUTPUTS
    if not outputs.exists():
        outputs.mkdir(mode=0o700)
        if workspace.uid is not None:
            os.chown(outputs, workspace.uid, workspace.uid)


def _changeable(directory: Path) -> list[str]:
    return [entry for entry in sorted(os.listdir(directory)) if entry != INPUTS]
