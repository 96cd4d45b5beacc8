"""Write a snapshot of the cells' variables, and read one, over a socket of the service.

The service listens on `SOCKET` while it asks for one of both, and asks as it does for
`inside.variables`. A snapshot is written by a forked child, so that the next cell need not wait:
the child sees the variables as they were, pickles them, reads them back to see that they are the
same, and sends what the service does not have yet. What is read comes as descriptors of files,
which are mapped: their memory is the variables' own (copy on write), and nothing is copied.

Messages: a length (8 bytes, big endian) and JSON. The child sends the manifest, receives the list
of wanted segments, and sends their bytes one after the other. To read, the manifest comes first,
then a byte with a descriptor for each segment.

Everything here is in the hands of the cells' code. The service believes none of it; it never
unpickles, and gives a snapshot only to kernels of the path that wrote it.
"""

from __future__ import annotations

import array
import contextlib
import gc
import json
import mmap
import os
import random
import re
import resource
import signal
import socket
import sys
import threading
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from inside import (  # type: ignore[import-not-found]
    memory,
    snapshot_prints,
    snapshot_settings,
    snapshot_values,
)
from inside.snapshot_layout import digest, laid_out  # type: ignore[import-not-found]
from inside.snapshot_wire import LENGTH, SOCKET  # type: ignore[import-not-found]

FORMAT = 1
MOST_MESSAGE_BYTES = 32 * 1024 * 1024
MOST_WALKED = 200_000
OURS = frozenset({"MainThread", "IOPub", "Heartbeat", "Control"})
INTERNAL = re.compile(r"_(i+|ih|oh|dh|\d+|i\d+)?|__|___|In|Out|__.*__")
"""Names of IPython's own variables."""
BLOCK_BYTES = 128
"""About what an object takes. The child copies the page of each one that it pickles, as that counts
who refers to it; the large memory of arrays it only reads."""
_children: list[int] = []
_blocks_at_start = 0


class Save:
    """Starts to write a snapshot; IPython displays the answer as JSON."""

    def __init__(self, shell: Any, most_bytes: int, most_seconds: float) -> None:
        """Fork the child that writes it.

        Args:
            shell: IPython's shell.
            most_bytes: Largest snapshot.
            most_seconds: The child ends after this time.
        """
        try:
            self._answer: dict[str, Any] = _fork(shell, most_bytes, most_seconds)
        except OSError as error:
            self._answer = {"declined": f"the kernel could not be copied: {error}"}

    def _repr_json_(self) -> dict[str, Any]:
        return self._answer


class Load:
    """Reads a snapshot into the namespace; if it fails, the kernel is of no use any more."""

    def __init__(self, shell: Any) -> None:
        """Read it; *shell* is IPython's shell."""
        try:
            self._answer = _load(shell)
        except Exception as error:  # noqa: BLE001 (unpickling runs any code)
            self._answer = {"refused": _said(error)}

    def _repr_json_(self) -> dict[str, Any]:
        return self._answer


def _fork(shell: Any, most_bytes: int, most_seconds: float) -> dict[str, Any]:
    while _children:  # the one before has sent everything, or the service gave it up
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            os.kill(_children[-1], signal.SIGKILL)
            os.waitpid(_children[-1], 0)
        _children.pop()
    if busy := [t.name for t in threading.enumerate() if not _is_ours(t)]:
        return {"declined": f"a thread of a cell still runs: {busy[0]}"}
    room = memory.room_bytes()
    touched = (sys.getallocatedblocks() - _blocks_at_start) * BLOCK_BYTES
    if room is not None and 2 * touched > room:
        return {"declined": "memory is too short to pickle that many objects"}
    sent = _connected()
    state = random.getstate()  # a fork seeds the child's generator anew
    child = os.fork()
    if child == 0:
        try:
            _be_child(sent, most_seconds)
            random.setstate(state)
            _write(sent, shell, most_bytes)
        finally:
            os._exit(0)
    _children.append(child)
    sent.close()
    return {"forked": True}


def _connected() -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(SOCKET)
    except BaseException:
        connection.close()
        raise
    return connection


CODE = (_fork.__code__, _connected.__code__)
"""What may fork the kernel, and what may connect to `SOCKET` (`inside.audit_hook`)."""


def _is_ours(thread: threading.Thread) -> bool:
    return thread.name in OURS or "_watch_pipe_fd" in thread.name


