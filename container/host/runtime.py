"""This user's runtime directory: sockets, short-lived directories, and their clean-up."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import resource
import secrets
import shutil
import stat
import tempfile
import time
from pathlib import Path

from container.errors import SandboxUnavailable
from container.host.cgroups import end_group, leftover_groups
from container.host.host_users import host_users, outside
from container.tree import remove

RUNTIME_VARIABLE = "TALLYBOOK_RUNTIME_DIRECTORY"
LONGEST_RUNTIME_DIRECTORY = 60
"""Bytes: ``k-PID-XXXXXXXX/s-N`` is appended, and a unix socket's path has at most 108 bytes."""

STAGE, LAST_USER = "stage", "last-user"
SHARED_MEMORY = "/dev/shm"  # noqa: S108 (`_made` checks the owner)
ROOM_BYTES = 256 * 1024 * 1024
"""Smallest tmpfs to use: Docker's default of 64 MB of shared memory is needed by others."""
KEEP_LOGS = 24 * 3600
"""Seconds to keep a shim's log after the shim has ended."""


def runtime_directory() -> Path:
    """Return a short, private directory for sockets; create it if missing.

    Raises:
        SandboxUnavailable: Its path is too long for unix sockets, or it belongs to
            another user.
    """
    directory = _chosen_directory()
    if len(os.fsencode(directory)) > LONGEST_RUNTIME_DIRECTORY:
        raise SandboxUnavailable(
            f"the runtime directory's path is too long for unix sockets: {directory}",
            f"Set {RUNTIME_VARIABLE} to one of at most {LONGEST_RUNTIME_DIRECTORY} bytes.",
        )
    return _made(directory)


def stage_directory() -> Path:
    """Return an empty directory that every user can reach; create it if missing.

    A starting sandbox mounts there, in its own namespace, directories its user can't reach.

    Raises:
        SandboxUnavailable: It belongs to another user.
    """
    inner = runtime_directory() / STAGE
    if not reachable(inner):
        inner = _made(Path(tempfile.gettempdir(), f"tallybook-{outside(os.geteuid())}")) / STAGE
    return _made(inner)


def reachable(path: Path) -> bool:
    """Whether every user has search permission on all parents of *path*."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def _made(directory: Path) -> Path:
    """Create *directory* if missing, and check that this user owns it."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        directory.mkdir()
        # Set regardless of the umask; kernels with their own users need the search permission.
        directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    # lstat, not stat: in a directory that all can write, another user may have put a link.
    if directory.lstat().st_uid != os.geteuid():
        raise SandboxUnavailable(
            f"{directory} belongs to another user",
            f"Remove it, or set {RUNTIME_VARIABLE} to another directory.",
        )
    return directory


def _chosen_directory() -> Path:
    if named := os.environ.get(RUNTIME_VARIABLE):
        return Path(named)
    user = outside(os.geteuid())
    if user == 0:
        # In a container /run is often on disk, where creating a socket is slow.
        on_disk = not _in_memory("/run") and _in_memory(SHARED_MEMORY)
        return Path(SHARED_MEMORY if on_disk else "/run", "tallybook")
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base and len(base) < LONGEST_RUNTIME_DIRECTORY - 10 and os.access(base, os.W_OK):
        return Path(base, "tallybook")
    return Path(tempfile.gettempdir(), f"tallybook-{user}")


@functools.cache
def _in_memory(directory: str) -> bool:
    """Whether *directory* is on a tmpfs of at least `ROOM_BYTES`.

    Source: proc(5), "/proc/pid/mountinfo".
    """
    try:
        device = os.stat(directory).st_dev
        if shutil.disk_usage(directory).total < ROOM_BYTES:
            return False
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    kinds = (line.partition(" - ")[2].split()[0] for line in mounts if line.split()[2] == number)
    return next(kinds, "") == "tmpfs"


def open_files_to_the_limit() -> None:
    """Raise the soft limit on open files to the hard limit: each kernel takes about ten."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def runtime_prefix(kind: str) -> str:
    """Return the name prefix of this process's runtime directories of *kind*: it has the pid."""
    return f"{kind}-{os.getpid()}-"


def free_user() -> int | None:
    """Return a host user for a workspace; ``None`` if kernels run as the service's user.

    Users are assigned in turn: none is reused before all were used.
    """
    users = host_users()
    if users is None:
        return None
    with (runtime_directory() / LAST_USER).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        last = file.read()
        # The file is lost at a reboot; then start anywhere.
        user = int(last) + 1 if last.isdigit() else secrets.choice(users)
        user = user if user in users else users.start
        file.truncate(0)
        file.write(str(user))
    return user


def sweep_runtime_directory() -> int:
    """Remove what killed processes left behind; return the number of directories removed."""
    swept = 0
    for path in runtime_directory().glob("[kw]-*-*"):
        if _owner_is_gone(path.name):
            remove(path)
            swept += 1
    for log in runtime_directory().glob("shim-*.log"):
        if not log.with_suffix(".sock").exists() and time.time() - log.stat().st_mtime > KEEP_LOGS:
            log.unlink(missing_ok=True)
    for group in leftover_groups("[ck]-*-"):
        if _owner_is_gone(group.name):
            end_group(group)
    return swept


def _owner_is_gone(name: str) -> bool:
    owner = name.split("-")[1]
    return owner.isdigit() and not Path(f"/proc/{owner}").exists()
