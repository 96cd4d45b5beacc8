"""The steps by which a forked kernel confines itself.

The order matters. It starts as the first process of new namespaces, with the capabilities
the next steps need. Its parent maps its user. It arranges its mounts. Last, it drops every
capability. Sources: user_namespaces(7), pid_namespaces(7), mount_namespaces(7).
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterable
from pathlib import Path

from inside import linux  # type: ignore[import-not-found]

INSIDE_UID = 1000
WORKSPACE, SOCKETS, TMP = "/workspace", "/run/kernel", "/tmp"  # noqa: S108
INPUTS = f"{WORKSPACE}/inputs"

SHM_BYTES = 64 * 1024 * 1024


def apply_rlimits(limits: dict[str, float]) -> None:
    """Set resource limits that this process and its children can't raise again.

    Args:
        limits: rlimit name without its prefix (``DATA``, ``NPROC``, …) → value.
    """
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(number)
        wanted = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(number, (wanted, wanted))


def schedule_normally() -> None:
    """Leave the SCHED_BATCH policy that this process inherits from the shim."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def map_users(pid: int, uid: int | None) -> None:
    """Map *uid* as the only user of the user namespace that *pid*, a child, started in.

    Args:
        pid: First process of its user namespace.
        uid: Its user and group id in this namespace; ``None`` for this process's own.
    """
    process = Path("/proc", str(pid))
    outer_uid, outer_gid = (os.getuid(), os.getgid()) if uid is None else (uid, uid)
    process.joinpath("setgroups").write_text("deny")
    process.joinpath("uid_map").write_text(f"{INSIDE_UID} {outer_uid} 1")
    process.joinpath("gid_map").write_text(f"{INSIDE_UID} {outer_gid} 1")


def become_user() -> None:
    """Become the only user of this namespace; call it after `map_users`."""
    os.setresgid(INSIDE_UID, INSIDE_UID, INSIDE_UID)
    os.setresuid(INSIDE_UID, INSIDE_UID, INSIDE_UID)


def join_control_group(doors: Iterable[int]) -> None:
    """Move this process, and all it forks from now on, into its control groups.

    Args:
        doors: Descriptors of the groups' files.
    """
    for door in doors:
        os.write(door, b"0")


def arrange_mounts(sockets: int, tmp_bytes: int) -> None:
    """Set up the mounts of a kernel; call it in the first process of its pid namespace.

    Args:
        sockets: Descriptor of the detached mount that holds the kernel's sockets.
        tmp_bytes: Size of its /tmp.
    """
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    # The new /tmp would hide a Python that is installed under /tmp.
    kept = [(path, linux.clone_mount(path, recursive=True)) for path in _mounts_under(TMP)]
    plain = linux.MS_NOSUID | linux.MS_NODEV
    inodes = max(1024, tmp_bytes // 16384)
    options = f"size={tmp_bytes},nr_inodes={inodes},mode=0700"
    linux.mount("tmpfs", TMP, "tmpfs", plain, options)
    for path, descriptor in kept:
        Path(path).mkdir(parents=True)
        linux.attach_mount(descriptor, path)
        os.close(descriptor)
    linux.mount("proc", "/proc", "proc", plain | linux.MS_NOEXEC)
    for name in linux.MASKED:
        if Path("/proc", name).exists():
            linux.mount("/dev/null", f"/proc/{name}", flags=linux.MS_BIND)
    shm = f"size={min(SHM_BYTES, tmp_bytes)},nr_inodes=1024,mode=0700"
    linux.mount("tmpfs", "/dev/shm", "tmpfs", plain | linux.MS_NOEXEC, shm)  # noqa: S108
    terminals = "newinstance,ptmxmode=0666,mode=620"
    linux.mount("devpts", "/dev/pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, terminals)
    linux.attach_mount(sockets, SOCKETS)
    os.close(sockets)


def _mounts_under(directory: str) -> list[str]:
    points = [
        line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if line
    ]
    under = [point for point in points if point.startswith(f"{directory}/")]
    # A recursive copy of the topmost includes those below it.
    return [p for p in under if not any(p.startswith(f"{other}/") for other in under)]


def protect_sockets() -> None:
    """Remount the sockets read-only, so that none can be replaced with a link to another's."""
    plain = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("none", SOCKETS, flags=linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | plain)


def attach_workspace(whole: int, inputs: int) -> None:
    """Attach the detached mounts of the workspace and of its inputs.

    A directory that is a mount point can't be renamed, replaced or removed.

    Args:
        whole: Descriptor of the workspace's mount.
        inputs: Descriptor of the read-only mount of its inputs.
    """
    for descriptor, place in ((whole, WORKSPACE), (inputs, INPUTS)):
        linux.attach_mount(descriptor, place)
        os.close(descriptor)


def give_up_rights(seccomp: bytes) -> None:
    """Drop every capability and load *seccomp*, the system-call filter; irreversible."""
    linux.drop_capabilities()
    linux.load_seccomp(seccomp)


def close_other_descriptors(keep: set[int]) -> None:
    """Close all inherited descriptors except those in *keep*."""
    low = 3
    for number in sorted(keep - {0, 1, 2}):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, 65536)


def use_log(log: int) -> None:
    """Redirect stdout and stderr to *log*, and stdin to /dev/null."""
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for number in {null, log} - {0, 1, 2}:
        os.close(number)


def name_host() -> None:
    """Set a neutral host name in the new UTS namespace."""
    socket.sethostname("tallybook")
