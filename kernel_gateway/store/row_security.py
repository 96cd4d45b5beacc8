"""PostgreSQL's row-level security, set up by the migrations."""

from __future__ import annotations

from alembic import op

# The owner of a table is exempt unless forced; '*' is the service's own housekeeping.
_ALLOWED = (
    "tenant = current_setting('app.tenant', true) OR current_setting('app.tenant', true) = '*'"
)


def secure(table: str) -> None:
    """Restrict transactions on *table* to rows of their tenant."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_tenant ON {table} USING ({_ALLOWED}) WITH CHECK ({_ALLOWED})")
