"""The database: SQLite (WAL) or PostgreSQL with row-level security; migrated when opened."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from sqlite3 import SQLITE_CONSTRAINT_FOREIGNKEY
from typing import Any, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, Engine, Insert, create_engine, event, insert, inspect, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import QueuePool

from kernel_gateway.errors import ConversationDeleted, DatabaseUnavailable
from kernel_gateway.store.tables import Base
from kernel_gateway.store.turn_index import make_turn_index
from notebooks.record.shielded import shielded

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

Work = Callable[[Connection], None]
"""Writes to a connection."""

EVERYONE = "*"
"""Used as the tenant for the service's own work across tenants. No token can name it."""

POOL = 10
READERS = 2
CLOSING_CHECKS, CHECK_SECONDS = 2000, 0.005
"""Number and interval of the checks, when closing, for running transactions."""
PRESENT_VERSION = "0006"
"""Version of the newest migration, whose tables are those of `kernel_gateway.store.tables`."""
FOREIGN_KEY_VIOLATION = "23503"
"""Source: PostgreSQL's documentation, appendix A."""
MIGRATING = 7_233_011
"""Advisory lock, so that gateways that start together migrate one at a time."""
_SET_TENANT = text("SELECT set_config('app.tenant', :tenant, true)")
_ROLE = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")


def whole(
    method: Callable[Parameters, Coroutine[Any, Any, Result]],
) -> Callable[Parameters, Coroutine[Any, Any, Result]]:
    """Let a transaction finish before its caller's cancellation takes effect.

    A query cancelled halfway would leave its connection in use.
    """

    @functools.wraps(method)
    async def uncancelled_method(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return await shielded(method(*args, **kwargs))

    return uncancelled_method


@functools.cache
def insertion(table: type[Base]) -> Insert:
    """Return the statement that inserts a row; cached: building it takes longer than running it."""
    return insert(table)


class Database:
    """Transactions, each on behalf of one tenant. Use `open_database` to make one."""

    def __init__(self, engine: AsyncEngine, writer: Engine) -> None:
        self._engine, self._sync_engine = engine, writer
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self.dialect = engine.dialect.name
        # SQLite allows only one writer at a time.
        threads = POOL if self.dialect == "postgresql" else 1
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="database")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="database-reads")
        self._closed = False

    @asynccontextmanager
    async def begin(self, tenant: str) -> AsyncIterator[AsyncSession]:
        """Run the block as one transaction that sees only the rows of *tenant*.

        PostgreSQL enforces that by row-level security; for SQLite the queries must filter.

        Raises:
            DatabaseUnavailable: It doesn't answer, or its disk is full; nothing was changed.
            ConversationDeleted: A row to insert belongs to a deleted conversation.
        """
        self._refuse_if_closed()
        with _plain_errors():
            async with self._sessions.begin() as session:
                if self.dialect == "postgresql":
                    await session.execute(_SET_TENANT, {"tenant": tenant})
                yield session

    def write(self, tenant: str, work: Work) -> asyncio.Future[None]:
        """Run *work* as one transaction of *tenant*, in a thread; for frequent writes.

        The thread starts before this returns. An asynchronous connection would switch threads
        for every statement.

        Returns:
            A future, done with the transaction; cancelling it does not undo the transaction.

        Raises:
            DatabaseUnavailable: It doesn't answer, or its disk is full; nothing was changed.
        """
        self._refuse_if_closed()
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._threads, self._transact, tenant, work)

    def read(self, tenant: str, work: Callable[[Connection], Result]) -> asyncio.Future[Result]:
        """Run *work*, which changes nothing, as one transaction of *tenant*, in a thread.

        For frequent reads: an asynchronous connection would switch threads for every statement.

        Returns:
            A future with what *work* returned.

        Raises:
            DatabaseUnavailable: It doesn't answer.
        """
        self._refuse_if_closed()
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._readers, self._transact, tenant, work)

    def _transact(self, tenant: str, work: Callable[[Connection], Result]) -> Result:
        with _plain_errors(), self._sync_engine.begin() as connection:
            if self.dialect == "postgresql":
                connection.execute(_SET_TENANT, {"tenant": tenant})
            return work(connection)

    async def drop_log(self) -> None:
        """Empty SQLite's write-ahead log, which still holds rows that were deleted.

        Where a reader needs the log just now, it stays until the next time.
        """
        if self.dialect == "sqlite":
            self._refuse_if_closed()
            await asyncio.get_running_loop().run_in_executor(self._readers, self._drop_log)

    def _drop_log(self) -> None:
        with _plain_errors(), self._sync_engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=500")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("PRAGMA busy_timeout=10000")

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise DatabaseUnavailable("the service is stopping")

    async def aclose(self) -> None:
        """Wait for running transactions, then close the connections.

        A connection in use while its engine is disposed of would never be closed.
        """
        self._closed = True
        pool = cast(QueuePool, self._engine.pool)
        for _ in range(CLOSING_CHECKS):
            if not pool.checkedout():
                break
            await asyncio.sleep(CHECK_SECONDS)
        await self._engine.dispose()
        for threads in (self._threads, self._readers):
            await asyncio.to_thread(threads.shutdown)
        self._sync_engine.dispose()


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeout, OSError) as error:
        raise DatabaseUnavailable(_reason(error)) from error
    except IntegrityError as error:
        if not _refers_to_nothing(error):
            raise
        raise ConversationDeleted from error  # every foreign key leads to a conversation
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise DatabaseUnavailable(_reason(error)) from error


