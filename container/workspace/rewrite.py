"""Replace a file that a kernel has written, unless the kernel has it open or changes it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from container.errors import UnsafePath
from container.workspace.workspace import Workspace

_FLAGS = re.compile(r"^flags:\s*([0-7]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """A file's content, and what shows a later change of it."""

    content: bytes
    identity: tuple[int, int, int, int, int]


def read_seen(workspace: Workspace, name: str, most_bytes: int) -> Seen | None:
    """Return the content of file *name*; ``None`` if it has more than *most_bytes*.

    Raises:
        UnsafePath, WorkspaceFileNotFound: As `Workspace.open_read`.
    """
    with workspace.open_read(name) as file:
        before = os.fstat(file.fileno())
        if before.st_size > most_bytes:
            return None
        return Seen(file.read(most_bytes), _identity(before))


def replace_seen(workspace: Workspace, name: str, seen: Seen, content: bytes) -> str:
    """Replace file *name* atomically by *content*; owner and mode stay.

    Args:
        workspace: The workspace.
        name: The file's name.
        seen: The file as it was read.
        content: The new content.

    Returns:
        Why it was left as it is; empty if it was replaced.
    """
    last = name.rpartition("/")[2]
    try:
        with workspace.directory_of(name) as parent:
            old = os.stat(last, dir_fd=parent, follow_symlinks=False)
            if _identity(old) != seen.identity:
                return "it was changed meanwhile"
            if _open_for_writing(old):
                return "the kernel still has it open"
            return _replace(parent, last, old, content)
    except UnsafePath:
        return "it is no longer a plain file"
    except OSError as error:
        return f"it can't be replaced ({error.strerror})"


def _replace(parent: int, name: str, old: os.stat_result, content: bytes) -> str:
    part = f".{secrets.token_hex(8)}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(part, flags, 0o600, dir_fd=parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if os.geteuid() == 0:
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode) & 0o777)
            os.fsync(file.fileno())
        now = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if _identity(now) != _identity(old):
            return "it was changed meanwhile"
        os.rename(part, name, src_dir_fd=parent, dst_dir_fd=parent)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part, dir_fd=parent)
    return ""


def _identity(info: os.stat_result) -> tuple[int, int, int, int, int]:
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


def _open_for_writing(info: os.stat_result) -> bool:
    """Whether a process of the file's owner has it open to write: it would write to the old one."""
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and process.stat().st_uid == info.st_uid:
                for number in (process / "fd").iterdir():
                    if _is_open_to_write(process, number, info):
                        return True
    return False


def _is_open_to_write(process: Path, number: Path, info: os.stat_result) -> bool:
    with contextlib.suppress(OSError):
        there = number.stat()
        if (there.st_dev, there.st_ino) == (info.st_dev, info.st_ino):
            found = _FLAGS.search((process / "fdinfo" / number.name).read_text())
            return found is not None and int(found[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False
