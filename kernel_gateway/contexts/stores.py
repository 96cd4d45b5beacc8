"""Stores for execution contexts: in memory, or in the database."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol, cast

from sqlalchemy import Connection, Insert, select
from sqlalchemy.dialects import postgresql, sqlite

from kernel_gateway.contexts.state import ContextStatus, ExecutionContext
from kernel_gateway.ids import PathKey
from kernel_gateway.store.database import EVERYONE, Database, whole
from kernel_gateway.store.retry import DatabaseRetry
from kernel_gateway.store.tables import LIVE, ContextRow


class ContextStore(Protocol):
    """Stores the latest context of each path."""

    async def get(self, key: PathKey) -> ExecutionContext | None:
        """Return a path's context; ``None`` if there is none or it is another tenant's."""

    async def put(self, context: ExecutionContext) -> None:
        """Store *context*; it replaces its path's former one."""

    async def expired(self, node: str, now: float, limit: int) -> Sequence[ExecutionContext]:
        """Return up to *limit* expired live contexts of *node*, earliest expiry first."""

    async def live(self, node: str) -> Sequence[ExecutionContext]:
        """Return the live contexts of *node*."""

    async def live_elsewhere(self, node: str, tenant: str) -> Sequence[ExecutionContext]:
        """Return the live contexts of *tenant* on other nodes than *node*."""

    async def remove(self, key: PathKey) -> None:
        """Delete a path's context."""


class MemoryContextStore:
    """A `ContextStore` in memory, for the lifetime of the process."""

    def __init__(self) -> None:
        self._contexts: dict[PathKey, ExecutionContext] = {}

    async def get(self, key: PathKey) -> ExecutionContext | None:
        return self._contexts.get(key)

    async def put(self, context: ExecutionContext) -> None:
        self._contexts[context.key] = context

    async def expired(self, node: str, now: float, limit: int) -> Sequence[ExecutionContext]:
        past = [c for c in await self.live(node) if c.expires_at <= now]
        return sorted(past, key=lambda c: c.expires_at)[:limit]

    async def live(self, node: str) -> Sequence[ExecutionContext]:
        return [c for c in self._contexts.values() if c.status in LIVE and c.node == node]

    async def live_elsewhere(self, node: str, tenant: str) -> Sequence[ExecutionContext]:
        found = [c for c in self._contexts.values() if c.status in LIVE and c.node != node]
        return [context for context in found if context.key.tenant == tenant]

    async def remove(self, key: PathKey) -> None:
        self._contexts.pop(key, None)


class DatabaseContextStore:
    """A `ContextStore` in the database."""

    def __init__(self, database: Database, retry: DatabaseRetry) -> None:
        """Store contexts in *database*; while it is unavailable, `put` retries with *retry*."""
        self._database, self._retry = database, retry

    @whole
    async def get(self, key: PathKey) -> ExecutionContext | None:
        async with self._database.begin(key.tenant) as session:
            row = await session.get(ContextRow, (key.conversation, key.path))
        return _from_row(row) if row is not None and row.tenant == key.tenant else None

    async def put(self, context: ExecutionContext) -> None:
        await self._retry.until_it_answers(partial(self._put, context))

    async def _put(self, context: ExecutionContext) -> None:
        statement, columns = _upsert(self._database.dialect), _to_columns(context)

        def store(connection: Connection) -> None:
            connection.execute(statement, columns)

        await self._database.write(context.key.tenant, store)

    @whole
    async def expired(self, node: str, now: float, limit: int) -> Sequence[ExecutionContext]:
        query = (
            select(ContextRow)
            .where(
                ContextRow.expires_at <= now, ContextRow.status.in_(LIVE), ContextRow.node == node
            )
            .order_by(ContextRow.expires_at)
            .limit(limit)
        )
        async with self._database.begin(EVERYONE) as session:
            return [_from_row(row) for row in await session.scalars(query)]

    @whole
    async def live(self, node: str) -> Sequence[ExecutionContext]:
        query = select(ContextRow).where(ContextRow.status.in_(LIVE), ContextRow.node == node)
        async with self._database.begin(EVERYONE) as session:
            return [_from_row(row) for row in await session.scalars(query)]

    @whole
    async def live_elsewhere(self, node: str, tenant: str) -> Sequence[ExecutionContext]:
        query = select(ContextRow).where(
            ContextRow.status.in_(LIVE), ContextRow.node != node, ContextRow.tenant == tenant
        )
        async with self._database.begin(tenant) as session:
            return [_from_row(row) for row in await session.scalars(query)]

    @whole
    async def remove(self, key: PathKey) -> None:
        async with self._database.begin(key.tenant) as session:
            row = await session.get(ContextRow, (key.conversation, key.path))
            if row is not None and row.tenant == key.tenant:
                await session.delete(row)


@functools.cache
def _upsert(dialect: str) -> Insert:
    """Return the statement that inserts a path's context or replaces its former one."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(ContextRow)
    key, given = ("conversation", "path"), statement.excluded
    changed = {column.name: column for column in given if column.name not in key}
    ours = ContextRow.tenant == given.tenant
    return statement.on_conflict_do_update(index_elements=key, set_=changed, where=ours)


def _to_columns(context: ExecutionContext) -> dict[str, Any]:
    return {
        "conversation": context.key.conversation,
        "path": context.key.path,
        "tenant": context.key.tenant,
        "id": context.id,
        "status": context.status,
        "node": context.node,
        "kernel": context.kernel,
        "created_at": context.created_at,
        "last_used_at": context.last_used_at,
        "expires_at": context.expires_at,
        "error": context.error,
        "resource_usage": dict(context.resource_usage),
    }


def _from_row(row: ContextRow) -> ExecutionContext:
    return ExecutionContext(
        id=row.id,
        key=PathKey(row.tenant, row.conversation, row.path),
        status=cast("ContextStatus", row.status),  # only `_to_columns` writes it
        node=row.node,
        kernel=row.kernel,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        error=row.error,
        resource_usage=row.resource_usage,
    )
