"""Walk and remove directories that hostile code has filled: no recursion, no link followed."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_DEPTH = 64
"""Directories nested deeper are not entered: each costs an open file."""
WHOLE_DEPTH = 512
"""The limit for walks that must not miss anything; a kernel that nests deeper is stopped."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory that a walk visits.

    Attributes:
        path: Relative to the top of the walk; empty for the top itself.
        directories: Names of directories in it.
        files: All other names.
        descriptor: The open directory; closed when the walk leaves it.
        info: Its own stat result, taken before its entries were read.
        too_deep: The walk does not enter its directories.
    """

    path: str
    directories: tuple[str, ...]
    files: tuple[str, ...]
    descriptor: int
    info: os.stat_result
    too_deep: bool


def walk(top: int, max_depth: int = MAX_DEPTH) -> Iterator[Directory]:
    """Yield the directory open as *top* and those below it, parents first.

    Directories that can't be opened are skipped. *top* stays open.

    Args:
        top: A directory's descriptor.
        max_depth: Directories nested deeper are not entered.
    """
    root = _read(os.dup(top), "", too_deep=max_depth <= 0)
    stack = [(root, iter(root.directories))]
    try:
        yield root
        while stack:
            parent, names = stack[-1]
            name = next(names, None)
            if name is None or parent.too_deep:
                os.close(stack.pop()[0].descriptor)
                continue
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            with contextlib.suppress(OSError):
                descriptor = os.open(name, flags, dir_fd=parent.descriptor)
                path = f"{parent.path}/{name}" if parent.path else name
                child = _read(descriptor, path, too_deep=len(stack) >= max_depth)
                stack.append((child, iter(child.directories)))
                yield child
    finally:
        for directory, _ in stack:
            os.close(directory.descriptor)


def walk_path(path: Path, max_depth: int = MAX_DEPTH) -> Iterator[Directory]:
    """Walk from *path*; nothing is yielded when it can't be opened. Arguments as `walk`."""
    with contextlib.suppress(OSError):
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        top = os.open(path, flags)
        try:
            yield from walk(top, max_depth)
        finally:
            os.close(top)


def _read(descriptor: int, path: str, *, too_deep: bool) -> Directory:
    directories: list[str] = []
    files: list[str] = []
    info = os.fstat(descriptor)
    with contextlib.suppress(OSError), os.scandir(descriptor) as entries:
        for entry in entries:
            is_directory = False
            with contextlib.suppress(OSError):
                is_directory = entry.is_dir(follow_symlinks=False)
            (directories if is_directory else files).append(entry.name)
    return Directory(path, tuple(directories), tuple(files), descriptor, info, too_deep)


def change_owner(directory: Path, uid: int) -> None:
    """Give *directory* and all below it to user and group *uid*, following no link."""
    for met in walk_path(directory, WHOLE_DEPTH):
        os.fchown(met.descriptor, uid, uid)
        for name in (*met.directories, *met.files):
            with contextlib.suppress(FileNotFoundError):
                os.chown(name, uid, uid, dir_fd=met.descriptor, follow_symlinks=False)


def remove(path: Path) -> None:
    """Remove *path* and all below it, however deep; what can't be removed stays."""
    command = ["/bin/rm", "--recursive", "--force", "--one-file-system", "--", str(path)]
    subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
