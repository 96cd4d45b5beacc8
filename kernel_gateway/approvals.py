"""Permission requests: asked once, answered by any client, outliving a restart."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, cast

from agent.ports import Decision, PermissionRequest
from kernel_gateway.errors import PermissionAlreadyDecided
from kernel_gateway.events import TurnEvents
from kernel_gateway.store.repository import Repository, now
from kernel_gateway.store.tables import PermissionRow
from notebooks.cells import utc_now


class Approvals:
    """Every permission request that waits in this service."""

    def __init__(self, repository: Repository, *, seconds: float) -> None:
        self.repository = repository
        self.seconds = seconds
        self._waiting: dict[str, asyncio.Event] = {}

    def waiting(self, permission_id: str) -> asyncio.Event:
        """Return the event set when *permission_id* is decided."""
        return self._waiting.setdefault(permission_id, asyncio.Event())

    async def decide(self, permission_id: str, decision: str, who: str | None) -> PermissionRow:
        """Store a decision and wake the turn that waits for it.

        Raises:
            NotFound, PermissionAlreadyDecided
        """
        row = await self.repository.decide_permission(permission_id, decision, who)
        if waiting := self._waiting.get(permission_id):
            waiting.set()
        return row

    def forget(self, permission_id: str) -> None:
        """Drop what is kept for a decided request."""
        self._waiting.pop(permission_id, None)


class TurnApprover:
    """Asks for one turn (see `agent.ports.Approver`)."""

    def __init__(
        self,
        approvals: Approvals,
        sink: TurnEvents,
        *,
        tenant: str,
        user: str,
        conversation: str,
        turn: str,
        waiting: Callable[[], None],
    ) -> None:
        self._tell_waiting = waiting
        self._approvals, self._sink = approvals, sink
        self._tenant, self._user = tenant, user
        self._conversation, self._turn = conversation, turn

    async def granted(self, capabilities: Sequence[str]) -> Decision | None:
        """Return the standing grant that covers all *capabilities*, if there is one."""
        rows = await self._approvals.repository.grants(self._tenant, self._user)
        held = {row.capability: row for row in rows}
        if not capabilities or any(capability not in held for capability in capabilities):
            return None
        grant = held[capabilities[0]]
        return Decision(decision="always", who=grant.user, at=grant.created_at, grant=grant.id)

    async def ask(self, request: PermissionRequest) -> Decision:
        """Wait until somebody decides, or the time is over, which denies."""
        repository = self._approvals.repository
        row = PermissionRow(
            id=request.id,
            conversation=self._conversation,
            turn=self._turn,
            request=asdict(request),
            created_at=utc_now(),
            expires_at=now() + self._approvals.seconds,
        )
        decided = self._approvals.waiting(request.id)
        if await repository.add_permission(row):
            facts = {**asdict(request), "expires_at": row.expires_at}
            await repository.update_turn(self._turn, status="waiting")
            await self._sink.emit("permission.required", facts)
            self._tell_waiting()
        row = await repository.permission(request.id)
        if row.decision is None:
            row = await self._wait(row, decided)
        self._approvals.forget(request.id)
        await repository.update_turn(self._turn, status="running")
        return await self._told(row, request)

    async def _wait(self, row: PermissionRow, decided: asyncio.Event) -> PermissionRow:
        try:
            async with asyncio.timeout(max(0.0, row.expires_at - now())):
                await decided.wait()
        except TimeoutError:
            # A reply that came in the same moment counts.
            with contextlib.suppress(PermissionAlreadyDecided):
                await self._approvals.repository.decide_permission(row.id, "timeout", None)
        return await self._approvals.repository.permission(row.id)

    async def _told(self, row: PermissionRow, request: PermissionRequest) -> Decision:
        decision = Decision(
            decision=cast(Any, row.decision), who=row.who, at=row.decided_at or utc_now()
        )
        repository = self._approvals.repository
        if decision.decision == "always":
            await repository.add_grants(self._tenant, self._user, request.capabilities)
        await self._sink.emit(
            "permission.decided", {"id": row.id, "decision": row.decision, "who": row.who}
        )
        await repository.add_audit(
            self._tenant,
            row.who or "timeout",
            "permission.decided",
            row.id,
            self._conversation,
            decision=row.decision,
            capabilities=list(request.capabilities),
        )
        return decision
