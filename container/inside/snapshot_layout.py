"""How a snapshot's pickles and buffers lie in segments, and what a segment is called."""

from __future__ import annotations

import hashlib
import mmap
from typing import Any

from inside.snapshot_wire import CHUNK_BYTES  # type: ignore[import-not-found]

PAGE = mmap.PAGESIZE
OWN_SEGMENT_BYTES = 1024 * 1024
MOST_OWN_SEGMENTS = 64


def laid_out(pickles: list[bytes], raws: list[Any]) -> tuple[list[list[Any]], list[list[Any]]]:
    """Return the pieces of each segment, and (segment, start, size, read-only) of each buffer.

    The pickles are the first segment, the smaller buffers the second; each large one has its own.
    """
    large = sorted((r.nbytes for r in raws if r.nbytes >= OWN_SEGMENT_BYTES), reverse=True)
    least = large[MOST_OWN_SEGMENTS] + 1 if len(large) > MOST_OWN_SEGMENTS else OWN_SEGMENT_BYTES
    segments: list[list[Any]] = [pickles, []]
    places, start = list[list[Any]](), 0
    known: dict[tuple[int, int], int] = {}  # frames may share memory until one is written
    for raw in raws:
        if raw.nbytes >= least:
            number = known.setdefault((_address(raw), raw.nbytes), len(segments))
            places.append([number, 0, raw.nbytes, raw.readonly])
            if number == len(segments):
                segments.append([raw])
        else:
            places.append([1, start, raw.nbytes, raw.readonly])
            gap = -raw.nbytes % PAGE
            segments[1] += [raw, bytes(gap)]
            start += raw.nbytes + gap
    return segments, places


def _address(raw: Any) -> int:
    import numpy as np

    address: int = np.frombuffer(raw, "u1").__array_interface__["data"][0]
    return address


def digest(pieces: list[Any]) -> str:
    """Return the SHA-256 of the SHA-256 of each `CHUNK_BYTES`: many can be computed at once."""
    whole, chunk, room = hashlib.sha256(), hashlib.sha256(), CHUNK_BYTES
    for piece in pieces:
        rest = memoryview(piece).cast("B")
        while len(rest):
            part, rest = rest[:room], rest[room:]
            chunk.update(part)
            room -= len(part)
            if not room:
                whole.update(chunk.digest())
                chunk, room = hashlib.sha256(), CHUNK_BYTES
    if room < CHUNK_BYTES:
        whole.update(chunk.digest())
    return whole.hexdigest()
