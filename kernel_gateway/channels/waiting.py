"""The queue of one path's ``execute_request`` messages."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from kernel_gateway.channels.wire_format import Message

MOST_WAITING = 1000
WAITING_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """An ``execute_request``.

    Attributes:
        message: As its client sent it.
        user: The client's user.
        size: Size of its frame, in bytes (binary) or characters (text).
    """

    message: Message
    user: str
    size: int


class Waiting:
    """A queue of requests, bounded in number and size."""

    def __init__(self) -> None:
        self._line: deque[Asked] = deque()

    def put(self, asked: Asked) -> bool:
        """Queue *asked*; return ``False`` if the queue is full by number or size."""
        size = sum(earlier.size for earlier in self._line)
        if len(self._line) >= MOST_WAITING or size > WAITING_BYTES:
            return False
        self._line.append(asked)
        return True

    def next(self) -> Asked | None:
        """Remove and return the oldest request; ``None`` if the queue is empty."""
        return self._line.popleft() if self._line else None

    def take_all(self) -> list[Asked]:
        """Remove and return all requests, in order."""
        everyone, self._line = list(self._line), deque()
        return everyone