def sqlite_url(file: Path) -> str:
    """Return the database URL of a SQLite file."""
    return f"sqlite+aiosqlite:///{file}"


async def open_database(url: str) -> Database:
    """Connect to *url* and migrate its tables to the current version.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``.

    Raises:
        DatabaseUnavailable: It can't be reached or used; the message says why.
    """
    try:
        engine, writer = _engines(url)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise DatabaseUnavailable(str(error).splitlines()[0]) from None
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_migrate)
            await connection.run_sync(make_turn_index)
            await connection.commit()
            postgresql = engine.dialect.name == "postgresql"
            exempt = postgresql and await connection.scalar(_ROLE)
        if exempt:
            raise DatabaseUnavailable(
                "its role is a superuser or has BYPASSRLS, so tenants would not be kept apart"
            )
    except BaseException as error:
        await engine.dispose()
        if isinstance(error, DBAPIError | OSError):
            raise DatabaseUnavailable(_reason(error)) from error
        raise
    return Database(engine, writer)


def _engines(url: str) -> tuple[AsyncEngine, Engine]:
    """Return an asynchronous engine for general use, and a synchronous one for frequent work."""
    scheme, _, rest = url.partition("://")
    if scheme.startswith("postgresql"):
        url = f"postgresql+psycopg://{rest}"
        options: dict[str, Any] = {"pool_size": POOL, "pool_pre_ping": True}
        return create_async_engine(url, **options), create_engine(url, **options)
    if not scheme.startswith("sqlite"):
        raise DatabaseUnavailable(f"{scheme!r} is neither sqlite nor postgresql")
    # Every transaction ends with a commit or rollback: the pool needs no further reset.
    engine = create_async_engine(f"sqlite+aiosqlite://{rest}", pool_reset_on_return=None)
    writer = create_engine(f"sqlite://{rest}", pool_reset_on_return=None)
    for each in (engine.sync_engine, writer):
        event.listen(each, "connect", _pragmas)
    return engine, writer


def _pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    # secure_delete: the file keeps nothing of a deleted row.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _migrate(connection: Connection) -> None:
    """Migrate the tables to the current version; avoid Alembic, a slow import, if possible."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATING})"))
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
        if version == PRESENT_VERSION:
            return
    elif not tables and connection.dialect.name == "sqlite":
        _create(connection)
        return
    from kernel_gateway.store.migrating import migrate

    migrate(connection)


def _create(connection: Connection) -> None:
    """Create all tables of an empty SQLite database, in one transaction."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # sqlite3 itself begins no transaction for DDL
    Base.metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
    connection.execute(
        text("INSERT INTO alembic_version VALUES (:version)"), {"version": PRESENT_VERSION}
    )


def _refers_to_nothing(error: IntegrityError) -> bool:
    """Whether *error* is a foreign key violation."""
    sqlite = getattr(error.orig, "sqlite_errorcode", None) == SQLITE_CONSTRAINT_FOREIGNKEY
    return sqlite or getattr(error.orig, "sqlstate", None) == FOREIGN_KEY_VIOLATION


def _reason(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines() or [type(original).__name__]
    return lines[0][:300]
