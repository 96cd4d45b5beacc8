"""Undelivered replies: of connected clients, and of disconnected ones until they reconnect."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kernel_gateway.channels.wire_format import Message, encode

MOST_MISSED = 1000
MISSED_BYTES = 16_000_000
UNSENT_BYTES = 16_000_000
log = logging.getLogger("tallybook.channels")


@dataclass(frozen=True, slots=True)
class _Missed:
    session_id: str
    message: Message
    size: int


class MissedReplies:
    """The latest replies to one kernel's disconnected clients.

    Number and size are bounded: a kernel decides how large its replies are, and a client may
    never reconnect. The kernel's iopub messages are in the event log, not here.
    """

    def __init__(self) -> None:
        self._missed: deque[_Missed] = deque()
        self._bytes = 0

    def keep(self, session_id: str, message: Message) -> None:
        """Keep *message*; drop the oldest ones beyond the limits."""
        entry = _Missed(session_id, message, len(encode(message, None)))
        self._missed.append(entry)
        self._bytes += entry.size
        while len(self._missed) > 1 and (
            len(self._missed) > MOST_MISSED or self._bytes > MISSED_BYTES
        ):
            oldest = self._missed.popleft()
            self._bytes -= oldest.size
            log.warning("a reply that session %r did not fetch is dropped", oldest.session_id)

    def take(self, session_id: str) -> list[Message]:
        """Remove and return the replies *session_id* missed, in order."""
        taken = [entry for entry in self._missed if entry.session_id == session_id]
        if taken:
            self._missed = deque(e for e in self._missed if e.session_id != session_id)
            self._bytes -= sum(entry.size for entry in taken)
        return [entry.message for entry in taken]


class UnsentReplies:
    """Replies to one connected client, until its socket has taken them."""

    def __init__(self, protocol: str | None) -> None:
        """Hold replies for a websocket that speaks *protocol*."""
        self._protocol = protocol
        self._waiting: deque[tuple[Message, str | bytes]] = deque()
        self._bytes = 0
        self._come = asyncio.Event()

    def put(self, message: Message) -> bool:
        """Add *message*; return ``False`` if the client has more than `UNSENT_BYTES` unread."""
        reads = self._bytes <= UNSENT_BYTES
        frame = encode(message, self._protocol)
        self._waiting.append((message, frame))
        self._bytes += len(frame)
        self._come.set()
        return reads

    async def send_all(self, send: Callable[[str | bytes], Awaitable[None]]) -> None:
        """Send every present and future reply, until cancelled.

        A reply is removed only after it was sent: if the connection breaks, it is sent again.
        """
        while True:
            while self._waiting:
                first = self._waiting[0]
                await send(first[1])
                if self._waiting and self._waiting[0] is first:  # else `take` removed it
                    self._waiting.popleft()
                    self._bytes -= len(first[1])
            self._come.clear()
            await self._come.wait()

    def take(self) -> list[Message]:
        """Remove and return the unsent replies, in order."""
        unsent = [message for message, _ in self._waiting]
        self._waiting.clear()
        self._bytes = 0
        return unsent
