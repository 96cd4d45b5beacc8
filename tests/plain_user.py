"""A plain user's host, arranged by root: ``python -m tests.plain_user SPEC COMMAND…``.

In a mount namespace of its own there is such a user, with or without host users to hand out,
who can reach this Python and this checkout wherever they stand, and the Docker Engine. The
machine stays as it is.
"""

from __future__ import annotations

import ctypes
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from container.host.runtime import reachable
from container.inside import linux
from container.shim.server import DOCKER_SOCKET

CHECKOUT = Path(__file__).resolve().parents[1]
UID = 54_321
NAME = "planner"
MOUNT_ATTR_IDMAP = 0x00100000
RANGE = range(700_000, 765_536)


@dataclass(frozen=True)
class PlainUser:
    """A user's home, where tests run Python as that user."""

    home: Path

    @property
    def runtime(self) -> Path:
        return self.home / "runtime"

    def run(
        self,
        *command: str,
        allowed: bool = True,
        privileges: bool = True,
        owners_fixed: bool = False,
    ) -> str:
        """Run *command* as the user, and return what it printed.

        Args:
            command: The program and its arguments.
            allowed: The user has host users to hand out.
            privileges: Programs may give it more rights, as newuidmap does.
            owners_fixed: Files in ``home/data`` can't be given away, as on a network's file system.
        """
        engine = os.environ.get("DOCKER_HOST", f"unix://{DOCKER_SOCKET}").removeprefix("unix://")
        groups = [Path(engine).stat().st_gid] if Path(engine).exists() else []
        spec = json.dumps(
            {
                "home": str(self.home),
                "allowed": allowed,
                "groups": groups,
                "owners_fixed": owners_fixed,
            }
        )
        if not privileges:
            command = ("setpriv", "--no-new-privs", *command)
        done = subprocess.run(
            [
                *("unshare", "--mount", "--propagation", "private"),
                *(sys.executable, "-m", "tests.plain_user", spec, *command),
            ],
            cwd=CHECKOUT,
            env={
                "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": str(self.home),
                "TALLYBOOK_RUNTIME_DIRECTORY": str(self.runtime),
                "TALLYBOOK_DATA_DIR": str(self.home / "data"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "DOCKER_HOST": f"unix://{engine}",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def python(self, script: str, *, allowed: bool = True, privileges: bool = True) -> str:
        """Run *script*, Python source, likewise."""
        return self.run(sys.executable, "-c", script, allowed=allowed, privileges=privileges)


@contextmanager
def plain_user() -> Iterator[PlainUser]:
    """A user for the length of the block, whose kernels' owners are stopped after it."""
    with tempfile.TemporaryDirectory(prefix="tb-", dir="/tmp") as directory:
        os.chown(directory, UID, UID)
        user = PlainUser(Path(directory))
        try:
            yield user
        finally:
            user.python("from container.shim.client import stop_all_shims\nstop_all_shims()")


def main() -> None:
    """Arrange the host, become the user, and run the command."""
    spec, command = json.loads(sys.argv[1]), sys.argv[2:]
    _make_reachable([Path(sys.base_prefix), Path(sys.prefix), CHECKOUT])
    linux.mount("tmpfs", "/mnt", "tmpfs")
    etc = Path("/mnt/etc")
    subprocess.run(["cp", "--archive", "/etc", etc], check=True)
    with (etc / "passwd").open("a") as users, (etc / "group").open("a") as groups:
        users.write(f"{NAME}:x:{UID}:{UID}::{spec['home']}:/bin/sh\n")
        groups.write(f"{NAME}:x:{UID}:\n")
    for file in ("subuid", "subgid"):
        allowed = f"{NAME}:{RANGE.start}:{len(RANGE)}\n" if spec["allowed"] else ""
        (etc / file).write_text(allowed)
    linux.mount(str(etc), "/etc", flags=linux.MS_BIND)
    if spec["owners_fixed"]:
        _fix_owners(Path(spec["home"], "data"))
    os.setgroups(spec["groups"])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)
    os.execvp(command[0], command)


def _make_reachable(paths: list[Path]) -> None:
    """Mount *paths* where they are, below directories that anybody may walk through."""
    wanted = {path: os.open(path, os.O_PATH) for path in paths if not reachable(path)}
    for closed in {_outermost_closed(path) for path in wanted}:
        linux.mount("tmpfs", str(closed), "tmpfs", data="mode=0755")
    for path, descriptor in wanted.items():
        path.mkdir(parents=True, exist_ok=True)
        linux.mount(f"/proc/self/fd/{descriptor}", str(path), flags=linux.MS_BIND)
        os.close(descriptor)


def _fix_owners(directory: Path) -> None:
    """Mount *directory* so that it knows the one user only (mount_setattr(2), idmapped mounts)."""
    directory.mkdir(exist_ok=True)
    os.chown(directory, UID, UID)
    asleep = subprocess.Popen(["unshare", "--user", "sleep", "60"])
    process = Path(f"/proc/{asleep.pid}")
    while os.readlink(process / "ns/user") == os.readlink("/proc/self/ns/user"):
        time.sleep(0.01)
    for kind in ("uid", "gid"):
        (process / f"{kind}_map").write_text(f"{UID} {UID} 1")
    with (process / "ns/user").open() as namespace:
        mount = linux.clone_mount(str(directory))
        attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_IDMAP, 0, 0, namespace.fileno())
        done = ctypes.CDLL(None).syscall(
            linux.SYS_MOUNT_SETATTR, mount, b"", linux.AT_EMPTY_PATH, attributes, 32
        )
        assert done == 0
    linux.attach_mount(mount, str(directory))
    asleep.kill()
    asleep.wait()


def _outermost_closed(path: Path) -> Path:
    return next(p for p in reversed(path.parents) if not p.stat().st_mode & stat.S_IXOTH)


if __name__ == "__main__":
    main()
