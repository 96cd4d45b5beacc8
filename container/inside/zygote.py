"""The zygote: a fork server that has imported and initialised what every kernel needs.

It reads requests from a socket it inherited. Each fork confines itself (`inside.confine`) and
becomes a kernel (`inside.kernel_app`). There are two processes per kernel, both forked ahead
while no request waits. The first is the init of new namespaces: it arranges the mounts, reaps
and reports. The second is the kernel: its warm-up writes to the pages that it will need, so
that they are copied before a request comes.

Messages are single JSON datagrams. Control socket: the zygote sends ``ready`` once, then
receives requests, each with descriptors: status socket, log, sockets directory, the workspace
and its inputs if known, and the files to join its control groups. Status socket: the init
sends ``init`` (the owner reads its process id from the credentials) and ``ready`` (the sockets
are bound); without a workspace it then receives ``attach`` with the workspace and its inputs,
and sends ``attached``; at the end it sends ``exit`` with the status, or ``failed``.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from inside import confine, heap, kernel_app, linux  # type: ignore[import-not-found]

MESSAGE_BYTES = 256 * 1024
MOST_DESCRIPTORS = 16
QUIET_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Unborn:
    """An init with its kernel, forked ahead, that waits for a request."""

    pid: int
    channel: socket.socket


def serve(control: socket.socket, seccomp: bytes) -> None:
    """Fork a kernel for each request, until the other end closes."""
    with heap.in_one_piece():
        app = kernel_app.build()
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise RuntimeError(f"the zygote runs {threads} threads and can't be forked")
    heap.collapse()
    # No need to wait for an init: it has reported before it ends.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control.send(json.dumps({"ready": True, "pid": os.getpid()}).encode())
    spare: Unborn | None = None
    while True:
        if spare is None and not select.select([control], [], [], QUIET_SECONDS)[0]:
            with contextlib.suppress(OSError):  # the next request retries and reports the error
                spare = _fork(app, seccomp, control, ahead=True)
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, MOST_DESCRIPTORS)
        if not message:
            return
        if spare is None or not _hand_over(spare, message, descriptors):
            _fork_for(message, descriptors, app, seccomp, control)
        spare = None
        for descriptor in descriptors:
            os.close(descriptor)


def _fork_for(
    message: bytes, descriptors: list[int], app: Any, seccomp: bytes, control: socket.socket
) -> None:
    try:
        unborn = _fork(app, seccomp, control, ahead=False)
        if not _hand_over(unborn, message, descriptors):
            raise ChildProcessError("the process ended before it became a kernel")
    except OSError as error:
        with socket.socket(fileno=os.dup(descriptors[0])) as channel:
            _report_failure(channel, error)


def _report_failure(channel: socket.socket, error: BaseException) -> None:
    with contextlib.suppress(OSError):
        channel.send(json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())


def _fork(app: Any, seccomp: bytes, control: socket.socket, *, ahead: bool) -> Unborn:
    """Fork an init that serves the request `_hand_over` sends it.

    Args:
        app: What `kernel_app.build` returned.
        seccomp: The filter, as `linux.load_seccomp` takes it.
        control: The zygote's own socket, to close in the child.
        ahead: No request waits, so the kernel may warm up.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = linux.fork_into(linux.NEW_NAMESPACES)
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        ours.close()
        control.close()
        _await_request(app, seccomp, theirs, ahead=ahead)
    theirs.close()
    return Unborn(pid, ours)


def _hand_over(unborn: Unborn, message: bytes, descriptors: list[int]) -> bool:
    """Map its user and send it its request; return whether it was alive."""
    with unborn.channel:
        try:
            confine.map_users(unborn.pid, json.loads(message)["uid"])
            socket.send_fds(unborn.channel, [message], descriptors)
        except OSError:
            return False
    return True


def _await_request(app: Any, seccomp: bytes, server: socket.socket, *, ahead: bool) -> NoReturn:
    """Fork the kernel, wait for a request, then be the kernel's init."""
    code = 1
    try:
        os.setsid()
        kernel, ours = _fork_kernel(app, seccomp, server, ahead=ahead)
        message, (status, *others), _, _ = socket.recv_fds(server, MESSAGE_BYTES, MOST_DESCRIPTORS)
        if os.waitpid(kernel, os.WNOHANG)[0]:  # it ended before the request
            ours.close()
            kernel, ours = _fork_kernel(app, seccomp, server, ahead=False)
        confine.close_other_descriptors({ours.fileno(), status, *others})
        channel = socket.socket(fileno=status)
        try:
            attached = _arrange(json.loads(message), ours, channel, *others)
            code = _be_init(kernel, seccomp, channel, ours, attached=attached)
        except BaseException as error:  # noqa: BLE001 (a fork never returns to the zygote's loop)
            traceback.print_exc()
            _report_failure(channel, error)
    finally:
        os._exit(code)  # the kernel ends with the first process of its pid namespace


