"""Medium risk asks: once, always, deny, time-out; from any client; across a restart."""

import asyncio

import pytest

from kernel_gateway.terminal.client import ServiceRefused
from tests.conftest import Conversation, code_reply, exchange
from tests.raw_http import Raw
from tests.refused_writes import refusing

NETWORK = "import urllib.request\nprint(urllib.parse.quote('a b'))"


def scripted(*requests):
    exchanges = []
    for request in requests:
        exchanges += exchange(request, code_reply(NETWORK), {"text": "Done."})
    return exchanges


async def ask_until_permission(conversation, request="encode"):
    await conversation.connection.send("turn.request", request=request)
    return (await conversation.until("permission.required"))["data"]


async def test_the_request_explains_and_shows_imports_targets_and_code(start_gateway):
    conversation = await (await start_gateway(scripted("encode"))).conversation()

    asked = await ask_until_permission(conversation)

    assert "urllib talks to the network" in asked["explanation"]
    assert asked["imports"] == ["urllib"]
    assert asked["targets"] == ["urllib"]
    assert asked["preview"] == NETWORK
    assert conversation.of_kind("cell.started") == []


async def test_allow_once_runs_and_asks_again_next_time(start_gateway):
    conversation = await (await start_gateway(scripted("encode", "again"))).conversation()
    asked = await ask_until_permission(conversation)
    await conversation.connection.send("permission.reply", id=asked["id"], decision="once")
    await conversation.until("turn.finished")

    assert conversation.of_kind("cell.output")[0]["output"]["text"] == "a%20b\n"
    assert (await ask_until_permission(conversation, "again"))["id"] != asked["id"]


async def test_allow_always_runs_without_asking_until_it_is_revoked(start_gateway):
    running = await start_gateway(scripted("encode", "again", "third"))
    conversation = await running.conversation()
    asked = await ask_until_permission(conversation)
    await conversation.connection.send("permission.reply", id=asked["id"], decision="always")
    await conversation.until("turn.finished")
    await conversation.ask("again")
    (grant,) = (await running.client.get("/api/v1/grants"))["grants"]

    assert len(conversation.of_kind("permission.required")) == 1
    assert grant["capability"] == "library:urllib"

    await Raw(running)("DELETE", f"/api/v1/grants/{grant['id']}")
    await ask_until_permission(conversation, "third")


async def test_always_said_twice_is_one_standing_permission(start_gateway):
    running = await start_gateway(scripted("encode", "again"))
    conversations = [await running.conversation() for _ in range(2)]
    asked = [
        await ask_until_permission(conversation, request)
        for conversation, request in zip(conversations, ("encode", "again"), strict=True)
    ]

    for conversation, request in zip(conversations, asked, strict=True):
        await conversation.connection.send("permission.reply", id=request["id"], decision="always")
        await conversation.until("turn.finished")

    assert len((await running.client.get("/api/v1/grants"))["grants"]) == 1


async def test_a_standing_permission_is_given_with_the_decision_that_is_told_or_not_at_all(
    start_gateway,
):
    running = await start_gateway(scripted("encode"))
    conversation = await running.conversation()
    asked = await ask_until_permission(conversation)

    async with refusing(running, "events", "NEW.kind = 'permission.decided'"):
        await conversation.connection.send("permission.reply", id=asked["id"], decision="always")
        finished = (await conversation.until("turn.finished"))["data"]

    assert finished["status"] == "error"
    assert (await running.client.get("/api/v1/grants"))["grants"] == []


async def test_deny_blocks_the_code_and_tells_the_model(start_gateway):
    running = await start_gateway(scripted("encode"))
    conversation = await running.conversation()
    asked = await ask_until_permission(conversation)

    await conversation.connection.send("permission.reply", id=asked["id"], decision="deny")
    finished = (await conversation.until("turn.finished"))["data"]

    told = running.standin.requests[1]["contents"][-1]["parts"][0]["functionResponse"]["response"]
    assert finished["status"] == "ok"
    assert "the user said no" in told["error"]
    assert conversation.of_kind("cell.started") == []


async def test_no_reply_in_time_denies(start_gateway):
    running = await start_gateway(scripted("encode"), permission_seconds=0.2)
    conversation = await running.conversation()

    finished = await conversation.ask("encode")

    assert finished["status"] == "ok"
    assert conversation.of_kind("permission.decided")[0]["decision"] == "timeout"
    facts = [c["metadata"]["tallybook"] for c in conversation.cells() if c["cell_type"] == "raw"]
    assert facts[0]["decision"]["decision"] == "timeout"


async def test_cancelling_a_turn_that_waits_withdraws_its_request(start_gateway):
    running = await start_gateway(scripted("encode"))
    conversation = await running.conversation()
    asked = await ask_until_permission(conversation)

    await conversation.connection.send("cancel")
    finished = (await conversation.until("turn.finished"))["data"]

    assert finished["status"] == "cancelled"
    with pytest.raises(ServiceRefused) as caught:
        await running.client.post(f"/api/v1/permissions/{asked['id']}", {"decision": "once"})
    assert caught.value.error["code"] == "permission-already-decided"


async def test_any_connected_client_can_reply(start_gateway):
    running = await start_gateway(scripted("encode"))
    conversation = await running.conversation()
    asked = await ask_until_permission(conversation)
    other = Conversation(running, conversation.id, await running.client.connect(conversation.url))
    await other.until("permission.required")

    await other.connection.send("permission.reply", id=asked["id"], decision="once")

    assert (await conversation.until("turn.finished"))["data"]["status"] == "ok"


async def test_the_first_of_two_replies_counts(start_gateway):
    running = await start_gateway(scripted("encode"))
    conversation = await running.conversation()
    asked = await ask_until_permission(conversation)
    reply_to = f"/api/v1/permissions/{asked['id']}"

    replies = await asyncio.gather(
        running.client.post(reply_to, {"decision": "deny"}),
        running.client.post(reply_to, {"decision": "deny"}),
        running.client.post(reply_to, {"decision": "deny"}),
        return_exceptions=True,
    )

    refused = [r for r in replies if isinstance(r, ServiceRefused)]
    assert len(refused) == 2
    assert {r.status for r in refused} == {409}


async def test_the_record_names_who_allowed_it(start_gateway):
    conversation = await (await start_gateway(scripted("encode"))).conversation()
    asked = await ask_until_permission(conversation)
    await conversation.connection.send("permission.reply", id=asked["id"], decision="once")
    await conversation.until("turn.finished")

    decided = conversation.cells()[2]["metadata"]["tallybook"]["decision"]

    assert (decided["decision"], decided["who"]) == ("once", "local")


@pytest.mark.parametrize("reply", [{"decision": "maybe"}, {}, {"decision": 1}])
async def test_a_reply_that_is_no_decision_changes_nothing(start_gateway, reply):
    running = await start_gateway(scripted("encode"))
    conversation = await running.conversation()
    asked = await ask_until_permission(conversation)

    with pytest.raises(ServiceRefused) as caught:
        await running.client.post(f"/api/v1/permissions/{asked['id']}", reply)

    assert caught.value.status == 400
    still = await running.client.get(f"/api/v1/turns/{conversation.events[-1]['turn']}")
    assert still["kind"] == "permission_required"
