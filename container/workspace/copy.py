"""Copy a workspace's files, and set them aside while a kernel's variables are rebuilt.

A file is cloned (ioctl_ficlone(2)) where the file system supports it, else copied.
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
MOST_TRIES = 10
"""To put a directory where a thread of the kernel may make it again."""


@contextlib.contextmanager
def new_file(target: Path, name: str, uid: int | None) -> Iterator[BinaryIO]:
    """Create file *name* below *target*; an error in the block removes it.

    Args:
        target: A directory that no kernel can reach at this moment.
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
    """Copy plain files *names* of *source* to *target*.

    Names that are no longer plain files are skipped.

    Args:
        source: A workspace; hostile code may be changing it.
        target: A directory that no kernel can reach at this moment.
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
    """Move all files except the inputs, which a kernel can't change, to *place*.

    The kernel may run, but no cell may have run in it yet. After a crash the files are
    in *place*; `recover` moves them back.

    Args:
        workspace: The workspace to empty.
        place: A directory that does not exist yet, on the same file system.
    """
    place.mkdir(mode=0o700)
    for entry in _changeable(workspace.directory):
        (workspace.directory / entry).rename(place / entry)
    _make_directories(workspace.directory / OUTPUTS, workspace.directory, workspace.uid)


def put_back(workspace: Workspace, place: Path, keep: Iterable[str] = ()) -> None:
    """Undo `set_aside`: restore every file.

    Args:
        workspace: Where the files belong.
        place: Where `set_aside` put them.
        keep: Files created since then that stay, unless a file of that name was set aside.
    """
    stays = {file.name for file in Workspace(place).files()}
    stays |= {file.name for file in workspace.files(INPUTS)}
    try:
        copy_files(workspace, place, [name for name in keep if name not in stays], workspace.uid)
    finally:  # restore even if the disk is too full for the copies
        there = set(os.listdir(place))
        for entry in _changeable(workspace.directory):
            if entry not in there:
                remove(workspace.directory / entry)
        recover(workspace, place)


def _changeable(directory: Path) -> list[str]:
    return [entry for entry in sorted(os.listdir(directory)) if entry != INPUTS]


def recover(workspace: Workspace, place: Path) -> None:
    """Move the files that a crash left in *place*, if any, back to *workspace*."""
    if not place.is_dir():
        return
    for entry in sorted(os.listdir(place)):
        _replace(workspace.directory / entry, place / entry, place.with_name(f"{place.name}.old"))
    place.rmdir()


def _replace(old: Path, new: Path, aside: Path) -> None:
    """Put *new* in the place of *old*, also while a thread of the kernel makes files in it.

    Args:
        old: Is removed, if it is there.
        new: Takes its place.
        aside: A path beside the workspace: *old* is moved there, where the thread can't follow.

    Raises:
        OSError: It can't be moved.
    """
    for left in range(MOST_TRIES - 1, -1, -1):
        if os.path.lexists(aside):
            remove(aside)
        with contextlib.suppress(FileNotFoundError):
            old.rename(aside)
        try:
            new.rename(old)
            break
        except OSError:  # it has been made again meanwhile
            if not left:
                raise
    if os.path.lexists(aside):
        remove(aside)
