"""Tables. Every row names its tenant, which PostgreSQL's row-level security checks."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Tenant = String(80)
LIVE = frozenset({"creating", "ready"})
"""Statuses of a context whose kernel is starting or ready."""


class Base(DeclarativeBase):
    """Common base of the tables."""


class ConversationRow(Base):
    """A chat."""

    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant, index=True)
    user: Mapped[str] = mapped_column(String(80))
    title: Mapped[str]
    created_at: Mapped[str]
    node: Mapped[str] = mapped_column(String(80), index=True, default="")
    mode: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class NodeRow(Base):
    """A gateway among those that share the database; belongs to no tenant."""

    __tablename__ = "nodes"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    run: Mapped[str] = mapped_column(String(40))
    url: Mapped[str]
    seen_at: Mapped[float]


class PathRow(Base):
    """A path of a conversation: ``main``, or a branch of another one."""

    __tablename__ = "paths"
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant)
    title: Mapped[str]
    source_path: Mapped[str | None]
    source_turn: Mapped[str | None]
    created_at: Mapped[str]
    merged_into: Mapped[str | None]
    merged_at: Mapped[str | None]
    kernel_id: Mapped[str] = mapped_column(
        String(36), unique=True, default=lambda: str(uuid.uuid4())
    )


class JupyterSessionRow(Base):
    """A Jupyter session: a document and the kernel it uses."""

    __tablename__ = "jupyter_sessions"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant, index=True)
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    kernel_id: Mapped[str] = mapped_column(String(36))
    path: Mapped[str]
    name: Mapped[str]
    type: Mapped[str]


class JupyterCursorRow(Base):
    """A Jupyter client's position in a path's event log, by session id."""

    __tablename__ = "jupyter_cursors"
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(40), primary_key=True)
    session_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant)
    seq: Mapped[int]
    at: Mapped[float]


class ContextRow(Base):
    """A path's execution context."""

    __tablename__ = "contexts"
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    status: Mapped[str]
    node: Mapped[str]
    kernel: Mapped[str | None]
    created_at: Mapped[float]
    last_used_at: Mapped[float]
    expires_at: Mapped[float] = mapped_column(index=True)
    error: Mapped[str | None]
    resource_usage: Mapped[dict[str, Any]] = mapped_column(JSON)


class TurnRow(Base):
    """A request and its status; `state` holds a paused turn."""

    __tablename__ = "turns"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant)
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
    rating: Mapped[str | None]
    rating_comment: Mapped[str | None]
    __table_args__ = (
        Index("turns_of_a_path", "conversation", "path"),
        Index("turns_of_a_user", "tenant", "user", "created_at"),
    )


class EventRow(Base):
    """One event of a path, in its sequence."""

    __tablename__ = "events"
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant)
    turn: Mapped[str | None]
    kind: Mapped[str]
    at: Mapped[str]
    data: Mapped[str] = mapped_column(Text)  # JSON, sent without being parsed


class PermissionRow(Base):
    """A permission request and its decision."""

    __tablename__ = "permissions"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant)
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    turn: Mapped[str] = mapped_column(ForeignKey("turns.id"))
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    decision: Mapped[str | None]
    who: Mapped[str | None]
    created_at: Mapped[str]
    expires_at: Mapped[float]
    decided_at: Mapped[str | None]
    until: Mapped[float | None]


class GrantRow(Base):
    """A standing permission."""

    __tablename__ = "grants"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant)
    user: Mapped[str] = mapped_column(String(80))
    capability: Mapped[str]
    created_at: Mapped[str]
    revoked_at: Mapped[str | None]
    expires_at: Mapped[float | None]


class PreferenceRow(Base):
    """How a user wants things done; a deleted one that was observed stays without its text."""

    __tablename__ = "preferences"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant)
    user: Mapped[str] = mapped_column(String(80))
    text: Mapped[str]
    origin: Mapped[str]
    topic: Mapped[str | None]
    created_at: Mapped[str]
    updated_at: Mapped[str | None]
    deleted_at: Mapped[str | None]
    __table_args__ = (Index("preferences_of_a_user", "tenant", "user"),)


class WorkedCodeRow(Base):
    """Code of an answered request, with the shapes of the tables that were uploaded."""

    __tablename__ = "worked_code"
    turn: Mapped[str] = mapped_column(ForeignKey("turns.id"), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant)
    user: Mapped[str] = mapped_column(String(80))
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    request: Mapped[str]
    code: Mapped[str]
    shapes: Mapped[list[Any]] = mapped_column(JSON)
    created_at: Mapped[str]
    __table_args__ = (Index("worked_code_of_a_user", "tenant", "user", "created_at"),)


class EmbeddingRow(Base):
    """What an answered request means, as an embedding model tells: a unit vector in bytes."""

    __tablename__ = "embeddings"
    turn: Mapped[str] = mapped_column(ForeignKey("turns.id"), primary_key=True)
    tenant: Mapped[str] = mapped_column(Tenant)
    user: Mapped[str] = mapped_column(String(80))
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    model: Mapped[str]
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[str]
    __table_args__ = (Index("embeddings_of_a_user", "tenant", "user", "created_at"),)


class AuditRow(Base):
    """Who did what, when; rows are only ever added."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[str]
    tenant: Mapped[str] = mapped_column(Tenant, index=True)
    user: Mapped[str] = mapped_column(String(80))
    action: Mapped[str]
    conversation: Mapped[str | None]
    target: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


NewRow = tuple[type[Base], dict[str, Any]]
"""A table, and the columns of a row to insert."""


def columns_of(row: Base) -> dict[str, Any]:
    """Return a row's columns and their values."""
    return {column.key: getattr(row, column.key) for column in inspect(row).mapper.column_attrs}
