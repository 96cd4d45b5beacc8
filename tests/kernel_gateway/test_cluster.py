"""Several gateways on one PostgreSQL and one data directory; each conversation has one owner."""

import asyncio
import json

import pytest
from sqlalchemy import select, update

from kernel_gateway.cluster.addresses import conversation_of
from kernel_gateway.errors import AlreadyRunning, OwnershipLost
from kernel_gateway.settings import SettingsInvalid, load_settings
from kernel_gateway.store.database import EVERYONE
from kernel_gateway.store.tables import ConversationRow, NodeRow
from kernel_gateway.terminal.client import ServiceRefused
from tests.conftest import code_reply, exchange
from tests.jupyter_client import Client
from tests.raw_http import Raw, error_of
from tests.waiting import LONGEST

NETWORK = "import urllib.request\nprint(urllib.parse.quote('a b'))"
ASKED = exchange("say it", code_reply("print('said')"), {"text": "Done."})


@pytest.fixture
async def two(start_gateway, postgres):
    """Two gateways, *one* and *two*."""
    url = postgres.new_database()
    return [
        await start_gateway(ASKED, database_url=url, node=name, node_timeout_seconds=30)
        for name in ("one", "two")
    ]


async def owner(running, conversation):
    async with running.gateway.services.repository.database.begin(EVERYONE) as session:
        query = select(ConversationRow.node).where(ConversationRow.id == conversation)
        return await session.scalar(query)


async def at_the_other(two, conversation):
    """The same conversation from here on, seen through the other gateway."""
    seen = conversation.events[-1]["seq"] if conversation.events else 0
    connection = await two[1].client.connect(conversation.url, seen)
    return type(conversation)(two[1], conversation.id, connection)


# one owner


async def test_a_conversation_belongs_to_the_gateway_that_made_it(two):
    first, second = [await running.conversation() for running in two]

    assert await owner(two[0], first.id) == "one"
    assert await owner(two[0], second.id) == "two"


async def test_one_that_nobody_owns_gets_one_owner_however_many_ask(two):
    conversation = await two[0].conversation()
    memberships = [running.gateway.services.membership for running in two]
    async with two[0].gateway.services.repository.database.begin(EVERYONE) as session:
        await session.execute(update(ConversationRow).values(node=""))
    memberships[0].owned.clear()

    found = await asyncio.gather(*(m.elsewhere(conversation.id) for m in memberships * 20))

    owned_by_one, owned_by_two = set(found[::2]), set(found[1::2])
    assert sorted([owned_by_one, owned_by_two], key=str) == sorted(
        [{None}, {two[0].url if owned_by_one == {None} else two[1].url}], key=str
    )


async def test_an_unknown_conversation_is_nobodys(two):
    with pytest.raises(ServiceRefused) as caught:
        await two[1].client.get("/api/v1/conversations/conv_0123456789abcdef")

    assert caught.value.status == 404


# a request at the other gateway


async def test_variables_made_through_one_are_there_through_the_other(two):
    here = await two[0].conversation()
    await here.execute("total = 41")

    there = await at_the_other(two, here)

    assert await there.printed("print(total + 1)") == "42\n"
    assert two[0].gateway.services.contexts.live_kernels() == 1
    assert two[1].gateway.services.contexts.live_kernels() == 0


async def test_both_see_the_same_events_in_the_same_order(two):
    here = await two[0].conversation()
    there = await at_the_other(two, here)

    await there.ask("say it")
    await here.until("turn.finished")

    assert here.events == there.events
    assert [event["seq"] for event in there.events] == list(range(1, len(there.events) + 1))


async def test_files_are_uploaded_and_downloaded_through_either(two, tmp_path):
    big = tmp_path / "big.csv"
    big.write_bytes(b"x" * 3_000_000)
    here = await two[0].conversation()

    sent = await two[1].client.upload(here.url, [big])
    back = await two[1].client.download(f"{here.url}/files/inputs/big.csv")

    assert [file["name"] for file in sent["files"]] == ["inputs/big.csv"]
    assert back == big.read_bytes()


