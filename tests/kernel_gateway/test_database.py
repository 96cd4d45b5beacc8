"""The database: migrated when opened, tenants kept apart, plain errors when it is away."""

import asyncio
import json
import sqlite3

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from kernel_gateway.errors import ConversationDeleted, DatabaseUnavailable, NotFound
from kernel_gateway.ids import PathKey
from kernel_gateway.store.audit import audit_line
from kernel_gateway.store.conversations import new_branch
from kernel_gateway.store.database import EVERYONE, open_database
from kernel_gateway.store.migrating import configuration, migrate
from kernel_gateway.store.repository import open_repository
from kernel_gateway.store.tables import (
    Base,
    ConversationRow,
    EventRow,
    PathRow,
    TurnRow,
    columns_of,
)
from kernel_gateway.store.turns import rows_of


@pytest.fixture
async def repository(database_url):
    opened = await open_repository(database_url)
    yield opened
    await opened.aclose()


@pytest.fixture
async def key(repository):
    return PathKey("one", (await repository.conversations.add("one", "u", "c")).id, "main")


# what every database does


async def test_a_conversation_of_another_tenant_is_absent(repository, key):
    with pytest.raises(NotFound):
        await repository.conversations.get("two", key.conversation)
    with pytest.raises(NotFound):
        await repository.conversations.path(key._replace(tenant="two"))
    assert list(await repository.conversations.of("two", None, 10)) == []


async def test_a_conversation_is_renamed_in_its_own_tenant_only(repository, key):
    conversations = repository.conversations

    renamed = await conversations.rename("one", key.conversation, "new", "ann")
    with pytest.raises(NotFound):
        await conversations.rename("two", key.conversation, "other", "eve")

    (line,) = await repository.audit.lines("one", before=None, limit=1, conversation=None)
    assert renamed.title == (await conversations.get("one", key.conversation)).title == "new"
    assert (line.action, line.user) == ("conversation.renamed", "ann")
    assert not await repository.audit.lines("two", before=None, limit=1, conversation=None)


async def test_events_are_numbered_per_path_and_read_in_order(repository, key):
    events = [{"seq": n, "kind": "k", "turn": None, "at": "t", "data": str(n)} for n in (1, 2, 3)]
    await repository.events.add(key, events)

    assert await repository.events.last_seq(key) == 3
    assert [int(row.data) for row in await repository.events.after(key, 1, 10)] == [2, 3]
    assert list(await repository.events.after(key._replace(tenant="two"), 0, 10)) == []


def an_event(seq):
    return {"seq": seq, "kind": "k", "turn": None, "at": "t", "data": "{}"}


