"""The host users that kernels run as, one per workspace.

Root assigns users from `HOST_USERS`. Any other user needs a range in ``/etc/subuid`` and
``/etc/subgid``. It enters a user namespace that maps the range to `HOST_USERS` and itself to
root, with rights over these users and their files only.

Sources: subuid(5), newuidmap(1), user_namespaces(7).
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from container.errors import SandboxUnavailable
from container.inside import linux

HOST_USERS = range(310_000, 370_000)
ZYGOTE_USER = HOST_USERS.start - 1
FEWEST = 16
GIVE_A_RANGE = (
    "Give it one: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}."
)


@dataclass(frozen=True, slots=True)
class Extent:
    """One line of a user map: *count* ids from *inside* on map to those from *outside* on."""

    inside: int
    outside: int
    count: int


def _extents(kind: str = "uid") -> list[Extent]:
    lines = Path(f"/proc/self/{kind}_map").read_text().splitlines()
    return [Extent(*map(int, line.split())) for line in lines]


def outside(number: int, kind: str = "uid") -> int:
    """Return the host's id for *number*, a user id here (or with ``gid``, a group id)."""
    for extent in _extents(kind):
        if extent.inside <= number < extent.inside + extent.count:
            return extent.outside + number - extent.inside
    return number


def host_users() -> range | None:
    """Return the users this process can assign; ``None`` if kernels run as its own user.

    Raises:
        SandboxUnavailable: It is root in a container without those users.
    """
    if os.geteuid() != 0:
        return None
    for extent in _extents():
        low = max(extent.inside, HOST_USERS.start)
        high = min(extent.inside + extent.count, HOST_USERS.stop)
        if low < high:
            return range(low, high)
    raise SandboxUnavailable(
        f"root has no users {HOST_USERS.start} to {HOST_USERS.stop - 1} here to run kernels as",
        "Give them to the container, or start the service as another user.",
    )


@dataclass(frozen=True, slots=True)
class Allowed:
    """A user's name, and the maps it may write for its user namespace."""

    name: str
    user_map: list[str]
    group_map: list[str]


def enter_host_users(directory: Path | None = None) -> None:
    """Enter a user namespace with the allowed host users; root has them already.

    The process must be single-threaded. It can't leave: from then on it is root in a user
    namespace.

    Args:
        directory: Where files will be chowned to those users, if known; a network file
            system, for example, may refuse that.

    Raises:
        SandboxUnavailable: As `check_host_users` says.
    """
    if os.geteuid() == 0:
        return
    allowed = check_host_users(directory)
    # Libraries that look up the user's name must still get this one, not "root".
    for variable in ("USER", "LOGNAME", "PGUSER"):
        os.environ.setdefault(variable, allowed.name)
    os.environ.setdefault("HOME", str(Path.home()))
    _enter(allowed)


def check_host_users(directory: Path | None = None) -> Allowed:
    """Return the maps this user, not root, may write, after trying them in a child.

    Args:
        directory: As in `enter_host_users`.

    Raises:
        SandboxUnavailable: As `allowed_users`; or the host refuses the maps.
    """
    allowed = allowed_users()
    if refusal := _refusal(allowed, directory):
        raise SandboxUnavailable(
            f"a user namespace with the users of /etc/subuid can't be used ({refusal})",
            "Allow the service user namespaces, and no NoNewPrivileges; keep data on a local disk.",
        )
    return allowed


def allowed_users() -> Allowed:
    """Return the maps this user, not root, may write according to ``/etc/sub[ug]id``.

    Raises:
        SandboxUnavailable: It has no range there, or newuidmap is not installed.
    """
    user, group = os.getuid(), os.getgid()
    names = _names(user)
    for program in ("newuidmap", "newgidmap"):
        if shutil.which(program) is None:
            raise SandboxUnavailable(
                f"{program} is not installed", "Install it: apt-get install uidmap."
            )
    maps = []
    for file, own in (("subuid", user), ("subgid", group)):
        others = _range(file, names)
        if others is None:
            reason = f"/etc/{file} has no range of at least {FEWEST} for the user {names[0]}"
            raise SandboxUnavailable(reason, GIVE_A_RANGE.format(name=names[0]))
        maps.append(_map_arguments(own, others))
    return Allowed(names[0], *maps)


