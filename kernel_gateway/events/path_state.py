"""The in-memory part of one path's event log."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kernel_gateway.store.tables import NewRow

RECENT = 64
RECENT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a path.

    Attributes:
        seq: Its number.
        kind: Its kind.
        turn: The turn it belongs to, if any.
        at: When it was emitted, ISO 8601.
        text: Its data as the JSON text that is stored and sent.
        given: Its data as it was emitted, if that is kept in memory.
    """

    seq: int
    kind: str
    turn: str | None
    at: str
    text: str
    given: Mapping[str, Any] | None = None

    @property
    def data(self) -> Any:
        """The event's data."""
        return self.given if self.given is not None else json.loads(self.text)

    def json(self) -> str:
        """Return the event as clients get it: ``{"seq", "kind", "turn", "at", "data"}``."""
        head = {"seq": self.seq, "kind": self.kind, "turn": self.turn, "at": self.at}
        return f'{json.dumps(head)[:-1]}, "data": {self.text}}}'


@dataclass(frozen=True, slots=True)
class Storing:
    """The content of one transaction.

    Attributes:
        batch: Events, in order.
        row_updates: Changes of turns' rows: turn id and columns.
        added: Rows to insert.
        stored: The first attempt to store them.
    """

    batch: list[Event]
    row_updates: list[tuple[str, dict[str, Any]]]
    added: list[NewRow]
    stored: asyncio.Future[None]


@dataclass(slots=True)
class PathLog:
    """One path's log: its last numbers, the queued events and the recently stored ones."""

    given: int
    stored: int
    recent: deque[Event] = field(default_factory=deque)
    recent_bytes: int = 0
    queue: list[Event] = field(default_factory=list)
    queued_bytes: int = 0
    row_updates: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    added: list[NewRow] = field(default_factory=list)
    gathering: asyncio.TimerHandle | None = None
    writer: asyncio.Task[None] | None = None
    failure: Exception | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    deleted: bool = False
    used: float = 0.0
    followers: int = 0
    until: int | None = None
    """Number of the last event that is sent before the service stops."""

    @property
    def unstored(self) -> bool:
        """Whether any event is queued or being stored."""
        return bool(self.queue) or (self.writer is not None and not self.writer.done())

    @property
    def quiet(self) -> bool:
        """Whether it may be evicted: the store has all of it, and it has no followers."""
        return not (self.unstored or self.followers or self.failure)

    def remember(self, batch: Sequence[Event]) -> None:
        """Keep the last events, bounded in number and size, for followers that are up to date."""
        for event in batch:
            self.recent.append(event)
            self.recent_bytes += len(event.text)
        while len(self.recent) > RECENT or self.recent_bytes > RECENT_BYTES:
            self.recent_bytes -= len(self.recent.popleft().text)
