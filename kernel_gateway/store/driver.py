"""Executes SQLAlchemy's statements on a plain sqlite3 connection, for frequent writes.

For a transaction of three statements SQLAlchemy's overhead is twice SQLite's own time. So
SQLAlchemy only compiles each statement, once, and names the conversion of each value.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Insert, TextClause, Update
from sqlalchemy.exc import DBAPIError

Statement = Insert | Update | TextClause


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A compiled statement: its text, and the names and conversions of its values."""

    text: str
    names: tuple[str, ...]
    stored: tuple[Callable[[Any], Any] | None, ...]

    def values(self, row: Mapping[str, Any]) -> list[Any]:
        """Return the values of *row* in the order of the text."""
        return [
            row[name] if store is None else store(row[name])
            for name, store in zip(self.names, self.stored, strict=True)
        ]


class DriverConnection:
    """One connection to a SQLite database; for one thread at a time."""

    def __init__(self, engine: Engine) -> None:
        """Take a connection of *engine* until `close`."""
        self._dialect = engine.dialect
        self._held = engine.raw_connection()
        self._compiled: dict[tuple[Statement, tuple[str, ...]], _Compiled] = {}

    def execute(
        self,
        statement: Statement,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    ) -> None:
        """Execute *statement* once for each of *parameters*, which must have the same names.

        Raises:
            DBAPIError: As raised by SQLAlchemy's own connection.
        """
        rows = [parameters] if isinstance(parameters, Mapping) else parameters
        key = (statement, tuple(rows[0]))
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = self._compile(*key)
        with _as_sqlalchemy_raises(compiled.text):
            self._held.cursor().executemany(compiled.text, [compiled.values(row) for row in rows])

    def _compile(self, statement: Statement, columns: tuple[str, ...]) -> _Compiled:
        keys = list(columns) if isinstance(statement, Insert) else None
        compiled = statement.compile(dialect=self._dialect, column_keys=keys)
        names = tuple(compiled.positiontup or ())
        types = (compiled.binds[name].type for name in names)
        stored = (kind.dialect_impl(self._dialect).bind_processor(self._dialect) for kind in types)
        return _Compiled(str(compiled), names, tuple(stored))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[DriverConnection]:
        """Commit the block's writes; roll back if it raises."""
        try:
            yield self
            with _as_sqlalchemy_raises("COMMIT"):
                self._held.commit()
        except BaseException:
            self._held.rollback()
            raise

    def close(self) -> None:
        """Return the connection to the pool."""
        self._held.close()


@contextlib.contextmanager
def _as_sqlalchemy_raises(text: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, None, error, sqlite3.Error) from error