def _names(user: int) -> list[str]:
    """Return the names that ``/etc/sub[ug]id`` may use for *user*."""
    try:
        return [pwd.getpwuid(user).pw_name, str(user)]
    except KeyError:
        return [str(user)]


def _range(file: str, names: list[str]) -> range | None:
    """Return the largest range in ``/etc/FILE`` for *names*; ``None`` if below `FEWEST`."""
    best = range(0)
    try:
        lines = Path("/etc", file).read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, numbers = line.partition(":")
        start, _, count = numbers.partition(":")
        if name in names and start.isdigit() and count.isdigit() and int(count) > len(best):
            best = range(int(start), int(start) + int(count))
    return best if len(best) >= FEWEST else None


def _map_arguments(own: int, others: range) -> list[str]:
    """Return newuidmap's arguments: *own* maps to root, *others* to `HOST_USERS`."""
    count = min(len(others), len(HOST_USERS) + 1)
    numbers = (0, own, 1, ZYGOTE_USER, others.start, count)
    return [str(number) for number in numbers]


def _enter(allowed: Allowed) -> None:
    """Enter a user namespace with the maps *allowed*, which newuidmap and newgidmap write."""
    process = str(os.getpid())
    entered_read, entered_write = os.pipe()

    def write_maps() -> None:
        os.close(entered_write)
        if not os.read(entered_read, 1):
            raise OSError("the namespace was not entered")
        for program, arguments in (
            ("newuidmap", allowed.user_map),
            ("newgidmap", allowed.group_map),
        ):
            command = [program, process, *arguments]
            subprocess.run(command, capture_output=True, text=True, check=True)

    # Only a process outside the namespace may write them.
    failure_to_write = _in_child(write_maps)
    os.close(entered_read)
    try:
        linux.unshare(linux.CLONE_NEWUSER)
        os.write(entered_write, b"1")
    finally:
        os.close(entered_write)
        failure = failure_to_write()
    if failure:
        raise OSError(failure)


def _check_rights(directory: Path | None) -> None:
    """Try what kernels need: some systems allow a namespace but no rights in it."""
    if directory is not None:
        made = Path(
            tempfile.mkdtemp(dir=next(d for d in (directory, *directory.parents) if d.exists()))
        )
        try:
            os.chown(made, ZYGOTE_USER, ZYGOTE_USER)
        finally:
            made.rmdir()
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_SLAVE)
    os.setresgid(ZYGOTE_USER, ZYGOTE_USER, ZYGOTE_USER)
    os.setresuid(ZYGOTE_USER, ZYGOTE_USER, ZYGOTE_USER)


def _refusal(allowed: Allowed, directory: Path | None) -> str:
    """Try it in a child, as a namespace can't be left; return the error, ``""`` if none."""

    def attempt() -> None:
        _enter(allowed)
        _check_rights(directory)

    return _in_child(attempt)()


def _in_child(work: Callable[[], None]) -> Callable[[], str]:
    """Start *work* in a child; return a function that waits for it and returns its error."""
    said_read, said_write = os.pipe()
    child = os.fork()
    if child == 0:
        failure = "it was cut short"
        try:
            work()
            failure = ""
        except subprocess.CalledProcessError as error:
            failure = error.stderr.strip() or str(error)
        except OSError as error:
            failure = str(error) or "refused"
        finally:
            os.write(said_write, failure.encode())
            os._exit(0)
    os.close(said_write)

    def failure_at_its_end() -> str:
        with os.fdopen(said_read, "rb") as said:
            failure = said.read().decode()
        os.waitpid(child, 0)
        return failure

    return failure_at_its_end
