"""The ``execute_request`` messages of one path's clients that have not begun to run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from kernel_gateway.channels.wire_format import Message
from kernel_gateway.ids import new_id

MOST_WAITING = 1000
WAITING_BYTES = 16_000_000


@dataclass(slots=True)
class Asked:
    """An ``execute_request``.

    Attributes:
        message: As its client sent it.
        user: The client's user.
        size: Size of its frame, in bytes (binary) or characters (text).
        turn_id: The id of the turn that will run it.
        aborted: It must not run: one before it failed, or the kernel was interrupted.
        task: Waits until its time comes, and answers it.
        started: The task runs: one that is cancelled before never answers.
    """

    message: Message
    user: str
    size: int
    turn_id: str = field(default_factory=lambda: new_id("turn"))
    aborted: bool = False
    task: asyncio.Task[None] | None = None
    started: bool = False


class Waiting:
    """The requests that wait, bounded in number and size; `kernel_gateway.turns` orders them."""

    def __init__(self) -> None:
        self._waiting: dict[str, Asked] = {}

    def put(self, asked: Asked) -> bool:
        """Add *asked*; return ``False`` if too many wait, by number or size."""
        size = sum(earlier.size for earlier in self._waiting.values())
        if len(self._waiting) >= MOST_WAITING or size > WAITING_BYTES:
            return False
        self._waiting[asked.turn_id] = asked
        return True

    def take(self, asked: Asked) -> None:
        """Remove *asked*: it runs, or is answered."""
        self._waiting.pop(asked.turn_id, None)

    def has(self, asked: Asked) -> bool:
        """Whether *asked* still waits."""
        return asked.turn_id in self._waiting

    def any_to_run(self) -> bool:
        """Whether one waits that is not aborted."""
        return any(not asked.aborted for asked in self._waiting.values())

    def message_ids(self) -> set[str]:
        """Return the ``msg_id`` of each request that waits."""
        return {each.message["header"]["msg_id"] for each in self._waiting.values()}

    def abort(self) -> None:
        """Abort all that wait now: they will not run."""
        for asked in self._waiting.values():
            asked.aborted = True

    def wake_aborted(self) -> None:
        """Let those that were aborted be answered now."""
        for asked in self._waiting.values():
            if asked.aborted and asked.started and asked.task is not None:
                asked.task.cancel()
