"""Rows for Jupyter's clients: kernel ids of paths, sessions and cursors."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, select, text, update

from kernel_gateway.errors import NotFound
from kernel_gateway.ids import PathKey
from kernel_gateway.store.database import Database, whole
from kernel_gateway.store.tables import (
    ConversationRow,
    JupyterCursorRow,
    JupyterSessionRow,
    PathRow,
)

# A frequent write: an upsert in one statement, valid for SQLite and PostgreSQL.
_SAVE_CURSOR = text(
    "INSERT INTO jupyter_cursors (conversation, path, session_id, tenant, seq, at)"
    " VALUES (:conversation, :path, :session_id, :tenant, :seq, :at)"
    " ON CONFLICT (conversation, path, session_id) DO UPDATE SET seq = excluded.seq,"
    " at = excluded.at WHERE jupyter_cursors.tenant = excluded.tenant"
)

_PATH_OF = select(PathRow.conversation, PathRow.name).where(
    PathRow.kernel_id == bindparam("kernel_id"), PathRow.tenant == bindparam("tenant")
)


def _conversations_of(tenant: str, user: str) -> Select[str]:
    return select(ConversationRow.id).where(
        ConversationRow.tenant == tenant, ConversationRow.user == user
    )


class JupyterRows:
    """Kernel ids of paths, and rows of sessions and cursors."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def path_of(self, tenant: str, kernel_id: str) -> PathKey:
        """Return the path of a kernel id; `NotFound` if *tenant* has no such kernel."""
        asked = {"kernel_id": kernel_id, "tenant": tenant}
        row = await self._database.read(tenant, lambda c: c.execute(_PATH_OF, asked).first())
        if row is None:
            raise NotFound("kernel", kernel_id)
        return PathKey(tenant, row.conversation, row.name)

    @whole
    async def kernel_ids(
        self, keys: Sequence[PathKey], user: str | None = None
    ) -> Mapping[PathKey, str]:
        """Return the kernel ids of one tenant's paths; only of *user*'s if one is given."""
        if not keys:
            return {}
        tenant = keys[0].tenant
        query = select(PathRow).where(
            PathRow.conversation.in_({key.conversation for key in keys}), PathRow.tenant == tenant
        )
        if user is not None:
            query = query.where(PathRow.conversation.in_(_conversations_of(tenant, user)))
        async with self._database.begin(tenant) as session:
            rows = (await session.scalars(query)).all()
        known = {PathKey(r.tenant, r.conversation, r.name): r.kernel_id for r in rows}
        return {key: known[key] for key in keys if key in known}

    @whole
    async def add_session(self, row: JupyterSessionRow) -> None:
        """Store a session."""
        async with self._database.begin(row.tenant) as session:
            session.add(row)

    @whole
    async def sessions(self, tenant: str, user: str) -> Sequence[JupyterSessionRow]:
        """Return the sessions with kernels of *user*."""
        query = select(JupyterSessionRow).where(
            JupyterSessionRow.tenant == tenant,
            JupyterSessionRow.conversation.in_(_conversations_of(tenant, user)),
        )
        async with self._database.begin(tenant) as session:
            return (await session.scalars(query)).all()

    @whole
    async def session(self, tenant: str, session_id: str) -> JupyterSessionRow:
        """Return a session of *tenant*; `NotFound` for any other."""
        async with self._database.begin(tenant) as session:
            row = await session.get(JupyterSessionRow, session_id)
        if row is None or row.tenant != tenant:
            raise NotFound("session", session_id)
        return row

    @whole
    async def change_session(self, tenant: str, session_id: str, values: dict[str, Any]) -> None:
        """Change columns of a session."""
        statement = (
            update(JupyterSessionRow)
            .where(JupyterSessionRow.id == session_id, JupyterSessionRow.tenant == tenant)
            .values(**values)
        )
        async with self._database.begin(tenant) as session:
            await session.execute(statement)

    @whole
    async def remove_sessions(
        self, tenant: str, *, session_id: str | None = None, kernel_id: str | None = None
    ) -> None:
        """Delete one session, or all sessions of a kernel."""
        statement = delete(JupyterSessionRow).where(JupyterSessionRow.tenant == tenant)
        if session_id is not None:
            statement = statement.where(JupyterSessionRow.id == session_id)
        if kernel_id is not None:
            statement = statement.where(JupyterSessionRow.kernel_id == kernel_id)

        def remove(connection: Connection) -> None:
            connection.execute(statement)

        await self._database.write(tenant, remove)

    async def cursors(self, key: PathKey, limit: int) -> dict[str, int]:
        """Return the *limit* most recently used cursors of a path's clients, latest last."""
        query = (
            select(JupyterCursorRow.session_id, JupyterCursorRow.seq)
            .where(
                JupyterCursorRow.conversation == key.conversation,
                JupyterCursorRow.path == key.path,
                JupyterCursorRow.tenant == key.tenant,
            )
            .order_by(JupyterCursorRow.at.desc())
            .limit(limit)
        )
        rows = await self._database.read(key.tenant, lambda c: c.execute(query).all())
        return {row.session_id: row.seq for row in reversed(rows)}

    @whole
    async def save_cursors(self, key: PathKey, cursors: Mapping[str, int]) -> None:
        """Store cursors of a path's clients."""
        of_path = {**key._asdict(), "at": time.time()}
        rows = [{**of_path, "session_id": name, "seq": seq} for name, seq in cursors.items()]

        def store(connection: Connection) -> None:
            connection.execute(_SAVE_CURSOR, rows)

        if cursors:
            await self._database.write(key.tenant, store)
