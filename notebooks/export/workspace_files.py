"""Opens files by the names in a notebook, which is untrusted, without leaving their directory."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import IO

DIRECTORIES = ("inputs", "outputs")
MOST_NAME_BYTES = 1000


def safe_name(name: str) -> bool:
    """Whether *name* is that of a file below ``inputs/`` or ``outputs/``, with plain parts."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return False
    parts = name.split("/")
    return (
        0 < size <= MOST_NAME_BYTES
        and len(parts) > 1
        and parts[0] in DIRECTORIES
        and all(part not in ("", ".", "..") for part in parts)
        and not any(ord(c) < 32 or c in "\\\x7f" for c in name)
    )


def open_below(roots: Sequence[Path], name: str) -> IO[bytes] | None:
    """Open the plain file *name* below the first root that has it.

    No part of the name may be a link: a kernel can make links in its workspace.

    Args:
        roots: Directories.
        name: A name for which `safe_name` holds.

    Returns:
        The open file; ``None`` if there is none.
    """
    for root in roots:
        try:
            descriptor = _open(root, name.split("/"))
        except OSError:
            continue
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
    return None


def _open(root: Path, parts: Sequence[str]) -> int:
    place = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            deeper = os.open(part, flags, dir_fd=place)
            os.close(place)
            place = deeper
        # A pipe must not block: its reader would wait for a writer.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(parts[-1], flags, dir_fd=place)
    finally:
        os.close(place)
