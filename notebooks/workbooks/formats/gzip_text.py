"""Text tables packed with gzip (RFC 1952): unpacked in memory, to be read as they are."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..values import Unreadable, damaged

MAGIC = b"\x1f\x8b"
MOST_BYTES = 200_000_000
PIECE = 1 << 20


def is_gzip(path: Path) -> bool:
    """Return whether the file at *path* is packed, and named so that pandas unpacks it."""
    with path.open("rb") as file:
        return path.suffix.lower() == ".gz" and file.read(2) == MAGIC


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Give the content of a gzip file as a file in memory, named as it was.

    Raises:
        Unreadable: It is damaged, or too large.
    """
    memory = os.memfd_create("unpacked")
    try:
        _unpack(path, memory)
        with tempfile.TemporaryDirectory() as directory:
            link = Path(directory) / path.stem
            link.symlink_to(f"/proc/self/fd/{memory}")
            yield link
    finally:
        os.close(memory)


def _unpack(path: Path, memory: int) -> None:
    size = 0
    try:
        with gzip.open(path) as content:
            while piece := content.read(PIECE):
                size += len(piece)
                if size > MOST_BYTES:
                    raise Unreadable(
                        "workbook-too-large",
                        f"The gzip archive holds more than {MOST_BYTES // 10**6} MB.",
                        "Read it in chunks: pandas.read_csv(…, chunksize=…).",
                    )
                os.write(memory, piece)
    except (EOFError, OSError, zlib.error) as error:
        raise damaged(f"its gzip archive can't be unpacked ({error})") from error
