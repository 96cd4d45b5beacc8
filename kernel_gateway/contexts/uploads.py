"""Uploads of a path: the newest version has the name, older ones are kept and can be restored.

``inputs/`` holds the current versions. Code in a kernel can change that directory, so files in
it are renamed and removed only through the directory's own descriptor, never through a link.
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
    """Keep the content of an uploaded file as a version; blocks.

    Args:
        path: The path it was uploaded to.
        stored: Its name in the workspace, ``inputs/…``.
        sha256: Hash of its content.
        replaces: Its final name; a file of that name is kept as a version, then replaced.
        new: The upload created the file: on an error it is removed.

    Returns:
        Its name now.

    Raises:
        PinnedQuotaExceeded: The upload quota of the versions is used up.
        UnsafePath, WorkspaceFileNotFound: It is gone, or a name is not that of a plain file.
        OSError: The disk is full or broken.
    """
    workspace = path.workspace
    try:
        workspace.sync(stored)
        _pin(path, stored, sha256)
        if replaces is None or replaces == stored:
            return stored
        with contextlib.suppress(ContainerError):  # a cell has removed it
            _pin(path, replaces, workspace.sha256(replaces))
        _rename(workspace, stored, replaces)
        workspace.sync(replaces)
    except BaseException:
        if new:
            discard_upload(path, stored)
        raise
    return replaces


def put_back(path: OpenPath, name: str, sha256: str) -> None:
    """Restore an earlier content of upload *name*; the current one is kept as a version. Blocks.

    Args:
        path: The path of the upload.
        name: Its name in the workspace, ``inputs/…``.
        sha256: Hash of the content.

    Raises:
        BadRequest: *name* is no upload.
        BlobError: The content can't be read.
        PinnedQuotaExceeded, UnsafePath, OSError: See `keep_upload`.
    """
    check_is_upload(name)
    with path.workspace.add_input(_bare(name)) as new:
        path.blobs.copy(sha256, new.file)
    keep_upload(path, f"{INPUTS}/{new.name}", sha256, replaces=name)


def discard_upload(path: OpenPath, stored: str) -> None:
    """Remove a file that was just uploaded and will not be kept."""
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
