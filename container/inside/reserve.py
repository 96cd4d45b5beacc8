"""Reserve memory from a cell's code, so that the kernel can still send outputs and a reply.

While code runs, the soft limit on data (setrlimit(2), RLIMIT_DATA) is two parts below the hard
limit. The first part is released if outputs need memory while the code runs, the second when
the code has ended or its error is shown. ZMQ aborts the process when an allocation fails, so
memory is probed before each send.
"""

from __future__ import annotations

import resource

PART_BYTES = 8 * 1024 * 1024
PROBE_BYTES = 32 * 1024
"""More than ZMQ allocates at once for a message."""
SMALLEST_LIMIT = 8 * PART_BYTES
"""Below this limit nothing is reserved."""

_kept = 0
# Releasing must not allocate, so these tuples are made in advance.
_most: tuple[int, int] = (-1, -1)
_less: tuple[int, int] = (-1, -1)


def keep() -> None:
    """Reserve both parts, before a cell's code starts."""
    global _kept, _most, _less
    _, limit = resource.getrlimit(resource.RLIMIT_DATA)
    if limit < SMALLEST_LIMIT:  # includes -1, no limit
        return
    if limit != _most[0]:
        _most, _less = (limit, limit), (limit - PART_BYTES, limit)
    _set((limit - 2 * PART_BYTES, limit))
    _kept = 2


def give_up() -> None:
    """Release the whole reserve."""
    global _kept
    if _kept:
        _set(_most)
        _kept = 0


def give_up_if_short() -> None:
    """Release the first part if there is no memory for an output."""
    global _kept
    if _kept == 2:
        try:
            bytes(PROBE_BYTES)
        except MemoryError:
            _set(_less)
            _kept = 1


def _set(limits: tuple[int, int]) -> None:
    try:  # noqa: SIM105 (a context manager takes memory)
        resource.setrlimit(resource.RLIMIT_DATA, limits)
    except (ValueError, OSError):  # the code has changed the limit
        pass
