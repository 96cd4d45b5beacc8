"""Stored events: append-only, numbered per path."""

from __future__ import annotations

import asyncio
import functools
import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Update, bindparam, func, insert, select, update

from kernel_gateway.ids import PathKey
from kernel_gateway.store.database import Database, insertion, whole
from kernel_gateway.store.tables import EventRow, NewRow, TurnRow

_ADD_EVENTS = insert(EventRow)


@functools.cache
def _update_row(columns: tuple[str, ...]) -> Update:
    """Return the statement that changes *columns* of a turn."""
    of_turn = (TurnRow.id == bindparam("of_turn")) & (TurnRow.tenant == bindparam("of_tenant"))
    return update(TurnRow).where(of_turn).values({c: bindparam(f"new_{c}") for c in columns})


def _of(key: PathKey) -> Any:
    return (EventRow.conversation == key.conversation) & (EventRow.path == key.path)


class EventRows:
    """Rows of events."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        key: PathKey,
        events: Sequence[dict[str, Any]],
        row_updates: Sequence[tuple[str, dict[str, Any]]] = (),
        added: Sequence[NewRow] = (),
    ) -> asyncio.Future[None]:
        """Store events of one path and change turns' rows, in one transaction.

        The transaction starts before this returns; the future is done with it.

        Args:
            key: The path.
            events: Columns of each event; their numbers must be new.
            row_updates: Turn id and changed columns.
            added: Rows to insert before the events.

        Raises:
            DatabaseUnavailable: Nothing was stored.
            ConversationDeleted: Nothing was stored; a retry will fail too.
        """
        path = {"tenant": key.tenant, "conversation": key.conversation, "path": key.path}
        rows = [{**path, **event} for event in events]

        def store(connection: Connection) -> None:
            for table, columns in added:
                connection.execute(insertion(table), columns)
            connection.execute(_ADD_EVENTS, rows)
            for turn, values in row_updates:
                of_turn = {"of_turn": turn, "of_tenant": key.tenant}
                new = {f"new_{column}": value for column, value in values.items()}
                connection.execute(_update_row(tuple(values)), of_turn | new)

        return self._database.write(key.tenant, store)

    async def last_seq(self, key: PathKey) -> int:
        """Return the highest sequence number of a path, 0 before the first event."""
        query = select(func.max(EventRow.seq)).where(_of(key))
        return await self._database.read(key.tenant, lambda c: c.scalar(query)) or 0

    @whole
    async def containing(
        self, key: PathKey, kinds: Collection[str], text: str, limit: int | None = None
    ) -> Sequence[tuple[str, str]]:
        """Return kind and data of events of *kinds* whose JSON contains *text*, in order."""
        query = (
            select(EventRow.kind, EventRow.data)
            .where(_of(key), EventRow.kind.in_(kinds), EventRow.tenant == key.tenant)
            .where(EventRow.data.contains(text, autoescape=True))
            .order_by(EventRow.seq)
            .limit(limit)
        )
        async with self._database.begin(key.tenant) as session:
            return [(kind, data) for kind, data in await session.execute(query)]

    @whole
    async def in_conversation(
        self, tenant: str, conversation: str, kinds: Collection[str], text: str
    ) -> Sequence[tuple[str, str]]:
        """Return path and data of events of *kinds* whose JSON contains *text*, in order."""
        query = (
            select(EventRow.path, EventRow.data)
            .where(EventRow.conversation == conversation, EventRow.tenant == tenant)
            .where(EventRow.kind.in_(kinds), EventRow.data.contains(text, autoescape=True))
            .order_by(EventRow.path, EventRow.seq)
        )
        async with self._database.begin(tenant) as session:
            return [(path, data) for path, data in await session.execute(query)]

    @whole
    async def data_of(self, key: PathKey, turn: str, kind: str) -> str | None:
        """Return the data (JSON) of the first event of *kind* of *turn*; ``None`` without one."""
        query = (
            select(EventRow.data)
            .where(_of(key), EventRow.tenant == key.tenant)
            .where(EventRow.turn == turn, EventRow.kind == kind)
            .order_by(EventRow.seq)
            .limit(1)
        )
        async with self._database.begin(key.tenant) as session:
            return await session.scalar(query)

    @whole
    async def about_file(self, key: PathKey, name: str) -> Sequence[EventRow]:
        """Return the ``file.created`` events of a file, in order.

        The search is for the name as text: the caller must filter by the ``name`` in the data.
        """
        query = (
            select(EventRow)
            .where(_of(key), EventRow.kind == "file.created", EventRow.tenant == key.tenant)
            .where(EventRow.data.contains(json.dumps(name)[1:-1], autoescape=True))
            .order_by(EventRow.seq)
        )
        async with self._database.begin(key.tenant) as session:
            return (await session.scalars(query)).all()

    @whole
    async def about(self, key: PathKey, turn: str, cell: str | None) -> dict[str, int]:
        """Return how many events of each kind *turn* has stored about *cell*, or about none."""
        query = select(EventRow.kind, EventRow.data).where(_of(key), EventRow.turn == turn)
        async with self._database.begin(key.tenant) as session:
            rows = (await session.execute(query)).all()
        return dict(Counter(kind for kind, data in rows if json.loads(data).get("cell") == cell))

    @whole
    async def after(
        self, key: PathKey, after: int, limit: int, limit_bytes: int = 2**62
    ) -> Sequence[EventRow]:
        """Return up to *limit* events with a number above *after*, in order.

        Return fewer if they exceed *limit_bytes*, but at least one.
        """
        sizes = (
            select(EventRow.seq, func.length(EventRow.data))
            .where(_of(key), EventRow.seq > after, EventRow.tenant == key.tenant)
            .order_by(EventRow.seq)
            .limit(limit)
        )
        async with self._database.begin(key.tenant) as session:
            last, total = after, 0
            for seq, size in (await session.execute(sizes)).all():
                total += size
                if total > limit_bytes and last > after:
                    break
                last = seq
            query = (
                select(EventRow)
                .where(_of(key), EventRow.seq > after, EventRow.seq <= last)
                .where(EventRow.tenant == key.tenant)
                .order_by(EventRow.seq)
            )
            return (await session.scalars(query)).all()
