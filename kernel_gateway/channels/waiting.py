"""The execute_requests of one path that wait for their turn."""

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
        user: Who they are.
        size: Of its frame, in bytes or characters.
    """

    message: Message
    user: str
    size: int


class Waiting:
    """Requests in line, of bounded number and size."""

    def __init__(self) -> None:
        self._line: deque[Asked] = deque()

    def put(self, asked: Asked) -> bool:
        """Put *asked* in line; ``False`` when too many wait, or too large ones."""
        size = sum(earlier.size for earlier in self._line)
        if len(self._line) >= MOST_WAITING or size > WAITING_BYTES:
            return False
        self._line.append(asked)
        return True

    def next(self) -> Asked | None:
        """Take the one that has waited longest."""
        return self._line.popleft() if self._line else None

    def take_all(self) -> list[Asked]:
        """Take everyone, in order."""
        everyone, self._line = list(self._line), deque()
        return everyone
