"""Contents that files once had, each kept once under its sha256; sealed where there are keys."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from notebooks.errors import BlobDamaged, BlobNotFound, SealingKeyMissing
from notebooks.files import PART
from notebooks.sealing import CHUNK_BYTES, SealingKeys

SEALED = ".sealed"


class Blobs:
    """A directory of contents, in which the oldest make room for new ones.

    A content is not waited for until it is on disk: what a crash left half is noticed when
    it is read, since a blob's name is its digest.
    """

    def __init__(self, directory: Path, keys: SealingKeys | None, room_bytes: int) -> None:
        """Describe the directory; it is made with the first content.

        Args:
            directory: Only the service may reach it.
            keys: What seals and opens; ``None`` keeps contents as they are.
            room_bytes: What all of them together may take on disk.
        """
        self._directory, self._keys, self._room = directory, keys, room_bytes

    def __contains__(self, sha256: str) -> bool:
        """Whether the content with this hex digest is kept."""
        return self._file(sha256) is not None

    def names(self) -> list[str]:
        """Return the hex digest of every content kept."""
        if not self._directory.is_dir():
            return []
        whole = (file for file in self._directory.iterdir() if file.suffix != PART)
        return sorted({file.name.removesuffix(SEALED) for file in whole})

    def keep(self, sha256: str, source: BinaryIO) -> None:
        """Keep the content of *source*.

        Args:
            sha256: What its hex digest is taken to be. If it has changed meanwhile it is
                kept under the one it has.
            source: Read to its end; nothing is kept of one larger than the room.

        Raises:
            OSError: The disk is full or broken; nothing was kept.
        """
        if sha256 in self:
            return
        self._directory.mkdir(mode=0o700, exist_ok=True)
        part = self._directory / f"{secrets.token_hex(8)}{PART}"
        digest = hashlib.sha256()
        try:
            with part.open("xb") as file:
                self._write(_digested(source, digest, self._room), file)
            if part.stat().st_size <= self._room:
                self._make_room()
                ending = SEALED if self._keys is not None else ""
                part.replace(self._directory / f"{digest.hexdigest()}{ending}")
        except _LargerThanRoom:
            pass
        finally:
            part.unlink(missing_ok=True)

    def copy(self, sha256: str, target: BinaryIO) -> None:
        """Write a content to *target*; on an error, what was written is to be thrown away.

        Raises:
            BlobNotFound: It is not kept, or not any more.
            BlobDamaged: It is not what was kept.
            SealingKeyMissing: It was sealed with a key that is not in force.
        """
        file = self._file(sha256)
        if file is None:
            raise BlobNotFound(sha256)
        digest = hashlib.sha256()
        with file.open("rb") as source:
            for chunk in self._read(file, source):
                digest.update(chunk)
                target.write(chunk)
        if digest.hexdigest() != sha256:
            raise BlobDamaged("it is not what its name says")

    def _write(self, chunks: Iterator[bytes], file: BinaryIO) -> None:
        if self._keys is not None:
            self._keys.seal(chunks, file)
        else:
            file.writelines(chunks)

    def _read(self, file: Path, source: BinaryIO) -> Iterator[bytes]:
        if file.suffix != SEALED:
            return iter(lambda: source.read(CHUNK_BYTES), b"")
        if self._keys is None:
            raise SealingKeyMissing("unknown", [])
        return self._keys.open(source)

    def _file(self, sha256: str) -> Path | None:
        plain = self._directory / sha256
        sealed = plain.with_name(f"{sha256}{SEALED}")
        return next((file for file in (sealed, plain) if file.is_file()), None)

    def _make_room(self) -> None:
        """Remove the oldest until the rest fits: contents, and what crashes left half."""
        kept = []
        for file in self._directory.iterdir():
            with contextlib.suppress(FileNotFoundError):
                status = file.stat()
                kept.append((status.st_mtime_ns, status.st_size, file))
        over = sum(taken for _, taken, _ in kept) - self._room
        for _, taken, file in sorted(kept):
            if over <= 0:
                return
            file.unlink(missing_ok=True)
            over -= taken


class _LargerThanRoom(Exception):
    """There is no use in reading on."""


def _digested(source: BinaryIO, digest: hashlib._Hash, room: int) -> Iterator[bytes]:
    read = 0
    while chunk := source.read(CHUNK_BYTES):
        read += len(chunk)
        if read > room:
            raise _LargerThanRoom
        digest.update(chunk)
        yield chunk
