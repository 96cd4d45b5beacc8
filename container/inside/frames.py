"""Send the frames of a message, in less time than pyzmq takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zmq import backend
from zmq.constants import Flag
from zmq.sugar.socket import Socket

SEND_MORE = int(Flag.SNDMORE)
_send = backend.Socket.send


def send_frames(socket: Socket[Any], frames: Sequence[bytes]) -> None:
    """Send *frames*, of which there has to be one, as one message.

    pyzmq's ``send_multipart`` combines its flags anew for each, which takes longer than to send it.
    """
    for frame in frames[:-1]:
        _send(socket, frame, SEND_MORE)
    _send(socket, frames[-1])