def _be_child(sent: socket.socket, most_seconds: float) -> None:
    """Give up what belongs to the kernel; let it and its next cell come first."""
    gc.disable()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(max(1, int(most_seconds)))
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # if memory is short, this process goes and not the kernel
    os.closerange(3, sent.fileno())
    os.closerange(sent.fileno() + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    sys.stdout = sys.stderr = open(null, "w", closefd=False)  # noqa: SIM115 (until the end)


def _write(sent: socket.socket, shell: Any, most_bytes: int) -> None:
    try:
        manifest, segments = _snapshot(shell, most_bytes)
    except BaseException as error:  # noqa: BLE001 (pickling runs any code)
        _send(sent, {"declined": _said(error)})
        return
    _send(sent, manifest)
    for number in _receive(sent):
        for piece in segments[number]:
            sent.sendall(piece)


def _said(error: BaseException) -> str:
    if isinstance(error, snapshot_values.TooLarge):
        return "the variables are larger than a snapshot may be"
    return f"{type(error).__name__}: {error}"[:300]


def _snapshot(shell: Any, most_bytes: int) -> tuple[dict[str, Any], list[list[Any]]]:
    """Return the manifest, and the pieces of each segment."""
    values, not_held = _variables(shell)
    taken = _taken(values, not_held, most_bytes)
    prints = snapshot_prints.fingerprints(values)
    content = taken.content()
    raws = [buffer.raw() for buffer in taken.buffers]
    again = snapshot_values.unpickled(content, [raw.toreadonly() for raw in raws])
    if snapshot_prints.fingerprints(again) != prints:
        raise snapshot_values.NotHeld("a variable is another one once it was pickled")
    del again
    own = snapshot_values.pickled(snapshot_settings.settings(shell), most_bytes).content()
    segments, places = laid_out([content, own], raws)
    sizes = [sum(len(piece) for piece in pieces) for pieces in segments]
    if sum(sizes) > most_bytes:
        raise snapshot_values.TooLarge
    manifest = {
        "format": FORMAT,
        "made_with": _versions(),
        "names": sorted(values),
        "prints": prints,
        "not_held": not_held,
        "pickles": [len(content), len(own)],
        "buffers": places,
        "segments": [
            {"sha256": digest(pieces), "size": size}
            for pieces, size in zip(segments, sizes, strict=True)
        ],
    }
    return manifest, segments


def _versions() -> dict[str, str]:
    named = {name: sys.modules.get(name) for name in ("numpy", "pandas")}
    found = {name: str(module.__version__) for name, module in named.items() if module}
    return {"python": sys.version.split()[0], **found}


def _variables(shell: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the variables of the cells, and those that bear a name of the kernel's own."""
    hidden = shell.user_ns_hidden
    values, not_held = {}, {}
    for name, value in list(shell.user_ns.items()):
        if type(name) is not str or INTERNAL.fullmatch(name):
            continue
        if name not in hidden:
            values[name] = value
        elif hidden[name] is not value:
            not_held[name] = "it bears the name of one of the kernel's own"
    return values, not_held


def _taken(values: dict[str, Any], not_held: dict[str, str], most_bytes: int) -> Any:
    """Pickle *values*; move what can't be pickled from there to *not_held*."""
    try:
        return _tried(values, most_bytes)
    except snapshot_values.TooLarge:
        raise
    except Exception:  # noqa: BLE001 (pickling runs any code): which one is it?
        for name in list(values):
            try:
                _tried({name: values[name]}, most_bytes)
            except Exception as error:  # noqa: BLE001
                not_held[name] = _said(error)
    lost = [values.pop(name) for name in not_held if name in values]
    for name in _sharing(lost, values):
        not_held[name] = "it shares an object with a variable that can't be held"
        del values[name]
    return _tried(values, most_bytes)


def _tried(values: Mapping[str, Any], most_bytes: int) -> Any:
    taken = snapshot_values.pickled(values, most_bytes)
    buffers = [buffer.raw().toreadonly() for buffer in taken.buffers]
    snapshot_values.unpickled(taken.content(), buffers)
    return taken


def _sharing(lost: list[Any], values: Mapping[str, Any]) -> list[str]:
    """Return the names of *values* that share an object that can change with those *lost*."""
    if not lost:
        return []
    theirs = {id(found) for found in _reachable(lost)}
    return [
        name
        for name, value in values.items()
        if any(id(found) in theirs for found in _reachable([value]))
    ]


_FIXED = (
    str, bytes, int, float, complex, bool, type(None), type, tuple, frozenset, types.CodeType,
    types.ModuleType, types.BuiltinFunctionType, types.FunctionType,
)  # fmt: skip


def _reachable(roots: list[Any]) -> Iterator[Any]:
    """Yield the objects that can change and that *roots* refer to, themselves included."""
    seen, waiting, left = {id(sys.modules["__main__"].__dict__)}, list(roots), MOST_WALKED
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, type):
            continue
        seen.add(id(found))
        left -= 1
        if not left:
            raise snapshot_values.NotHeld("there are too many objects to see what is shared")
        kind = type(found)
        if kind not in _FIXED:
            yield found
        if kind not in (types.ModuleType, types.FunctionType, types.CodeType):
            waiting += gc.get_referents(found)


def _load(shell: Any) -> dict[str, Any]:
    with _connected() as connection, contextlib.ExitStack() as files:
        manifest = _receive(connection)
        descriptors = [_descriptor(connection, files) for _ in manifest["segments"]]
        if manifest["made_with"] != _versions() or manifest["format"] != FORMAT:
            made = ", ".join(f"{k} {v}" for k, v in manifest["made_with"].items())
            return {"refused": f"it was made with {made}"}
        whole = os.pread(descriptors[0], manifest["segments"][0]["size"], 0)
        buffers = _mapped(manifest, descriptors)
    variables, own = manifest["pickles"]
    if len(whole) != variables + own:
        return {"refused": "it was cut off"}

    def put(values: dict[str, Any]) -> None:
        hidden = shell.user_ns_hidden
        if bad := [n for n in values if type(n) is not str or INTERNAL.fullmatch(n) or n in hidden]:
            raise snapshot_values.NotHeld(f"{bad[0]!s:.80} is the kernel's own")
        shell.user_ns.update(values)

    values = snapshot_values.unpickled(whole[:variables], buffers, put)
    prints = snapshot_prints.fingerprints(values)
    if other := [n for n, was in manifest["prints"].items() if was != prints.get(n)]:
        return {"refused": f"{other[0]} is not what it was"}
    snapshot_settings.apply(snapshot_values.unpickled(whole[variables:], ()), shell)
    put(values)
    _forget(shell, {*values, *manifest["not_held"]})
    return {"restored": sorted(values), "prints": prints}


def _forget(shell: Any, known: Collection[str]) -> None:
    """Remove variables that cells before the snapshot set, and that were gone when it was made."""
    for name in list(shell.user_ns):
        if name not in known and name not in shell.user_ns_hidden and not INTERNAL.fullmatch(name):
            del shell.user_ns[name]


def _descriptor(connection: socket.socket, files: contextlib.ExitStack) -> int:
    _, ancillary, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(4))
    received = array.array("i")
    for _, _, data in ancillary:
        received.frombytes(data[:4])
    if not received:
        raise OSError("the service sent no file")
    files.callback(os.close, received[0])
    return received[0]


