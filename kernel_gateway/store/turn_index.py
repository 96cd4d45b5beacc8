"""Full text of users' answered requests: SQLite's FTS5, or PostgreSQL's text search.

The index follows the rows of turns by itself: by triggers in SQLite, as an index of the table in
PostgreSQL. It is made when a database that lacks it is opened, so it needs no migration.

Source: SQLite's documentation, "FTS5", "External Content Tables"; PostgreSQL's, "Text Search".
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncSession

CHARACTERS = 8000
"""How much of a request and of an answer is indexed."""
MOST_WORDS = 6
CANDIDATES, ENOUGH = 40, 8


def _owner(row: str) -> str:
    """Return SQL for the words that stand for user and conversation of *row*."""
    user = f"'u' || lower(hex({row}.tenant || char(31) || {row}.\"user\"))"
    return f"{user} || ' ' || {row}.conversation"


def _values(row: str) -> str:
    return (
        f"{row}.id, {_owner(row)}, substr({row}.request, 1, {CHARACTERS}), "
        f"substr(coalesce(json_extract({row}.result, '$.answer'), ''), 1, {CHARACTERS})"
    )


_INSERT = "INSERT INTO turn_texts (turn, owner, request, answer) "
_SQLITE = (
    "CREATE TABLE turn_texts (n INTEGER PRIMARY KEY, turn TEXT NOT NULL UNIQUE, "
    "owner TEXT NOT NULL, request TEXT NOT NULL, answer TEXT NOT NULL)",
    "CREATE VIRTUAL TABLE turn_index USING fts5(owner, request, answer, content='turn_texts', "
    "content_rowid='n', tokenize='porter unicode61 remove_diacritics 2')",
    "CREATE TRIGGER turn_texts_added AFTER INSERT ON turn_texts BEGIN "
    "INSERT INTO turn_index (rowid, owner, request, answer) "
    "VALUES (new.n, new.owner, new.request, new.answer); END",
    "CREATE TRIGGER turn_texts_removed AFTER DELETE ON turn_texts BEGIN "
    "INSERT INTO turn_index (turn_index, rowid, owner, request, answer) "
    "VALUES ('delete', old.n, old.owner, old.request, old.answer); END",
    "CREATE TRIGGER turns_answered AFTER UPDATE OF status ON turns "
    "WHEN new.kind = 'turn' AND new.status = 'ok' BEGIN "
    "DELETE FROM turn_texts WHERE turn = new.id; "
    f"{_INSERT} SELECT {_values('new')}; END",
    "CREATE TRIGGER turns_removed AFTER DELETE ON turns BEGIN "
    "DELETE FROM turn_texts WHERE turn = old.id; END",
    f"{_INSERT} SELECT {_values('turns')} FROM turns WHERE kind = 'turn' AND status = 'ok'",
)
_DOCUMENT = (
    f"to_tsvector('english', left(request, {CHARACTERS}) || ' ' || "
    f"left(coalesce(result ->> 'answer', ''), {CHARACTERS}))"
)
_POSTGRESQL = (
    f"CREATE INDEX IF NOT EXISTS turn_index ON turns USING gin ({_DOCUMENT}) "
    "WHERE kind = 'turn' AND status = 'ok'"
)
_FIND_IN_SQLITE = text(
    "SELECT t.id, t.conversation, t.created_at, t.request, "
    "json_extract(t.result, '$.answer') AS answer "
    "FROM (SELECT rowid AS n FROM turn_index WHERE turn_index MATCH :words "
    "      ORDER BY rowid DESC LIMIT :most) AS found "
    "JOIN turn_texts AS x ON x.n = found.n JOIN turns AS t ON t.id = x.turn "
    'WHERE t.tenant = :tenant AND t."user" = :user AND t.conversation != :without '
    "ORDER BY found.n DESC"
)
_FIND_IN_POSTGRESQL = text(
    "SELECT id, conversation, created_at, request, result ->> 'answer' AS answer "
    f"FROM turns WHERE kind = 'turn' AND status = 'ok' "
    f"AND {_DOCUMENT} @@ to_tsquery('english', :words) "
    'AND tenant = :tenant AND "user" = :user AND conversation != :without '
    "ORDER BY created_at DESC LIMIT :most"
)


def make_turn_index(connection: Connection) -> None:
    """Make the index in a database that has the tables but not the index."""
    if connection.dialect.name == "postgresql":
        found = "SELECT 1 FROM pg_indexes WHERE indexname = 'turn_index' AND schemaname = 'public'"
        if connection.scalar(text(found)) is None:
            connection.execute(text(_POSTGRESQL))
        return
    found = "SELECT 1 FROM sqlite_master WHERE name = 'turn_index'"
    if connection.scalar(text(found)) is None:
        for statement in _SQLITE:
            connection.exec_driver_sql(statement)


async def purge_turn_index(session: AsyncSession) -> None:
    """Remove what SQLite's index still keeps of deleted words; PostgreSQL's vacuum does its own."""
    if session.get_bind().dialect.name == "sqlite":
        await session.execute(text("INSERT INTO turn_index (turn_index) VALUES ('optimize')"))


def find_turns(
    connection: Connection, tenant: str, user: str, words: Sequence[str], without: str
) -> list[Any]:
    """Return the turns of *user* that have at least half of *words*.

    Those that have all of them are looked for first, then those that lack one, and so on, until
    there are enough. The newest are read: a rank over all that match would take too long.

    Args:
        connection: A transaction of *tenant*.
        tenant: The user's tenant.
        user: The user.
        words: Letters and digits only; others, and those beyond `MOST_WORDS`, are not used.
        without: A conversation whose turns are left out.

    Returns:
        Rows with ``id``, ``conversation``, ``created_at``, ``request`` and ``answer``: those
        with more of the words first, then newer ones.
    """
    words = [word for word in words if word.isalnum()][:MOST_WORDS]
    values = {"tenant": tenant, "user": user, "without": without, "most": CANDIDATES}
    found: dict[str, Any] = {}
    for count in range(len(words), max(0, (len(words) - 1) // 2), -1):
        for row in _with_words(connection, list(combinations(words, count)), values):
            found.setdefault(row.id, row)
        if len(found) >= ENOUGH:
            break
    return list(found.values())


def _with_words(
    connection: Connection, groups: Sequence[Sequence[str]], values: dict[str, Any]
) -> Sequence[Any]:
    """Return the newest turns that have all words of one of *groups*."""
    if connection.dialect.name == "postgresql":
        asked = " | ".join(f"({' & '.join(group)})" for group in groups)
        return connection.execute(_FIND_IN_POSTGRESQL, {**values, "words": asked}).all()
    owner = "u" + f"{values['tenant']}\x1f{values['user']}".encode().hex()
    quoted = (" AND ".join(f'"{word}"' for word in group) for group in groups)
    asked = " OR ".join(f"({group})" for group in quoted)
    here = values["without"].replace('"', "")
    match = f'(owner:"{owner}" AND {{request answer}}: ({asked})) NOT owner:"{here}"'
    return connection.execute(_FIND_IN_SQLITE, {**values, "words": match}).all()
