"""Uploads that arrive in pieces: what has come is kept beside the workspace until the rest has.

Each has two files in ``uploads/`` of its path: ``ID.part`` with the bytes so far, whose length is
the offset, and ``ID.json`` with the rest. Nothing else is kept, so an upload goes on after a
restart of the service. An upload in which nothing moves is removed after some hours.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
import weakref
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from kernel_gateway.errors import NotFound, TooManyUnfinishedUploads, UploadMoved
from kernel_gateway.ids import is_id, new_id
from notebooks.record.files import replace_atomically

PLACE = "uploads"
MOST_UNFINISHED = 200
"""Unfinished uploads of one path."""
HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumableUpload:
    """One upload.

    Attributes:
        id: Its id.
        user: The user who began it; nobody else sees it.
        name: The file's name, as `safe_name` gives it.
        size: Bytes of the whole file.
        metadata: As the client sent it.
        replace: The file takes the place of the one that has its name.
        result: What became of the whole file, as JSON; ``None`` before.
    """

    id: str
    user: str
    name: str
    size: int
    metadata: str
    replace: bool
    result: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Writer:
    """One request that brings bytes of an upload.

    Attributes:
        file: The open part file.
        offset: How many bytes it has now.
        ended: Another request of the same upload has taken over.
    """

    file: IO[bytes]
    offset: int
    ended: bool = False

    def write(self, piece: bytes) -> None:
        """Append *piece*.

        Raises:
            UploadMoved: Another request has taken over.
        """
        if self.ended:
            raise UploadMoved(self.offset)
        self.file.write(piece)
        self.offset += len(piece)

    def store(self) -> int:
        """Sync what came to the disk, and return the offset; blocks."""
        self.file.flush()
        os.fsync(self.file.fileno())
        return self.offset


@dataclass(slots=True)
class ResumableUploads:
    """The uploads of all paths.

    Attributes:
        directory: Holds a directory for each conversation.
        hours: After so many without a byte an upload is removed.
    """

    directory: Path
    hours: float
    _writers: dict[str, Writer] = field(default_factory=dict)
    _finishing: weakref.WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=weakref.WeakValueDictionary
    )

    def begin(
        self, home: Path, user: str, name: str, size: int, metadata: str, *, replace: bool
    ) -> ResumableUpload:
        """Begin an upload to the path in *home*; see `ResumableUpload`.

        Raises:
            TooManyUnfinishedUploads: The path has `MOST_UNFINISHED` already.
            OSError: The disk is full or broken.
        """
        place = home / PLACE
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = (_read(file) for file in place.glob("*.json"))
        if sum(each is not None and each.result is None for each in kept) >= MOST_UNFINISHED:
            raise TooManyUnfinishedUploads(MOST_UNFINISHED)
        made = ResumableUpload(
            id=new_id("up"), user=user, name=name, size=size, metadata=metadata, replace=replace
        )
        part_of(home, made.id).touch(mode=0o600)
        _store(home, made)
        return made

    def find(self, home: Path, user: str, upload: str) -> ResumableUpload:
        """Return an upload of *user* to the path in *home*.

        Raises:
            NotFound: There is none, it has expired, or it is another user's.
        """
        found = _read(home / PLACE / f"{upload}.json") if is_id(upload) else None
        if found is None or found.user != user or self.expires(home, found) < time.time():
            raise NotFound("upload", upload)
        return found

    def listed(self, home: Path, user: str) -> list[ResumableUpload]:
        """Return the uploads of *user* to the path in *home* that are not whole yet."""
        now = time.time()
        return [
            found
            for file in sorted((home / PLACE).glob("*.json"))
            if (found := _read(file)) is not None
            and found.user == user
            and found.result is None
            and self.expires(home, found) >= now
        ]

    def promised_bytes(self, home: Path) -> int:
        """Return how many bytes the unfinished uploads to the path in *home* will have."""
        read = (_read(file) for file in (home / PLACE).glob("*.json"))
        return sum(each.size for each in read if each is not None and each.result is None)

    def expires(self, home: Path, upload: ResumableUpload) -> float:
        """Return when it is removed if nothing more comes, in seconds since the epoch."""
        return _moved(part_of(home, upload.id)) + self.hours * HOUR

    def settle(self, home: Path, upload: ResumableUpload) -> int:
        """Stop a request that still brings bytes, and return the offset."""
        if (writer := self._writers.pop(upload.id, None)) is not None:
            writer.ended = True
            with contextlib.suppress(OSError):
                writer.file.flush()
        return upload.size if upload.result is not None else part_of(home, upload.id).stat().st_size

    @contextlib.contextmanager
    def writing(self, home: Path, upload: ResumableUpload, offset: int) -> Iterator[Writer]:
        """Lend a writer that appends at *offset*; what came is kept when the block ends.

        Raises:
            UploadMoved: The upload has another offset.
            OSError: The disk is full or broken.
        """
        held = self.settle(home, upload)
        if held != offset:
            raise UploadMoved(held, offset)
        with part_of(home, upload.id).open("ab") as file:
            writer = self._writers[upload.id] = Writer(file, offset)
            try:
                yield writer
            finally:
                if self._writers.get(upload.id) is writer:
                    del self._writers[upload.id]

    @contextlib.asynccontextmanager
    async def finishing(self, upload: str) -> AsyncIterator[None]:
        """Let one request at a time finish *upload*."""
        lock = self._finishing.get(upload) or asyncio.Lock()
        self._finishing[upload] = lock  # as long as somebody holds it
        async with lock:
            yield

    def keep_result(self, home: Path, upload: ResumableUpload, result: Mapping[str, Any]) -> None:
        """Store what became of the whole file, and remove its bytes; nothing if it was removed."""
        if part_of(home, upload.id).exists():
            _store(home, replace(upload, result=result))
            os.truncate(part_of(home, upload.id), 0)

    def remove(self, home: Path, upload: ResumableUpload) -> None:
        """Remove an upload; a request that still brings bytes of it is refused."""
        self.settle(home, upload)
        _unlink(home / PLACE, upload.id)

    def sweep(self) -> int:
        """Remove the uploads of all paths that have expired; return how many."""
        limit, gone = time.time() - self.hours * HOUR, 0
        for file in self.directory.glob(f"*/*/{PLACE}/up_*"):
            if file.exists() and _moved(file.with_suffix(".part")) < limit:
                _unlink(file.parent, file.stem)
                gone += 1
        return gone


def part_of(home: Path, upload: str) -> Path:
    """Return the file with the bytes of *upload*."""
    return home / PLACE / f"{upload}.part"


def as_time(seconds: float) -> datetime:
    """Return *seconds* since the epoch as a time."""
    return datetime.fromtimestamp(seconds, UTC)


def _store(home: Path, upload: ResumableUpload) -> None:
    content = json.dumps(asdict(upload), ensure_ascii=False).encode()
    replace_atomically(home / PLACE / f"{upload.id}.json", content)


def _read(file: Path) -> ResumableUpload | None:
    try:
        return ResumableUpload(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):  # it is gone, or was cut off by a crash
        return None


def _moved(part: Path) -> float:
    """Return when a byte came last; 0 if the file is gone."""
    try:
        return part.stat().st_mtime
    except OSError:
        return 0.0


def _unlink(place: Path, upload: str) -> None:
    for suffix in (".part", ".json"):
        (place / f"{upload}{suffix}").unlink(missing_ok=True)
