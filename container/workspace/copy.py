"""Copy a workspace's files, and set them aside while a kernel's variables are rebuilt.

A file is cloned where the file system can share its blocks until one side changes
(ioctl_ficlone(2)), and copied elsewhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from container.errors import ContainerError
from container.tree import remove
from container.workspace.workspace import INPUTS, OUTPUTS, Workspace

FICLONE = 0x40049409


@contextlib.contextmanager
def new_file(target: Path, name: str, uid: int | None) -> Iterator[BinaryIO]:
    """Make file *name* below *target*, whose kernel must not run; gone again on an error.

    Args:
        target: A directory only the service can reach at this moment.
        name: Relative, as `Workspace.files` gives them.
        uid: Owner; ``None`` for this process's own.
    """
    path = target / name
    _make_directories(path.parent, target, uid)
    try:
        with path.open("xb") as file:
            yield file
            if uid is not None:
                os.fchown(file.fileno(), uid, uid)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def copy_files(source: Workspace, target: Path, names: Iterable[str], uid: int | None) -> None:
    """Copy plain files *names* of *source* below *target*, whose kernel must not run.

    What is no plain file any more is left out.

    Args:
        source: A workspace; hostile code may be changing it.
        target: A directory only the service can reach at this moment.
        names: Relative names, as `Workspace.files` gives them.
        uid: Owner of the copies; ``None`` for this process's own.
    """
    for name in names:
        with (
            contextlib.suppress(ContainerError),
            source.open_read(name) as original,
            new_file(target, name, uid) as copy,
        ):
            _clone(original.fileno(), copy.fileno())


def _make_directories(directory: Path, top: Path, uid: int | None) -> None:
    missing = []
    while directory != top and not directory.exists():
        missing.append(directory)
        directory = directory.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700)
        if uid is not None:
            os.chown(path, uid, uid)


def _clone(source: int, target: int) -> None:
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:
        with os.fdopen(os.dup(source), "rb") as original, os.fdopen(os.dup(target), "wb") as copy:
            shutil.copyfileobj(original, copy, 1024 * 1024)


def set_aside(workspace: Workspace, place: Path) -> None:
    """Move everything but the inputs, which no kernel can change, out of *workspace* into *place*.

    The kernel may run, but no code may have run in it yet. Until `put_back`, a crash
    leaves the files in *place*, from where `put_back` brings them home.
    """
    place.mkdir(mode=0o700)
    for entry in _changeable(workspace.directory):
        (workspace.directory / entry).rename(place / entry)
    _make_directories(workspace.directory / OUTPUTS, workspace.directory, workspace.uid)


def put_back(workspace: Workspace, place: Path, keep: Iterable[str] = ()) -> None:
    """Undo `set_aside`: every file is again what it was.

    Args:
        workspace: Where the files belong.
        place: Where `set_aside` put them.
        keep: Files made meanwhile that stay, where none of that name was set aside.
    """
    stays = {file.name for file in Workspace(place).files()}
    stays |= {file.name for file in workspace.files(INPUTS)}
    try:
        copy_files(workspace, place, [name for name in keep if name not in stays], workspace.uid)
    finally:  # whether or not there was room for those
        for entry in _changeable(workspace.directory):
            remove(workspace.directory / entry)
        recover(workspace, place)


def _changeable(directory: Path) -> list[str]:
    return [entry for entry in sorted(os.listdir(directory)) if entry != INPUTS]


def recover(workspace: Workspace, place: Path) -> None:
    """Bring files home that a crash left in *place*; nothing happens when there are none."""
    if not place.is_dir():
        return
    for entry in sorted(os.listdir(place)):
        remove(workspace.directory / entry)
        (place / entry).rename(workspace.directory / entry)
    place.rmdir()
