"""Refuse, while cells run, what the risk check never lets run.

The static check reads code; this hook sees what is done, whichever way the code came to
it. It is a seat belt in front of the sandbox, not a wall: code that is native, or that
takes the interpreter apart, gets past it and meets the sandbox.

No library starts a process, unpickles foreign data or opens a connection on its own in a
kernel, so these are refused whoever asks. Native code (ctypes) is refused unless a library
on `NATIVE_USERS` calls it. Files are opened in the workspace and in /tmp, besides those that
Python and its libraries are made of; readers written in native code are the sandbox's to hold.

Source: PEP 578 and the audit events table of Python's documentation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, NoReturn

PROCESSES = "starts another program"
UNPICKLES = "runs code hidden in data; use json, csv or xlsx"
NATIVE = "calls native code past every check"
CONNECTS = "opens a network connection"
OUTSIDE = "is outside /workspace and /tmp"
OBJECTS = "finds every object of the interpreter"
NEVER = "Code that does this never runs here; find another way."
NOT_GRANTED = "This cell has no permission for that."
NETWORK, FILES = "network", "files"
"""What `AuditHook.allow` takes: to let connections be opened, and files that lie outside."""

REFUSED: dict[str, str] = {
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
FINDING_OBJECTS = frozenset({"gc.get_objects", "gc.get_referents", "gc.get_referrers"})
CONNECTING = frozenset(
    """
    socket.bind socket.connect socket.sendto socket.sendmsg socket.getaddrinfo
    socket.gethostbyname socket.gethostbyaddr socket.getnameinfo
    """.split()
)
NATIVE_USERS = ("/numpy/_core/", "/scipy/", "/threadpoolctl.py", "/psutil/", "/zmq/", "/PIL/")
"""Libraries whose own code calls native code through ctypes."""
IMPORTERS = ("<frozen importlib._bootstrap_external>", "<frozen zipimport>")
"""Code that may read compiled modules."""
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
"""What libraries read that stands outside Python's own directories."""
SYSTEM_READERS = ("/psutil/",)
"""Libraries that read ``/proc`` to measure the kernel."""
UNAUDITED_MODULES = frozenset({"_posixsubprocess", "_cffi_backend", "cffi"})
"""Modules that do the same without an audit event; imported before cells run, or never."""


class ForbiddenCall(PermissionError):
    """A cell did what never runs; libraries that try it on their own take it as "no"."""


class AuditHook:
    """The hook of one interpreter: it can't be removed, only be given its rules."""

    def __init__(self) -> None:
        """Add a hook that refuses nothing until `arm`."""
        self._armed = False
        self._allowed: frozenset[str] = frozenset()
        self._library = tuple({sys.prefix, sys.base_prefix, "/usr/lib/python3"})
        readable = (*OWN_FILES, *LIBRARY_FILES, *self._library)
        self._readable = tuple({*readable, *map(os.path.realpath, readable)})
        sys.addaudithook(self._on_event)

    def arm(self) -> None:
        """Refuse from here on; never again to be undone."""
        _leave_out_unaudited_calls()
        self._armed = True

    def allow(self, capabilities: Iterable[str]) -> None:
        """Let the cell that runs next do what it was granted, and nothing else.

        Args:
            capabilities: `NETWORK`, `FILES`; others are not known here.
        """
        self._allowed = frozenset(capabilities)

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._armed:
            return
        if (reason := REFUSED.get(event)) is not None:
            _refuse(event, reason)
        elif event.startswith("ctypes."):
            if not self._of_library(sys._getframe(1), NATIVE_USERS):
                _refuse(event, NATIVE)
        elif event in FINDING_OBJECTS:
            if not self._of_library(sys._getframe(1), ()):
                _refuse(event, OBJECTS)
        elif event == "open":
            self._on_open(arguments[0])
        elif event in CONNECTING:
            if NETWORK not in self._allowed:
                _refuse(event, CONNECTS, NOT_GRANTED)
        elif event == "marshal.loads":
            caller = sys._getframe(1)
            if caller.f_code.co_filename not in IMPORTERS:
                _refuse(event, UNPICKLES)
        elif event == "import" and arguments[0] in UNAUDITED_MODULES:
            _refuse(f"import of {arguments[0]}", NATIVE)

    def _on_open(self, path: Any) -> None:
        if isinstance(path, int) or FILES in self._allowed:
            return
        if (real := self._outside(os.fsdecode(path))) is None:
            return
        if not self._of_library(sys._getframe(2), SYSTEM_READERS):
            _refuse(f"open: {real}", OUTSIDE, NOT_GRANTED)

    def _outside(self, path: str) -> str | None:
        """Return where *path* leads if that is outside; ``None`` when it is not."""
        real = os.path.realpath(path)
        inside = any(real == root or real.startswith(f"{root}/") for root in self._readable)
        return None if inside else real

    def _of_library(self, frame: FrameType | None, libraries: tuple[str, ...]) -> bool:
        """Return whether the first code outside Python's library is ours or of *libraries*."""
        while frame is not None:
            file = frame.f_code.co_filename
            installed = file.startswith(self._library) or file.startswith("/opt/tallybook/")
            if not installed and not file.startswith("<frozen "):
                return False  # a cell, or code it made of a string
            if "-packages/" in file or file.startswith("/opt/tallybook/"):
                return file.startswith("/opt/tallybook/") or any(name in file for name in libraries)
            frame = frame.f_back
        return False


def follow_cells(hook: AuditHook, shell: Any, granted: Callable[[], Iterable[str]]) -> None:
    """Have *hook* allow, before each cell of *shell*, what *granted* returns for it."""

    def before_cell() -> None:
        hook.allow(granted())

    shell.events.register("pre_execute", before_cell)


def _refuse(event: str, reason: str, way_out: str = NEVER) -> NoReturn:
    raise ForbiddenCall(f"{event} {reason}. {way_out}")


def _leave_out_unaudited_calls() -> None:
    """Take away the one way to start a process that has no audit event of its own."""
    import _posixsubprocess
    import subprocess

    def fork_exec(*arguments: Any, **options: Any) -> NoReturn:
        _refuse("fork_exec", PROCESSES)

    _posixsubprocess.fork_exec = fork_exec
    subprocess._fork_exec = fork_exec  # type: ignore[attr-defined]
