"""Record the outputs of a kernel's last cell, in the shim.

The client that runs the cell reads the kernel's iopub channel itself. The shim subscribes
too, so that if the client dies it can send the same messages to a successor.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from zmq.constants import Event, Flag, SocketOption, SocketType
from zmq.error import ZMQError
from zmq.sugar.context import Context
from zmq.sugar.socket import Socket

from container.messages import DELIMITER
from container.shim.socket_poller import SocketPoller

ROOM_BYTES = 1024 * 1024
RECONNECT_SECONDS = 0.1
MOST_AT_ONCE = 1000
CATCH_UP_SECONDS = 0.2
"""A kernel that floods its channel must not keep the owner of all kernels busy."""
MOST_SOCKETS = 65_000


@functools.cache
def _context() -> Context[Socket[bytes]]:
    context = Context()
    context.max_sockets = MOST_SOCKETS
    return context


class OutputRecorder:
    """Records the messages of the running cell, or of the last one.

    Attributes:
        frames: The messages, each as the frames after ZMQ's topic.
        cell: The ``msg_id`` of the execute_request they answer.
        busy: The cell has not ended yet.
        began: `time.monotonic` at the cell's start.
        overflowed: Messages are missing because the record reached its limit.
    """

    def __init__(self, endpoint: str, key: str, limit_bytes: int, poller: SocketPoller) -> None:
        """Subscribe to the kernel's iopub channel.

        Args:
            endpoint: The channel's ZMQ address.
            key: The key the kernel signs with.
            limit_bytes: The most one cell may print.
            poller: Calls `take_some` when messages have arrived.
        """
        self.frames: list[list[bytes]] = []
        self.cell: str | None = None
        self.busy = False
        self.began = 0.0
        self.overflowed = False
        self._bytes = 0
        self._limit = limit_bytes + ROOM_BYTES
        self._key = key.encode()
        self._endpoint, self._poller = endpoint, poller
        self._reconnecting: asyncio.TimerHandle | None = None
        self.listeners: list[Callable[[], None]] = []
        self._connect()

    def _connect(self) -> None:
        socket = self._socket = _context().socket(SocketType.SUB)
        socket.rcvhwm = 0
        socket.linger = 0
        socket.maxmsgsize = self._limit
        socket.subscribe(b"")
        self._monitor = socket.get_monitor_socket(Event.DISCONNECTED)
        socket.connect(self._endpoint)
        self._poller.watch(socket.get(SocketOption.FD), self.take_some)
        self._poller.watch(self._monitor.get(SocketOption.FD), self._notice_disconnect)

    def _disconnect(self) -> None:
        for socket in (self._socket, self._monitor):
            self._poller.forget(socket.get(SocketOption.FD))
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(0)

    def _notice_disconnect(self) -> bool:
        """Reconnect after ZMQ refused a message for its size and closed the connection."""
        with contextlib.suppress(ZMQError):
            self._monitor.recv_multipart(Flag.DONTWAIT)
            if self._reconnecting is None:
                loop = asyncio.get_running_loop()
                self._reconnecting = loop.call_later(RECONNECT_SECONDS, self._reconnect)
        return False

    def _reconnect(self) -> None:
        self._reconnecting = None
        self.overflowed = True
        self.catch_up()
        self._disconnect()
        self._connect()

    def catch_up(self) -> None:
        """Record all messages received so far, and call the listeners."""
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while self.take_some():
            if time.monotonic() >= deadline:
                self._poller.go_on(self.take_some)
                break

    def take_some(self) -> bool:
        """Record up to `MOST_AT_ONCE` received messages; return whether there may be more."""
        more = True
        for _ in range(MOST_AT_ONCE):
            try:
                frames = self._socket.recv_multipart(Flag.DONTWAIT)
            except ZMQError:
                more = False
                break
            # Code in the kernel can send anything, but it spoils only its own record.
            with contextlib.suppress(Exception):
                self._take(frames)
        for listener in list(self.listeners):
            listener()
        return more

    def _take(self, frames: list[bytes]) -> None:
        start = frames.index(DELIMITER)
        # Code in the kernel could replace its socket with a link to another kernel's.
        signed = hmac.new(self._key, b"".join(frames[start + 2 : start + 6]), hashlib.sha256)
        if not hmac.compare_digest(signed.hexdigest().encode(), frames[start + 1]):
            return
        header, parent = json.loads(frames[start + 2]), json.loads(frames[start + 3])
        if parent.get("msg_type") != "execute_request":
            return
        if header["msg_type"] == "status" and parent["msg_id"] != self.cell:
            self._begin(str(parent["msg_id"]))
        if parent["msg_id"] != self.cell:
            return
        size = sum(len(frame) for frame in frames)
        ends = header["msg_type"] == "status" and b'"idle"' in frames[start + 5]
        if self._bytes + size <= self._limit or ends:
            self._bytes += size
            self.frames.append(frames[start:])
        else:
            self.overflowed = True
        if ends:
            self.busy = False

    def _begin(self, cell: str) -> None:
        self.frames, self.cell, self.busy = [], cell, True
        self.began, self.overflowed, self._bytes = time.monotonic(), False, 0

    def state(self) -> dict[str, Any]:
        """Return the last cell's id, whether it runs, and for how many seconds."""
        self.catch_up()
        seconds = time.monotonic() - self.began if self.busy else 0.0
        return {"cell": self.cell, "busy": self.busy, "seconds": seconds}

    def close(self) -> None:
        """Close the subscription."""
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        self._disconnect()


def frames_to_json(frames: list[bytes]) -> list[str]:
    """Render a message's frames as base64 strings."""
    return [base64.b64encode(frame).decode() for frame in frames]


def frames_from_json(value: list[str]) -> list[bytes]:
    """Undo `frames_to_json`."""
    return [base64.b64decode(frame) for frame in value]
