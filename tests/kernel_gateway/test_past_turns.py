"""What a user said in another conversation helps in this one; nobody else's words do."""

import contextlib
import json
import sqlite3

import pytest

from kernel_gateway.store.embeddings import vector_bytes
from kernel_gateway.store.repository import open_repository
from kernel_gateway.store.tables import EmbeddingRow, TurnRow
from tests.conftest import exchange
from tests.waiting import eventually

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


IN_OTHER_WORDS = "where is our revenue held?"


async def told_turnover(running):
    first = await running.conversation()
    await first.ask("Our turnover is kept in Sheet1")
    return first


def embedded(running):
    rows = running.gateway.services.repository.embeddings
    return lambda: rows.has_any("local", "local", "gemini-embedding-001", without="")


def telling_turnover():
    return [
        *exchange("turnover", {"text": "Noted."}),
        *exchange(IN_OTHER_WORDS, {"text": "In Sheet1."}),
    ]


async def test_what_was_said_in_other_words_is_found_by_its_meaning(start_gateway):
    running = await start_gateway(telling_turnover())
    first = await told_turnover(running)
    await eventually("it is embedded", embedded(running))
    today = await running.conversation()

    await today.ask(IN_OTHER_WORDS)

    found = today.of_kind("context.used")[0]["found"]["past_turns"]
    assert [each["conversation"] for each in found] == [first.id]


async def test_an_embedding_goes_with_its_conversation(start_gateway, tmp_path):
    running = await start_gateway(telling_turnover())
    first = await told_turnover(running)
    await eventually("it is embedded", embedded(running))

    await running.client.delete(f"/api/v1/conversations/{first.id}")

    assert not await embedded(running)()


async def test_without_embeddings_requests_are_answered_all_the_same(start_gateway, caplog):
    running = await start_gateway(telling_turnover())
    running.standin.embeds = False
    await told_turnover(running)
    await eventually("it was tried", lambda: "not searched by meaning" in caplog.text)
    today = await running.conversation()

    finished = await today.ask(IN_OTHER_WORDS)

    assert finished["answer"] == "In Sheet1."


@pytest.mark.parametrize(
    "broken",
    [[], [{}], 5, "x", [5], [{"values": "x"}], [{"values": [[1]]}], [{"values": [{}]}], {"a": 1}],
)
async def test_embeddings_that_are_none_stop_no_request(start_gateway, broken):
    running = await start_gateway(telling_turnover())
    await told_turnover(running)
    await eventually("it is embedded", embedded(running))
    running.standin.embeddings = broken
    today = await running.conversation()

    finished = await today.ask(IN_OTHER_WORDS)

    assert finished["answer"] == "In Sheet1."


async def test_what_is_embedded_is_guarded_as_what_the_model_gets(start_gateway):
    """A key that an earlier answer or request holds does not reach the service by this way."""
    key = "AKIAIOSFODNN7EXAMPLQ"
    running = await start_gateway(exchange("turnover", {"text": "Noted."}))
    first = await running.conversation()

    await first.ask(f"Our turnover is behind {key}")
    await eventually("it is embedded", embedded(running))

    sent = json.dumps(running.standin.embedded)
    assert "Our turnover is behind" in sent
    assert key not in sent


async def test_an_operator_can_switch_embeddings_off(start_gateway):
    running = await start_gateway(telling_turnover(), embedding_model="")

    await told_turnover(running)

    assert not running.gateway.services.settings.embeds_with
    assert not await embedded(running)()


async def embed(repository, tenant, user, request, vector, model="m"):
    conversation = await add(repository, tenant, user, request)
    [row] = [r for r in await repository.embeddings.missing(tenant, user, model, 9)
             if r.request == request]  # fmt: skip
    made = EmbeddingRow(
        turn=row.id, tenant=tenant, user=user, conversation=conversation, model=model,
        vector=vector_bytes(vector), created_at=row.created_at,
    )  # fmt: skip
    await repository.embeddings.keep(tenant, [made])
    return conversation


async def nearest(repository, tenant, user, vector, without=""):
    rows = await repository.embeddings.nearest(
        tenant, user, "m", vector_bytes(vector), without=without, most=2
    )
    return [row.request for row in rows]


async def test_only_the_users_own_turns_are_near_and_the_nearest_come_first(repository):
    await embed(repository, "a", "ann", "far", [0, 1, 0])
    here = await embed(repository, "a", "ann", "near", [9, 1, 0])
    await embed(repository, "a", "ann", "nearest", [2, 0, 0])
    await embed(repository, "a", "bob", "of bob", [1, 0, 0])
    await embed(repository, "b", "ann", "of the other ann", [1, 0, 0])
    await embed(repository, "a", "ann", "of another model", [1, 0, 0], model="other")
    await embed(repository, "a", "ann", "of another length", [1, 0])

    assert await nearest(repository, "a", "ann", [1, 0, 0]) == ["nearest", "near"]
    assert await nearest(repository, "a", "ann", [1, 0, 0], without=here) == ["nearest"]
    assert await nearest(repository, "a", "eve", [1, 0, 0]) == []


async def test_a_vector_of_zeros_is_near_to_nothing(repository):
    await embed(repository, "a", "ann", "zeros", [0, 0, 0])
    await embed(repository, "a", "ann", "ones", [1, 1, 1])

    assert await nearest(repository, "a", "ann", [0, 0, 0]) == []
    assert await nearest(repository, "a", "ann", [1, 1, 1]) == ["ones"]


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