def a_turn(key, name):
    return TurnRow(
        id=name, tenant=key.tenant, conversation=key.conversation, path=key.path, user="u",
        kind="jupyter", request="1+1", status="running", created_at="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


async def test_what_is_stored_with_an_event_reads_as_if_stored_by_itself(repository, key):
    settled = {"status": "ok", "result": {"a": [1, "é", None]}, "error": None, "state": None}
    row = a_turn(key, "with-an-event")
    await repository.events.add(key, [an_event(1)], (), rows_of(row))
    await repository.events.add(key, [an_event(2)], [(row.id, settled)])
    await repository.turns.add(alone := a_turn(key, "by-itself"))
    await repository.turns.change(key.tenant, alone.id, **settled)

    told, alone = [await repository.turns.get(key.tenant, turn.id) for turn in (row, alone)]

    assert {**columns_of(told), "id": ""} == {**columns_of(alone), "id": ""}
    assert told.result == {"a": [1, "é", None]}


async def test_a_transaction_is_stored_whole_or_not_at_all_and_the_next_one_is(repository, key):
    await repository.events.add(key, [an_event(1)])

    with pytest.raises(IntegrityError):
        await repository.events.add(key, [an_event(2), an_event(1)], (), rows_of(a_turn(key, "t")))
    await repository.events.add(key, [an_event(2)])

    assert [row.seq for row in await repository.events.after(key, 0, 10)] == [1, 2]
    with pytest.raises(NotFound):
        await repository.turns.get(key.tenant, "t")


async def test_a_branch_and_its_line_of_the_audit_list_are_stored_with_its_first_event(
    repository, key
):
    branch = key._replace(path="what-if")
    row = new_branch(branch, "What if", "main", "turn_1")
    line = audit_line("one", "u", "path.created", "what-if", key.conversation, title="What if")
    rows = [(PathRow, columns_of(row)), line]
    await repository.events.add(branch, [an_event(1)], (), rows)

    with pytest.raises(IntegrityError):  # there is one of this name
        await repository.events.add(branch, [an_event(2)], (), rows)

    stored = await repository.conversations.path(branch)
    assert (stored.title, stored.kernel_id) == ("What if", row.kernel_id)
    told, created = await repository.audit.lines(
        "one", before=None, limit=10, conversation=key.conversation
    )
    assert (told.action, told.detail) == ("path.created", {"title": "What if"})
    assert (created.action, created.target) == ("conversation.created", key.conversation)
    assert await repository.events.last_seq(branch) == 1


async def test_a_conversation_is_as_old_as_what_last_happened_in_it(repository, key):
    quiet = await repository.conversations.add("one", "u", "quiet")
    await repository.events.add(key, [{**an_event(1), "at": "2999-01-02T00:00:00.000+00:00"}])

    old = await repository.conversations.created_before("2999-01-01T00:00:00.000+00:00", 10)

    assert [row.id for row in old] == [quiet.id]


async def test_a_forgotten_users_name_is_in_no_row_and_nothing_else_is_changed(repository, key):
    turn = {**columns_of(a_turn(key, "t")), "user": "ann"}
    told = {"kind": "turn.started", "data": json.dumps({"user": "ann", "request": "for ann"})}
    other = {"kind": "turn.started", "data": json.dumps({"user": "anna", "request": "ann"})}
    events = [{**an_event(1), **told}, {**an_event(2), **other}]
    lines = [audit_line("one", "u", "user.exported", "ann"), audit_line("one", "ann", "x", "ann")]
    await repository.events.add(key, events, (), [(TurnRow, turn), *lines])

    await repository.audit.forget_user("one", "ann")

    first, second = await repository.events.after(key, 0, 10)
    assert json.loads(first.data) == {"user": "(deleted user)", "request": "for ann"}
    assert json.loads(second.data) == {"user": "anna", "request": "ann"}
    assert (await repository.turns.get("one", "t")).user == "(deleted user)"
    told = await repository.audit.lines("one", before=None, limit=10, conversation=None)
    assert {(line.user, line.action, line.target) for line in told} == {
        ("u", "user.exported", "(deleted user)"),
        ("(deleted user)", "x", "ann"),  # of a path, say
        ("u", "conversation.created", key.conversation),
    }


async def test_a_removed_conversation_takes_all_its_rows_along(repository, key):
    await repository.events.add(
        key, [{"seq": 1, "kind": "k", "turn": None, "at": "t", "data": "{}"}]
    )
    line = audit_line("one", "u", "conversation.deleted", key.conversation, key.conversation)
    await repository.conversations.remove("one", key.conversation, line)

    async with repository.database.begin(EVERYONE) as session:
        for table in Base.metadata.sorted_tables:
            if table.name != "audit":
                assert (await session.execute(select(table))).all() == []


async def test_nothing_can_be_added_to_a_removed_conversation(repository, key):
    line = audit_line("one", "u", "conversation.deleted", key.conversation, key.conversation)
    await repository.conversations.remove("one", key.conversation, line)

    with pytest.raises(ConversationDeleted):
        await repository.events.add(key, [an_event(1)])
    with pytest.raises(ConversationDeleted):
        await repository.turns.add(a_turn(key, "t"))


async def test_closing_waits_for_a_transaction_and_takes_no_new_one(database_url):
    database = (await open_repository(database_url)).database
    async with database.begin(EVERYONE) as session:
        await session.execute(select(ConversationRow))
        closing = asyncio.create_task(database.aclose())
        await asyncio.sleep(0)
        with pytest.raises(DatabaseUnavailable, match="stopping"):
            async with database.begin(EVERYONE):
                pass
        with pytest.raises(DatabaseUnavailable, match="stopping"):
            await database.write(EVERYONE, lambda connection: None)
        await asyncio.sleep(0.05)
        assert not closing.done()
        assert (await session.execute(select(ConversationRow))).all() == []
    await closing


async def test_the_tables_are_those_the_migrations_make(database_url):
    """A column added to a table without a migration would only show in production."""
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
    scheme, rest = database_url.split("://", 1)
    engine = create_async_engine(f"{driver[scheme]}://{rest}")
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
        differences = await connection.run_sync(
            lambda c: compare_metadata(MigrationContext.configure(c), Base.metadata)
        )
    await engine.dispose()

    assert [d for d in differences if "default" not in str(d[0])] == []


async def test_an_empty_database_gets_the_newest_migrations_version(database_url):
    newest = ScriptDirectory.from_config(configuration()).get_current_head()

    database = await open_database(database_url)

    async with database.begin(EVERYONE) as session:
        versions = (await session.scalars(text("SELECT version_num FROM alembic_version"))).all()
    await database.aclose()
    assert versions == [newest]


# SQLite


async def test_a_database_from_before_there_were_tenants_is_brought_up_to_date(tmp_path):
    file = tmp_path / "old.db"
    connection = sqlite3.connect(file)
    connection.executescript(
        """
        CREATE TABLE conversations (id VARCHAR(40) PRIMARY KEY, tenant VARCHAR(80) NOT NULL,
          user VARCHAR(80) NOT NULL, title VARCHAR NOT NULL, created_at VARCHAR NOT NULL);
        CREATE TABLE turns (id VARCHAR(40) PRIMARY KEY, conversation VARCHAR(40) NOT NULL,
          path VARCHAR NOT NULL, user VARCHAR(80) NOT NULL, kind VARCHAR NOT NULL,
          request VARCHAR NOT NULL, status VARCHAR NOT NULL, state JSON, result JSON, error JSON,
          created_at VARCHAR NOT NULL, finished_at VARCHAR);
        CREATE TABLE events (conversation VARCHAR(40) NOT NULL, path VARCHAR NOT NULL,
          seq INTEGER NOT NULL, turn VARCHAR, kind VARCHAR NOT NULL, at VARCHAR NOT NULL,
          data JSON NOT NULL, PRIMARY KEY (conversation, path, seq));
        CREATE TABLE permissions (id VARCHAR(40) PRIMARY KEY, conversation VARCHAR(40) NOT NULL,
          turn VARCHAR(40) NOT NULL, request JSON NOT NULL, decision VARCHAR, who VARCHAR,
          created_at VARCHAR NOT NULL, expires_at FLOAT NOT NULL, decided_at VARCHAR);
        CREATE TABLE grants (id VARCHAR(40) PRIMARY KEY, tenant VARCHAR(80) NOT NULL,
          user VARCHAR(80) NOT NULL, capability VARCHAR NOT NULL, created_at VARCHAR NOT NULL,
          revoked_at VARCHAR);
        CREATE TABLE audit (id INTEGER PRIMARY KEY, at VARCHAR NOT NULL,
          tenant VARCHAR(80) NOT NULL, user VARCHAR(80) NOT NULL, action VARCHAR NOT NULL,
          conversation VARCHAR, target VARCHAR NOT NULL, detail JSON NOT NULL);
        INSERT INTO conversations VALUES ('conv_00000000000000aa', 'local', 'local', 'Old', 'then');
        INSERT INTO events VALUES
          ('conv_00000000000000aa', 'main', 1, NULL, 'turn.started', 'then', '{}');
        """
    )
    connection.close()

    repository = await open_repository(f"sqlite:///{file}")

    key = PathKey("local", "conv_00000000000000aa", "main")
    assert (await repository.conversations.path(key)).title == "main"
    assert [row.kind for row in await repository.events.after(key, 0, 10)] == ["turn.started"]
    await repository.aclose()


# PostgreSQL


async def test_a_query_that_forgets_the_tenant_still_sees_only_its_rows(postgres):
    repository = await open_repository(postgres.new_database())
    for tenant in ("one", "two"):
        await repository.conversations.add(tenant, "u", f"of {tenant}")

    async with repository.database.begin("one") as session:
        seen = [row.title for row in await session.scalars(select(ConversationRow))]
    await repository.aclose()

    assert seen == ["of one"]


async def test_without_a_tenant_nothing_is_seen(postgres):
    url = postgres.new_database()
    repository = await open_repository(url)
    await repository.conversations.add("one", "u", "c")
    await repository.aclose()

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM conversations").fetchone() == (0,)


async def test_a_row_for_another_tenant_cannot_be_written(postgres):
    repository = await open_repository(postgres.new_database())
    conversation = await repository.conversations.add("one", "u", "c")

    with pytest.raises(Exception, match="row-level security"):
        async with repository.database.begin("two") as session:
            session.add(
                EventRow(conversation=conversation.id, path="main", seq=1, tenant="one",
                         turn=None, kind="k", at="t", data="{}")
            )  # fmt: skip
    await repository.aclose()


async def test_what_is_just_being_added_to_a_conversation_is_removed_with_it(postgres):
    repository = await open_repository(postgres.new_database())
    key = PathKey("one", (await repository.conversations.add("one", "u", "c")).id, "main")
    line = audit_line("one", "u", "conversation.deleted", key.conversation, key.conversation)

    async with repository.database.begin("one") as session:
        session.add(a_turn(key, "t"))
        await session.flush()
        removing = asyncio.create_task(
            repository.conversations.remove("one", key.conversation, line)
        )
        done, _ = await asyncio.wait({removing}, timeout=0.3)
        assert not done
    await removing

    with pytest.raises(NotFound):
        await repository.turns.get("one", "t")
    await repository.aclose()


async def test_a_role_that_row_level_security_does_not_bind_is_refused(postgres):
    url = f"postgresql://{postgres.superuser}@127.0.0.1:{postgres.port}/postgres"

    with pytest.raises(DatabaseUnavailable, match="superuser"):
        await open_database(url)


async def test_two_services_that_start_together_migrate_once(postgres):
    url = postgres.new_database()

    opened = await asyncio.gather(*(open_database(url) for _ in range(4)))

    async with opened[0].begin(EVERYONE) as session:
        versions = (await session.execute(text("SELECT version_num FROM alembic_version"))).all()
    assert len(versions) == 1
    for database in opened:
        await database.aclose()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://x/y", "neither sqlite nor postgresql"),
        ("postgresql://u:p@127.0.0.1:1/x", "refused"),
        ("postgresql://u:p@127.0.0.1:notaport/x", "notaport"),
        ("sqlite:////nonexistent/x.db", "unable to open"),
    ],
)
async def test_a_database_that_cannot_be_used_says_why(url, reason):
    with pytest.raises(DatabaseUnavailable, match=reason):
        await open_database(url)
    await asyncio.sleep(0.1)  # the driver's thread of a failed connection still says so


