"""Control groups, v1 and v2: limits that code in a kernel can't raise.

Sources: the kernel's Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from container.errors import SandboxUnavailable
from container.limits import Limits

ROOT = Path("/sys/fs/cgroup")
PARENT = "tallybook"
SERVICE = "service"
CONTROLLERS = ("memory", "cpu", "pids")
CPU_PERIOD_US = 100_000


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """One kernel's control group: a directory per controller (v1) or a single one (v2)."""

    version: int
    directories: tuple[Path, ...]

    def procs_files(self) -> tuple[Path, ...]:
        """Return the files a process id is written to in order to join."""
        return tuple(directory / "cgroup.procs" for directory in self.directories)

    def open_doors(self) -> list[int]:
        """Return descriptors; a single-threaded process joins by writing ``0`` to each.

        Linux checks the opener's permission, not the writer's. In v1 a thread that moves
        itself joins at once (70 µs); moving another process takes 5 to 15 ms.
        """
        file = "tasks" if self.version == 1 else "cgroup.procs"
        return [os.open(directory / file, os.O_WRONLY) for directory in self.directories]

    def oom_kills(self) -> int:
        """Return how many of its processes the OOM killer ended."""
        return self._count(
            "memory.events" if self.version == 2 else "memory.oom_control", "oom_kill"
        )

    def pids_refused(self) -> int:
        """Return how often the limit on processes and threads refused one."""
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
        """Remove the directories; the next sweep removes any that still hold a process."""
        # The last process leaves its group shortly after it was reaped.
        for _ in range(50):
            for directory in self.directories:
                with contextlib.suppress(OSError):
                    directory.rmdir()
            if not any(directory.exists() for directory in self.directories):
                return
            await asyncio.sleep(0.01)


@dataclass(frozen=True, slots=True)
class GroupParent:
    """Where this process may create control groups: a directory per controller, or one."""

    version: int
    directories: tuple[Path, ...]


def group_parent(root: Path = ROOT, memberships: str | None = None) -> GroupParent | None:
    """Return where control groups can be created; ``None`` without permission.

    Root creates them below the hierarchy's root. Other users, and root in a user namespace,
    create them below the process's own group if that is delegated (systemd: ``Delegate=yes``).

    Args:
        root: Where the hierarchies are mounted.
        memberships: Content of ``/proc/self/cgroup``; this process's own by default.
    """
    if memberships is None:
        memberships = Path("/proc/self/cgroup").read_text()
    own = _own_groups(memberships)
    unified = (root / "cgroup.controllers").exists()
    names = [""] if unified else list(CONTROLLERS)
    directories = []
    for name in names:
        hierarchy = root / name
        if not os.access(hierarchy, os.W_OK):
            hierarchy /= own.get(name, "/").lstrip("/")
            # `_enable_controllers` may have moved the service one level down.
            if hierarchy.name == SERVICE:
                hierarchy = hierarchy.parent
        if not (hierarchy.is_dir() and os.access(hierarchy, os.W_OK)):
            return None
        directories.append(hierarchy / PARENT)
    return GroupParent(2 if unified else 1, tuple(directories))


def _own_groups(memberships: str) -> dict[str, str]:
    """Return this process's group by controller; the unified hierarchy's key is ``""``."""
    groups: dict[str, str] = {}
    for line in memberships.splitlines():
        _, controllers, path = line.split(":", 2)
        groups |= dict.fromkeys(controllers.split(","), path)
    return groups


def make_control_group(
    name: str, limits: Limits, root: Path = ROOT, memberships: str | None = None
) -> ControlGroup | None:
    """Create the group for sandbox *name* with *limits*.

    Args:
        name: The name of its directories.
        limits: What its processes may use together.
        root: As in `group_parent`.
        memberships: As in `group_parent`.

    Returns:
        The group, or ``None`` without permission to create one.

    Raises:
        SandboxUnavailable: There is permission, but creating the group failed.
    """
    parent = group_parent(root, memberships)
    if parent is None:
        return None
    make = _make_v2 if parent.version == 2 else _make_v1
    try:
        return ControlGroup(parent.version, make(name, limits, parent))
    except OSError as error:
        raise SandboxUnavailable(
            f"the control group {name} can't be made ({error})",
            "See that the memory, cpu and pids controllers are enabled below "
            f"{parent.directories[0].parent}.",
        ) from error


def leftover_groups(prefix: str, root: Path = ROOT) -> list[Path]:
    """Return the directories of groups whose name starts with *prefix*, a glob pattern."""
    parent = group_parent(root)
    found = parent.directories if parent else ()
    return [group for directory in found for group in directory.glob(f"{prefix}*")]


def end_group(directory: Path) -> None:
    """Kill all processes in the group at *directory* and remove it."""
    with contextlib.suppress(OSError):
        for pid in (directory / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        directory.rmdir()


def _enable_controllers(directory: Path) -> None:
    control = directory / "cgroup.subtree_control"
    wanted = "+memory +cpu +pids"
    try:
        control.write_text(wanted)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        # A v2 group with controllers enabled for its children may not hold processes itself.
        service = directory / SERVICE
        service.mkdir(exist_ok=True)
        for pid in (directory / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                (service / "cgroup.procs").write_text(pid)
        control.write_text(wanted)


def _make_v2(name: str, limits: Limits, parent: GroupParent) -> tuple[Path, ...]:
    (directory,) = parent.directories
    if not directory.exists():
        _enable_controllers(directory.parent)
        directory.mkdir(exist_ok=True)
        _enable_controllers(directory)
    group = directory / name
    group.mkdir(exist_ok=True)
    (group / "memory.max").write_text(str(limits.memory_bytes))
    with contextlib.suppress(OSError):
        (group / "memory.swap.max").write_text("0")
    (group / "cpu.max").write_text(f"{int(limits.cpus * CPU_PERIOD_US)} {CPU_PERIOD_US}")
    (group / "pids.max").write_text(str(limits.pids))
    return (group,)


def _make_v1(name: str, limits: Limits, parent: GroupParent) -> tuple[Path, ...]:
    values = {
        "memory": {"memory.limit_in_bytes": str(limits.memory_bytes)},
        "cpu": {
            "cpu.cfs_period_us": str(CPU_PERIOD_US),
            "cpu.cfs_quota_us": str(int(limits.cpus * CPU_PERIOD_US)),
        },
        "pids": {"pids.max": str(limits.pids)},
    }
    groups = []
    for controller, directory in zip(CONTROLLERS, parent.directories, strict=True):
        group = directory / name
        group.mkdir(parents=True, exist_ok=True)
        for file, value in values[controller].items():
            (group / file).write_text(value)
        groups.append(group)
    return tuple(groups)
