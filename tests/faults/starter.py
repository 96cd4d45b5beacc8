"""Starts services by forking a process that has imported everything: most of a start is that.

``python -m tests.faults.starter FD`` serves one client, over the socket FD, until it closes.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TextIO

MOST_BYTES = 1 << 20


class ServiceProcess:
    """A `tallybook serve` process, with what `subprocess.Popen` has of it."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        """Start it; what it logs is added to the file *log*."""
        reading, writing = os.pipe()
        with log.open("a") as errors:
            asked = {"arguments": arguments, "environment": environment}
            self.pid = _ask(asked, [writing, errors.fileno()])
        os.close(writing)
        self.stdout: TextIO = os.fdopen(reading)
        self._code: int | None = None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended and `wait` told so."""
        if self._code is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        """Return its exit status, once it has ended; negative, the signal that ended it.

        Raises:
            subprocess.TimeoutExpired: It runs on.
        """
        if self._code is None:
            self._code = _ask({"wait": self.pid, "seconds": timeout})
            if self._code is None:
                raise subprocess.TimeoutExpired("tallybook serve", timeout)
        return self._code


_starter: list[socket.socket] = []
_asking = threading.Lock()


def _ask(request: dict[str, object], descriptors: list[int] | None = None):
    with _asking:
        return _answer_of(request, descriptors or [])


def _answer_of(request: dict[str, object], descriptors: list[int]):
    if not _starter:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-m", "tests.faults.starter", str(number)]
            process = subprocess.Popen(command, pass_fds=[number], start_new_session=True)
        _starter.append(ours)
        atexit.register(process.wait)
        atexit.register(ours.close)  # which ends it, before it is waited for
    message = json.dumps(request).encode()
    socket.send_fds(_starter[0], [message], descriptors)
    answer = _starter[0].recv(MOST_BYTES)
    assert answer, "the process that starts services ended"
    return json.loads(answer)


def serve(client: socket.socket) -> None:
    """Start services and wait for their ends, as *client* asks."""
    from kernel_gateway import wiring  # noqa: F401 (so that no service has to)
    from kernel_gateway.cli import cli

    while True:
        message, descriptors, _flags, _address = socket.recv_fds(client, MOST_BYTES, 2)
        if not message:
            return
        asked = json.loads(message)
        if "wait" in asked:
            answer = _exit_code(asked["wait"], asked["seconds"])
        elif (answer := os.fork()) == 0:
            client.close()
            os.setsid()
            for descriptor, standard in zip(descriptors, (1, 2), strict=True):
                os.dup2(descriptor, standard)
                os.close(descriptor)
            os.environ.clear()
            os.environ.update(asked["environment"])
            sys.exit(cli.main(asked["arguments"]))
        for descriptor in descriptors:
            os.close(descriptor)
        client.send(json.dumps(answer).encode())


def _exit_code(pid: int, seconds: float) -> int | None:
    signal.signal(signal.SIGALRM, _too_late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with contextlib.suppress(TimeoutError):
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _too_late(*_: object) -> None:
    raise TimeoutError


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
