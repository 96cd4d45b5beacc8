"""Permission requests, and the standing permissions (grants) given in reply to them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import select, update

from kernel_gateway.errors import NotFound, PermissionAlreadyDecided
from kernel_gateway.ids import new_id
from kernel_gateway.store.database import Database, whole
from kernel_gateway.store.tables import GrantRow, NewRow, PermissionRow
from notebooks.record.cells import utc_now


class Permissions:
    """Rows of permission requests and grants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @whole
    async def add(self, row: PermissionRow) -> bool:
        """Store a permission request; return ``False`` if it is stored already."""
        async with self._database.begin(row.tenant) as session:
            if await session.get(PermissionRow, row.id) is not None:
                return False
            session.add(row)
            return True

    @whole
    async def get(self, tenant: str, permission_id: str) -> PermissionRow:
        """Return a permission request of *tenant*; `NotFound` for any other."""
        async with self._database.begin(tenant) as session:
            row = await session.get(PermissionRow, permission_id)
        if row is None or row.tenant != tenant:
            raise NotFound("permission request", permission_id)
        return row

    @whole
    async def pending(self, tenant: str, turn_id: str) -> PermissionRow | None:
        """Return the undecided request of a turn, if there is one."""
        query = select(PermissionRow).where(
            PermissionRow.tenant == tenant,
            PermissionRow.turn == turn_id,
            PermissionRow.decision.is_(None),
        )
        async with self._database.begin(tenant) as session:
            return (await session.scalars(query)).first()

    @whole
    async def decide(
        self,
        tenant: str,
        permission_id: str,
        decision: str,
        who: str | None,
        until: float | None = None,
    ) -> PermissionRow:
        """Store the first decision on a request.

        Args:
            tenant: The tenant of the request.
            permission_id: Its id.
            decision: The decision.
            who: The user; ``None`` for the clock.
            until: For the decision ``until``: when it ends, in seconds since the epoch.

        Raises:
            NotFound: *tenant* has no such request.
            PermissionAlreadyDecided: It was decided before, by a user or by timeout.
        """
        statement = (
            update(PermissionRow)
            .where(
                PermissionRow.tenant == tenant,
                PermissionRow.id == permission_id,
                PermissionRow.decision.is_(None),
            )
            .values(decision=decision, who=who, decided_at=utc_now(), until=until)
            .returning(PermissionRow.id)
        )
        async with self._database.begin(tenant) as session:
            changed = (await session.execute(statement)).first()
        row = await self.get(tenant, permission_id)
        if changed is None:
            raise PermissionAlreadyDecided(permission_id, row.decision or "?")
        return row

    @whole
    async def grants(self, tenant: str, user: str) -> Sequence[GrantRow]:
        """Return the standing permissions of *user* that are in force now."""
        query = select(GrantRow).where(
            GrantRow.tenant == tenant,
            GrantRow.user == user,
            GrantRow.revoked_at.is_(None),
            GrantRow.expires_at.is_(None) | (GrantRow.expires_at > now()),
        )
        async with self._database.begin(tenant) as session:
            return (await session.scalars(query)).all()

    async def capabilities(self, tenant: str, user: str) -> frozenset[str]:
        """Return the capabilities that the standing permissions of *user* cover."""
        return frozenset(row.capability for row in await self.grants(tenant, user))

    @whole
    async def revoke_grant(self, tenant: str, user: str, grant_id: str) -> None:
        """Revoke a standing permission; `NotFound` if *user* has no such one."""
        statement = (
            update(GrantRow)
            .where(
                GrantRow.id == grant_id,
                GrantRow.tenant == tenant,
                GrantRow.user == user,
                GrantRow.revoked_at.is_(None),
            )
            .values(revoked_at=utc_now())
            .returning(GrantRow.id)
        )
        async with self._database.begin(tenant) as session:
            if (await session.execute(statement)).first() is None:
                raise NotFound("grant", grant_id)


def new_grants(
    tenant: str, user: str, capabilities: Sequence[str], until: float | None = None
) -> list[NewRow]:
    """Return the rows that give *user* standing permissions, *until* a time if it is given."""
    of_user = {"tenant": tenant, "user": user, "created_at": utc_now(), "expires_at": until}
    return [
        (GrantRow, {**of_user, "id": new_id("grant"), "capability": name}) for name in capabilities
    ]


def now() -> float:
    """Return the wall clock in seconds since the epoch, as stored in ``expires_at``."""
    return time.time()
