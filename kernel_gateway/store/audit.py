"""The audit list: who did what, when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Delete, Update, delete, insert, select, update

from kernel_gateway.errors import ConversationDeleted
from kernel_gateway.store.database import Database, whole
from kernel_gateway.store.tables import (
    AuditRow,
    ConversationRow,
    EmbeddingRow,
    EventRow,
    GrantRow,
    NewRow,
    PermissionRow,
    PreferenceRow,
    TurnRow,
    WorkedCodeRow,
)
from notebooks.record.cells import utc_now

FORGOTTEN = "(deleted user)"
_NAMING: Mapping[str, str] = {
    "turn.started": "user",
    "permission.decided": "who",
    "file.created": "user",
    "history.restored": "user",
    "history.deleted": "user",
    "mode.changed": "who",
}
"""Kinds of event that name a user, and the field with the name."""


def audit_line(
    tenant: str,
    user: str,
    action: str,
    target: str,
    conversation: str | None = None,
    **detail: Any,
) -> NewRow:
    """Return a line of the audit list, to be stored in the transaction it describes."""
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
        """Add one line.

        Raises:
            ConversationDeleted: *conversation* was deleted.
        """
        table, columns = audit_line(tenant, user, action, target, conversation, **detail)
        there = select(ConversationRow.id).where(ConversationRow.id == conversation)
        there = there.with_for_update(read=True, key_share=True)  # a deletion waits for this
        async with self._database.begin(tenant) as session:
            await session.execute(insert(table), columns)
            if conversation is not None and await session.scalar(there) is None:
                raise ConversationDeleted

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
    async def forget_user(self, tenant: str, user: str) -> None:
        """Remove a user's name from all rows; delete their grants and what was learned of them."""
        in_json = json.dumps(user)
        named = (
            select(EventRow)
            .where(EventRow.tenant == tenant, EventRow.kind.in_(_NAMING))
            .where(EventRow.data.contains(in_json, autoescape=True))
        )
        with_mode = select(ConversationRow).where(
            ConversationRow.tenant == tenant, ConversationRow.mode.is_not(None)
        )
        async with self._database.begin(tenant) as session:
            for statement in _without_name(tenant, user):
                await session.execute(statement)
            for row in await session.scalars(with_mode):
                if row.mode and row.mode["by"] == user:  # an autonomous one was their permission
                    alone = row.mode["name"] == "autonomous"
                    row.mode = None if alone else {**row.mode, "by": FORGOTTEN}
            for event in await session.scalars(named):
                event.data = _without(json.loads(event.data), _NAMING[event.kind], user)


def _without_name(tenant: str, user: str) -> Sequence[Update | Delete]:
    """Return the statements that remove a user's name from rows, and delete their grants."""
    did = (AuditRow.tenant == tenant) & (AuditRow.user == user)
    about = (AuditRow.tenant == tenant) & AuditRow.action.like("user.%") & (AuditRow.target == user)
    asked = (TurnRow.tenant == tenant) & (TurnRow.user == user)
    decided = (PermissionRow.tenant == tenant) & (PermissionRow.who == user)
    may = (GrantRow.tenant == tenant) & (GrantRow.user == user)
    return (
        update(AuditRow).where(did).values(user=FORGOTTEN, detail={}),
        update(AuditRow).where(about).values(target=FORGOTTEN),
        update(TurnRow).where(asked).values(user=FORGOTTEN),
        update(PermissionRow).where(decided).values(who=FORGOTTEN),
        delete(GrantRow).where(may),
        delete(PreferenceRow).where(PreferenceRow.tenant == tenant, PreferenceRow.user == user),
        delete(EmbeddingRow).where(EmbeddingRow.tenant == tenant, EmbeddingRow.user == user),
        delete(WorkedCodeRow).where(WorkedCodeRow.tenant == tenant, WorkedCodeRow.user == user),
    )


def _without(data: dict[str, Any], field: str, user: str) -> str:
    """Return an event's data as JSON text, without the name of *user* in *field*."""
    return json.dumps({**data, field: FORGOTTEN} if data.get(field) == user else data)
