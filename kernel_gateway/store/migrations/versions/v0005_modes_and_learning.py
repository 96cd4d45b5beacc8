"""The mode of a conversation; preferences and code that worked, of each user."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kernel_gateway.store.row_security import secure

revision = "0005"
down_revision = "0004"

ID = sa.String(40)
NAME = sa.String(80)


def upgrade() -> None:
    """Add the mode that a conversation works in (none is ``auto``), and two tables."""
    op.add_column("conversations", sa.Column("mode", sa.JSON, nullable=True))
    op.create_index("turns_of_a_user", "turns", ["tenant", "user", "created_at"])
    op.create_table(
        "preferences",
        sa.Column("id", ID, primary_key=True),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("topic", sa.String),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("updated_at", sa.String),
        sa.Column("deleted_at", sa.String),
    )
    op.create_index("preferences_of_a_user", "preferences", ["tenant", "user"])
    op.create_table(
        "worked_code",
        sa.Column("turn", ID, sa.ForeignKey("turns.id"), primary_key=True),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("conversation", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("shapes", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
    )
    op.create_index("ix_worked_code_conversation", "worked_code", ["conversation"])
    op.create_index("worked_code_of_a_user", "worked_code", ["tenant", "user", "created_at"])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("preferences", "worked_code"):
            secure(table)
