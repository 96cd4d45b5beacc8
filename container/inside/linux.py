"""Linux calls that Python lacks: namespaces, mounts, capabilities, seccomp.

Sources: unshare(2), mount(2), the kernel's Documentation/filesystems/mount_api.rst,
capabilities(7), prctl(2), seccomp(2). Every call raises `OSError` with the call's name.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal

MASKED = (
    "kcore",
    "keys",
    "key-users",
    "timer_list",
    "sched_debug",
    "kallsyms",
    "kmsg",
    "config.gz",
)
_libc = ctypes.CDLL(None, use_errno=True)
_libc_holding_gil = ctypes.PyDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
NEW_NAMESPACES = (
    CLONE_NEWNS
    | CLONE_NEWCGROUP
    | CLONE_NEWUTS
    | CLONE_NEWIPC
    | CLONE_NEWUSER
    | CLONE_NEWPID
    | CLONE_NEWNET
)

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE = 4096, 16384, 1 << 18, 1 << 19

AT_FDCWD, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_RECURSIVE = -100, 0x100, 0x1000, 0x8000
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC = 1, 0o2000000
MOVE_MOUNT_F_EMPTY_PATH = 4
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
# The same numbers on every architecture: they were added after the tables were unified.
SYS_OPEN_TREE, SYS_MOVE_MOUNT, SYS_MOUNT_SETATTR = 428, 429, 442
SYS_CLONE = {"x86_64": 56, "aarch64": 220}
MADV_COLLAPSE = 25
HUGE_PAGE_BYTES = 2 * 1024 * 1024

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 15, 38, 47, 4
SECCOMP_MODE_FILTER = 2
LINUX_CAPABILITY_VERSION_3 = 0x20080522


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces named in *flags* for new ones."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def fork_into(namespaces: int) -> int:
    """Fork a child that starts as the first process of new namespaces.

    One clone(2) replaces a fork, an unshare and another fork. It bypasses the C library's
    fork handlers, so the process must be single-threaded; Python's fork handlers do run.

    Args:
        namespaces: ``CLONE_NEW…`` flags.

    Returns:
        The child's process id, 0 in the child.
    """
    number = SYS_CLONE[platform.machine()]
    ctypes.pythonapi.PyOS_BeforeFork()
    flags = ctypes.c_ulong(namespaces | signal.SIGCHLD)
    pid = int(_libc_holding_gil.syscall(number, flags, None, None, None, None))
    error = ctypes.get_errno()
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(error, f"clone: {os.strerror(error)}")
    return pid


def make_huge_page(address: int) -> None:
    """Collapse `HUGE_PAGE_BYTES` at *address* into a huge page (madvise(2), MADV_COLLAPSE)."""
    length = ctypes.c_size_t(HUGE_PAGE_BYTES)
    _check(_libc.madvise(ctypes.c_void_p(address), length, MADV_COLLAPSE), "madvise")


def mount(
    source: str, target: str, kind: str | None = None, flags: int = 0, data: str | None = None
) -> None:
    """Mount *source* on *target* (mount(2))."""
    done = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
    _check(done, f"mount {kind or source} on {target}")


def clone_mount(path: str, *, recursive: bool = False) -> int:
    """Return a descriptor of a detached bind mount of *path*, which must not be a link."""
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW
    flags |= AT_RECURSIVE if recursive else 0
    done = _libc.syscall(SYS_OPEN_TREE, AT_FDCWD, path.encode(), ctypes.c_uint(flags))
    return _check(done, f"open_tree {path}")


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def restrict_mount(descriptor: int, *, readonly: bool = False) -> None:
    """Set nosuid and nodev, and optionally read-only, on a detached mount."""
    wanted = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (MOUNT_ATTR_RDONLY if readonly else 0)
    attributes = _MountAttributes(wanted, 0, 0, 0)
    done = _libc.syscall(
        SYS_MOUNT_SETATTR,
        descriptor,
        b"",
        ctypes.c_uint(AT_EMPTY_PATH | AT_RECURSIVE),
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(done, "mount_setattr")


def attach_mount(descriptor: int, target: str) -> None:
    """Attach a detached mount at *target*."""
    done = _libc.syscall(
        SYS_MOVE_MOUNT,
        descriptor,
        b"",
        AT_FDCWD,
        target.encode(),
        ctypes.c_uint(MOVE_MOUNT_F_EMPTY_PATH),
    )
    _check(done, f"move_mount to {target}")


def _prctl(option: int, *arguments: int) -> int:
    padded = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    return int(_libc.prctl(ctypes.c_int(option), *padded))


def set_dumpable(dumpable: bool) -> None:  # noqa: FBT001 (the call's own one argument)
    """Set whether this user's other processes may inspect this one (prctl PR_SET_DUMPABLE)."""
    _check(_prctl(PR_SET_DUMPABLE, int(dumpable)), "prctl PR_SET_DUMPABLE")


def become_subreaper() -> None:
    """Become the parent of orphaned descendants (prctl PR_SET_CHILD_SUBREAPER)."""
    _check(_prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl PR_SET_CHILD_SUBREAPER")


def set_name(name: str) -> None:
    """Set the process name that ``ps`` shows (at most 15 bytes)."""
    buffer = ctypes.create_string_buffer(name.encode()[:15])
    _check(_prctl(PR_SET_NAME, ctypes.addressof(buffer)), "prctl PR_SET_NAME")


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def drop_capabilities() -> None:
    """Drop every capability, and clear the ambient and bounding sets so that none can return."""
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    capability = 0
    while _prctl(PR_CAPBSET_DROP, capability) == 0:
        capability += 1
    header = _CapabilityHeader(LINUX_CAPABILITY_VERSION_3, 0)
    none = (_CapabilityData * 2)()
    _check(_libc.capset(ctypes.byref(header), none), "capset")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def load_seccomp(program: bytes) -> None:
    """Set no_new_privs and load *program*, an array of ``struct sock_filter``."""
    _check(_prctl(PR_SET_NO_NEW_PRIVS, 1), "prctl PR_SET_NO_NEW_PRIVS")
    buffer = ctypes.create_string_buffer(program, len(program))
    filters = _Program(len(program) // 8, ctypes.addressof(buffer))
    done = _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(filters))
    _check(done, "prctl PR_SET_SECCOMP")
