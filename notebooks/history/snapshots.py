"""Snapshots of a path's variables: content-addressed segments, and a record of each snapshot.

A snapshot belongs to a state of the path: the cells that had run by then. Its segments were
written by hostile code and are never read here, but for their hashes; only a kernel of the same
path, or of a branch of it, opens them. A record names its path, and the hash of each segment.

A directory holds records as ``NUMBER-ID.json``, oldest first, and segments under their hash:
the SHA-256 of the SHA-256 of each chunk, so that both processors can check one. With keys,
segments are sealed like files' contents (`notebooks.history.sealing`).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import mmap
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from notebooks.errors import BlobDamaged, SealingKeyMissing
from notebooks.history.sealing import CHUNK_BYTES as SEALED_BYTES
from notebooks.history.sealing import SealingKeys
from notebooks.record.cells import utc_now
from notebooks.record.files import PART, replace_atomically

PLACE = "snapshots"
"""Name of a path's directory of snapshots."""
CHUNK_BYTES = 4 * 1024 * 1024
DAY_SECONDS = 86_400.0
SEALED = ".sealed"
_FILE = re.compile(r"(\d{8})-(sn_[0-9a-f]{16})\.json")
_SEGMENT = re.compile(r"[0-9a-f]{64}(\.sealed)?")
SEALS = 0x0002 | 0x0004 | 0x0008
"""F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_WRITE: fcntl(2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotLimits:
    """What the snapshots of a path may take.

    Attributes:
        most_bytes: Largest snapshot; 0 makes none.
        path_bytes: All of a path's.
        most: How many of a path's are kept.
        days: None older than this is kept; 0 for any age.
        least_seconds: One is made once the cells since the last one took this long.
    """

    most_bytes: int = 0
    path_bytes: int = 0
    most: int = 8
    days: float = 30.0
    least_seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One snapshot.

    Attributes:
        id: ``sn_`` and 16 hex digits.
        at: When it was made, ISO 8601.
        owner: Whose it is: `owner_of` its path.
        count: Number of cells that had run.
        cells: `digest_of` their ids.
        last: The last one's id.
        seconds: How long they took.
        segments: Hash and size of each segment.
        manifest: What the kernel said of it.
    """

    id: str
    at: str
    owner: str
    count: int
    cells: str
    last: str
    seconds: float
    segments: Sequence[Sequence[Any]]
    manifest: Mapping[str, Any]


def owner_of(tenant: str, conversation: str, path: str) -> str:
    """Return the name of a path in the records of its snapshots."""
    return f"{tenant}/{conversation}/{path}"


def digest_of(cells: Sequence[str]) -> str:
    """Return one hash for the ids of *cells*, in their order."""
    return hashlib.sha256("\n".join(cells).encode()).hexdigest()


