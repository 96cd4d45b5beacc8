"""Replace and remove single files of a workspace while a hostile kernel may be using it.

Each step walks down from the workspace's own descriptor and follows no link. Whatever is in the
way of a file (a directory, a link, a special file) is moved out of the workspace and removed there.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from container.errors import UnsafePath
from container.tree import remove
from container.workspace.workspace import INPUTS, OUTPUTS, Workspace, name_parts

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def put_file(workspace: Workspace, name: str, staged: Path) -> None:
    """Move *staged* to *name* in the workspace, atomically; missing directories are created.

    Args:
        workspace: The workspace.
        name: Relative, as `Workspace.files` gives them.
        staged: A file outside the workspace, on the same file system, with its final owner.

    Raises:
        UnsafePath: *name* is no name of a file in a workspace.
        OSError: The disk is broken; the file there, if any, is as it was.
    """
    *directories, last = name_parts(name)
    with _parent(workspace, directories, staged.parent) as parent:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode):
                _move_away(last, parent, staged.parent)
        os.rename(staged, last, dst_dir_fd=parent)


def remove_file(workspace: Workspace, name: str) -> None:
    """Remove file *name*, and the directories that this leaves empty; a missing one is no error.

    Raises:
        UnsafePath: *name* is no name of a file in a workspace.
        OSError: It can't be removed.
    """
    *directories, last = name_parts(name)
    descriptors = [os.open(workspace.directory, _DIRECTORY)]
    try:
        for directory in directories:
            try:
                descriptors.append(os.open(directory, _DIRECTORY, dir_fd=descriptors[-1]))
            except OSError:
                return  # it is no directory any more: there is no such file
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(last, dir_fd=descriptors[-1])
        for depth in range(len(directories) - 1, -1, -1):
            if depth == 0 and directories[0] in (INPUTS, OUTPUTS):
                return
            try:
                os.rmdir(directories[depth], dir_fd=descriptors[depth])
            except OSError:
                return  # it is not empty
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@contextlib.contextmanager
def _parent(workspace: Workspace, directories: list[str], trash: Path) -> Iterator[int]:
    """Open the directory that *directories* lead to; create what is missing."""
    uid = workspace.uid
    descriptor = os.open(workspace.directory, _DIRECTORY)
    try:
        for name in directories:
            child = _open_or_make(name, descriptor, trash, uid)
            os.close(descriptor)
            descriptor = child
        yield descriptor
    finally:
        os.close(descriptor)


def _open_or_make(name: str, parent: int, trash: Path, uid: int | None) -> int:
    for _ in range(3):  # code in the kernel may put something there at the same moment
        with contextlib.suppress(FileNotFoundError):
            try:
                return os.open(name, _DIRECTORY, dir_fd=parent)
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise
                _move_away(name, parent, trash)
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
            if uid is not None:
                os.chown(name, uid, uid, dir_fd=parent, follow_symlinks=False)
    raise UnsafePath(name, "something else takes its place again and again")


def _move_away(name: str, parent: int, trash: Path) -> None:
    away = trash / f".away-{secrets.token_hex(8)}"
    os.rename(name, away, src_dir_fd=parent)
    remove(away)
