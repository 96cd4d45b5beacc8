"""A database that refuses one kind of row, as one that fails in the middle of some work."""

import asyncio
import contextlib
import sqlite3


@contextlib.asynccontextmanager
async def refusing(running, table, condition):
    """Have the service's database refuse rows of *table* for which *condition* holds."""
    file = next(running.gateway.services.settings.data_dir.glob("*.db"))

    def change(statement):
        with contextlib.closing(sqlite3.connect(file)) as database:
            database.execute(statement)
            database.commit()

    # In a thread: the service may be amid a transaction, which ends in this event loop.
    await asyncio.to_thread(
        change,
        f"CREATE TRIGGER refusing BEFORE INSERT ON {table}"
        f" WHEN {condition} BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    yield
    await asyncio.to_thread(change, "DROP TRIGGER refusing")
