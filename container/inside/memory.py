"""How much memory a kernel may still take."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

_library = ctypes.CDLL(None)
_trim = getattr(_library, "malloc_trim", None)  # glibc only


def free_bytes() -> int | None:
    """Return about how many bytes variables may still take; ``None`` if there is no limit.

    Memory that deleted variables left in the heap counts as free, since it is used again.
    Sources: getrlimit(2), RLIMIT_DATA; malloc_trim(3); proc_pid_status(5), RssAnon.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit == resource.RLIM_INFINITY:
        return None
    if _trim is not None:
        _trim(0)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return max(0, limit - int(line.split()[1]) * 1024)
    return None
