"""How much memory a kernel may still take."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

_library = ctypes.CDLL(None)
_trim = getattr(_library, "malloc_trim", None)  # glibc only
_untouched = 0


def note_start() -> None:
    """Note what this kernel has mapped but never touches, such as its threads' stacks."""
    global _untouched
    mapped, resident = _sizes()
    _untouched = max(0, mapped - resident)


def free_bytes() -> int | None:
    """Return about how many bytes variables may still take; ``None`` if there is no limit.

    Memory that deleted variables left in the heap counts as free, since it is used again.
    Sources: getrlimit(2), RLIMIT_DATA; malloc_trim(3).
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit == resource.RLIM_INFINITY:
        return None
    if _trim is not None:
        _trim(0)
    _, resident = _sizes()
    return max(0, limit - resident - _untouched)


def room_bytes() -> int | None:
    """Return how many bytes of memory are left, as `free_bytes` does, without looking for more."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit == resource.RLIM_INFINITY:
        return None
    return max(0, limit - _sizes()[1] - _untouched)


def _sizes() -> tuple[int, int]:
    """Return the bytes of data mapped, and of those in memory (proc_pid_status(5))."""
    sizes = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    mapped, resident = (int(sizes[name].split()[0]) * 1024 for name in ("VmData", "RssAnon"))
    return mapped, resident
