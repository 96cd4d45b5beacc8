"""What a user said in another conversation helps in this one; nobody else's words do."""

import contextlib
import sqlite3

import pytest

from kernel_gateway.store.repository import open_repository
from kernel_gateway.store.tables import TurnRow
from tests.conftest import exchange

SAID = "Our sales data is in Sheet1 column B"
ASKED = "where is my sales data?"
TELLING = exchange(SAID, {"text": "Noted: sales are in Sheet1, column B."})
ASKING = exchange(ASKED, {"text": "In Sheet1, column B."})


def prompt_of(running):
    return running.standin.requests[-1]["contents"][0]["parts"][0]["text"]


async def test_what_was_said_last_week_answers_todays_question(start_gateway):
    running = await start_gateway([*TELLING, *ASKING])
    first = await running.conversation()
    await first.ask(SAID)
    today = await running.conversation()

    await today.ask(ASKED)

    used = today.of_kind("context.used")[0]
    assert f"| {SAID}" in prompt_of(running)
    assert [each["conversation"] for each in used["found"]["past_turns"]] == [first.id]
    assert used["tokens"]["past_turns"] > 0


async def test_a_deleted_conversation_is_gone_from_search_and_from_the_file(
    start_gateway, tmp_path
):
    running = await start_gateway([*exchange("zebrafinch", {"text": "Noted."}), *ASKING])
    first = await running.conversation()
    await first.ask("our zebrafinch ledger is in Sheet1")
    await running.client.delete(f"/api/v1/conversations/{first.id}")
    today = await running.conversation()
    await today.ask(ASKED)

    rows = await running.gateway.services.repository.turns.search(
        "local", "local", ["zebrafinch"], ""
    )

    assert rows == []
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "tallybook.db")) as database:
        for table in ("turn_texts", "turn_index_data"):
            dumped = repr(database.execute(f"SELECT * FROM {table}").fetchall())
            assert "zebrafinch" not in dumped


@pytest.fixture
async def repository(database_url):
    opened = await open_repository(database_url)
    yield opened
    await opened.aclose()


async def add(repository, tenant, user, request, answer="Yes."):
    conversation = await repository.conversations.add(tenant, user, "")
    number = len(conversation.id) and conversation.id[-16:]
    row = TurnRow(
        id=f"turn_{number}", tenant=tenant, conversation=conversation.id, path="main", user=user,
        kind="turn", request=request, status="running", created_at="2026-01-01",
    )  # fmt: skip
    await repository.turns.add(row)
    await repository.turns.change(tenant, row.id, status="ok", result={"answer": answer})
    return conversation.id


async def search(repository, tenant, user, *words, without=""):
    return [row.request for row in await repository.turns.search(tenant, user, words, without)]


async def test_only_the_users_own_turns_are_found(repository):
    await add(repository, "a", "ann", "sales of ann")
    await add(repository, "a", "bob", "sales of bob")
    await add(repository, "b", "ann", "sales of the other ann")

    assert await search(repository, "a", "ann", "sales") == ["sales of ann"]
    assert await search(repository, "b", "ann", "sales") == ["sales of the other ann"]
    assert await search(repository, "a", "an", "sales") == []


async def test_turns_with_more_of_the_words_come_first_and_other_forms_are_found(repository):
    await add(repository, "a", "ann", "the margin")
    await add(repository, "a", "ann", "calculated margins by region")
    await add(repository, "a", "ann", "something else", answer="the region")

    found = await search(repository, "a", "ann", "margin", "region", "calculate")

    assert found == ["calculated margins by region"]
    assert set(await search(repository, "a", "ann", "margin", "region")) == {
        "the margin", "calculated margins by region", "something else",
    }  # fmt: skip


async def test_the_conversation_itself_is_left_out(repository):
    here = await add(repository, "a", "ann", "sales here")
    await add(repository, "a", "ann", "sales there")

    assert await search(repository, "a", "ann", "sales", without=here) == ["sales there"]


@pytest.mark.parametrize(
    "words", [['"', "a OR b"], ["*"], ["owner:x"], ["'; DROP TABLE turns"], []]
)
async def test_words_that_could_be_syntax_find_nothing_and_break_nothing(repository, words):
    await add(repository, "a", "ann", "a b x")

    assert await search(repository, "a", "ann", *words) == []


async def test_an_answer_with_a_nul_is_kept_and_found_in_every_database(
    start_gateway, database_url
):
    """A broken model's service may send one; PostgreSQL keeps none in a text."""
    running = await start_gateway(
        exchange("zebrafinch", {"text": "a\0b"}), database_url=database_url
    )
    conversation = await running.conversation()

    finished = await conversation.ask("where is our zebrafinch ledger?")
    found = await running.gateway.services.repository.turns.search(
        "local", "local", ["zebrafinch"], ""
    )

    assert (finished["status"], finished["answer"]) == ("ok", "a\ufffdb")
    assert [turn.answer for turn in found] == ["a\ufffdb"]
