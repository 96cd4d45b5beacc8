"""Tables. Every row belongs to a tenant, directly or through its conversation."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Common base of the tables."""


class ConversationRow(Base):
    """A chat."""

    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(80), index=True)
    user: Mapped[str] = mapped_column(String(80))
    title: Mapped[str]
    created_at: Mapped[str]


class TurnRow(Base):
    """A request and where it stands; `state` holds a paused turn."""

    __tablename__ = "turns"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    path: Mapped[str]
    user: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str]
    request: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    state: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[str]
    finished_at: Mapped[str | None]
    __table_args__ = (Index("turns_of_a_path", "conversation", "path"),)


class EventRow(Base):
    """One event of a path, in its sequence."""

    __tablename__ = "events"
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    turn: Mapped[str | None]
    kind: Mapped[str]
    at: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


class PermissionRow(Base):
    """A permission request and its decision."""

    __tablename__ = "permissions"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    turn: Mapped[str] = mapped_column(ForeignKey("turns.id"))
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    decision: Mapped[str | None]
    who: Mapped[str | None]
    created_at: Mapped[str]
    expires_at: Mapped[float]
    decided_at: Mapped[str | None]


class GrantRow(Base):
    """A standing permission."""

    __tablename__ = "grants"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(80))
    user: Mapped[str] = mapped_column(String(80))
    capability: Mapped[str]
    created_at: Mapped[str]
    revoked_at: Mapped[str | None]


class AuditRow(Base):
    """Who did what, when; rows are only ever added."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[str]
    tenant: Mapped[str] = mapped_column(String(80), index=True)
    user: Mapped[str] = mapped_column(String(80))
    action: Mapped[str]
    conversation: Mapped[str | None]
    target: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