async def test_code_sent_in_one_call_runs_where_its_variables_are(two):
    here = await two[0].conversation()
    await here.execute("x = 7")

    body = {"code": "print(x)", "conversation": here.id}
    reply = await two[1].client.post("/api/v1/execute", body)

    assert reply["outputs"][0]["text"] == "7\n"


async def test_a_turn_and_its_permission_are_reached_through_the_other(two):
    here = await two[0].conversation()
    await here.connection.send("execute.request", code=NETWORK)
    asked = (await here.until("permission.required", "turn.finished"))["data"]
    turn = here.events[-1]["turn"]

    waiting = await two[1].client.get(f"/api/v1/turns/{turn}")
    await two[1].client.post(f"/api/v1/permissions/{asked['id']}", {"decision": "once"})
    finished = await here.until("turn.finished")

    assert waiting["kind"] == "permission_required"
    assert finished["data"]["status"] == "ok"


async def test_a_permission_of_another_conversation_is_not_found_on_a_websocket(two):
    here, other = await two[0].conversation(), await two[1].conversation()
    await here.connection.send("execute.request", code=NETWORK)
    asked = (await here.until("permission.required"))["data"]

    await other.connection.send("permission.reply", id=asked["id"], decision="once")
    refused = await other.until("error")

    assert refused["data"]["error"]["code"] == "not-found"


async def test_jupyters_clients_reach_a_kernel_through_the_other(two):
    kernel = await two[0].client.post("/api/kernels", {})
    await two[0].client.post("/api/sessions", {"path": "a.ipynb", "kernel": {"id": kernel["id"]}})

    listed = await two[1].client.get("/api/kernels")
    sessions = await two[1].client.get("/api/sessions")
    client = await Client(two[1], kernel["id"]).connect()
    reply = await client.until_done(await client.execute("print(1 + 1)"))

    assert [model["id"] for model in listed] == [kernel["id"]]
    assert [session["path"] for session in sessions] == ["a.ipynb"]
    assert reply["status"] == "ok"
    assert client.printed() == "2\n"


async def test_the_other_asks_for_the_callers_token_like_the_first(two):
    here = await two[0].conversation()
    stranger = Raw(two[1], token="wrong" * 8)

    response = await stranger("GET", here.url)

    assert response.code == 401
    assert error_of(response)["code"] == "not-authenticated"


async def test_the_other_knows_who_sent_a_wrong_token_whatever_the_sender_says(two):
    here = await two[0].conversation()
    stranger = Raw(two[1], token="wrong" * 8)

    async def code(address):
        sent = {"X-Forwarded-For": f"192.0.2.{len(codes)}, {address}"}
        return (await stranger("GET", here.url, headers=sent)).code

    codes = []
    for _ in range(31):
        codes.append(await code("203.0.113.7"))

    assert codes == [401] * 30 + [429]
    assert await code("203.0.113.8") == 401


async def test_a_cookie_of_tls_counts_at_the_other_too(two):
    here = await two[0].conversation()
    raw = Raw(two[1])
    raw.headers = {
        "Cookie": f"__Host-tallybook_token={two[1].token}",
        "Origin": two[1].url.replace("http://", "https://"),
        "X-Forwarded-Proto": "https",
    }

    assert (await raw("POST", f"{here.url}/cancel", "{}")).code == 202


async def test_a_request_that_was_passed_on_is_not_passed_on_again(two):
    here = await two[0].conversation()

    response = await Raw(two[1])("GET", here.url, headers={"X-Tallybook-Node": "yes"})

    assert response.code == 503
    assert error_of(response)["code"] == "node-unreachable"
    assert response.headers["Retry-After"] == "1"


async def test_deleting_a_user_reaches_their_conversations_on_every_node(two):
    here, there = [await running.conversation() for running in two]
    await here.execute("1")

    response = await Raw(two[1])("DELETE", "/api/v1/users/local")

    assert json.loads(response.body)["removed_conversations"] == 2
    assert not two[0].home(here.id).exists()
    assert not two[0].home(there.id).exists()
    assert two[0].gateway.services.contexts.live_kernels() == 0
    for running in two:
        assert not {here.id, there.id} & running.gateway.services.membership.owned


