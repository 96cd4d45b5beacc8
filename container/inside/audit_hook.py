"""Refuse, while cells run, the calls that the risk check rates as high risk.

The static check reads code; this hook sees the calls the code makes. It is a seat belt in
front of the sandbox, not a wall: native code, or code that manipulates the interpreter,
bypasses it, and then only the sandbox confines it.

No library in a kernel starts a process, unpickles foreign data or opens a connection on its
own, so these are refused for every caller. ctypes is refused unless a library in
`NATIVE_USERS` calls it. Files may be opened in the workspace, in /tmp, and where Python and its
libraries are installed; only the sandbox limits readers written in native code.

Source: PEP 578 and the audit events table of Python's documentation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType, FrameType, MappingProxyType
from typing import Any, NoReturn

PROCESSES = "starts another program"
UNPICKLES = "runs code hidden in data; use json, csv or xlsx"
NATIVE = "calls native code past every check"
CONNECTS = "opens a network connection"
OUTSIDE = "is outside /workspace and /tmp"
OBJECTS = "finds every object of the interpreter"
NEVER = "Code that does this never runs here; find another way."
NOT_GRANTED = "This cell has no permission for that."
NETWORK, FILE, SNAPSHOT = "network", "file:", "snapshot"
"""Permissions of a cell: to open connections; and, followed by a path, to open that file."""

REFUSED = MappingProxyType(
    {
        "os.system": PROCESSES,
        "os.exec": PROCESSES,
        "os.fork": PROCESSES,
        "os.forkpty": PROCESSES,
        "os.posix_spawn": PROCESSES,
        "os.spawn": PROCESSES,
        "os.startfile": PROCESSES,
        "pty.spawn": PROCESSES,
        "subprocess.Popen": PROCESSES,
        "pickle.find_class": UNPICKLES,
        "sqlite3.enable_load_extension": NATIVE,
        "sqlite3.load_extension": NATIVE,
    }
)
FINDING_OBJECTS = frozenset({"gc.get_objects", "gc.get_referents", "gc.get_referrers"})
CONNECTING = frozenset(
    """
    socket.bind socket.connect socket.sendto socket.sendmsg socket.getaddrinfo
    socket.gethostbyname socket.gethostbyaddr socket.getnameinfo
    """.split()
)
OPENING = frozenset({"open", "sqlite3.connect"})
OURS = "/opt/tallybook/inside/"
"""Trusted code. The packages beside it open what a cell names, so they may no more than it."""
NATIVE_USERS = ("/numpy/_core/", "/scipy/", "/threadpoolctl.py", "/psutil/", "/zmq/", "/PIL/")
"""Libraries that call native code through ctypes."""
IMPORTERS = ("<frozen importlib._bootstrap_external>", "<frozen zipimport>")
"""Code that may unmarshal compiled modules."""
WORKSPACE, UPLOADS = "/workspace/", "/workspace/inputs/"
SNAPSHOTS = "/run/kernel/net/snapshots"
"""The service's socket for snapshots of the variables, for `inside.snapshots` only."""
MOST_OPENED = 200
PAYLOAD = "tallybook"
OWN_FILES = ("/workspace", "/tmp", "/dev/shm")  # noqa: S108 (the sandbox's own)
LIBRARY_FILES = (
    "/usr/share",
    "/usr/lib",
    "/lib",
    "/lib64",
    "/opt/tallybook",
    "/etc/fonts",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/os-release",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
)
"""Files that libraries read outside Python's own directories."""
SYSTEM_READERS = ("/psutil/",)
"""Libraries that read ``/proc`` to measure the kernel."""
UNAUDITED_MODULES = frozenset({"_posixsubprocess", "_cffi_backend", "cffi"})
"""Modules that do such things without an audit event; a cell can't import them."""


class ForbiddenCall(PermissionError):
    """The hook refused a call. A PermissionError, which libraries handle."""


@dataclass(frozen=True, slots=True)
class AuditHook:
    """The controls of a hook that is set; Python can't remove it.

    Attributes:
        arm: Start refusing; can't be undone.
        allow: Set the permissions of the next cell: `NETWORK`, or `FILE` and a path; `SNAPSHOT`
            comes with the service's own requests for a snapshot only.
        take_opened: Return, once, the names of the uploads that were opened.
    """

    arm: Callable[[], None]
    allow: Callable[[Iterable[str]], None]
    take_opened: Callable[[], list[str]]


