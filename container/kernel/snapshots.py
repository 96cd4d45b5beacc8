"""Have a kernel write a snapshot of its variables, or read one; see `container.inside.snapshots`.

The kernel's end of the socket is in the hands of hostile code: sizes and counts are bounded,
hashes are computed here, and the pickles are only passed on.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import functools
import hashlib
import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from container.inside.snapshot_wire import CHUNK_BYTES, LENGTH, SOCKET
from container.kernel.client import KernelClient
from container.kernel.evaluation import answer_of, evaluate

MIME_TYPE = "application/json"
NAME = Path(SOCKET).name
ANSWER_SECONDS = 10.0
MOST_MESSAGE_BYTES = 8 * 1024 * 1024
MOST_NAMES, MOST_SEGMENTS, MOST_BUFFERS = 10_000, 100, 100_000
LONGEST_TEXT = 300
PIECE_BYTES = 1024 * 1024
RECEIVED_AT_ONCE = 4
PERMISSION = "snapshot"
"""What the kernel's audit hook wants to see in a request for a snapshot; no cell has it."""
_MODULE = "__import__('inside.snapshots', fromlist=['x'])"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SnapshotDeclined(Exception):
    """No snapshot was made, or none was read; the text says why, in plain words."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a snapshot: its chunked SHA-256 (see `Digest`) and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot holds, as the kernel says it; of checked form.

    Attributes:
        value: All of it, for the kernel that reads the snapshot.
        names: The variables in it.
        prints: Variable → fingerprint.
        not_held: Variable that is not in it → why.
        segments: Its parts.
    """

    value: Mapping[str, Any]
    names: tuple[str, ...]
    prints: Mapping[str, str]
    not_held: Mapping[str, str]
    segments: tuple[Segment, ...]

    @property
    def size(self) -> int:
        """Bytes of all its segments."""
        return sum(segment.size for segment in self.segments)


class SegmentStore(Protocol):
    """Where the segments of one path's snapshots are kept. Called in a thread; may block."""

    def __contains__(self, sha256: str) -> bool:
        """Whether there is a segment with this chunked SHA-256."""

    def keep(self, sha256: str, pieces: Iterator[bytes]) -> None:
        """Keep a segment once all its *pieces* are there.

        Raises:
            OSError: The disk is full or broken.
        """


class Digest:
    """The SHA-256 of the SHA-256 of each `CHUNK_BYTES` of a content."""

    def __init__(self) -> None:
        self._whole, self._chunk, self._room = hashlib.sha256(), hashlib.sha256(), CHUNK_BYTES

    def update(self, data: bytes | memoryview) -> None:
        """Add *data* to the content."""
        rest = memoryview(data)
        while len(rest):
            part, rest = rest[: self._room], rest[self._room :]
            self._chunk.update(part)
            self._room -= len(part)
            if not self._room:
                self._whole.update(self._chunk.digest())
                self._chunk, self._room = hashlib.sha256(), CHUNK_BYTES

    def hexdigest(self) -> str:
        """Return it; no more content may follow."""
        if self._room < CHUNK_BYTES:
            self._whole.update(self._chunk.digest())
        return self._whole.hexdigest()


def manifest_of(value: object, most_bytes: int) -> Manifest:
    """Check what a kernel sent as its manifest.

    Raises:
        SnapshotDeclined: The kernel says that there is none, or it is not of the form, or larger
            than *most_bytes*.
    """
    if not isinstance(value, dict):
        raise SnapshotDeclined("The kernel sent no manifest.")
    if "declined" in value:
        raise SnapshotDeclined(f"No snapshot: {str(value['declined'])[:LONGEST_TEXT]}.")
    names: Any = value.get("names")
    prints: Any = value.get("prints")
    not_held: Any = value.get("not_held")
    segments: Any = value.get("segments")
    if not (
        _is_list(names, MOST_NAMES, _is_text)
        and _is_texts(prints)
        and _is_texts(not_held)
        and _is_list(segments, MOST_SEGMENTS, _is_segment)
        and _is_list(value.get("buffers"), MOST_BUFFERS, lambda each: isinstance(each, list))
    ):
        raise SnapshotDeclined("The kernel sent a manifest of another form.")
    made = Manifest(
        value=value,
        names=tuple(names),
        prints=prints,
        not_held={name: why[:LONGEST_TEXT] for name, why in not_held.items()},
        segments=tuple(Segment(each["sha256"], each["size"]) for each in segments),
    )
    if made.size > most_bytes:
        raise SnapshotDeclined(
            f"No snapshot: the variables take {made.size:,} bytes, more than {most_bytes:,}."
        )
    return made


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    if not isinstance(value, dict) or len(value) > MOST_NAMES:
        return False
    return all(isinstance(each, str) for each in value.values())


