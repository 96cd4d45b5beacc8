"""The zygote: a fork server that has done once what every kernel would do again.

It reads requests from a socket it inherited, forks, and each fork locks itself in
(`inside.confine`) and becomes a kernel (`inside.kernel_app`). Three generations: the
first, forked ahead while nobody waits, enters the namespaces and ends; the second is the
first process of the kernel's namespace, its init, which reaps and reports; the third is
the kernel.

Messages are single JSON datagrams. On the control socket: ``{"ready"}`` once, then
requests in, each with four descriptors (status socket, go, log, sockets directory). On a
kernel's status socket: ``init`` and ``kernel``, by which the owner learns their process ids →;
← ``go`` (they are in their control group); ``ready`` (the sockets are bound) →; ← ``attach``
with the workspace; ``attached`` →; ``exit`` with its status →; or ``failed``.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from inside import confine, kernel_app, linux  # type: ignore[import-not-found]

MESSAGE_BYTES = 256 * 1024
QUIET_SECONDS = 0.05


def serve(control: socket.socket, seccomp: bytes) -> None:
    """Fork a kernel for each request, until the other end closes."""
    app = kernel_app.build()
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the zygote runs {threads} threads and can't be forked")
    gc.collect()
    gc.freeze()
    control.send(json.dumps({"ready": True, "pid": os.getpid()}).encode())
    spare: socket.socket | None = None
    while True:
        if spare is None and not select.select([control], [], [], QUIET_SECONDS)[0]:
            _reap()
            spare = _fork_spare(app, seccomp, control)
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 8)
        if not message:
            return
        handed_over = spare is not None and _hand_over(spare, message, descriptors)
        if not handed_over and os.fork() == 0:
            _become_kernel(app, json.loads(message), seccomp, *descriptors)
        spare = None
        for descriptor in descriptors:
            os.close(descriptor)
        _reap()


def _fork_spare(app: Any, seccomp: bytes, control: socket.socket) -> socket.socket:
    """Fork ahead, while nobody waits: the next request finds its process made."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        control.close()
        message, descriptors, _, _ = socket.recv_fds(theirs, MESSAGE_BYTES, 8)
        if not message:
            os._exit(0)
        _become_kernel(app, json.loads(message), seccomp, *descriptors)
    theirs.close()
    return ours


def _hand_over(spare: socket.socket, message: bytes, descriptors: list[int]) -> bool:
    """Give a request to the process forked ahead; whether that was still there."""
    with spare:
        try:
            socket.send_fds(spare, [message], descriptors)
        except OSError:
            return False
    return True


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _become_kernel(
    app: Any, request: dict[str, Any], seccomp: bytes, status: int, go: int, log: int, sockets: int
) -> NoReturn:
    code = 1
    try:
        confine.close_other_descriptors({status, go, log, sockets})
        channel = socket.socket(fileno=status)
        try:
            code = _lock_in(app, request, seccomp, channel, socket.socket(fileno=go), log, sockets)
        except BaseException as error:  # noqa: BLE001 (a fork never returns to the zygote's loop)
            traceback.print_exc()
            channel.send(json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())
    finally:
        os._exit(code)


def _lock_in(
    app: Any,
    request: dict[str, Any],
    seccomp: bytes,
    channel: socket.socket,
    go: socket.socket,
    log: int,
    sockets: int,
) -> int:
    confine.use_log(log)
    confine.enter_namespaces(request["uid"])
    if os.fork():
        return 0
    os.setsid()
    linux.set_name("kernel-init")
    # Nobody inside may look into the process that reports on the kernel.
    linux.set_dumpable(False)
    channel.send(json.dumps({"init": True}).encode())
    confine.arrange_mounts(sockets, request["tmp_bytes"])
    confine.name_host()
    kernel = os.fork()
    if kernel == 0:
        _run_kernel(app, request, seccomp, channel, go)
    go.close()
    return _be_init(kernel, seccomp, channel)


def _run_kernel(
    app: Any, request: dict[str, Any], seccomp: bytes, channel: socket.socket, go: socket.socket
) -> NoReturn:
    code = 1
    try:
        linux.set_name("kernel")
        linux.set_dumpable(True)
        # Should the host run out of memory, a kernel goes before the service does.
        Path("/proc/self/oom_score_adj").write_text("500")
        confine.apply_rlimits(request["rlimits"])
        confine.give_up_rights(seccomp)
        channel.send(json.dumps({"kernel": True}).encode())
        go.recv(MESSAGE_BYTES)  # what it takes from here on counts against its limits
        go.close()
        for directory in (os.environ["MPLCONFIGDIR"], os.environ["IPYTHONDIR"]):
            os.makedirs(directory, exist_ok=True)
        kernel_app.connect(app, request["connection"])
        channel.send(json.dumps({"ready": True}).encode())
        channel.close()
        app.start()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 (its log is all that is left to tell)
        traceback.print_exc()
    finally:
        os._exit(code)


def _be_init(kernel: int, seccomp: bytes, channel: socket.socket) -> int:
    """Attach the workspace when told to, then reap until the kernel ends; report how."""
    handle = os.pidfd_open(kernel)
    ready, _, _ = select.select([channel.fileno(), handle], [], [])
    if channel.fileno() in ready:
        message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 1)
        if not message:
            return 1
        confine.attach_workspace(descriptors[0])
    # From here on this process does nothing but wait.
    confine.give_up_rights(seccomp)
    if channel.fileno() in ready:
        channel.send(json.dumps({"attached": True}).encode())
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == kernel:
            break
    ended: dict[str, int | None] = {"exit_code": None, "signal": None}
    if os.WIFSIGNALED(status):
        ended["signal"] = os.WTERMSIG(status)
    else:
        ended["exit_code"] = os.waitstatus_to_exitcode(status)
    channel.send(json.dumps({"exit": ended}).encode())
    return 0


def _supervise(server: int) -> None:
    """Stay while the server or any kernel lives: the sandbox ends with this process."""
    linux.set_name("zygote-init")
    status = 0
    while True:
        try:
            pid, ended = os.waitpid(-1, 0)
        except ChildProcessError:
            sys.exit(os.waitstatus_to_exitcode(status) and 1)
        if pid == server:
            status = ended


def main() -> None:
    """Serve on an inherited socket: ``zygote.py CONTROL_FD SECCOMP_FD``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Kernels outlive a server that crashed: they become this process's children.
    linux.become_subreaper()
    server = os.fork()
    if server:
        os.close(int(sys.argv[1]))
        _supervise(server)
    linux.set_name("zygote")
    control = socket.socket(fileno=int(sys.argv[1]))
    with os.fdopen(int(sys.argv[2]), "rb") as file:
        seccomp = file.read()
    # Looked up before the fork, so that no child has to.
    ctypes.CDLL(None)
    Path(os.environ["MPLCONFIGDIR"]).mkdir(parents=True, exist_ok=True)
    serve(control, seccomp)


if __name__ == "__main__":
    main()
