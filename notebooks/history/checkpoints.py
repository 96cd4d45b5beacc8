"""Checkpoints of a path's workspace: which files it held, each content kept once by its sha256.

A checkpoint is a small file that names contents in `notebooks.history.blobs`; contents are shared
by all checkpoints of all paths of a conversation. One is made before a cell runs, unless the files
are the same as in the last one. A directory holds them as ``NUMBER-ID.json``, oldest first.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from notebooks.errors import CheckpointNotFound, CheckpointUnreadable
from notebooks.history.blobs import Blobs
from notebooks.record.cells import utc_now
from notebooks.record.files import replace_atomically

Reason = Literal["cell", "undo"]
EMPTY = "empty"
"""Id of the checkpoint of a workspace without files; it always exists and takes no room."""
PLACE = "checkpoints"
"""Name of a path's directory of checkpoints."""
RANGES = "ranges"
"""The same for checkpoints of ranges of a workbook that is open in Excel."""
DAY_SECONDS = 86_400.0
PART_OF_QUOTA = 10
"""A path's checkpoint files may take one part in so many of the room for contents."""
LEAST_BYTES = 65_536
"""What they may take at least."""
TOO_LARGE = "size:"
_FILE = re.compile(r"(\d{8})-(ck_[0-9a-f]{16})\.json")


