"""The mode of a conversation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the mode that a conversation works in; none is ``auto``."""
    op.add_column("conversations", sa.Column("mode", sa.JSON, nullable=True))
