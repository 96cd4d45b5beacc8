"""Gateways that share a database: which there are, and whose each conversation is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NAME = sa.String(80)


def upgrade() -> None:
    """Give conversations an owner; add the table of nodes."""
    op.add_column("conversations", sa.Column("node", NAME, nullable=False, server_default=""))
    op.create_index("ix_conversations_node", "conversations", ["node"])
    op.create_table(
        "nodes",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("run", sa.String(40), nullable=False),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
    )
