"""The memory that this machine, or a control group that limits this process, has left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

UNLIMITED_BYTES = 2**62
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Memory:
    """A machine's memory, or a control group's limit.

    Attributes:
        free: Bytes available without swapping.
        total: Total bytes.
    """

    free: int
    total: int


def read_memory() -> Memory:
    """Return the least free memory of the machine and this process's control groups."""
    found = [_machine(), *_control_groups()]
    return min(found, key=lambda memory: memory.free)


def _machine() -> Memory:
    values = {}
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        values[name] = int(rest.split()[0]) * 1024
    return Memory(free=values["MemAvailable"], total=values["MemTotal"])


def _control_groups() -> Iterator[Memory]:
    """Yield the memory of every limited control group of this process, v2 and v1.

    Source: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
    """
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            root, names = CGROUPS, ("memory.max", "memory.current", "")
        elif controllers == "memory":
            root = CGROUPS / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
        else:
            continue
        group = root / name.strip("/")
        while group.is_relative_to(root):
            with contextlib.suppress(OSError, ValueError):  # "max", or a group not visible here
                yield _group(group, *names)
            group = group.parent


def _group(group: Path, limit: str, usage: str, prefix: str) -> Memory:
    total = int((group / limit).read_text(encoding="ascii"))
    if total >= UNLIMITED_BYTES:
        raise ValueError(total)
    used = int((group / usage).read_text(encoding="ascii"))
    for line in (group / "memory.stat").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(" ")
        if name in {f"{prefix}inactive_file", f"{prefix}active_file", "slab_reclaimable"}:
            used -= int(value)  # caches, which the kernel reclaims when needed
    return Memory(free=max(0, total - used), total=total)
