"""A database that refuses one kind of row, as one that fails in the middle of some work."""

import contextlib
import sqlite3


@contextlib.contextmanager
def refusing(running, table, condition):
    """Have the service's database refuse rows of *table* for which *condition* holds."""
    file = next(running.gateway.services.settings.data_dir.glob("*.db"))
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(
            f"CREATE TRIGGER refusing BEFORE INSERT ON {table}"
            f" WHEN {condition} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        database.commit()
        yield
        database.execute("DROP TRIGGER refusing")
        database.commit()