def set_hook(forks: CodeType | None = None, connects: CodeType | None = None) -> AuditHook:
    """Set a hook that refuses nothing until it is armed.

    Args:
        forks: The one piece of code that may fork the kernel, when the service asks for that.
        connects: The one that may connect to `SNAPSHOTS` then.

    The hook uses only local variables of this call, so that code which rebinds names of this
    module can't change it.
    """
    refused, connecting, opening = dict(REFUSED), CONNECTING, OPENING
    refuse, lies_in, is_of_library = _refuse, _lies_in, _is_of_library
    leave_out_unaudited_calls, snapshots = _leave_out_unaudited_calls, SNAPSHOTS
    library = tuple({sys.prefix, sys.base_prefix, "/usr/lib/python3"})
    named = (*OWN_FILES, *LIBRARY_FILES, *library)
    readable = tuple({*named, *map(os.path.realpath, named)})
    granted: tuple[str, ...] = ()
    asked = SNAPSHOT
    opened: dict[str, None] = {}
    armed = False

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        if not armed:
            return
        if event in refused:
            ours = asked in granted and sys._getframe(1).f_code is forks
            if event != "os.fork" or not ours:
                refuse(event, refused[event])
        elif event.startswith("ctypes."):
            if not is_of_library(sys._getframe(1), NATIVE_USERS, library):
                refuse(event, NATIVE)
        elif event in FINDING_OBJECTS:
            if not is_of_library(sys._getframe(1), (), library):
                refuse(event, OBJECTS)
        elif event in opening:
            check_file(event, arguments[0])
        elif event in connecting:
            if NETWORK not in granted and not is_snapshot(event, arguments):
                refuse(event, CONNECTS, NOT_GRANTED)
        elif event == "marshal.loads":
            if sys._getframe(1).f_code.co_filename not in IMPORTERS:
                refuse(event, UNPICKLES)
        elif event == "import":
            check_import(str(arguments[0]), arguments[1])

    def is_snapshot(event: str, arguments: tuple[Any, ...]) -> bool:
        known = event == "socket.connect" and arguments[1] == snapshots
        return known and asked in granted and sys._getframe(2).f_code is connects

    def check_file(event: str, path: Any) -> None:
        if isinstance(path, int) or path in ("", ":memory:", b""):
            return
        real = os.path.realpath(os.fsdecode(path))
        allowed = [g.removeprefix(FILE) for g in granted if g.startswith(FILE)]
        if real.startswith(UPLOADS) and len(opened) < MOST_OPENED:
            opened[real.removeprefix(WORKSPACE)] = None
        if lies_in(real, readable) or lies_in(real, map(os.path.realpath, allowed)):
            return
        if not is_of_library(sys._getframe(2), SYSTEM_READERS, library):
            refuse(f"{event}: {real}", OUTSIDE, NOT_GRANTED)

    def check_import(name: str, file: Any) -> None:
        if name.rpartition(".")[2] in UNAUDITED_MODULES:
            refuse(f"import of {name}", NATIVE)
        shared = isinstance(file, str) and file.endswith(".so")
        if shared and not lies_in(os.path.realpath(file), map(os.path.realpath, library)):
            refuse(f"import of {file}", NATIVE)

    def arm() -> None:
        nonlocal armed
        leave_out_unaudited_calls()
        armed = True

    def allow(capabilities: Iterable[str]) -> None:
        nonlocal granted
        granted = tuple(capabilities)

    def take_opened() -> list[str]:
        names = list(opened)
        opened.clear()
        return names

    sys.addaudithook(on_event)
    return AuditHook(arm, allow, take_opened)


def follow_cells(
    hook: AuditHook,
    shell: Any,
    permissions: Callable[[], Iterable[str] | None],
    take_tables: Callable[[], Any],
) -> None:
    """Before each cell of *shell*, allow what was granted; after it, tell what it opened.

    The reply's payload holds that, and `container.kernel.cell_run` takes it out of the reply.

    Args:
        hook: The hook.
        shell: IPython's shell.
        permissions: Returns the running cell's permissions; ``None`` if another client asked,
            which gets no payload that it does not know.
        take_tables: Returns, once, what is noted of tables that were read and written, as JSON
            values; ``None`` if there is nothing.
    """

    def before_cell() -> None:
        hook.allow(permissions() or ())
        hook.take_opened()
        take_tables()

    def after_cell() -> None:
        if permissions() is not None:
            told = {"source": PAYLOAD, "opened": hook.take_opened()}
            if (tables := take_tables()) is not None:
                told["tables"] = tables
            shell.payload_manager.write_payload(told)

    shell.events.register("pre_execute", before_cell)
    shell.events.register("post_execute", after_cell)


def _lies_in(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _is_of_module(frame: FrameType) -> bool:
    """Return whether the frame's globals are its module's: a file name can be forged."""
    module = sys.modules.get(frame.f_globals.get("__name__", ""))
    return module is not None and vars(module) is frame.f_globals


def _is_of_library(
    frame: FrameType | None,
    libraries: tuple[str, ...],
    installed: tuple[str, ...],
    is_of_module: Callable[[FrameType], bool] = _is_of_module,
) -> bool:
    """Return whether the innermost frame outside the standard library is ours or a library's.

    Args:
        frame: The frame of the audited call.
        libraries: Substrings of the trusted libraries' paths.
        installed: Directories that cells can't write.
        is_of_module: Whether a frame's globals are those of its module.
    """
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((*installed, OURS, "<frozen ")):
            return False  # a cell, or code it compiled from a string
        if file.startswith(OURS) or "-packages/" in file:
            trusted = file.startswith(OURS) or any(name in file for name in libraries)
            return trusted and is_of_module(frame)
        frame = frame.f_back
    return False


def _refuse(event: str, reason: str, way_out: str = NEVER) -> NoReturn:
    raise ForbiddenCall(f"{event} {reason}. {way_out}")


def _leave_out_unaudited_calls() -> None:
    """Replace ``fork_exec``, the only way to start a process without an audit event."""
    import _posixsubprocess
    import subprocess

    def fork_exec(*arguments: Any, **options: Any) -> NoReturn:
        _refuse("fork_exec", PROCESSES)

    _posixsubprocess.fork_exec = fork_exec
    subprocess._fork_exec = fork_exec  # type: ignore[attr-defined]
