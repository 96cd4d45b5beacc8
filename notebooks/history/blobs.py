"""Stores earlier contents of files, each once under its sha256; encrypted if keys are set."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from notebooks.errors import BlobDamaged, BlobNotFound, PinnedQuotaExceeded, SealingKeyMissing
from notebooks.history.sealing import CHUNK_BYTES, SealingKeys
from notebooks.record.files import PART, fsync_directory

SEALED = ".sealed"
PINNED = "pinned"
ABANDONED_SECONDS = 3600.0
"""A partial file not written to for this long was left by a crash."""


class Blobs:
    """A directory of contents with a quota: the oldest are removed for new ones, pinned ones never.

    Attributes:
        directory: Where they are.
        quota_bytes: Quota of the contents that are not pinned.
        lock: Held while contents are removed, and by whoever relies on one that is there.
        make_room: Called with the bytes that are missing when the quota is used up; without it,
            the oldest contents are removed.

    Only pinned contents are synced to disk before the call returns. Any other content cut off
    by a crash is detected when it is read, since a blob's name is its digest.
    """

    def __init__(
        self, directory: Path, keys: SealingKeys | None, quota_bytes: int, pinned_bytes: int = 0
    ) -> None:
        """Use *directory*; it is created with the first content.

        Args:
            directory: A directory that only the service may access.
            keys: Keys for encryption; ``None`` stores contents in the clear.
            quota_bytes: Quota of the contents that are not pinned; 0 keeps none.
            pinned_bytes: Quota of the pinned contents.
        """
        self.directory, self._keys, self.quota_bytes = directory, keys, quota_bytes
        self.lock = threading.RLock()
        self.make_room: Callable[[int], None] | None = None
        self._pinned, self._pinned_quota = directory / PINNED, pinned_bytes

    def __contains__(self, sha256: str) -> bool:
        """Whether the content with this hex digest is kept."""
        return self._file(sha256) is not None

    def names(self) -> list[str]:
        """Return the hex digests of all contents."""
        found = [file for place in (self.directory, self._pinned) for file in _files(place)]
        return sorted({file.name.removesuffix(SEALED) for file in found if file.suffix != PART})

    def keep(self, sha256: str, source: BinaryIO) -> None:
        """Keep the content of *source*.

        Args:
            sha256: Its expected hex digest. If the content has changed meanwhile, it is kept
                under its actual digest.
            source: Read to its end; a content for which no room can be made is not kept.

        Raises:
            OSError: The disk is full or broken; nothing was kept.
        """
        if not self.quota_bytes or sha256 in self:
            return
        self.directory.mkdir(mode=0o700, exist_ok=True)
        part = self.directory / f"{secrets.token_hex(8)}{PART}"
        digest = hashlib.sha256()
        try:
            with part.open("xb") as file:
                self._write(_digested(source, digest, self.quota_bytes), file)
            if part.stat().st_size <= self.quota_bytes and self._has_room():
                part.replace(self.directory / f"{digest.hexdigest()}{self._ending}")
        except _LargerThanRoom:
            pass
        finally:
            part.unlink(missing_ok=True)

    def pin(self, sha256: str, source: BinaryIO) -> None:
        """Keep the content of *source* as long as the directory exists, and sync it to disk.

        A content that was kept before becomes pinned.

        Args:
            sha256: See `keep`.
            source: Read to its end.

        Raises:
            PinnedQuotaExceeded: It exceeds the quota of pinned contents.
            OSError: The disk is full or broken; nothing was kept.
        """
        if self._file(sha256, self._pinned) is not None:
            return
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self._pinned.mkdir(mode=0o700, exist_ok=True)
        room = self._pinned_quota - _taken(self._pinned)
        part = self._pinned / f"{secrets.token_hex(8)}{PART}"
        digest = hashlib.sha256()
        try:
            with part.open("xb") as file:
                self._write(_digested(source, digest, room), file)
                file.flush()
                os.fsync(file.fileno())
            if part.stat().st_size > room:
                raise PinnedQuotaExceeded(self._pinned_quota)
            part.replace(self._pinned / f"{digest.hexdigest()}{self._ending}")
        except _LargerThanRoom:
            raise PinnedQuotaExceeded(self._pinned_quota) from None
        finally:
            part.unlink(missing_ok=True)
        fsync_directory(self._pinned)
        if (unpinned := self._file(sha256, self.directory)) is not None:
            unpinned.unlink(missing_ok=True)

    def copy(self, sha256: str, target: BinaryIO) -> None:
        """Write a content to *target*; on an error the caller must discard what was written.

        Raises:
            BlobNotFound: It is not kept, or not any more.
            BlobDamaged: It is not the content that was stored.
            SealingKeyMissing: It was encrypted with a key that is not configured.
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

    @property
    def _ending(self) -> str:
        return SEALED if self._keys is not None else ""

    def _file(self, sha256: str, *places: Path) -> Path | None:
        names = (f"{sha256}{SEALED}", sha256)
        files = (
            place / name for place in places or (self._pinned, self.directory) for name in names
        )
        return next((file for file in files if file.is_file()), None)

    def discard(self, names: Collection[str]) -> int:
        """Remove contents that are not pinned; return their size in bytes."""
        freed = 0
        for sha256 in names:
            if (file := self._file(sha256, self.directory)) is not None:
                with contextlib.suppress(FileNotFoundError):
                    freed += file.stat().st_size
                    file.unlink()
        return freed

    def ages(self) -> dict[str, int]:
        """Return when each content that is not pinned was stored, in ns since 1970."""
        found = {}
        for file in _files(self.directory):
            if file.suffix != PART:
                with contextlib.suppress(FileNotFoundError):
                    found[file.name.removesuffix(SEALED)] = file.stat().st_mtime_ns
        return found

    def _has_room(self) -> bool:
        """Make room until all files, partial ones too, fit the quota; return whether they do."""
        over = _taken(self.directory) - self.quota_bytes
        if over > 0 and self.make_room is not None:
            self.make_room(over)
            over = _taken(self.directory) - self.quota_bytes
        elif over > 0:
            over -= self._evict(over)
        return over <= 0

    def _evict(self, over: int) -> int:
        """Remove the oldest contents until *over* bytes are free; return how many are."""
        freed = 0
        for sha256, _ in sorted(self.ages().items(), key=lambda item: item[1]):
            if freed >= over:
                break
            freed += self.discard({sha256})
        return freed


def _files(directory: Path) -> list[Path]:
    try:
        return [file for file in directory.iterdir() if file.name != PINNED]
    except FileNotFoundError:
        return []


def _taken(directory: Path) -> int:
    """Return the total size of the files in bytes; remove partial files left by crashes."""
    taken, abandoned = 0, time.time() - ABANDONED_SECONDS
    for file in _files(directory):
        with contextlib.suppress(FileNotFoundError):
            status = file.stat()
            if file.suffix == PART and status.st_mtime < abandoned:
                file.unlink()
            else:
                taken += status.st_size
    return taken


class _LargerThanRoom(Exception):
    """Stops the reading of a content that exceeds the quota."""


def _digested(source: BinaryIO, digest: hashlib._Hash, room: int) -> Iterator[bytes]:
    read = 0
    while chunk := source.read(CHUNK_BYTES):
        read += len(chunk)
        if read > room:
            raise _LargerThanRoom
        digest.update(chunk)
        yield chunk
