"""The event log: stored first, then sent; replayed to whoever asks from where they were."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kernel_gateway.store.repository import Repository
from notebooks.cells import utc_now

T = TypeVar("T")
RECENT = 64
BATCH = 200

Event = dict[str, Any]
"""``{"seq", "kind", "turn", "at", "data"}``."""


@dataclass(slots=True)
class _Path:
    seq: int
    recent: deque[Event] = field(default_factory=lambda: deque(maxlen=RECENT))
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    news: asyncio.Event = field(default_factory=asyncio.Event)


class EventLog:
    """Events of every path, numbered from 1 without gaps."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._paths: dict[tuple[str, str], _Path] = {}
        self._followers: set[asyncio.Task[None]] = set()

    def start_following(self, sending: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run *sending*, which reads from `follow`, until it ends or the log closes."""
        task = asyncio.create_task(sending)
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)
        return task

    async def aclose(self) -> None:
        """End every follower."""
        for task in self._followers:
            task.cancel()
        await asyncio.gather(*self._followers, return_exceptions=True)

    async def _path(self, conversation: str, path: str) -> _Path:
        key = (conversation, path)
        if key not in self._paths:
            seq = await _whole(self._repository.last_seq(conversation, path))
            self._paths.setdefault(key, _Path(seq=seq))
        return self._paths[key]

    async def append(
        self, conversation: str, path: str, kind: str, data: Mapping[str, Any], turn: str | None
    ) -> Event:
        """Store an event, give it the next number, and tell everyone who follows."""
        # Whole or not at all: a cancelled turn must not leave a stored event uncounted.
        return await _whole(self._append(conversation, path, kind, data, turn))

    async def _append(
        self, conversation: str, path: str, kind: str, data: Mapping[str, Any], turn: str | None
    ) -> Event:
        log = await self._path(conversation, path)
        async with log.lock:
            entry: Event = {
                "seq": log.seq + 1,
                "kind": kind,
                "turn": turn,
                "at": utc_now(),
                "data": dict(data),
            }
            await self._repository.add_event({"conversation": conversation, "path": path, **entry})
            log.seq += 1
            log.recent.append(entry)
            log.news.set()
            log.news = asyncio.Event()
        return entry

    async def follow(self, conversation: str, path: str, after: int) -> AsyncIterator[Event]:
        """Yield every event after number *after*, for ever; a slow reader loses none."""
        log = await self._path(conversation, path)
        while True:
            news = log.news
            if after >= log.seq:
                await news.wait()
                continue
            for entry in await self._batch(log, conversation, path, after):
                after = entry["seq"]
                yield entry

    async def _batch(self, log: _Path, conversation: str, path: str, after: int) -> list[Event]:
        if log.recent and log.recent[0]["seq"] <= after + 1:
            return [entry for entry in log.recent if entry["seq"] > after]
        rows = await _whole(self._repository.events_after(conversation, path, after, BATCH))
        return [
            {"seq": row.seq, "kind": row.kind, "turn": row.turn, "at": row.at, "data": row.data}
            for row in rows
        ]


async def _whole(query: Coroutine[Any, Any, T]) -> T:
    """Finish *query* even when its reader is cancelled: half a query keeps its connection."""
    task = asyncio.create_task(query)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


class TurnEvents:
    """The event sink of one turn (see `agent.ports.EventSink`)."""

    def __init__(self, log: EventLog, conversation: str, path: str, turn: str) -> None:
        self._log, self._conversation, self._path, self._turn = log, conversation, path, turn

    async def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        """Append an event of this turn."""
        await self._log.append(self._conversation, self._path, kind, data, self._turn)
