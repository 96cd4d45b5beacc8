"""The kernel's stdin socket, which loses no question to a client that is still connecting."""

from __future__ import annotations

import errno
import time
from typing import Any

from zmq.error import ZMQError
from zmq.sugar.socket import Socket

RETRY_SECONDS = 0.005


class StdinSocket(Socket[bytes]):  # type: ignore[misc]
    """A ROUTER that waits for its client.

    A plain ROUTER drops an ``input_request`` to a client whose handshake it has not finished,
    and the cell would wait for ever. The client can't know when the kernel's side is done.

    Source: zmq_setsockopt(3), "ZMQ_ROUTER_MANDATORY".
    """

    def send_multipart(self, *args: Any, **kwargs: Any) -> Any:
        """Send as `zmq.Socket` does, once the client is there; an interrupt ends the wait."""
        while True:
            try:
                return super().send_multipart(*args, **kwargs)
            except ZMQError as error:
                if error.errno != errno.EHOSTUNREACH:
                    raise
            time.sleep(RETRY_SECONDS)


def wait_for_client(socket: Socket[bytes]) -> StdinSocket:
    """Return *socket*, the kernel's bound ROUTER, as one that waits."""
    socket.router_mandatory = 1
    waiting: StdinSocket = StdinSocket.shadow(socket)
    return waiting
