"""Control groups, v1 and v2: the limits the kernel cannot lift.

Sources: the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from container.limits import Limits

ROOT = Path("/sys/fs/cgroup")
PARENT = "tallybook"
CPU_PERIOD_US = 100_000


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """One kernel's control group: a directory per controller (v1) or one in all (v2)."""

    version: int
    directories: tuple[Path, ...]

    def procs_files(self) -> tuple[Path, ...]:
        """Return the files a process id is written to in order to join."""
        return tuple(directory / "cgroup.procs" for directory in self.directories)

    def join(self, *pids: int) -> None:
        """Put processes into the group; `ProcessLookupError` when one has ended."""
        for file in self.procs_files():
            for pid in pids:
                file.write_text(str(pid))

    def oom_kills(self) -> int:
        """Return how many of its processes the kernel killed for want of memory."""
        return self._count(
            "memory.events" if self.version == 2 else "memory.oom_control", "oom_kill"
        )

    def pids_refused(self) -> int:
        """Return how often a process or thread was refused for the limit on them."""
        return self._count("pids.events", "max")

    def _count(self, file: str, wanted: str) -> int:
        for directory in self.directories:
            with contextlib.suppress(OSError):
                for line in (directory / file).read_text().splitlines():
                    key, _, value = line.partition(" ")
                    if key == wanted:
                        return int(value)
        return 0

    async def aremove(self) -> None:
        """Remove the directories; those that still hold a dying process stay for the next sweep."""
        # The last process leaves its group a moment after it was reaped.
        for _ in range(50):
            for directory in self.directories:
                with contextlib.suppress(OSError):
                    directory.rmdir()
            if not any(directory.exists() for directory in self.directories):
                return
            await asyncio.sleep(0.01)


def cgroup_version(root: Path = ROOT) -> int | None:
    """Return 2 or 1 for the hierarchy whose limits this process can write, else ``None``."""
    if os.geteuid() != 0:
        return None
    if (root / "cgroup.controllers").exists():
        return 2 if os.access(root, os.W_OK) else None
    needed = [root / controller for controller in ("memory", "cpu", "pids")]
    return 1 if all(path.is_dir() and os.access(path, os.W_OK) for path in needed) else None


def make_control_group(name: str, limits: Limits, root: Path = ROOT) -> ControlGroup | None:
    """Create the group for sandbox *name* with *limits*; ``None`` where none can be written."""
    version = cgroup_version(root)
    try:
        if version == 2:
            return _make_v2(name, limits, root)
        if version == 1:
            return _make_v1(name, limits, root)
    except OSError:
        return None
    return None


def leftover_groups(prefix: str, root: Path = ROOT) -> list[Path]:
    """Return the directories of groups whose name starts with *prefix*."""
    return [*root.glob(f"*/{PARENT}/{prefix}*"), *(root / PARENT).glob(f"{prefix}*")]


def end_group(directory: Path) -> None:
    """Kill whatever still runs in the group at *directory* and remove it."""
    with contextlib.suppress(OSError):
        for pid in (directory / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        directory.rmdir()


def _make_v2(name: str, limits: Limits, root: Path) -> ControlGroup:
    parent = root / PARENT
    parent.mkdir(exist_ok=True)
    for directory in (root, parent):
        (directory / "cgroup.subtree_control").write_text("+memory +cpu +pids")
    group = parent / name
    group.mkdir(exist_ok=True)
    (group / "memory.max").write_text(str(limits.memory_bytes))
    with contextlib.suppress(OSError):
        (group / "memory.swap.max").write_text("0")
    (group / "cpu.max").write_text(f"{int(limits.cpus * CPU_PERIOD_US)} {CPU_PERIOD_US}")
    (group / "pids.max").write_text(str(limits.pids))
    return ControlGroup(2, (group,))


def _make_v1(name: str, limits: Limits, root: Path) -> ControlGroup:
    values = {
        "memory": {"memory.limit_in_bytes": str(limits.memory_bytes)},
        "cpu": {
            "cpu.cfs_period_us": str(CPU_PERIOD_US),
            "cpu.cfs_quota_us": str(int(limits.cpus * CPU_PERIOD_US)),
        },
        "pids": {"pids.max": str(limits.pids)},
    }
    directories = []
    for controller, files in values.items():
        group = root / controller / PARENT / name
        group.mkdir(parents=True, exist_ok=True)
        for file, value in files.items():
            (group / file).write_text(value)
        directories.append(group)
    return ControlGroup(1, tuple(directories))
