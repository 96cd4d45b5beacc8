"""The inner barrier: what a forked kernel does to lock itself in.

The order matters: it begins as the first process of its namespaces, which gives the
rights the rest needs; its parent maps its user; then mounts, and at the end every right is
given up again. Sources: user_namespaces(7), pid_namespaces(7), mount_namespaces(7).
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
# Unprivileged readers learn about the host from these, or could.
SHM_BYTES = 64 * 1024 * 1024


def apply_rlimits(limits: dict[str, float]) -> None:
    """Set the resource limits this process and its children can never raise again.

    Args:
        limits: rlimit name without its prefix (``DATA``, ``NPROC``, …) → value.
    """
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(number)
        wanted = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(number, (wanted, wanted))


def schedule_normally() -> None:
    """Get processor time as others do; the owner of kernels, which started this, waits longer."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def map_users(pid: int, uid: int | None) -> None:
    """Make *uid* the one user of the namespaces that *pid*, a child, began in.

    Args:
        pid: First process of its user namespace.
        uid: Its user (and group), as this namespace knows it; ``None`` for one's own.
    """
    process = Path("/proc", str(pid))
    outer_uid, outer_gid = (os.getuid(), os.getgid()) if uid is None else (uid, uid)
    process.joinpath("setgroups").write_text("deny")
    process.joinpath("uid_map").write_text(f"{INSIDE_UID} {outer_uid} 1")
    process.joinpath("gid_map").write_text(f"{INSIDE_UID} {outer_gid} 1")


def become_user() -> None:
    """Become the one user there is, once `map_users` has been here."""
    os.setresgid(INSIDE_UID, INSIDE_UID, INSIDE_UID)
    os.setresuid(INSIDE_UID, INSIDE_UID, INSIDE_UID)


def join_control_group(doors: Iterable[int]) -> None:
    """Have this process, and all it forks from here on, counted against the limits.

    Args:
        doors: Descriptors of the groups' files.
    """
    for door in doors:
        os.write(door, b"0")


def arrange_mounts(sockets: int, tmp_bytes: int) -> None:
    """Give this process, first of its process-id namespace, a view of its own.

    Args:
        sockets: Descriptor of the detached mount that holds the kernel's sockets.
        tmp_bytes: Size of its /tmp.
    """
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    # A Python that stands under /tmp would vanish behind the new one.
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
    # A recursive copy of the topmost takes those below it along.
    return [p for p in under if not any(p.startswith(f"{other}/") for other in under)]


def protect_sockets() -> None:
    """Let the sockets be as they are: none can be swapped for a link to another kernel's."""
    plain = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("none", SOCKETS, flags=linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | plain)


def attach_workspace(whole: int, inputs: int) -> None:
    """Put the workspace and its inputs, detached mounts, in their places.

    A directory that something is mounted on can't be renamed, replaced or removed either.
    """
    for descriptor, place in ((whole, WORKSPACE), (inputs, INPUTS)):
        linux.attach_mount(descriptor, place)
        os.close(descriptor)


def give_up_rights(seccomp: bytes) -> None:
    """Drop every capability and all but the allowed system calls, for good."""
    linux.drop_capabilities()
    linux.load_seccomp(seccomp)


def close_other_descriptors(keep: set[int]) -> None:
    """Close whatever was inherited and is not in *keep*."""
    low = 3
    for number in sorted(keep - {0, 1, 2}):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, 65536)


def use_log(log: int) -> None:
    """Send stdout and stderr to *log*, and read nothing from stdin."""
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for number in {null, log} - {0, 1, 2}:
        os.close(number)


def name_host() -> None:
    """Give the new host-name namespace a name that says nothing of the host."""
    socket.sethostname("tallybook")
