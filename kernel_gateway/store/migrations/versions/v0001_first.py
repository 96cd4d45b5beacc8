"""Conversations, turns, events, permissions, grants, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.String(40)
NAME = sa.String(80)


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "conversations",
        sa.Column("id", ID, primary_key=True),
        sa.Column("tenant", NAME, nullable=False, index=True),
        sa.Column("user", NAME, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
    )
    op.create_table(
        "turns",
        sa.Column("id", ID, primary_key=True),
        sa.Column("conversation", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False, index=True),
        sa.Column("state", sa.JSON),
        sa.Column("result", sa.JSON),
        sa.Column("error", sa.JSON),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("finished_at", sa.String),
        sa.Index("turns_of_a_path", "conversation", "path"),
    )
    op.create_table(
        "events",
        sa.Column("conversation", ID, sa.ForeignKey("conversations.id"), primary_key=True),
        sa.Column("path", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("turn", sa.String),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    _permissions_and_audit()


def _permissions_and_audit() -> None:
    op.create_table(
        "permissions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("conversation", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("turn", ID, sa.ForeignKey("turns.id"), nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("decision", sa.String),
        sa.Column("who", sa.String),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("decided_at", sa.String),
    )
    op.create_table(
        "grants",
        sa.Column("id", ID, primary_key=True),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("capability", sa.String, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("revoked_at", sa.String),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("tenant", NAME, nullable=False, index=True),
        sa.Column("user", NAME, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("conversation", sa.String),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
    )
