"""What answered requests mean, as vectors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from kernel_gateway.store.row_security import secure

revision = "0006"
down_revision = "0005"

ID = sa.String(40)
NAME = sa.String(80)


def upgrade() -> None:
    """Add the table of embeddings."""
    op.create_table(
        "embeddings",
        sa.Column("turn", ID, sa.ForeignKey("turns.id"), primary_key=True),
        sa.Column("tenant", NAME, nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("conversation", ID, sa.ForeignKey("conversations.id"), nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
    )
    op.create_index("ix_embeddings_conversation", "embeddings", ["conversation"])
    op.create_index("embeddings_of_a_user", "embeddings", ["tenant", "user", "created_at"])
    if op.get_bind().dialect.name == "postgresql":
        secure("embeddings")
