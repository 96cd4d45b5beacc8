"""Gateways that share a database, and owners of conversations; cursors of Jupyter clients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kernel_gateway.store.row_security import secure

revision = "0003"
down_revision = "0002"

ID = sa.String(40)
NAME = sa.String(80)


def upgrade() -> None:
    """Add the owner of conversations; create the tables of nodes and cursors."""
    op.add_column("conversations", sa.Column("node", NAME, nullable=False, server_default=""))
    op.create_index("ix_conversations_node", "conversations", ["node"])
    op.create_table(
        "nodes",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("run", sa.String(40), nullable=False),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
    )
    op.create_table(
        "jupyter_cursors",
        sa.Column("conversation", ID, sa.ForeignKey("conversations.id"), primary_key=True),
        sa.Column("path", ID, primary_key=True),
        sa.Column("session_id", sa.String(200), primary_key=True),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        secure("jupyter_cursors")
