"""A kernel channel whose `send` never blocks, even when the kernel reads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jupyter_client.channels import AsyncZMQSocketChannel

MOST_UNSENT = 1000
UNSENT_BYTES = 16_000_000


class Channel(AsyncZMQSocketChannel):  # type: ignore[misc]
    """A channel that sends through pyzmq's asyncio support, as it receives.

    jupyter_client's own channel sends on the plain socket, which has two faults. It blocks the
    event loop when the kernel does not read. And the send can consume ZMQ's edge-triggered
    notice of a reply, so that the reply is not received.

    Source: zmq_socket(3), "ZMQ_DEALER"; zmq_getsockopt(3), "ZMQ_FD".
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._unsent: dict[Any, int] = {}

    @property
    def takes_more(self) -> bool:
        """Whether the queue of unsent messages has room."""
        return len(self._unsent) < MOST_UNSENT and sum(self._unsent.values()) < UNSENT_BYTES

    def send(self, msg: dict[str, Any]) -> None:
        """Send a message in jupyter_client's form; it may have buffers."""
        self.send_frames([*self.session.serialize(msg), *msg.get("buffers", ())])

    def send_frames(self, frames: Sequence[bytes]) -> None:
        """Send the frames that `container.messages.write_message` returned."""
        sending = self.socket.send_multipart(frames)
        if not sending.done():
            self._unsent[sending] = sum(len(frame) for frame in frames)
            sending.add_done_callback(self._unsent.pop)
