"""The one door to the database."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from kernel_gateway.errors import NotFound, PermissionAlreadyDecided
from kernel_gateway.ids import new_id
from kernel_gateway.store.tables import (
    AuditRow,
    Base,
    ConversationRow,
    EventRow,
    GrantRow,
    PermissionRow,
    TurnRow,
)
from notebooks.cells import utc_now

UNFINISHED = ("queued", "running", "waiting")


class Repository:
    """Reads and writes rows; every method is one transaction.

    Use `open_repository` to make one.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._engine.dispose()

    # conversations

    async def add_conversation(self, tenant: str, user: str, title: str) -> ConversationRow:
        """Create a conversation."""
        row = ConversationRow(
            id=new_id("conv"), tenant=tenant, user=user, title=title, created_at=utc_now()
        )
        async with self._sessions.begin() as session:
            session.add(row)
        return row

    async def conversation(self, tenant: str, conversation_id: str) -> ConversationRow:
        """Return a conversation of *tenant*; `NotFound` for any other."""
        async with self._sessions() as session:
            row = await session.get(ConversationRow, conversation_id)
        if row is None or row.tenant != tenant:
            raise NotFound("conversation", conversation_id)
        return row

    async def conversations(self, tenant: str, limit: int) -> Sequence[ConversationRow]:
        """Return the newest conversations of *tenant*."""
        query = (
            select(ConversationRow)
            .where(ConversationRow.tenant == tenant)
            .order_by(ConversationRow.created_at.desc())
            .limit(limit)
        )
        async with self._sessions() as session:
            return (await session.scalars(query)).all()

    # turns

    async def add_turn(self, row: TurnRow, tenant: str) -> None:
        """Store a new turn, and in the audit list that it was asked for."""
        audit = AuditRow(
            at=row.created_at,
            tenant=tenant,
            user=row.user,
            action=f"{row.kind}.requested",
            target=row.id,
            conversation=row.conversation,
            detail={},
        )
        async with self._sessions.begin() as session:
            session.add_all([row, audit])

    async def update_turn(self, turn_id: str, **values: Any) -> None:
        """Change columns of a turn."""
        async with self._sessions.begin() as session:
            await session.execute(update(TurnRow).where(TurnRow.id == turn_id).values(**values))

    async def turn(self, tenant: str, turn_id: str) -> TurnRow:
        """Return a turn of *tenant*; `NotFound` for any other."""
        query = (
            select(TurnRow)
            .join(ConversationRow, ConversationRow.id == TurnRow.conversation)
            .where(TurnRow.id == turn_id, ConversationRow.tenant == tenant)
        )
        async with self._sessions() as session:
            row = (await session.scalars(query)).one_or_none()
        if row is None:
            raise NotFound("turn", turn_id)
        return row

    async def unfinished_turns(self) -> Sequence[tuple[TurnRow, str]]:
        """Return every unfinished turn with its tenant, oldest first."""
        query = (
            select(TurnRow, ConversationRow.tenant)
            .join(ConversationRow, ConversationRow.id == TurnRow.conversation)
            .where(TurnRow.status.in_(UNFINISHED))
            .order_by(TurnRow.created_at)
        )
        async with self._sessions() as session:
            return [(row, tenant) for row, tenant in (await session.execute(query)).all()]

    # events

    async def add_events(
        self, conversation: str, path: str, events: Sequence[dict[str, Any]]
    ) -> None:
        """Store events of one path; their numbers must be new."""
        rows = [{"conversation": conversation, "path": path, **event} for event in events]
        async with self._engine.begin() as connection:
            await connection.execute(insert(EventRow), rows)

    async def last_seq(self, conversation: str, path: str) -> int:
        """Return the highest sequence number of a path, 0 before the first event."""
        query = select(func.max(EventRow.seq)).where(
            EventRow.conversation == conversation, EventRow.path == path
        )
        async with self._sessions() as session:
            return (await session.scalar(query)) or 0

    async def events_about(
        self, conversation: str, path: str, turn: str, cell: str
    ) -> dict[str, int]:
        """Return how many events of each kind *turn* has stored about *cell*."""
        query = select(EventRow.kind, EventRow.data).where(
            EventRow.conversation == conversation, EventRow.path == path, EventRow.turn == turn
        )
        async with self._sessions() as session:
            rows = (await session.execute(query)).all()
        return dict(Counter(kind for kind, data in rows if data.get("cell") == cell))

    async def events_after(
        self, conversation: str, path: str, after: int, limit: int
    ) -> Sequence[EventRow]:
        """Return up to *limit* events with a number above *after*, in order."""
        query = (
            select(EventRow)
            .where(
                EventRow.conversation == conversation, EventRow.path == path, EventRow.seq > after
            )
            .order_by(EventRow.seq)
            .limit(limit)
        )
        async with self._sessions() as session:
            return (await session.scalars(query)).all()

    # permissions and grants

    async def add_permission(self, row: PermissionRow) -> bool:
        """Store a permission request; ``False`` when it is known already."""
        async with self._sessions.begin() as session:
            if await session.get(PermissionRow, row.id) is not None:
                return False
            session.add(row)
            return True

    async def permission(self, permission_id: str) -> PermissionRow:
        """Return a permission request, whoever's it is."""
        async with self._sessions() as session:
            row = await session.get(PermissionRow, permission_id)
        if row is None:
            raise NotFound("permission request", permission_id)
        return row

    async def pending_permission(self, turn_id: str) -> PermissionRow | None:
        """Return the undecided request of a turn, if there is one."""
        query = select(PermissionRow).where(
            PermissionRow.turn == turn_id, PermissionRow.decision.is_(None)
        )
        async with self._sessions() as session:
            return (await session.scalars(query)).first()

    async def decide_permission(
        self, permission_id: str, decision: str, who: str | None
    ) -> PermissionRow:
        """Store the first decision on a request.

        Raises:
            PermissionAlreadyDecided: Somebody, or the clock, was faster.
        """
        statement = (
            update(PermissionRow)
            .where(PermissionRow.id == permission_id, PermissionRow.decision.is_(None))
            .values(decision=decision, who=who, decided_at=utc_now())
        )
        async with self._sessions.begin() as session:
            changed: Any = await session.execute(statement)
        row = await self.permission(permission_id)
        if changed.rowcount == 0:
            raise PermissionAlreadyDecided(permission_id, row.decision or "?")
        return row

    async def add_grants(self, tenant: str, user: str, capabilities: Sequence[str]) -> None:
        """Give *user* standing permissions."""
        async with self._sessions.begin() as session:
            for capability in capabilities:
                session.add(
                    GrantRow(
                        id=new_id("grant"),
                        tenant=tenant,
                        user=user,
                        capability=capability,
                        created_at=utc_now(),
                    )
                )

    async def grants(self, tenant: str, user: str) -> Sequence[GrantRow]:
        """Return the standing permissions of *user* that are not revoked."""
        query = select(GrantRow).where(
            GrantRow.tenant == tenant, GrantRow.user == user, GrantRow.revoked_at.is_(None)
        )
        async with self._sessions() as session:
            return (await session.scalars(query)).all()

    async def revoke_grant(self, tenant: str, user: str, grant_id: str) -> None:
        """Revoke a standing permission; `NotFound` if *user* has none such."""
        statement = (
            update(GrantRow)
            .where(
                GrantRow.id == grant_id,
                GrantRow.tenant == tenant,
                GrantRow.user == user,
                GrantRow.revoked_at.is_(None),
            )
            .values(revoked_at=utc_now())
        )
        async with self._sessions.begin() as session:
            changed: Any = await session.execute(statement)
        if changed.rowcount == 0:
            raise NotFound("grant", grant_id)

    # audit

    async def add_audit(
        self,
        tenant: str,
        user: str,
        action: str,
        target: str,
        conversation: str | None = None,
        **detail: Any,
    ) -> None:
        """Add one line to the audit list."""
        row = AuditRow(
            at=utc_now(),
            tenant=tenant,
            user=user,
            action=action,
            target=target,
            conversation=conversation,
            detail=detail,
        )
        async with self._sessions.begin() as session:
            session.add(row)

    async def audit(
        self, tenant: str, *, before: int | None, limit: int, conversation: str | None
    ) -> Sequence[AuditRow]:
        """Return audit lines of *tenant*, newest first."""
        query = select(AuditRow).where(AuditRow.tenant == tenant)
        if before is not None:
            query = query.where(AuditRow.id < before)
        if conversation is not None:
            query = query.where(AuditRow.conversation == conversation)
        async with self._sessions() as session:
            return (await session.scalars(query.order_by(AuditRow.id.desc()).limit(limit))).all()


async def open_repository(file: Path) -> Repository:
    """Open (or create) the SQLite database at *file* in WAL mode."""
    engine = create_async_engine(
        # Every transaction here ends in commit or rollback: no further reset is needed.
        f"sqlite+aiosqlite:///{file}",
        pool_reset_on_return=None,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _pragmas(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("PRAGMA busy_timeout=10000")
        cursor.close()

    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    file.chmod(0o600)
    return Repository(engine)


def now() -> float:
    """Return the wall clock, as stored in ``expires_at``."""
    return time.time()
