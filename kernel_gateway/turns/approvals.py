"""Permission requests: asked once, answered by any client, kept across a restart."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, cast

from agent.modes import Modes
from agent.permission.network import is_covered, widened
from agent.ports import Decision, PermissionRequest
from kernel_gateway.errors import NotFound, NotYourPermission, PermissionAlreadyDecided
from kernel_gateway.store.audit import audit_line
from kernel_gateway.store.permissions import new_grants, now
from kernel_gateway.store.repository import Repository
from kernel_gateway.store.retry import DatabaseRetry
from kernel_gateway.store.tables import GrantRow, NewRow, PermissionRow, TurnRow
from kernel_gateway.turns.events import TurnEvents
from notebooks.record.cells import utc_now

STANDING = ("always", "until")
"""Decisions that allow later code as well."""
DECIDED = "permission.decided"


class Approvals:
    """The undecided permission requests of this service."""

    def __init__(self, repository: Repository, retry: DatabaseRetry, *, seconds: float) -> None:
        self.repository, self.retry = repository, retry
        self.seconds = seconds
        self._waiting: dict[str, asyncio.Event] = {}

    def waiting(self, permission_id: str) -> asyncio.Event:
        """Return the event that is set when *permission_id* is decided."""
        return self._waiting.setdefault(permission_id, asyncio.Event())

    async def decide(
        self,
        tenant: str,
        permission_id: str,
        decision: str,
        who: str | None,
        until: float | None = None,
    ) -> PermissionRow:
        """Store a decision and wake the turn that waits for it; see `Permissions.decide`.

        Raises:
            NotFound, PermissionAlreadyDecided
            NotYourPermission: It would give another user than *who* a standing permission.
        """
        permissions = self.repository.permissions
        if decision in STANDING:
            asked = await permissions.get(tenant, permission_id)
            turn = await self.repository.turns.get(tenant, asked.turn)
            if turn.user != who:
                raise NotYourPermission(permission_id, turn.user)
        row = await permissions.decide(tenant, permission_id, decision, who, until)
        if waiting := self._waiting.get(permission_id):
            waiting.set()
        return row

    def forget(self, permission_id: str) -> None:
        """Drop the event of a request that no turn waits for any more."""
        self._waiting.pop(permission_id, None)


class TurnApprover:
    """Asks for the permissions of one turn (see `agent.ports.Approver`)."""

    def __init__(
        self,
        approvals: Approvals,
        sink: TurnEvents,
        turn: TurnRow,
        waiting: Callable[[], None],
        modes: Modes,
    ) -> None:
        self._notify_waiting, self._modes = waiting, modes
        self._approvals, self._sink, self._turn = approvals, sink, turn
        self._tenant, self._user = turn.tenant, turn.user

    async def granted(self, capabilities: Sequence[str]) -> Decision | None:
        """Return the standing permission that covers all *capabilities*, if there is one.

        The scope of an autonomous mode and the user's grants count together.
        """
        held, mode = await self._held(), await self._modes.current()
        if not capabilities or any(
            not is_covered(name, (*held, *mode.scope)) for name in capabilities
        ):
            return None
        if all(is_covered(name, mode.scope) for name in capabilities):
            return Decision(decision="until", who=mode.by, at=mode.at, grant=mode.id)
        grant = held.get(capabilities[0]) or next(iter(held.values()))
        return Decision(decision="always", who=grant.user, at=grant.created_at, grant=grant.id)

    async def _held(self, lasting: float | None = 0.0) -> Mapping[str, GrantRow]:
        """Return the standing permissions by capability.

        Args:
            lasting: Leave out those that end before this time; ``None`` for those that ever end.
        """
        permissions = self._approvals.repository.permissions
        rows = await self._approvals.retry.until_it_answers(
            partial(permissions.grants, self._tenant, self._user)
        )
        end = math.inf if lasting is None else lasting
        return {row.capability: row for row in rows if (row.expires_at or math.inf) >= end}

    async def ask(self, request: PermissionRequest) -> Decision:
        """Wait for a user's decision; the timeout denies."""
        repository = self._approvals.repository
        row = PermissionRow(
            id=request.id,
            tenant=self._tenant,
            conversation=self._turn.conversation,
            turn=self._turn.id,
            request=asdict(request),
            created_at=utc_now(),
            expires_at=now() + self._approvals.seconds,
        )
        decided = self._approvals.waiting(request.id)
        try:
            if await repository.permissions.add(row):
                facts = {**asdict(request), "expires_at": row.expires_at}
                await self._sink.emit("permission.required", facts, update={"status": "waiting"})
                self._notify_waiting()
            row = await repository.permissions.get(self._tenant, request.id)
            if row.decision is None:
                row = await self._wait(row, decided)
        finally:
            self._approvals.forget(request.id)
        return await self._told(row, request)

    async def withdraw(self, request: PermissionRequest) -> None:
        """Close *request* once nobody waits for its reply; an earlier reply counts."""
        permissions = self._approvals.repository.permissions
        with contextlib.suppress(PermissionAlreadyDecided, NotFound):
            await permissions.decide(self._tenant, request.id, "timeout", None)
            facts = {"id": request.id, "decision": "timeout", "who": None, "until": None}
            await self._sink.emit(DECIDED, facts, update={"status": "running"})

    async def _wait(self, row: PermissionRow, decided: asyncio.Event) -> PermissionRow:
        permissions = self._approvals.repository.permissions
        try:
            async with asyncio.timeout(max(0.0, row.expires_at - now())):
                await decided.wait()
        except TimeoutError:
            # A reply that came at the same moment wins.
            with contextlib.suppress(PermissionAlreadyDecided):
                await permissions.decide(self._tenant, row.id, "timeout", None)
        return await self._approvals.retry.until_it_answers(
            partial(permissions.get, self._tenant, row.id)
        )

    async def _told(self, row: PermissionRow, request: PermissionRequest) -> Decision:
        decision = Decision(
            decision=cast(Any, row.decision), who=row.who, at=row.decided_at or utc_now()
        )
        line = audit_line(
            self._tenant,
            row.who or "timeout",
            DECIDED,
            row.id,
            self._turn.conversation,
            decision=row.decision,
            capabilities=list(request.capabilities),
        )
        given: list[NewRow] = []
        if decision.decision in STANDING:
            held = await self._held(lasting=row.until)
            wanted = dict.fromkeys(widened(name) for name in request.capabilities)
            new = [name for name in wanted if not is_covered(name, held)]
            given = new_grants(self._tenant, self._user, new, row.until)
        await self._sink.emit(
            DECIDED,
            {"id": row.id, "decision": row.decision, "who": row.who, "until": row.until},
            update={"status": "running"},
            add=[*given, line],
        )
        return decision


class OwnCode:
    """Allows code that the user typed: typing it is the decision (see `agent.ports.Approver`).

    High-risk code is refused before it is asked for.
    """

    def __init__(self, user: str) -> None:
        self._user = user

    async def granted(self, capabilities: Sequence[str]) -> Decision | None:
        """Return the user's own decision."""
        return Decision(decision="once", who=self._user, at=utc_now())

    async def ask(self, request: PermissionRequest) -> Decision:
        """Return the user's own decision."""
        return Decision(decision="once", who=self._user, at=utc_now())

    async def withdraw(self, request: PermissionRequest) -> None:
        """Do nothing: no question is open."""