def _mapped(manifest: dict[str, Any], descriptors: list[int]) -> list[memoryview]:
    """Return the buffers: each has its memory for itself, which is the file's until it is written.

    The smaller ones lie side by side in one mapping; a segment of its own is mapped for each.
    """
    sizes = [segment["size"] for segment in manifest["segments"]]
    shared = memoryview(b"")
    if sizes[1]:
        shared = memoryview(mmap.mmap(descriptors[1], sizes[1], access=mmap.ACCESS_COPY))
    buffers = []
    for number, start, size, fixed in manifest["buffers"]:
        own = number > 1
        view = (
            memoryview(mmap.mmap(descriptors[number], size, access=mmap.ACCESS_COPY))
            if own
            else shared[start : start + size]
        )
        buffers.append(view.toreadonly() if fixed else view)
    return buffers


def _send(connection: socket.socket, value: Any) -> None:
    data = json.dumps(value).encode()
    connection.sendall(LENGTH.pack(len(data)) + data)


def _receive(connection: socket.socket) -> Any:
    (length,) = LENGTH.unpack(_exactly(connection, LENGTH.size))
    if length > MOST_MESSAGE_BYTES:
        raise OSError("the service's message is too long")
    return json.loads(_exactly(connection, length))


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError("the service closed the socket")
        data += part
    return bytes(data)


def apply(shell: Any) -> None:
    """Note the environment that kernels start with; reap the children between cells."""
    global _blocks_at_start
    snapshot_settings.note_start()
    _blocks_at_start = sys.getallocatedblocks()
    shell.events.register("pre_execute", _reap)


def _reap() -> None:
    for child in list(_children):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(child, os.WNOHANG)[0] == 0:
                continue
        _children.remove(child)