async def test_while_the_database_is_away_errors_are_plain_and_afterwards_all_goes_on(
    start_gateway,
):
    from tests.postgres import running_postgres
    from tests.raw_http import Raw, error_of

    with running_postgres() as server:
        running = await start_gateway([], database_url=server.new_database())
        conversation = await running.conversation()
        assert await conversation.printed("x = 5; print(x)") == "5\n"
        server.control("stop")
        try:
            refused = await Raw(running)("GET", "/api/v1/conversations")
        finally:
            server.control("start")
        later = await Raw(running)("GET", "/api/v1/conversations")

        assert (refused.code, error_of(refused)["code"]) == (503, "database-unavailable")
        assert "secret" not in refused.body.decode()
        assert later.code == 200
        assert await conversation.printed("print(x + 1)") == "6\n"


async def test_a_nul_character_anywhere_is_refused_before_the_database_sees_it(
    start_gateway, database_url
):
    from tests.raw_http import Raw, error_of

    running = await start_gateway([], database_url=database_url)
    raw, conversation = Raw(running), await running.conversation()

    answers = [
        await raw("POST", "/api/v1/conversations", '{"title": "a\\u0000b"}'),
        await raw("POST", "/api/v1/execute", '{"code": "1\\u0000"}'),
        await raw("POST", conversation.url + "/turns", '{"request": "\\u0000"}'),
        await raw("GET", "/api/v1/audit?conversation=%00"),
        await raw("GET", "/api/v1/conversations/%00"),
        await raw("GET", conversation.url + "/files/a%00b"),
    ]

    assert [answer.code for answer in answers] == [400] * 6
    assert all("NUL" in error_of(answer)["message"] for answer in answers)


async def test_code_that_only_spells_a_nul_character_runs(start_gateway):
    conversation = await (await start_gateway([])).conversation()

    assert await conversation.printed(r"print(len('a\u0000b'))") == "3\n"
