"""The nodes (gateways) that share a database, and the owner of each conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Float, cast, delete, extract, func, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from kernel_gateway.errors import OwnershipLost
from kernel_gateway.store.database import EVERYONE, Database, whole
from kernel_gateway.store.tables import (
    LIVE,
    Base,
    ContextRow,
    ConversationRow,
    JupyterSessionRow,
    NodeRow,
    PathRow,
    PermissionRow,
    TurnRow,
)
from kernel_gateway.store.turns import UNFINISHED

# All nodes use the database's clock.
_NOW = cast(extract("epoch", func.clock_timestamp()), Float)
_BY_ID: Mapping[str, tuple[type[Base], Any]] = {
    "turn": (TurnRow, TurnRow.id),
    "permission": (PermissionRow, PermissionRow.id),
    "kernel": (PathRow, PathRow.kernel_id),
    "session": (JupyterSessionRow, JupyterSessionRow.id),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Result of a claim.

    Attributes:
        url: Address of the other node that owns the conversation; ``None`` if the claimant does.
        taken: The claimant has just become its owner.
    """

    url: str | None = None
    taken: bool = False


class Nodes:
    """Rows of nodes, and the owners of conversations; PostgreSQL only."""

    def __init__(self, database: Database, name: str, run: str, timeout_seconds: float) -> None:
        """Create the rows' interface for node *name*; *run* identifies this run of it."""
        self._database, self._name, self._run = database, name, run
        self._timeout_seconds = timeout_seconds

    @whole
    async def register(self, url: str) -> None:
        """Store this node; it replaces an earlier run of the same name."""
        values = {"run": self._run, "url": url, "seen_at": _NOW}
        from sqlalchemy.dialects.postgresql import insert  # needed only by a cluster

        statement = insert(NodeRow).values(name=self._name, **values)
        statement = statement.on_conflict_do_update(index_elements=["name"], set_=values)
        async with self._database.begin(EVERYONE) as session:
            await session.execute(statement)

    @whole
    async def renew(self) -> bool:
        """Renew this node's heartbeat; return ``False`` if it counts as dead already."""
        statement = update(NodeRow).where(self._mine(), self._seen()).values(seen_at=_NOW)
        async with self._database.begin(EVERYONE) as session:
            return (await session.execute(statement.returning(NodeRow.name))).first() is not None

    @whole
    async def leave(self) -> None:
        """Release every conversation and remove this node."""
        async with self._database.begin(EVERYONE) as session:
            left = delete(NodeRow).where(self._mine()).returning(NodeRow.name)
            if (await session.execute(left)).first():
                await session.execute(
                    update(ConversationRow)
                    .where(ConversationRow.node == self._name)
                    .values(node="")
                )

    @whole
    async def claim(self, conversation: str) -> Claim | None:
        """Make this node the owner of a conversation and its contexts, unless a living node is.

        Returns:
            ``None`` if there is no such conversation.

        Raises:
            OwnershipLost: This node counts as dead.
        """
        of_it = ConversationRow.id == conversation
        async with self._database.begin(EVERYONE) as session:
            owner = await session.scalar(
                select(ConversationRow.node).where(of_it).with_for_update()
            )
            if owner is None:
                return None
            if owner and owner != self._name and (url := await self._url(session, owner)):
                return Claim(url=url)
            living = select(NodeRow.name).where(self._mine(), self._seen())
            if (await session.execute(living)).first():
                await session.execute(update(ConversationRow).where(of_it).values(node=self._name))
                await session.execute(
                    update(ContextRow)
                    .where(ContextRow.conversation == conversation)
                    .values(node=self._name)
                )
                return Claim(taken=owner != self._name)
        raise OwnershipLost

    async def _url(self, session: AsyncSession, name: str) -> str | None:
        query = select(NodeRow.url).where(NodeRow.name == name, self._seen())
        url: str | None = await session.scalar(query)
        return url

    def _mine(self) -> Any:
        return (NodeRow.name == self._name) & (NodeRow.run == self._run)

    def _seen(self) -> Any:
        return NodeRow.seen_at > _NOW - self._timeout_seconds

    @whole
    async def living(self) -> frozenset[str]:
        """Return the addresses of the living nodes."""
        async with self._database.begin(EVERYONE) as session:
            return frozenset((await session.scalars(select(NodeRow.url).where(self._seen()))).all())

    @whole
    async def abandoned(self, limit: int) -> Sequence[str]:
        """Return up to *limit* conversations without a living owner but with unfinished work."""
        living = select(NodeRow.name).where(self._seen())
        free = or_(ConversationRow.node == "", ConversationRow.node.not_in(living))
        work = union(
            select(TurnRow.conversation).where(TurnRow.status.in_(UNFINISHED)),
            select(ContextRow.conversation).where(ContextRow.status.in_(LIVE)),
        )
        query = select(ConversationRow.id).where(free, ConversationRow.id.in_(work)).limit(limit)
        async with self._database.begin(EVERYONE) as session:
            return (await session.scalars(query)).all()

    @whole
    async def owned(self) -> frozenset[str]:
        """Return the conversations this node owns."""
        query = select(ConversationRow.id).where(ConversationRow.node == self._name)
        async with self._database.begin(EVERYONE) as session:
            return frozenset((await session.scalars(query)).all())

    @whole
    async def conversation_of(self, kind: str, identity: str) -> str | None:
        """Return the conversation a turn, permission, kernel or session belongs to."""
        table, column = _BY_ID[kind]
        query = select(table.conversation).where(column == identity)  # type: ignore[attr-defined]
        async with self._database.begin(EVERYONE) as session:
            found: str | None = await session.scalar(query)
        return found
