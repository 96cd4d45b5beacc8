"""Memory that a cell's code can't have: with it the kernel says what became of the cell.

While code runs, the limit on this process's data (setrlimit(2), RLIMIT_DATA) is two parts below
what it could be. The first part is given up for outputs, when there is no room for them while
the code still runs; the second when the code is over, or its error is shown. ZMQ ends the
process when it finds no memory, so room is looked for before it needs any.
"""

from __future__ import annotations

import resource

PART_BYTES = 8 * 1024 * 1024
PROBE_BYTES = 32 * 1024
"""More than ZMQ takes at once for a message."""
SMALLEST_LIMIT = 8 * PART_BYTES
"""With less than this every byte is the code's."""

_kept = 0
# To give memory up must take none, so these are made before.
_most: tuple[int, int] = (-1, -1)
_less: tuple[int, int] = (-1, -1)


def keep() -> None:
    """Keep both parts back: a cell's code begins."""
    global _kept, _most, _less
    _, limit = resource.getrlimit(resource.RLIMIT_DATA)
    if limit < SMALLEST_LIMIT:  # or -1: there is none
        return
    if limit != _most[0]:
        _most, _less = (limit, limit), (limit - PART_BYTES, limit)
    _set((limit - 2 * PART_BYTES, limit))
    _kept = 2


def give_up() -> None:
    """Let the kernel have all that is left."""
    global _kept
    if _kept:
        _set(_most)
        _kept = 0


def give_up_if_short() -> None:
    """Let outputs have the first part if there is no room for them."""
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
    except (ValueError, OSError):  # the code has set a limit of its own
        pass
