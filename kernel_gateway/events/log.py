"""The event log: stores events, then sends them; replays them from any sequence number."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from kernel_gateway.errors import ConversationDeleted, DatabaseUnavailable
from kernel_gateway.events.path_state import Event, PathLog, Storing
from kernel_gateway.ids import PathKey
from kernel_gateway.store.events import EventRows
from kernel_gateway.store.retry import ENDLESS, DatabaseRetry
from kernel_gateway.store.tables import NewRow
from kernel_gateway.store.tombstones import Deletions
from notebooks.record.cells import utc_now

BATCH = 200
BATCH_BYTES = 4_000_000
GATHER_SECONDS = 0.01
"""Delay of an event that is not urgent, so that it is stored together with the next ones."""
PARTING_SECONDS = 1.0
"""How long clients may take to read the stored events when the service stops."""
MAX_QUEUED = 100
MAX_QUEUED_BYTES = 4_000_000
QUIET_SECONDS = 300.0
"""Evict a path's in-memory log after this many seconds without use."""


class EventLog:
    """Events of every path, numbered from 1 without gaps, stored before they are sent.

    Each path has a writer task that stores all queued events in one transaction, so that a
    running cell does not wait for the disk. While the database is unavailable it retries.
    `append` waits for the writer if the caller asks for that, or if too many events are queued.
    """

    def __init__(
        self,
        rows: EventRows,
        on_lost: Callable[[int], None] = lambda count: None,
        deletions: Deletions | None = None,
        retry: DatabaseRetry | None = None,
        *,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        """Create the event log of all paths.

        Args:
            rows: Stores the events.
            on_lost: Called with the number of events that could not be stored.
            deletions: The conversations being deleted; their paths' logs are not loaded.
            retry: The database retry for writes.
            quiet_seconds: Evict a path's in-memory log after this many seconds without use.
        """
        self._rows, self._on_lost, self._quiet_seconds = rows, on_lost, quiet_seconds
        self._retry = retry or DatabaseRetry()
        self._deletions = deletions or Deletions()
        self._paths: dict[PathKey, PathLog] = {}
        self._looked = 0.0
        self._dropped = 0
        self._followers: set[asyncio.Task[None]] = set()
        self.closing = False

    def start_following(self, sending: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run *sending*, which reads from `follow`, until it ends or the log closes."""
        task = asyncio.create_task(sending)
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)
        return task

    async def aclose(self) -> None:
        """Store the queued events and end every follower."""
        storing = [self._store_all(log, key) for key, log in self._paths.items()]
        await asyncio.gather(*storing, return_exceptions=True)
        await self.stop_following()

    async def stop_following(self) -> None:
        """End every follower; it has `PARTING_SECONDS` to send the events stored by now."""
        self.closing = True
        for log in self._paths.values():
            log.until = log.stored
            log.news.set()
        followers = set(self._followers)
        if followers:
            await asyncio.wait(followers, timeout=PARTING_SECONDS)
        for task in followers:
            task.cancel()
        await asyncio.gather(*followers, return_exceptions=True)

    async def _path(self, key: PathKey) -> PathLog:
        now = asyncio.get_running_loop().time()
        while (log := self._paths.get(key)) is None:
            self._drop_quiet(now)
            dropped = self._dropped
            seq = await self._rows.last_seq(key)
            self._deletions.check(key.conversation)
            if dropped == self._dropped:  # else *seq* may be stale: an eviction came in between
                until = seq if self.closing else None
                self._paths.setdefault(key, PathLog(given=seq, stored=seq, until=until))
        log.used = now
        return log

    def _drop_quiet(self, now: float) -> None:
        """Evict unused logs; runs at most every *quiet_seconds*, when a path is loaded."""
        if now - self._looked < self._quiet_seconds:
            return
        self._looked = now
        for key, log in list(self._paths.items()):
            if log.quiet and now - log.used >= self._quiet_seconds:
                del self._paths[key]
                self._dropped += 1

    async def append(
        self,
        key: PathKey,
        kind: str,
        data: Mapping[str, Any],
        turn: str | None,
        *,
        wait: bool = True,
        gather: bool = False,
        update: Mapping[str, Any] | None = None,
        add: Sequence[NewRow] = (),
        raise_earlier: bool = True,
    ) -> None:
        """Give an event the next number and store it.

        Args:
            key: The path of the log.
            kind: Kind of the event.
            data: Its data, plain JSON values.
            turn: The turn it belongs to, if any.
            wait: Return only once it is stored.
            gather: It may wait `GATHER_SECONDS` to be stored together with others.
            update: Columns of the turn's row to change in the same transaction.
            add: Rows to insert in the same transaction, before the event.
            raise_earlier: Raise the failure of an earlier event; ``False`` leaves it for the
                next caller.

        Raises:
            DatabaseUnavailable: This event, or an earlier one that was not waited for, could not
                be stored.
            ConversationDeleted: The conversation was deleted.
        """
        if key in self._paths:
            log = await self._path(key)
        else:
            log = await self._retry.until_it_answers(partial(self._path, key))
        if raise_earlier:
            _raise_failure(log)
        log.given += 1
        # Jupyter clients will ask for its data at once; native ones are sent the text.
        given = data if "message" in data else None
        event = Event(log.given, kind, turn, utc_now(), json.dumps(data), given)
        log.queue.append(event)
        log.queued_bytes += len(event.text)
        if update is not None and turn is not None:
            log.row_updates.append((turn, dict(update)))
        log.added += add
        full = len(log.queue) > MAX_QUEUED or log.queued_bytes > MAX_QUEUED_BYTES
        if gather and not full:
            self._write_later(log, key)
            return
        self._write_now(log, key)
        if wait or full:
            await self._writing(log)
            if raise_earlier:
                _raise_failure(log)

    def _write_later(self, log: PathLog, key: PathKey) -> None:
        if log.gathering is None:
            loop = asyncio.get_running_loop()
            log.gathering = loop.call_later(GATHER_SECONDS, self._write_now, log, key)

    def _write_now(self, log: PathLog, key: PathKey) -> None:
        """Write the queued events; a running writer takes them along."""
        if log.gathering is not None:
            log.gathering.cancel()
            log.gathering = None
        if log.writer is None or log.writer.done():
            # Begin here, not in the task: the event loop may run the task only much later.
            storing = self._begin_to_store(log, key)
            # Start no writer without events: it would leave events queued before it runs unstored.
            if storing is not None:
                log.writer = asyncio.create_task(self._write(log, key, storing))

    @staticmethod
    async def _writing(log: PathLog) -> None:
        """Wait until the writer has ended, if there is one."""
        if log.writer is not None:
            await asyncio.shield(log.writer)

    def _begin_to_store(self, log: PathLog, key: PathKey) -> Storing | None:
        """Start to store the queued events; ``None`` if there are none."""
        if not log.queue:
            return None
        batch, log.queue, log.queued_bytes = log.queue, [], 0
        row_updates, log.row_updates = log.row_updates, []
        added, log.added = log.added, []
        try:
            stored = self._rows.add(key, _rows(batch), row_updates, added)
        except DatabaseUnavailable as error:
            stored = asyncio.get_running_loop().create_future()
            stored.set_exception(error)
        return Storing(batch, row_updates, added, stored)

    async def _write(self, log: PathLog, key: PathKey, storing: Storing | None) -> None:
        while storing is not None:
            try:
                await self._stored(key, storing)
            except Exception as error:  # noqa: BLE001 (`append` and `flush` raise it)
                if not isinstance(error, ConversationDeleted):  # then no event counts as lost
                    self._on_lost(len(storing.batch) + len(log.queue))
                # Reuse the numbers of lost events; the next `append` or `flush` raises the error.
                log.given, log.queue, log.failure = log.stored, [], error
                log.queued_bytes, log.row_updates, log.added = 0, [], []
                return
            log.stored = storing.batch[-1].seq
            log.remember(storing.batch)
            log.news.set()
            log.news = asyncio.Event()
            storing = self._begin_to_store(log, key)

    async def _stored(self, key: PathKey, storing: Storing) -> None:
        """Wait until it is stored; retry while the database is unavailable."""
        try:
            await storing.stored
        except DatabaseUnavailable:
            await self._retry.until_it_answers(partial(self._store_again, key, storing))

    async def _store_again(self, key: PathKey, storing: Storing) -> None:
        if await self._rows.last_seq(key) >= storing.batch[-1].seq:
            return  # the first attempt was committed although it reported an error
        await self._rows.add(key, _rows(storing.batch), storing.row_updates, storing.added)

    async def _store_all(self, log: PathLog, key: PathKey) -> None:
        if log.unstored:
            self._write_now(log, key)
            await self._writing(log)

    async def written(self, key: PathKey) -> None:
        """Wait until a path's queued events are stored or lost."""
        await self._store_all(await self._path(key), key)

    async def flush(self, key: PathKey) -> None:
        """Wait until a path's queued events are stored; raise the error if one was lost."""
        await self.written(key)
        _raise_failure(await self._path(key))

    async def emitted(self, key: PathKey, turn: str, cell: str | None) -> Mapping[str, int]:
        """Return how many stored events of each kind *turn* has about *cell*, or about none."""
        log = await self._path(key)
        await self._store_all(log, key)
        return await self._rows.about(key, turn, cell)

    async def containing(
        self, key: PathKey, kinds: Collection[str], text: str, limit: int | None = None
    ) -> Sequence[tuple[str, str]]:
        """Return kind and data of stored events of *kinds* whose JSON contains *text*, in order."""
        return await self._rows.containing(key, kinds, text, limit)

    async def data_of(self, key: PathKey, turn: str, kind: str) -> dict[str, Any]:
        """Return the data of the first stored event of *kind* of *turn*; empty without one."""
        data = await self._rows.data_of(key, turn, kind)
        return dict(json.loads(data)) if data is not None else {}

    async def last_seq(self, key: PathKey) -> int:
        """Return the number of a path's last stored event, 0 before the first."""
        return (await self._path(key)).stored

    def read_anew(self, tenant: str) -> None:
        """Drop *tenant*'s events from memory: they were changed in the store."""
        for key, log in self._paths.items():
            if key.tenant == tenant:
                log.recent.clear()
                log.recent_bytes = 0

    def forget(self, key: PathKey) -> None:
        """Drop a deleted path's log from memory and end its followers."""
        if log := self._paths.pop(key, None):
            log.deleted = True
            if log.gathering is not None:
                log.gathering.cancel()
            log.news.set()

    async def follow(self, key: PathKey, after: int) -> AsyncIterator[list[Event]]:
        """Yield every event after number *after*, until the path is deleted or the log closes.

        Events come in batches; a slow reader loses none. While the database is unavailable, the
        read is retried without limit.
        """
        try:
            log = await ENDLESS.until_it_answers(partial(self._path, key))
        except ConversationDeleted:
            return
        log.followers += 1
        try:
            while not log.deleted and (log.until is None or after < log.until):
                news = log.news
                if after >= log.stored:
                    await news.wait()
                    continue
                batch = await ENDLESS.until_it_answers(partial(self._batch, log, key, after))
                if not batch:
                    return  # the events were just deleted
                after = batch[-1].seq
                yield batch
        finally:
            log.followers -= 1

    async def _batch(self, log: PathLog, key: PathKey, after: int) -> list[Event]:
        if log.recent and log.recent[0].seq <= after + 1:
            return [entry for entry in log.recent if entry.seq > after]
        rows = await self._rows.after(key, after, BATCH, BATCH_BYTES)
        return [Event(row.seq, row.kind, row.turn, row.at, row.data) for row in rows]


def _rows(batch: Sequence[Event]) -> list[dict[str, Any]]:
    """Return the columns of each event's row."""
    return [
        {
            "seq": event.seq,
            "kind": event.kind,
            "turn": event.turn,
            "at": event.at,
            "data": event.text,
        }
        for event in batch
    ]


def _raise_failure(log: PathLog) -> None:
    failure, log.failure = log.failure, None
    if failure is not None:
        raise failure