def _fork_kernel(
    app: Any, seccomp: bytes, server: socket.socket, *, ahead: bool
) -> tuple[int, socket.socket]:
    """Fork the kernel; return its process id, and the socket to send its request to."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kernel = os.fork()
    if kernel == 0:
        server.close()
        ours.close()
        _become_kernel(app, seccomp, theirs, ahead=ahead)
    theirs.close()
    return kernel, ours


def _arrange(
    request: dict[str, Any],
    kernel: socket.socket,
    channel: socket.socket,
    log: int,
    sockets: int,
    *others: int,
) -> bool:
    """Set up the kernel's mounts and send it its request; return whether it has a workspace."""
    mounts, doors = (others[:2], others[2:]) if request["workspace"] else ((), others)
    confine.use_log(log)
    confine.join_control_group(doors)
    confine.become_user()
    linux.set_name("kernel-init")
    # No process inside may inspect the one that reports on the kernel.
    linux.set_dumpable(False)
    channel.send(json.dumps({"init": True}).encode())
    confine.arrange_mounts(sockets, request["tmp_bytes"])
    if mounts:
        confine.attach_workspace(*mounts)
    confine.name_host()
    socket.send_fds(kernel, [json.dumps(request).encode()], [sys.stdout.fileno(), *doors])
    for door in doors:
        os.close(door)
    return bool(mounts)


def _become_kernel(app: Any, seccomp: bytes, init: socket.socket, *, ahead: bool) -> NoReturn:
    code = 1
    try:
        linux.set_name("kernel")
        if ahead:
            kernel_app.warm_up(app, lambda: bool(select.select([init], [], [], 0)[0]))
        message, (log, *doors), _, _ = socket.recv_fds(init, MESSAGE_BYTES, MOST_DESCRIPTORS)
        confine.close_other_descriptors({init.fileno(), log, *doors})
        confine.use_log(log)
        confine.join_control_group(doors)
        for door in doors:
            os.close(door)
        confine.become_user()
        _run_kernel(app, json.loads(message), seccomp, init)
    except ValueError:  # no descriptors: its init has ended
        pass
    except BaseException:  # noqa: BLE001 (its log is the only report left)
        traceback.print_exc()
    finally:
        os._exit(code)


def _run_kernel(
    app: Any, request: dict[str, Any], seccomp: bytes, binding: socket.socket
) -> NoReturn:
    code = 1
    try:
        linux.set_dumpable(True)
        # If the host runs out of memory, Linux kills a kernel before the service.
        Path("/proc/self/oom_score_adj").write_text("500")
        confine.apply_rlimits(request["rlimits"])
        confine.give_up_rights(seccomp)
        for directory in (os.environ["MPLCONFIGDIR"], os.environ["IPYTHONDIR"]):
            os.makedirs(directory, exist_ok=True)
        kernel_app.connect(app, request["connection"], audited=request["audited"])
        binding.send(b"bound")
        binding.close()
        app.start()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 (its log is the only report left)
        traceback.print_exc()
    finally:
        os._exit(code)


def _be_init(
    kernel: int, seccomp: bytes, channel: socket.socket, bound: socket.socket, *, attached: bool
) -> int:
    """Attach the workspace if it is not attached; reap until the kernel ends; report."""
    with bound:
        started = bool(bound.recv(MESSAGE_BYTES))
    if started:
        confine.protect_sockets()
        if not attached:
            channel.send(json.dumps({"ready": True}).encode())
            if not _attach(kernel, channel):
                return 1
    # From now on this process only waits.
    confine.give_up_rights(seccomp)
    if started:
        channel.send(json.dumps({"ready" if attached else "attached": True}).encode())
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


def _attach(kernel: int, channel: socket.socket) -> bool:
    """Wait for a workspace or the kernel's end; ``False`` if the owner closed the socket."""
    handle = os.pidfd_open(kernel)
    ready, _, _ = select.select([channel.fileno(), handle], [], [])
    os.close(handle)
    if channel.fileno() not in ready:
        return True
    message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 2)
    if message:
        confine.attach_workspace(*descriptors)
    return bool(message)


def _supervise(server: int) -> None:
    """Wait until the server and all kernels have ended: the sandbox ends with this process."""
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
    confine.schedule_normally()
    # If the server crashes, its kernels go on as children of this process.
    linux.become_subreaper()
    server = os.fork()
    if server:
        os.close(int(sys.argv[1]))
        _supervise(server)
    linux.set_name("zygote")
    # Drop the service's groups here, as a kernel's namespace denies the call. A service that
    # is not root may not make it.
    if Path("/proc/self/setgroups").read_text().strip() == "allow":
        os.setgroups([])
    control = socket.socket(fileno=int(sys.argv[1]))
    with os.fdopen(int(sys.argv[2]), "rb") as file:
        seccomp = file.read()
    # Loaded before the fork, so that no child has to.
    ctypes.CDLL(None)
    Path(os.environ["MPLCONFIGDIR"]).mkdir(parents=True, exist_ok=True)
    serve(control, seccomp)


if __name__ == "__main__":
    main()