# ownership moves


async def test_what_a_gateway_gives_free_when_it_stops_is_served_by_the_other(
    start_gateway, postgres, tmp_path
):
    url = postgres.new_database()
    settings = {"database_url": url, "node_timeout_seconds": 30}
    staying = await start_gateway([], node="staying", **settings)
    leaving = await start_gateway([], node="leaving", **settings)
    here = await leaving.conversation()
    await here.execute("kept = 'by replay'")
    membership = leaving.gateway.services.membership
    await membership.rest()
    await leaving.gateway.services.turns.aclose()
    await leaving.gateway.services.contexts.aclose()
    await membership.leave()

    there = await at_the_other([leaving, staying], here)

    assert await there.printed("print(kept)") == "by replay\n"
    assert await owner(staying, here.id) == "staying"


async def test_a_gateway_that_the_others_hold_for_dead_counts_itself_out(two):
    here = await two[0].conversation()
    membership = two[0].gateway.services.membership
    async with two[1].gateway.services.repository.database.begin(EVERYONE) as session:
        await session.execute(update(NodeRow).where(NodeRow.name == "one").values(seen_at=0.0))

    await asyncio.wait_for(membership.lost.wait(), LONGEST)

    with pytest.raises(OwnershipLost):
        await membership.elsewhere(here.id)
    assert await owner(two[1], here.id) in ("one", "two")


async def test_an_owner_that_cannot_be_reached_is_said_to_be_away(two):
    here = await two[0].conversation()
    async with two[1].gateway.services.repository.database.begin(EVERYONE) as session:
        nowhere = update(NodeRow).where(NodeRow.name == "one").values(url="http://127.0.0.1:9")
        await session.execute(nowhere)

    response = await Raw(two[1])("GET", here.url)

    assert response.code == 503
    assert error_of(response)["code"] == "node-unreachable"


# names and addresses


async def test_two_gateways_of_one_name_are_refused(start_gateway, postgres):
    url = postgres.new_database()
    await start_gateway([], database_url=url, node="one")

    with pytest.raises(AlreadyRunning, match="as node 'one'"):
        await start_gateway([], database_url=url, node="one")


async def test_one_without_a_name_is_refused_beside_others(start_gateway, postgres):
    url = postgres.new_database()
    await start_gateway([], database_url=url, node="one")

    with pytest.raises(AlreadyRunning):
        await start_gateway([], database_url=url)


def test_several_gateways_need_postgresql():
    with pytest.raises(SettingsInvalid, match=r"node.*PostgreSQL.*database_url"):
        load_settings({"TALLYBOOK_NODE": "one"})


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/conversations",
        "/api/v1/conversations/../../etc",
        "/api/v1/conversations/conv_0123456789abcdefg/paths",
        "/api/v1/turns/%00",
        "http://[/api/v1/turns/turn_0123456789abcdef",
        "/api/kernels/not-a-kernel/channels",
        "/api/v1/audit?conversation=conv_0123456789abcdef",
    ],
)
async def test_an_address_that_names_no_conversation_is_answered_here(two, address):
    nodes = two[0].gateway.services.membership.nodes

    assert await conversation_of(address, nodes) is None


async def test_every_address_about_a_conversation_is_known_as_such(two):
    here = await two[0].conversation()
    await here.execute("1")
    turn = here.events[-1]["turn"]
    kernel = (await two[0].client.get("/api/kernels"))[0]["id"]
    nodes = two[0].gateway.services.membership.nodes

    for address in (
        here.url,
        f"/api/v1/conversations/{here.id}",
        f"/api/v1/conversations/{here.id[:4]}%5F{here.id[5:]}/paths",
        f"/api/v1/turns/{turn}?x=1",
        f"/api/kernels/{kernel}/channels?token=t",
        f"/api/contents/{here.id}/main.ipynb?content=1",
        f"/api/v1/execute-task?conversation={here.id}&path=main",
    ):
        assert await conversation_of(address, nodes) == here.id
