"""One of a kernel's channels: whether the kernel reads it or not, sending waits for nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jupyter_client.channels import AsyncZMQSocketChannel

MOST_UNSENT = 1000
UNSENT_BYTES = 16_000_000


class Channel(AsyncZMQSocketChannel):  # type: ignore[misc]
    """A channel that sends by pyzmq's asyncio, as it receives.

    jupyter_client's own goes past that. Once the kernel reads nothing it waits, and with it the
    whole service; and a reply that comes in the moment something is sent is not heard: ZMQ says
    that there is one only once, to whoever uses the socket next.

    Source: zmq_socket(3), "ZMQ_DEALER"; zmq_getsockopt(3), "ZMQ_FD".
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._unsent: dict[Any, int] = {}

    @property
    def takes_more(self) -> bool:
        """Whether little enough waits for the kernel for more to be sent."""
        return len(self._unsent) < MOST_UNSENT and sum(self._unsent.values()) < UNSENT_BYTES

    def send(self, msg: dict[str, Any]) -> None:
        """Send a message as jupyter_client has it; it may have buffers."""
        self.send_frames([*self.session.serialize(msg), *msg.get("buffers", ())])

    def send_frames(self, frames: Sequence[bytes]) -> None:
        """Send what `container.messages.write_message` gave."""
        sending = self.socket.send_multipart(frames)
        if not sending.done():
            self._unsent[sending] = sum(len(frame) for frame in frames)
            sending.add_done_callback(self._unsent.pop)
