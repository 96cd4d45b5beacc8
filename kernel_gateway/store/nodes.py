"""Gateways that share a database, and whose each conversation is."""

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

# One clock for all: the database's.
_NOW = cast(extract("epoch", func.clock_timestamp()), Float)
_BY_ID: Mapping[str, tuple[type[Base], Any]] = {
    "turn": (TurnRow, TurnRow.id),
    "permission": (PermissionRow, PermissionRow.id),
    "kernel": (PathRow, PathRow.kernel_id),
    "session": (JupyterSessionRow, JupyterSessionRow.id),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What became of a claim.

    Attributes:
        url: Address of the other node whose conversation it is; ``None`` when it is the
            claimant's.
        taken: It was not the claimant's until now.
    """

    url: str | None = None
    taken: bool = False


class Nodes:
    """Rows of nodes, and the owners of conversations; PostgreSQL only."""

    def __init__(self, database: Database, name: str, run: str, timeout_seconds: float) -> None:
        """Speak for the node *name*; *run* tells its processes apart, one after the other."""
        self._database, self._name, self._run = database, name, run
        self._timeout_seconds = timeout_seconds

    @whole
    async def register(self, url: str) -> None:
        """Enter this node, in place of an earlier run of the same name."""
        values = {"run": self._run, "url": url, "seen_at": _NOW}
        from sqlalchemy.dialects.postgresql import insert  # only where several gateways are

        statement = insert(NodeRow).values(name=self._name, **values)
        statement = statement.on_conflict_do_update(index_elements=["name"], set_=values)
        async with self._database.begin(EVERYONE) as session:
            await session.execute(statement)

    @whole
    async def renew(self) -> bool:
        """Say that this node lives; ``False`` if the others hold it for dead already."""
        statement = update(NodeRow).where(self._mine(), self._seen()).values(seen_at=_NOW)
        async with self._database.begin(EVERYONE) as session:
            return (await session.execute(statement.returning(NodeRow.name))).first() is not None

    @whole
    async def leave(self) -> None:
        """Give every conversation free and remove this node."""
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
        """Make a conversation this node's, unless it is that of another one that lives.

        Its contexts go with it. ``None`` if there is no such conversation.

        Raises:
            OwnershipLost: The others hold this node for dead.
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
        """Return the addresses of the nodes that live."""
        async with self._database.begin(EVERYONE) as session:
            return frozenset((await session.scalars(select(NodeRow.url).where(self._seen()))).all())

    @whole
    async def abandoned(self, limit: int) -> Sequence[str]:
        """Return up to *limit* conversations without a living owner that have work to settle."""
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
        """Return the conversations of this node."""
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
