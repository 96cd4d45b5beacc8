"""Permissions that end at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the time at which a permission that was given until then ends."""
    op.add_column("permissions", sa.Column("until", sa.Float, nullable=True))
    op.add_column("grants", sa.Column("expires_at", sa.Float, nullable=True))
