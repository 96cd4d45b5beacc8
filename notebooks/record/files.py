"""Atomic and durable file writes, and advisory locks."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PART = ".part"


def replace_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write *content* to *path* so that a crash leaves the old file or the new one.

    Write a temporary file, fsync it, rename it, fsync the directory.

    Args:
        path: The file.
        content: Its new content.
        durable: Survive a power loss too; without it, nothing is synced to disk.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        with part.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable:
        fsync_directory(path.parent)


def sweep_parts(path: Path) -> None:
    """Remove temporary files that crashes left beside *path*; *path* must have no writer."""
    for part in path.parent.glob(f".{path.name}.*{PART}"):
        part.unlink(missing_ok=True)


def append(path: Path, line: bytes) -> int:
    """Append *line* to *path*; return the open file's descriptor, for `make_durable`.

    The line then survives a kill of this process, but not a power loss. Each line is preceded
    by a newline, as a kill or a full disk may have cut off the line before it.
    """
    # Not `open`: Python's file objects make five more system calls.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        left = b"\n" + line + b"\n"
        while left:
            left = left[os.write(descriptor, left) :]
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def make_durable(descriptor: int) -> None:
    """Sync the open file to disk and close it."""
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def append_durably(path: Path, line: bytes) -> None:
    """Append *line* to *path* and wait until it is on disk."""
    make_durable(append(path, line))


def empty(path: Path) -> None:
    """Truncate the file at *path*, if it exists: faster than removing and creating it."""
    with contextlib.suppress(FileNotFoundError):
        os.truncate(path, 0)


def file_sha256(path: Path) -> str:
    """Return the hex sha256 of the file at *path*."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_recorded(path: Path, recorded: str) -> bool:
    """Whether the file at *path* matches *recorded*: a sha256, or ``size:N`` for a huge file."""
    if recorded.startswith("size:"):
        return recorded == f"size:{path.stat().st_size}"
    return file_sha256(path) == recorded


def encodable(value: Any) -> Any:
    """Return the JSON *value* with lone surrogates replaced: UTF-8 can't encode them."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def fsync_directory(directory: Path) -> None:
    """Make a rename or deletion in *directory* durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def advisory_lock(path: Path, *, shared: bool = False, wait: bool = False) -> Iterator[bool]:
    """Hold an advisory lock on *path*; yield ``False`` at once if another process holds it.

    Any number of processes may hold a *shared* lock, but none beside an exclusive one. With
    *wait*, another process's lock is waited for.
    """
    kind = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    with path.open("a") as file:
        try:
            fcntl.flock(file, kind)
        except BlockingIOError:
            yield False
            return
        yield True
