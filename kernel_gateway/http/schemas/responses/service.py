"""The service itself: audit, users, retention, health, as the service sends them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from kernel_gateway.http.schemas.responses.base import Exact


class AuditLine(Exact):
    """Who did what, when."""

    id: int
    at: str
    user: str
    action: str
    conversation: str | None
    target: str
    detail: dict[str, Any]


class AuditList(Exact):
    """Lines of the audit list, newest first."""

    audit: list[AuditLine]


class Cleanup(Exact):
    """What a clean-up did."""

    ended: int
    failed: int
    removed_conversations: int
    removed_uploads: int


class Me(Exact):
    """The caller: name, roles, and what these let them do."""

    tenant: str
    user: str
    roles: list[str]
    scopes: list[Literal["read", "run", "rerun", "undo", "audit", "review", "admin"]]
    expires_at: str | None = Field(description="When their access token ends, if it does.")


class RemovedUser(Exact):
    """A user, deleted."""

    user: str
    removed_conversations: int


class Retention(Exact):
    """How long the service keeps what; 0 days: until a user deletes it."""

    conversation_days: float = Field(description="Without anything happening in it.")
    checkpoint_days: float
    checkpoints: int = Field(description="Of a path's files; 0 makes none.")
    kernel_idle_seconds: float = Field(description="Then an unused kernel is ended.")


class Health(Exact):
    """Whether the service works, and with what."""

    status: Literal["ok", "degraded"]
    version: str
    sandbox: bool
    limits: str
    model: str | None
    kernels: int
    upload_limit_bytes: int
    retention: Retention


class Ready(Exact):
    """Whether new turns are taken; each check with ``ok`` or the reason."""

    ready: bool
    checks: dict[str, str]
