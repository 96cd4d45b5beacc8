"""Turns: requests and their status."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from kernel_gateway.errors import NotFound
from kernel_gateway.ids import PathKey
from kernel_gateway.store.audit import audit_line
from kernel_gateway.store.database import EVERYONE, Database, whole
from kernel_gateway.store.tables import NewRow, TurnRow
from kernel_gateway.store.turn_index import find_turns

UNFINISHED = ("queued", "running", "waiting")


class TurnRows:
    """Rows of turns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @whole
    async def add(self, row: TurnRow) -> None:
        """Store a new turn, and a line of the audit list about it."""
        async with self._database.begin(row.tenant) as session:
            for table, columns in rows_of(row):
                await session.execute(insert(table), columns)

    @whole
    async def change(self, tenant: str, turn_id: str, **values: Any) -> None:
        """Change columns of a turn."""
        statement = (
            update(TurnRow).where(TurnRow.id == turn_id, TurnRow.tenant == tenant).values(**values)
        )
        async with self._database.begin(tenant) as session:
            await session.execute(statement)

    @whole
    async def get(self, tenant: str, turn_id: str) -> TurnRow:
        """Return a turn of *tenant*; `NotFound` for any other."""
        async with self._database.begin(tenant) as session:
            row = await session.get(TurnRow, turn_id)
        if row is None or row.tenant != tenant:
            raise NotFound("turn", turn_id)
        return row

    @whole
    async def of_path(self, key: PathKey) -> Sequence[TurnRow]:
        """Return a path's turns, oldest first."""
        query = (
            select(TurnRow)
            .where(
                TurnRow.tenant == key.tenant,
                TurnRow.conversation == key.conversation,
                TurnRow.path == key.path,
            )
            .order_by(TurnRow.created_at)
        )
        async with self._database.begin(key.tenant) as session:
            return (await session.scalars(query)).all()

    @whole
    async def of_ids(self, tenant: str, ids: Collection[str]) -> Sequence[TurnRow]:
        """Return those of the turns *ids* that are *tenant*'s, in no order."""
        query = select(TurnRow).where(TurnRow.tenant == tenant, TurnRow.id.in_(ids))
        async with self._database.begin(tenant) as session:
            return (await session.scalars(query)).all()

    @whole
    async def of_user(self, tenant: str, user: str) -> Sequence[TurnRow]:
        """Return every turn of *user*, oldest first."""
        query = (
            select(TurnRow)
            .where(TurnRow.tenant == tenant, TurnRow.user == user)
            .order_by(TurnRow.created_at)
        )
        async with self._database.begin(tenant) as session:
            return (await session.scalars(query)).all()

    @whole
    async def search(
        self, tenant: str, user: str, words: Sequence[str], without: str
    ) -> Sequence[Any]:
        """Return the answered turns of *user* that have any of *words*; see `find_turns`."""

        def find(connection: Connection) -> Sequence[Any]:
            return find_turns(connection, tenant, user, words, without)

        return await self._database.read(tenant, find)

    @whole
    async def unfinished(self, conversations: Collection[str] | None = None) -> Sequence[TurnRow]:
        """Return every unfinished turn of every tenant: those that had begun, then the queued.

        Both are sorted oldest first, as in their path's queue. *conversations* limits the result
        to these, unless it is ``None``.
        """
        begun_first = (TurnRow.status == "queued", TurnRow.created_at)
        query = select(TurnRow).where(TurnRow.status.in_(UNFINISHED)).order_by(*begun_first)
        if conversations is not None:
            query = query.where(TurnRow.conversation.in_(conversations))
        async with self._database.begin(EVERYONE) as session:
            return (await session.scalars(query)).all()


def rows_of(row: TurnRow) -> list[NewRow]:
    """Return the rows to insert for a new turn: its own, and a line of the audit list."""
    given = {k: v for k, v in vars(row).items() if not k.startswith("_") and v is not None}
    requested = f"{row.kind}.requested"
    return [
        (TurnRow, given),
        audit_line(row.tenant, row.user, requested, row.id, row.conversation),
    ]
