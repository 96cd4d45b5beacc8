"""A tenant in every row and row-level security; paths; execution contexts; ratings."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

from kernel_gateway.store.row_security import secure

revision = "0002"
down_revision = "0001"

ID = sa.String(40)
NAME = sa.String(80)
WITHOUT_TENANT = ("turns", "events", "permissions")
TABLES = (
    "conversations", "paths", "contexts", "jupyter_sessions", "turns", "events",
    "permissions", "grants", "audit",
)  # fmt: skip


def upgrade() -> None:
    """Add tenants to the first tables; create paths and contexts."""
    for table in WITHOUT_TENANT:
        op.add_column(table, sa.Column("tenant", NAME, nullable=False, server_default=""))
        op.execute(
            f"UPDATE {table} SET tenant = (SELECT c.tenant FROM conversations c "  # noqa: S608
            f"WHERE c.id = {table}.conversation)"
        )
    op.add_column("turns", sa.Column("rating", sa.String))
    op.add_column("turns", sa.Column("rating_comment", sa.String))
    _create_paths()
    _create_contexts()
    _create_jupyter_sessions()
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            secure(table)


def _create_paths() -> None:
    op.create_table(
        "paths",
        sa.Column("conversation", ID, sa.ForeignKey("conversations.id"), primary_key=True),
        sa.Column("name", ID, primary_key=True),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("source_path", sa.String),
        sa.Column("source_turn", sa.String),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("merged_into", sa.String),
        sa.Column("merged_at", sa.String),
        sa.Column("kernel_id", sa.String(36), nullable=False, unique=True),
    )
    connection = op.get_bind()
    found = connection.execute(sa.text("SELECT id, tenant, created_at FROM conversations"))
    for conversation, tenant, created_at in found.all():
        values = {"c": conversation, "t": tenant, "at": created_at, "k": str(uuid.uuid4())}
        connection.execute(
            sa.text(
                "INSERT INTO paths (conversation, name, tenant, title, created_at, kernel_id) "
                "VALUES (:c, 'main', :t, 'main', :at, :k)"
            ),
            values,
        )


def _create_jupyter_sessions() -> None:
    op.create_table(
        "jupyter_sessions",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("tenant", NAME, nullable=False, index=True),
        sa.Column("conversation", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("kernel_id", sa.String(36), nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
    )


def _create_contexts() -> None:
    op.create_table(
        "contexts",
        sa.Column("conversation", ID, sa.ForeignKey("conversations.id"), primary_key=True),
        sa.Column("path", ID, primary_key=True),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("id", ID, nullable=False, unique=True),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("kernel", sa.String),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("last_used_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False, index=True),
        sa.Column("error", sa.String),
        sa.Column("resource_usage", sa.JSON, nullable=False),
    )
