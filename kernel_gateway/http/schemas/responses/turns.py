"""Turns, replies and permissions, as the service sends them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from kernel_gateway.http.schemas.responses.base import Exact, Open


class TurnReply(Open):
    """Where a turn stands: what else there is depends on ``kind`` and on what was asked."""

    kind: Literal["result", "permission_required", "error", "running"]
    conversation: str
    path: str
    turn: str
    status: str


class ChatReply(Exact):
    """An answer in words."""

    response: str
    conversation_id: str
    context_used: dict[str, Any] = Field(description="As in the event `context.used`.")


class TurnSummary(Exact):
    """A turn in a list."""

    id: str
    kind: str
    request: str
    status: str
    user: str
    created_at: str
    finished_at: str | None
    rating: str | None


class Turns(Exact):
    """A path's turns, oldest first."""

    turns: list[TurnSummary]


class Cancelled(Exact):
    """The turns that were cancelled."""

    cancelled: list[str]


class Rated(Exact):
    """A rating, taken."""

    turn: str
    rating: Literal["up", "down"]


class Decided(Exact):
    """A decision, taken."""

    id: str
    decision: Literal["once", "always", "until", "deny", "timeout"]
    poll: str


class Grant(Exact):
    """A standing permission."""

    id: str
    capability: str
    covers: str = Field(description="What it covers, in plain words.")
    kind: str = Field(description="`network`, `library`, `path`, …")
    created_at: str
    expires_at: str | None = Field(description="When it ends; none: once it is revoked.")


class Grants(Exact):
    """The caller's standing permissions."""

    grants: list[Grant]


class Revoked(Exact):
    """A standing permission, revoked."""

    id: str
    revoked: Literal[True]