class Snapshots:
    """The snapshots of one path. Methods block; any thread may call them."""

    def __init__(
        self, home: Path, owner: str, limits: SnapshotLimits, keys: SealingKeys | None = None
    ) -> None:
        """Keep them in the directory *home* of the path that *owner* names (see `owner_of`)."""
        self.directory, self._owner, self.limits, self._keys = home / PLACE, owner, limits, keys
        self._lock = threading.RLock()
        self._checked: dict[str, tuple[int, ...]] = {}
        """Segment → the file whose content had that hash: nothing has written it since."""

    @property
    def enabled(self) -> bool:
        """Whether snapshots are made and used."""
        return self.limits.most_bytes > 0 and self.limits.most > 0

    @property
    def most_bytes(self) -> int:
        """Largest snapshot that is kept."""
        return min(self.limits.most_bytes, self.limits.path_bytes)

    def __contains__(self, sha256: str) -> bool:
        """Whether there is a segment with this hash; a damaged one is found when it is opened."""
        return self._segment(sha256) is not None

    def keep(self, sha256: str, pieces: Iterator[bytes]) -> None:
        """Keep a segment once all its *pieces* are there.

        Args:
            sha256: Its hash; *pieces* raise an error at their end if it is not theirs.
            pieces: Its content.

        Raises:
            OSError: The disk is full or broken; nothing was kept.
        """
        self.directory.mkdir(mode=0o700, exist_ok=True)
        if shutil.disk_usage(self.directory).free < self.most_bytes:
            raise OSError(errno.ENOSPC, "the disk is nearly full")
        part = self.directory / f"{secrets.token_hex(8)}{PART}"
        try:
            with part.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                if self._keys is None:
                    file.writelines(pieces)
                else:
                    self._keys.seal(_in_chunks(pieces), file)
            file_now = part.replace(self.directory / f"{sha256}{SEALED if self._keys else ''}")
            if self._keys is None:
                self._checked[sha256] = _identity(file_now.stat())
        finally:
            part.unlink(missing_ok=True)

    def add(
        self,
        cells: Sequence[str],
        seconds: float,
        segments: Sequence[tuple[str, int]],
        manifest: Mapping[str, Any],
    ) -> Snapshot:
        """Record a snapshot whose segments are kept; remove what is past the limits.

        Args:
            cells: Ids of the cells that had run, in their order.
            seconds: How long they took.
            segments: Hash and size of each segment.
            manifest: What the kernel said of it.

        Raises:
            OSError: The disk is full or broken; there is no snapshot.
        """
        made = Snapshot(
            id=f"sn_{secrets.token_hex(8)}",
            at=utc_now(),
            owner=self._owner,
            count=len(cells),
            cells=digest_of(cells),
            last=cells[-1] if cells else "",
            seconds=round(seconds, 4),
            segments=[list(segment) for segment in segments],
            manifest=manifest,
        )
        with self._lock:
            self._write(made)
            self._retire()
        return made

    def _write(self, made: Snapshot) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        names = self._names()
        number = int(names[-1].partition("-")[0]) + 1 if names else 1
        content = json.dumps(asdict(made), separators=(",", ":")).encode()
        whole = hashlib.sha256(content).hexdigest().encode() + b"\n" + content
        replace_atomically(self.directory / f"{number:08}-{made.id}.json", whole)

    def known(self) -> list[Snapshot]:
        """Return them, newest first; damaged records and those of another path are left out."""
        found = (self._read(name) for name in reversed(self._names()))
        return [made for made in found if made is not None]

    def nearest(self, cells: Sequence[str]) -> Snapshot | None:
        """Return the snapshot of most of *cells*, from the first on; ``None`` if there is none."""
        best: Snapshot | None = None
        for made in self.known() if self.enabled else ():
            fits = made.count <= len(cells) and made.cells == digest_of(cells[: made.count])
            if fits and (best is None or made.count > best.count):
                best = made
        return best

    @contextlib.contextmanager
    def opened(self, made: Snapshot) -> Iterator[list[int]]:
        """Yield a descriptor for each segment of *made*, to read only, once its hash was checked.

        Raises:
            BlobDamaged: A segment is missing, or another one than was written.
            SealingKeyMissing: It was sealed with a key that is not configured.
        """
        with contextlib.ExitStack() as files:
            descriptors = []
            for sha256, size in made.segments:
                file = self._segment(str(sha256))
                if file is None:
                    raise BlobDamaged(f"segment {str(sha256)[:8]} is missing")
                descriptors.append(self._descriptor(file, size))
                files.callback(os.close, descriptors[-1])
            self._check(descriptors, made.segments)
            yield descriptors

    def _check(self, descriptors: Sequence[int], segments: Sequence[Sequence[Any]]) -> None:
        """Raise `BlobDamaged` unless each file has its segment's size and hash.

        One that this process has checked, and that is the same file with the same times, is not
        read again.
        """
        new = [
            (file, str(sha256), size)
            for file, (sha256, size) in zip(descriptors, segments, strict=True)
            if self._checked.get(str(sha256)) != _identity(os.fstat(file))
        ]
        _check_contents(new)
        if self._keys is None:
            self._checked.update((sha256, _identity(os.fstat(file))) for file, sha256, _ in new)

    def _descriptor(self, file: Path, size: int) -> int:
        if file.suffix != SEALED:
            return os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        if self._keys is None:
            raise SealingKeyMissing("unknown", [])
        return _unsealed(file, self._keys, size)

    def drop(self, made: Snapshot) -> None:
        """Remove a snapshot that can't be used, with the segments that only it has."""
        with self._lock:
            for name in self._names():
                if made.id in name:
                    (self.directory / name).unlink(missing_ok=True)
            for sha256, _ in made.segments:  # they may be what is wrong with it
                if (file := self._segment(str(sha256))) is not None and not self._named(sha256):
                    file.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove all of them."""
        with self._lock:
            for name in self._names():
                (self.directory / name).unlink(missing_ok=True)
            self.collect()

    def _named(self, sha256: str) -> bool:
        return any(sha256 == named for made in self.known() for named, _ in made.segments)

    def collect(self) -> None:
        """Remove segments that no record names: a crash or an undone record left them."""
        with self._lock:
            named = {str(sha256) for made in self.known() for sha256, _ in made.segments}
            for file in self._entries():
                left = file.suffix == PART or _SEGMENT.fullmatch(file.name) is not None
                if left and file.name.removesuffix(SEALED) not in named:
                    file.unlink(missing_ok=True)

    def inherit(self, home: Path, owner: str) -> None:
        """Give the branch in *home* these snapshots; which of them it can use, its cells decide."""
        theirs = Snapshots(home, owner, self.limits, self._keys)
        with self._lock:
            for made in reversed(self.known()):
                theirs.directory.mkdir(mode=0o700, exist_ok=True)
                for sha256, _ in made.segments:
                    if (file := self._segment(str(sha256))) is not None and sha256 not in theirs:
                        os.link(file, theirs.directory / file.name)  # neither is ever written
                theirs._write(replace(made, owner=owner))

    def _retire(self) -> None:
        names = self._names()
        out = names[: max(0, len(names) - self.limits.most)]
        if self.limits.days:
            oldest = time.time() - self.limits.days * DAY_SECONDS
            out += [n for n in names[len(out) : -1] if self._changed(n) < oldest]
        for name in out:
            (self.directory / name).unlink(missing_ok=True)
        self.collect()
        names = self._names()
        while len(names) > 1 and self.size() > self.limits.path_bytes:
            (self.directory / names.pop(0)).unlink(missing_ok=True)
            self.collect()

    def _changed(self, name: str) -> float:
        return (self.directory / name).stat().st_mtime

    def size(self) -> int:
        """Return the bytes that they take."""
        return sum(file.stat().st_size for file in self._entries())

    def _segment(self, sha256: str) -> Path | None:
        if _SEGMENT.fullmatch(sha256) is None:
            return None
        files = (self.directory / f"{sha256}{SEALED}", self.directory / sha256)
        return next((file for file in files if file.is_file()), None)

    def _entries(self) -> list[Path]:
        try:
            return list(self.directory.iterdir())
        except FileNotFoundError:
            return []

    def _names(self) -> list[str]:
        return sorted(file.name for file in self._entries() if _FILE.fullmatch(file.name))

    def _read(self, name: str) -> Snapshot | None:
        try:
            sha256, _, content = (self.directory / name).read_bytes().partition(b"\n")
            made = Snapshot(**json.loads(content))
        except (OSError, ValueError, TypeError):
            return None
        whole = hashlib.sha256(content).hexdigest().encode() == sha256
        return made if whole and made.owner == self._owner and made.id in name else None


def _in_chunks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= SEALED_BYTES:
            yield bytes(waiting[:SEALED_BYTES])
            del waiting[:SEALED_BYTES]
    if waiting:
        yield bytes(waiting)


def _unsealed(file: Path, keys: SealingKeys, size: int) -> int:
    """Return a descriptor of a file in memory with the content of *file*; nobody can write it."""
    memory = os.memfd_create("snapshot", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with file.open("rb") as source, open(memory, "wb", closefd=False) as target:
            _copy(keys, source, target, size)
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, SEALS)
    except BaseException:
        os.close(memory)
        raise
    return memory


def _copy(keys: SealingKeys, source: BinaryIO, target: BinaryIO, size: int) -> None:
    written = 0
    for chunk in keys.open(source):
        written += len(chunk)
        if written > size:
            raise BlobDamaged("it is longer than it was")
        target.write(chunk)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file is replaced or written."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _check_contents(segments: Sequence[tuple[int, str, int]]) -> None:
    """Raise `BlobDamaged` unless each (descriptor, hash, size) is true."""
    with contextlib.ExitStack() as maps, ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs: list[tuple[str, Iterator[bytes]]] = []
        for file, sha256, size in segments:
            if os.fstat(file).st_size != size:
                raise BlobDamaged(f"segment {sha256[:8]} has another size")
            content = memoryview(b"")
            if size:
                mapped = maps.enter_context(mmap.mmap(file, size, access=mmap.ACCESS_READ))
                content = maps.enter_context(memoryview(mapped))
            starts = range(0, size, CHUNK_BYTES)
            jobs.append((sha256, pool.map(_hashed(content), starts)))
        for sha256, digests in jobs:
            if hashlib.sha256(b"".join(digests)).hexdigest() != sha256:
                raise BlobDamaged(f"segment {sha256[:8]} is not what it was")


def _hashed(content: memoryview) -> Callable[[int], bytes]:
    def hashed(start: int) -> bytes:
        with content[start : start + CHUNK_BYTES] as chunk:
            return hashlib.sha256(chunk).digest()

    return hashed
