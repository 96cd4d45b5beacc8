"""Conversations and their paths."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, or_, select, update

from kernel_gateway.errors import Conflict, NotFound
from kernel_gateway.ids import MAIN_PATH, PathKey, new_id
from kernel_gateway.store.audit import audit_line
from kernel_gateway.store.database import EVERYONE, Database, insertion, whole
from kernel_gateway.store.tables import (
    AuditRow,
    ContextRow,
    ConversationRow,
    EmbeddingRow,
    EventRow,
    JupyterCursorRow,
    JupyterSessionRow,
    NewRow,
    PathRow,
    PermissionRow,
    TurnRow,
    WorkedCodeRow,
)
from kernel_gateway.store.turn_index import purge_turn_index
from notebooks.record.cells import utc_now

OF_A_CONVERSATION = (
    JupyterSessionRow, JupyterCursorRow, ContextRow, PermissionRow, EventRow, WorkedCodeRow,
    EmbeddingRow, TurnRow, PathRow,
)  # fmt: skip
"""Tables whose rows are deleted with their conversation, in an order foreign keys allow."""


def new_branch(key: PathKey, title: str, source_path: str, source_turn: str) -> PathRow:
    """Return the row of a new branch."""
    return PathRow(
        conversation=key.conversation,
        name=key.path,
        tenant=key.tenant,
        title=title,
        source_path=source_path,
        source_turn=source_turn,
        created_at=utc_now(),
        kernel_id=str(uuid.uuid4()),
    )


class Conversations:
    """Rows of conversations and paths."""

    def __init__(self, database: Database, node: str = "") -> None:
        """Store them in *database*; *node* owns new ones."""
        self._database, self._node = database, node

    @whole
    async def add(
        self,
        tenant: str,
        user: str,
        title: str,
        *,
        action: str = "conversation.created",
        kernel_id: str | None = None,
    ) -> ConversationRow:
        """Create a conversation with its ``main`` path, in one transaction.

        Args:
            tenant: Its tenant.
            user: Its user.
            title: Its title.
            action: The action of its line in the audit list.
            kernel_id: The path's kernel id, a UUID; a new one by default.
        """
        columns = {
            "id": new_id("conv"),
            "tenant": tenant,
            "user": user,
            "title": title,
            "created_at": utc_now(),
            "node": self._node,
        }
        path = {
            "conversation": columns["id"],
            "name": MAIN_PATH,
            "tenant": tenant,
            "title": MAIN_PATH,
            "created_at": columns["created_at"],
            "kernel_id": kernel_id or str(uuid.uuid4()),
        }
        rows: list[NewRow] = [
            (ConversationRow, columns),
            (PathRow, path),
            audit_line(tenant, user, action, columns["id"], columns["id"]),
        ]

        def store(connection: Connection) -> None:
            for table, values in rows:
                connection.execute(insertion(table), values)

        await self._database.write(tenant, store)
        return ConversationRow(**columns)

    @whole
    async def get(self, tenant: str, conversation_id: str) -> ConversationRow:
        """Return a conversation of *tenant*; `NotFound` for any other."""
        table = ConversationRow.__table__
        query = select(table).where(table.c.id == conversation_id, table.c.tenant == tenant)
        # Nearly every request asks for one: a session of the ORM takes ten times as long.
        row = await self._database.read(tenant, lambda c: c.execute(query).mappings().first())
        if row is None:
            raise NotFound("conversation", conversation_id)
        return ConversationRow(**row)

    @whole
    async def rename(
        self, tenant: str, conversation_id: str, title: str, user: str
    ) -> ConversationRow:
        """Give a conversation of *tenant* another title, on behalf of *user*; return it.

        Raises:
            NotFound: The tenant has no such conversation.
        """
        statement = (
            update(ConversationRow)
            .where(ConversationRow.id == conversation_id, ConversationRow.tenant == tenant)
            .values(title=title)
            .returning(ConversationRow)
        )
        audit, columns = audit_line(
            tenant, user, "conversation.renamed", conversation_id, conversation_id
        )
        async with self._database.begin(tenant) as session:
            row = (await session.scalars(statement)).first()
            if row is None:
                raise NotFound("conversation", conversation_id)
            await session.execute(insert(audit), columns)
        return row

    @whole
    async def set_mode(
        self, tenant: str, conversation_id: str, mode: Mapping[str, Any] | None, line: NewRow | None
    ) -> None:
        """Store the mode of a conversation of *tenant*; add *line* to the audit list with it.

        Raises:
            NotFound: The tenant has no such conversation.
        """
        statement = (
            update(ConversationRow)
            .where(ConversationRow.id == conversation_id, ConversationRow.tenant == tenant)
            .values(mode=mode)
            .returning(ConversationRow.id)
        )
        async with self._database.begin(tenant) as session:
            if (await session.execute(statement)).first() is None:
                raise NotFound("conversation", conversation_id)
            if line is not None:
                audit, columns = line
                await session.execute(insert(audit), columns)

    @whole
    async def of(self, tenant: str, user: str | None, limit: int) -> Sequence[ConversationRow]:
        """Return the newest conversations of *tenant*: of *user*, or of all users if ``None``."""
        query = select(ConversationRow).where(ConversationRow.tenant == tenant)
        if user is not None:
            query = query.where(ConversationRow.user == user)
        query = query.order_by(ConversationRow.created_at.desc()).limit(limit)
        async with self._database.begin(tenant) as session:
            return (await session.scalars(query)).all()

    @whole
    async def created_before(self, when: str, limit: int) -> Sequence[ConversationRow]:
        """Return the oldest conversations of any tenant without a turn or event since *when*.

        Uploads and branches count too: each has an event.
        """
        asked = exists().where(
            TurnRow.conversation == ConversationRow.id, TurnRow.created_at >= when
        )
        active = exists().where(EventRow.conversation == ConversationRow.id, EventRow.at >= when)
        query = (
            select(ConversationRow)
            .where(ConversationRow.created_at < when, ~asked, ~active)
            .order_by(ConversationRow.created_at)
            .limit(limit)
        )
        async with self._database.begin(EVERYONE) as session:
            return (await session.scalars(query)).all()

    @whole
    async def remove(self, tenant: str, conversation_id: str, line: NewRow) -> None:
        """Delete a conversation's rows; its lines of the audit list stay, without their details.

        The same transaction adds *line*: once the rows are gone, the deletion can't be repeated.
        """
        lines = (AuditRow.tenant == tenant) & (AuditRow.conversation == conversation_id)
        # The lock makes concurrent insertions wait; then they find the conversation gone.
        locked = select(ConversationRow.id).where(ConversationRow.id == conversation_id)
        async with self._database.begin(tenant) as session:
            await session.execute(locked.with_for_update())
            for table in OF_A_CONVERSATION:
                await session.execute(
                    delete(table).where(
                        table.conversation == conversation_id, table.tenant == tenant
                    )
                )
            await session.execute(
                delete(ConversationRow).where(
                    ConversationRow.id == conversation_id, ConversationRow.tenant == tenant
                )
            )
            await purge_turn_index(session)
            await session.execute(update(AuditRow).where(lines).values(detail={}))
            audit, columns = line
            await session.execute(insert(audit), columns)

    @whole
    async def path(self, key: PathKey) -> PathRow:
        """Return a path of a conversation of its tenant; `NotFound` for any other."""
        async with self._database.begin(key.tenant) as session:
            row = await session.get(PathRow, (key.conversation, key.path))
        if row is None or row.tenant != key.tenant:
            raise NotFound("path", key.path)
        return row

    @whole
    async def paths(self, tenant: str, conversation_id: str) -> Sequence[PathRow]:
        """Return a conversation's paths, oldest first."""
        query = (
            select(PathRow)
            .where(PathRow.conversation == conversation_id, PathRow.tenant == tenant)
            .order_by(PathRow.created_at, PathRow.name != MAIN_PATH)
        )
        async with self._database.begin(tenant) as session:
            return (await session.scalars(query)).all()

    @whole
    async def path_names(
        self, tenant: str, conversation_ids: Sequence[str]
    ) -> Mapping[str, list[str]]:
        """Return the names of the paths of each conversation, oldest first."""
        query = (
            select(PathRow.conversation, PathRow.name)
            .where(PathRow.conversation.in_(conversation_ids), PathRow.tenant == tenant)
            .order_by(PathRow.created_at, PathRow.name != MAIN_PATH)
        )
        names: dict[str, list[str]] = {identity: [] for identity in conversation_ids}
        async with self._database.begin(tenant) as session:
            for conversation, name in (await session.execute(query)).all():
                names[conversation].append(name)
        return names

    @whole
    async def set_merged(self, key: PathKey, target: str) -> None:
        """Store that a path was merged into *target*; no error if that is stored already.

        Raises:
            Conflict: It was merged into another path.
        """
        statement = (
            update(PathRow)
            .where(
                PathRow.conversation == key.conversation,
                PathRow.name == key.path,
                PathRow.tenant == key.tenant,
                or_(PathRow.merged_into.is_(None), PathRow.merged_into == target),
            )
            .values(merged_into=target, merged_at=utc_now())
            .returning(PathRow.name)
        )
        async with self._database.begin(key.tenant) as session:
            if (await session.execute(statement)).first() is None:
                raise Conflict(f"Path {key.path!r} was merged into another path.")
