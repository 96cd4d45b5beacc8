"""Run by Alembic on the connection that `kernel_gateway.store.database` passes."""

from __future__ import annotations

from alembic import context

from kernel_gateway.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