@dataclass(frozen=True, slots=True)
class FileState:
    """Content of a file: its sha256 (or ``size:N`` for a huge one) and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The files of a workspace at one moment.

    Attributes:
        id: ``ck_`` and 16 hex digits, or `EMPTY`.
        at: When it was made, ISO 8601.
        turn: The turn before whose cell or undo it was made.
        cell: The cell before which it was made; ``None`` before an undo.
        reason: ``cell`` or ``undo``.
        files: Name in the workspace → its content.
        not_kept: Name → why its content is not kept, in plain words.
        scope: What it covers: the ``workspace``, or a ``range`` of the workbook open in Excel.
        about: Of a range: which one, and what was about to change it.
    """

    id: str
    at: str = ""
    turn: str | None = None
    cell: str | None = None
    reason: Reason = "cell"
    files: Mapping[str, FileState] = field(default_factory=dict)
    not_kept: Mapping[str, str] = field(default_factory=dict)
    scope: str = "workspace"
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Total size of its files in bytes."""
        return sum(state.size for state in self.files.values())

    @property
    def hashes(self) -> dict[str, str]:
        """Name → sha256 of each file."""
        return {name: state.sha256 for name, state in self.files.items()}


NOTHING = Checkpoint(id=EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many checkpoints of a path are kept: *most* of them, none older than *days* (0: any)."""

    most: int = 500
    days: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A workspace as it is now.

    Attributes:
        hashes: Name → sha256, ``size:N`` or ``unreadable``.
        sizes: Name → bytes.
        open: Opens a file by name; raises `OSError` if it can't.
    """

    hashes: Mapping[str, str]
    sizes: Mapping[str, int]
    open: Callable[[str], BinaryIO]


class Checkpoints:
    """The checkpoints of one path."""

    def __init__(self, home: Path, blobs: Blobs, retention: Retention, place: str = PLACE) -> None:
        """Keep checkpoints in *place* of *home*, the path's directory, and contents in *blobs*."""
        self.directory, self._blobs, self._retention = home / place, blobs, retention
        self._last: Checkpoint | None = None
        self._bytes: int | None = None

    @property
    def enabled(self) -> bool:
        """Whether checkpoints are made: both room and number allow it."""
        return self._blobs.quota_bytes > 0 and self._retention.most > 0

    def matching(self, hashes: Mapping[str, str]) -> str | None:
        """Return the id of the last checkpoint if it has exactly these files; never blocks."""
        if not hashes:
            return EMPTY
        last = self._last
        return last.id if last is not None and last.hashes == hashes else None

    def add(
        self,
        present: Present,
        *,
        turn: str | None,
        cell: str | None = None,
        reason: Reason = "cell",
        about: Mapping[str, str] | None = None,
    ) -> tuple[Checkpoint, bool]:
        """Make a checkpoint of the workspace as it is, unless the last one is the same. Blocks.

        Args:
            present: The workspace.
            turn: The turn that is about to change it.
            cell: The cell that is about to run, if it is one.
            reason: What is about to change it.
            about: Of a range: see `Checkpoint`.

        Returns:
            The checkpoint, and whether it is new. A file whose content can't be kept is named
            in `Checkpoint.not_kept`.

        Raises:
            OSError: The disk is full or broken; there is no checkpoint.
        """
        if not present.hashes:
            return NOTHING, False
        with self._blobs.lock:  # no content is removed between its check and its first mention
            last = self._newest()
            if last is not None and last.hashes == present.hashes:
                return last, False
            made = Checkpoint(
                id=f"ck_{secrets.token_hex(8)}",
                at=utc_now(),
                turn=turn,
                cell=cell,
                reason=reason,
                scope="workspace" if about is None else "range",
                about=about or {},
                files={
                    name: FileState(sha256, present.sizes.get(name, 0))
                    for name, sha256 in present.hashes.items()
                },
                not_kept=self._keep(present, last),
            )
            self._write(made)
            self._last = made
            self._retire()
        return made, True

    def _keep(self, present: Present, last: Checkpoint | None) -> dict[str, str]:
        """Keep the contents that the last checkpoint has not; return what could not be kept."""
        not_kept, added = {}, {}
        for name, sha256 in present.hashes.items():
            known = last is not None and last.files.get(name)
            if last and known and known.sha256 == sha256 and name not in last.not_kept:
                continue
            if why := self._why_not_kept(name, sha256, present):
                not_kept[name] = why
            else:
                added[name] = sha256
        # No checkpoint names these yet, so the room for a later one may have been theirs.
        lost = [name for name, sha256 in added.items() if sha256 not in self._blobs]
        return not_kept | dict.fromkeys(lost, self._no_room())

    def _why_not_kept(self, name: str, sha256: str, present: Present) -> str:
        if sha256.startswith(TOO_LARGE):
            return "it is larger than 200 MB"
        if not _is_sha256(sha256):
            return "it could not be read"
        if sha256 in self._blobs:
            return ""
        try:
            with present.open(name) as file:
                self._blobs.keep(sha256, file)
        except OSError as error:
            return f"it could not be stored ({error.strerror or error})"
        if sha256 in self._blobs:
            return ""
        return self._no_room()

    def _no_room(self) -> str:
        room = f"{self._blobs.quota_bytes / 1_000_000:g} MB"
        return f"the room for earlier contents, {room} (TALLYBOOK_FILE_VERSIONS_MB), is used up"

    def _write(self, made: Checkpoint) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        number = int(names[-1][:8]) + 1 if (names := self._names()) else 1
        content = json.dumps(checkpoint_to_json(made), ensure_ascii=True).encode()
        file = self.directory / f"{number:08d}-{made.id}.json"
        replace_atomically(file, content, durable=False)
        self._bytes = self._size() if self._bytes is None else self._bytes + len(content)

    def _size(self) -> int:
        """Return the size in bytes of the checkpoints' own files."""
        return sum((self.directory / name).stat().st_size for name in self._names())

    def _names(self) -> list[str]:
        return _names(self.directory)

    def _newest(self) -> Checkpoint | None:
        if self._last is None:
            for name in reversed(self._names()):
                with contextlib.suppress(CheckpointUnreadable, FileNotFoundError):
                    self._last = _read(self.directory / name)
                    break
        return self._last

    def all(self) -> Iterator[Checkpoint]:
        """Yield every checkpoint that can be read, the oldest first. Blocks."""
        for name in self._names():
            with contextlib.suppress(CheckpointUnreadable, FileNotFoundError):
                yield _read(self.directory / name)

    def get(self, checkpoint_id: str) -> Checkpoint:
        """Return a checkpoint. Blocks.

        Raises:
            CheckpointNotFound: There is none with this id, or not any more.
            CheckpointUnreadable: Its file is damaged.
        """
        if checkpoint_id == EMPTY:
            return NOTHING
        name = next((n for n in self._names() if _FILE.fullmatch(n)[2] == checkpoint_id), None)  # type: ignore[index]
        if name is None:
            raise CheckpointNotFound(checkpoint_id)
        return _read(self.directory / name)

    def delete(self, ids: Collection[str] | None = None) -> tuple[list[str], int]:
        """Delete checkpoints, and the contents that no other checkpoint needs. Blocks.

        Contents that another checkpoint, on any path of the conversation, names stay; so do
        versions of uploads.

        Args:
            ids: Which; ``None`` for all of this path.

        Returns:
            The ids that were deleted, and the bytes that became free.
        """
        with self._blobs.lock:
            chosen = [
                name
                for name in self._names()
                if ids is None or name.partition("-")[2].removesuffix(".json") in ids
            ]
            freed = self._remove(chosen)
        return [name.partition("-")[2].removesuffix(".json") for name in chosen], freed

    def _remove(self, names: Collection[str]) -> int:
        freed = remove_checkpoints([self.directory / name for name in names], self._blobs)
        self._bytes = None
        if self._last is not None and any(self._last.id in name for name in names):
            self._last = None
        return freed

    def _retire(self) -> None:
        """Delete what is past the retention; in batches, as each has to look at every path."""
        names, most = self._names(), self._retention.most
        out = names[: len(names) - most + most // 10] if len(names) > most else []
        if days := self._retention.days:
            oldest = time.time() - days * DAY_SECONDS
            for name in names[len(out) : -1]:
                if (self.directory / name).stat().st_mtime >= oldest:
                    break
                out.append(name)
        out += self._over_quota(names[len(out) : -1])
        if out:
            self._remove(out)

    def _over_quota(self, names: Sequence[str]) -> list[str]:
        """Return the oldest of *names* without which the rest takes `PART_OF_QUOTA` at most.

        The contents are in the quota themselves; these files name them, each all of a workspace.
        """
        most = max(LEAST_BYTES, self._blobs.quota_bytes // PART_OF_QUOTA)
        if (self._bytes or 0) <= most:
            return []
        self._bytes = self._size()  # others may have been removed for want of room
        over, out = self._bytes - most, list[str]()
        for name in names if over > 0 else ():
            if over <= -most // 10:
                break
            out.append(name)
            over -= (self.directory / name).stat().st_size
        return out

    def inherit(self, home: Path, ids: Collection[str]) -> None:
        """Copy the checkpoints with these *ids* to the path whose directory is *home*. Blocks."""
        with self._blobs.lock:
            names = [n for n in self._names() if n.partition("-")[2].removesuffix(".json") in ids]
            if names:
                (home / PLACE).mkdir(mode=0o700, exist_ok=True)
            for name in names:
                shutil.copy2(self.directory / name, home / PLACE / name)


def remove_checkpoints(files: Collection[Path], blobs: Blobs) -> int:
    """Remove checkpoint *files* and the contents only they name; return the bytes freed.

    The caller holds `Blobs.lock`. A crash midway leaves contents without a checkpoint, which
    `make_room` removes when room is needed.
    """
    candidates: set[str] = set()
    for file in files:
        candidates |= _contents(file)
        file.unlink(missing_ok=True)
    if not candidates:
        return 0
    for other in checkpoint_files(blobs):
        candidates -= _contents(other)
    return blobs.discard(candidates)


def make_room(blobs: Blobs, wanted: int) -> None:
    """Free *wanted* bytes, and a tenth of the quota: whatever is oldest goes first.

    That is a checkpoint with the contents only it names, or a content that no checkpoint names.
    The newest checkpoint of each path stays.
    """
    with blobs.lock:
        wanted += blobs.quota_bytes // 10
        needs = {file: _contents(file) for file in checkpoint_files(blobs)}
        named = Counter(sha256 for contents in needs.values() for sha256 in contents)
        newest = {file.parent: file for file in sorted(needs)}.values()
        old: list[tuple[int, Path | str]] = [
            (file.stat().st_mtime_ns, file) for file in needs if file not in newest
        ]
        old += [(at, sha256) for sha256, at in blobs.ages().items() if sha256 not in named]
        for _, item in sorted(old, key=lambda entry: entry[0]):
            if wanted <= 0:
                return
            if isinstance(item, Path):
                item.unlink(missing_ok=True)
                named.subtract(needs[item])
                wanted -= blobs.discard([sha256 for sha256 in needs[item] if not named[sha256]])
            else:
                wanted -= blobs.discard([item])


def _contents(file: Path) -> set[str]:
    """Return the sha256 that a checkpoint names; none if it can't be read."""
    with contextlib.suppress(CheckpointUnreadable, FileNotFoundError):
        return set(_read(file).hashes.values())
    return set()


def checkpoint_files(blobs: Blobs) -> list[Path]:
    """Return the checkpoint files of all paths of the conversation that *blobs* belong to."""
    try:
        entries = blobs.directory.parent.iterdir()
        places = [entry / place for entry in entries for place in (PLACE, RANGES)]
    except FileNotFoundError:
        return []
    return [place / name for place in places for name in _names(place)]


def _names(directory: Path) -> list[str]:
    try:
        return sorted(f.name for f in directory.iterdir() if _FILE.fullmatch(f.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_sha256(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


def checkpoint_to_json(made: Checkpoint) -> dict[str, Any]:
    """Render a checkpoint as plain JSON values."""
    return {
        "format": 1,
        "id": made.id,
        "at": made.at,
        "turn": made.turn,
        "cell": made.cell,
        "reason": made.reason,
        "scope": made.scope,
        "files": {name: [state.sha256, state.size] for name, state in made.files.items()},
        "not_kept": dict(made.not_kept),
        **({"about": dict(made.about)} if made.about else {}),
    }


def _read(file: Path) -> Checkpoint:
    content = file.read_bytes()
    try:
        value = json.loads(content)
        return Checkpoint(
            id=value["id"],
            at=value["at"],
            turn=value["turn"],
            cell=value["cell"],
            reason=value["reason"],
            scope=value["scope"],
            files={name: FileState(*state) for name, state in value["files"].items()},
            not_kept=value["not_kept"],
            about=value.get("about", {}),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointUnreadable(file.name) from None
