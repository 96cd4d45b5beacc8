"""The stored execution context and the allowed changes of its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kernel_gateway.ids import PathKey, new_id

ContextStatus = Literal["creating", "ready", "error", "terminated"]
NEXT: Mapping[ContextStatus, frozenset[ContextStatus]] = {
    "creating": frozenset({"ready", "error", "terminated"}),
    "ready": frozenset({"error", "terminated"}),
    "error": frozenset({"terminated"}),
    "terminated": frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """Result of ending or deleting many items: how many succeeded and how many failed."""

    done: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionContext:
    """The live kernel and workspace of a path; times are seconds since the epoch.

    Attributes:
        id: ``ctx_…``; each new kernel of a path has a new context.
        key: The path.
        status: Its status; `NEXT` has the allowed changes.
        node: The node that runs its kernel.
        kernel: The kernel's id, once there is one.
        created_at: When its start began.
        last_used_at: When it was last used.
        expires_at: When the clean-up may end it.
        error: Why there is no kernel, in plain words.
        resource_usage: ``cells`` and ``cell_seconds`` so far.
    """

    id: str
    key: PathKey
    status: ContextStatus
    node: str
    created_at: float
    last_used_at: float
    expires_at: float
    kernel: str | None = None
    error: str | None = None
    resource_usage: Mapping[str, Any] = field(default_factory=dict)

    def to(self, status: ContextStatus, **changes: Any) -> ExecutionContext:
        """Return a copy with another status.

        Raises:
            ValueError: The status may not change so.
        """
        if status not in NEXT[self.status]:
            raise ValueError(f"context {self.id} can't go from {self.status} to {status}")
        return replace(self, status=status, **changes)

    def used(self, now: float, ttl_seconds: float) -> ExecutionContext:
        """Return a copy last used at *now*, with its expiry extended."""
        return replace(self, last_used_at=now, expires_at=now + ttl_seconds)


def new_context(key: PathKey, node: str, now: float, ttl_seconds: float) -> ExecutionContext:
    """Return the context of a kernel about to be started."""
    return ExecutionContext(
        id=new_id("ctx"),
        key=key,
        status="creating",
        node=node,
        created_at=now,
        last_used_at=now,
        expires_at=now + ttl_seconds,
    )
