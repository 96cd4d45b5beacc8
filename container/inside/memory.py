"""How much memory a kernel may still take."""

from __future__ import annotations

import resource
from pathlib import Path


def free_bytes() -> int | None:
    """Return the bytes that variables may still take; ``None`` if there is no limit.

    Source: getrlimit(2), RLIMIT_DATA; proc_pid_status(5), VmData.
    """
    _, limit = resource.getrlimit(resource.RLIMIT_DATA)
    if limit == resource.RLIM_INFINITY:
        return None
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return max(0, limit - int(line.split()[1]) * 1024)
    return None
