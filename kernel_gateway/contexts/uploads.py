"""Uploads of a path: each version is kept, the newest has the name, an older one can come back.

``inputs/`` holds the current versions. Code in a kernel may see it, so names in it are only
ever taken and given through the directory's own descriptor, never through a link.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from container.errors import ContainerError, UnsafePath
from container.workspace.workspace import INPUTS, Workspace
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import BadRequest

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def keep_upload(
    path: OpenPath, stored: str, sha256: str, *, replaces: str | None, new: bool = True
) -> str:
    """Keep the content of a file that was uploaded; blocks.

    Args:
        path: Where it was uploaded to.
        stored: Its name in the workspace, ``inputs/…``.
        sha256: Of its content.
        replaces: The name it is to have, in place of what has it; that is kept first.
        new: It was not there before the upload: on an error it is removed.

    Returns:
        The name it has now.

    Raises:
        PinnedRoomUsed: There is no room for its content among the versions.
        UnsafePath, WorkspaceFileNotFound: It is gone, or another name is no plain file.
        OSError: The disk is full or broken.
    """
    workspace = path.workspace
    try:
        workspace.sync(stored)
        _pin(path, stored, sha256)
        if replaces is None or replaces == stored:
            return stored
        with contextlib.suppress(ContainerError):  # a cell has taken it away
            _pin(path, replaces, workspace.sha256(replaces))
        _rename(workspace, stored, replaces)
        workspace.sync(replaces)
    except BaseException:
        if new:
            discard_upload(path, stored)
        raise
    return replaces


def put_back(path: OpenPath, name: str, sha256: str) -> None:
    """Give upload *name* the content it once had; what it holds now is kept. Blocks.

    Args:
        path: Whose upload.
        name: Its name in the workspace, ``inputs/…``.
        sha256: Of the content.

    Raises:
        BadRequest: *name* is no upload.
        BlobError: The content can't be had.
        PinnedRoomUsed, UnsafePath, OSError: See `keep_upload`.
    """
    check_is_upload(name)
    with path.workspace.add_input(_bare(name)) as new:
        path.blobs.copy(sha256, new.file)
    keep_upload(path, f"{INPUTS}/{new.name}", sha256, replaces=name)


def discard_upload(path: OpenPath, stored: str) -> None:
    """Remove a file that was just uploaded and is not to be kept."""
    with contextlib.suppress(OSError), _inputs(path.workspace) as inputs:
        os.unlink(_bare(stored), dir_fd=inputs)


def check_is_upload(name: str) -> None:
    """Raise `BadRequest` unless *name* is that of a file in ``inputs/`` itself."""
    if _bare(name) == name or "/" in _bare(name):
        raise BadRequest(f"{name[:200]!r} is no upload: only files in inputs/ can be put back.")


def _pin(path: OpenPath, name: str, sha256: str) -> None:
    with path.workspace.open_read(name) as file:
        path.blobs.pin(sha256, file)


def _rename(workspace: Workspace, old: str, new: str) -> None:
    with _inputs(workspace) as inputs:
        try:
            os.replace(_bare(old), _bare(new), src_dir_fd=inputs, dst_dir_fd=inputs)
        except OSError as error:
            raise UnsafePath(new, f"it can't be replaced ({error.strerror})") from None


def _bare(name: str) -> str:
    return name.removeprefix(f"{INPUTS}/")


@contextlib.contextmanager
def _inputs(workspace: Workspace) -> Iterator[int]:
    top = os.open(workspace.directory, _DIRECTORY)
    try:
        inputs = os.open(INPUTS, _DIRECTORY, dir_fd=top)
    finally:
        os.close(top)
    try:
        yield inputs
    finally:
        os.close(inputs)