def _is_list(value: object, most: int, is_item: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and len(value) <= most and all(map(is_item, value))


def _is_segment(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    sha256, size = value.get("sha256"), value.get("size")
    named = isinstance(sha256, str) and _SHA256.fullmatch(sha256) is not None
    return named and type(size) is int and size >= 0


@contextlib.contextmanager
def listening(directory: Path) -> Iterator[socket.socket]:
    """Listen for the kernel that sees *directory*, during the block."""
    file = directory / NAME
    file.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(file))
        try:
            file.chmod(0o666)  # only the kernel's user gets through the directory
            listener.listen(1)
            yield listener
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # a thread may still wait for the kernel
            file.unlink(missing_ok=True)


async def ask(client: KernelClient, call: str, seconds: float) -> dict[str, Any]:
    """Have an idle kernel evaluate *call* of `inside.snapshots`; return its answer.

    Raises:
        SnapshotDeclined: It gave none within *seconds*, or none of the form.
    """
    try:
        reply = await evaluate(client, f"{_MODULE}.{call}", seconds, granted=(PERMISSION,))
    except TimeoutError:
        raise SnapshotDeclined(f"The kernel did not answer within {seconds:g} s.") from None
    answer = answer_of(reply, MIME_TYPE)
    if not isinstance(answer, dict):
        raise SnapshotDeclined("The kernel gave no answer.")
    return answer


async def read(
    client: KernelClient,
    directory: Path,
    manifest: Mapping[str, Any],
    files: Sequence[int],
    seconds: float,
) -> dict[str, Any]:
    """Have an idle kernel, which sees *directory*, read a snapshot; return its answer.

    See `container.kernel.session.KernelSession.read_snapshot`.
    """
    with listening(directory) as listener:
        giving = asyncio.create_task(asyncio.to_thread(_give, listener, manifest, files, seconds))
        try:
            answer = await ask(client, "Load(get_ipython())", seconds)
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                await giving
    if "restored" not in answer:
        raise SnapshotDeclined(str(answer.get("refused", "The kernel gave no reason."))[:300])
    return answer


async def receive(
    listener: socket.socket, store: SegmentStore, most_bytes: int, seconds: float
) -> Manifest:
    """Receive a snapshot from the kernel's child and keep its segments.

    Args:
        listener: What `listening` yielded.
        store: Keeps the segments.
        most_bytes: Largest snapshot.
        seconds: Longest time it may take.

    Raises:
        SnapshotDeclined: There is none, or it is not what its manifest says.
        OSError: The kernel ended, or the disk is full.
    """
    connections: list[socket.socket] = []
    receiving = asyncio.get_running_loop().run_in_executor(
        _threads(), _receive, listener, store, most_bytes, seconds, connections
    )
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.shield(receiving)
    except TimeoutError:
        raise SnapshotDeclined(f"No snapshot: it was not there within {seconds:g} s.") from None
    except ConnectionError:
        raise SnapshotDeclined("No snapshot: what wrote it in the kernel has ended.") from None
    finally:
        for waiting in (listener, *connections):  # then its thread ends
            with contextlib.suppress(OSError):
                waiting.shutdown(socket.SHUT_RDWR)
        await asyncio.wait({receiving})
        receiving.exception()  # mark as retrieved


@functools.cache
def _threads() -> ThreadPoolExecutor:
    """Return threads for receiving only: kernels that send slowly keep nothing else waiting."""
    return ThreadPoolExecutor(RECEIVED_AT_ONCE, "snapshots")


def _receive(
    listener: socket.socket,
    store: SegmentStore,
    most_bytes: int,
    seconds: float,
    connections: list[socket.socket],
) -> Manifest:
    """Do what `receive` does; blocks. *connections* gets the socket, for who wants to end it."""
    listener.settimeout(seconds)
    connection, _ = listener.accept()
    connections.append(connection)
    with connection:
        connection.settimeout(seconds)
        manifest = manifest_of(_message(connection), most_bytes)
        wanted = [n for n, s in enumerate(manifest.segments) if s.sha256 not in store]
        data = json.dumps(wanted).encode()
        connection.sendall(LENGTH.pack(len(data)) + data)
        for number in wanted:
            segment = manifest.segments[number]
            store.keep(segment.sha256, _checked(_pieces(connection, segment.size), segment))
    return manifest


def _give(
    listener: socket.socket, manifest: Mapping[str, Any], files: Sequence[int], seconds: float
) -> None:
    """Give the kernel a snapshot. Blocks."""
    listener.settimeout(seconds)
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(seconds)
        data = json.dumps(manifest).encode()
        connection.sendall(LENGTH.pack(len(data)) + data)
        for file in files:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))
            connection.sendmsg([b"+"], [rights])


def _checked(pieces: Iterator[bytes], segment: Segment) -> Iterator[bytes]:
    digest = Digest()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != segment.sha256:
        raise SnapshotDeclined("The kernel sent something else than its manifest says.")


def _message(connection: socket.socket) -> object:
    (length,) = LENGTH.unpack(b"".join(_pieces(connection, LENGTH.size)))
    if length > MOST_MESSAGE_BYTES:
        raise SnapshotDeclined("The kernel sent too long a manifest.")
    try:
        return json.loads(b"".join(_pieces(connection, length)))
    except (ValueError, RecursionError):
        raise SnapshotDeclined("The kernel sent a manifest that is no JSON.") from None


def _pieces(connection: socket.socket, size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = connection.recv(min(left, PIECE_BYTES))
        if not piece:
            raise ConnectionError("the kernel closed the socket")
        left -= len(piece)
        yield piece
