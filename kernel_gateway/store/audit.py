"""The audit list: who did what, when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update

from kernel_gateway.store.database import Database, whole
from kernel_gateway.store.tables import AuditRow, GrantRow, NewRow, TurnRow
from notebooks.cells import utc_now

FORGOTTEN = "(deleted user)"


def audit_line(
    tenant: str,
    user: str,
    action: str,
    target: str,
    conversation: str | None = None,
    **detail: Any,
) -> NewRow:
    """Return a line of the audit list as of now, to be stored with what it tells of."""
    return AuditRow, {
        "at": utc_now(),
        "tenant": tenant,
        "user": user,
        "action": action,
        "target": target,
        "conversation": conversation,
        "detail": detail,
    }


class Audit:
    """Rows of the audit list."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @whole
    async def add(
        self,
        tenant: str,
        user: str,
        action: str,
        target: str,
        conversation: str | None = None,
        **detail: Any,
    ) -> None:
        """Add one line."""
        table, columns = audit_line(tenant, user, action, target, conversation, **detail)
        async with self._database.begin(tenant) as session:
            await session.execute(insert(table), columns)

    @whole
    async def lines(
        self,
        tenant: str,
        *,
        before: int | None,
        limit: int,
        conversation: str | None,
        user: str | None = None,
    ) -> Sequence[AuditRow]:
        """Return lines of *tenant*, newest first."""
        query = select(AuditRow).where(AuditRow.tenant == tenant)
        if before is not None:
            query = query.where(AuditRow.id < before)
        if conversation is not None:
            query = query.where(AuditRow.conversation == conversation)
        if user is not None:
            query = query.where(AuditRow.user == user)
        async with self._database.begin(tenant) as session:
            return (await session.scalars(query.order_by(AuditRow.id.desc()).limit(limit))).all()

    @whole
    async def scrub_conversation(self, tenant: str, conversation_id: str) -> None:
        """Take names of files and the like out of a conversation's lines; the lines stay."""
        statement = (
            update(AuditRow)
            .where(AuditRow.tenant == tenant, AuditRow.conversation == conversation_id)
            .values(detail={})
        )
        async with self._database.begin(tenant) as session:
            await session.execute(statement)

    @whole
    async def scrub_user(self, tenant: str, user: str) -> None:
        """Take a user's name out of every line and turn, and their grants away."""
        statement = (
            update(AuditRow)
            .where(AuditRow.tenant == tenant, AuditRow.user == user)
            .values(user=FORGOTTEN, detail={})
        )
        async with self._database.begin(tenant) as session:
            await session.execute(statement)
            await session.execute(
                update(TurnRow)
                .where(TurnRow.tenant == tenant, TurnRow.user == user)
                .values(user=FORGOTTEN)
            )
            await session.execute(
                delete(GrantRow).where(GrantRow.tenant == tenant, GrantRow.user == user)
            )
