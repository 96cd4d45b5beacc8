"""Start the shim in the background: ``python -m container.shim SOCKET [own-users]``.

Exits once the socket accepts connections, or with the reason why it can't.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import sys
from pathlib import Path

from container.backends.zygote.process import Zygotes
from container.errors import SandboxUnavailable
from container.host.host_users import enter_host_users
from container.host.runtime import open_files_to_the_limit
from container.inside import linux
from container.shim.server import Shim
from container.shim.wire import NO_HOST_USERS


def enter_own_namespaces() -> bool:
    """Enter namespaces in which this process may mount; return whether that worked.

    Root enters a mount namespace; any other user also a user namespace, which maps its
    user to itself.
    """
    uid, gid = os.geteuid(), os.getegid()
    try:
        if uid == 0:
            linux.unshare(linux.CLONE_NEWNS)
            linux.mount("none", "/", flags=linux.MS_REC | linux.MS_SLAVE)
            return True
        linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError as error:
        print(f"shim: kernels start without the zygote: {error}", file=sys.stderr)  # noqa: T201
        return False
    return True


def listen(path: Path) -> socket.socket | None:
    """Listen on *path*; return ``None`` if another shim already answers there."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        try:
            other.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            path.unlink(missing_ok=True)
        else:
            listening.close()
            return None
    listening.bind(str(path))
    path.chmod(0o600)
    listening.listen(512)
    return listening


def main() -> None:
    """Daemonise once the socket listens."""
    path = Path(sys.argv[1])
    if "own-users" in sys.argv[2:]:
        try:
            enter_host_users()
        except SandboxUnavailable as error:
            print(error, file=sys.stderr)  # noqa: T201
            sys.exit(NO_HOST_USERS)
    os.umask(0o077)
    with (path.parent / "shim.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listening = listen(path)
        if listening is None:
            return
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    log = os.open(path.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    open_files_to_the_limit()
    # Recording a running cell's outputs must not delay the kernel.
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    zygotes = Zygotes() if enter_own_namespaces() else None
    asyncio.run(Shim(zygotes=zygotes).serve(path, listening))


if __name__ == "__main__":
    main()
