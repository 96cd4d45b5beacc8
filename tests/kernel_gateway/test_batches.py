"""Several requests in one call run in the order of their dependencies, or not at all."""

import json

import pytest

from tests.conftest import code_reply, exchange
from tests.raw_http import Raw, error_of

DONE = {"text": "Done."}


def requests(*named):
    return {"requests": [{"id": i, "text": f"do {i}", "after": list(a)} for i, a in named]}


async def start(running, conversation, body):
    return await Raw(running)("POST", f"{conversation.url}/batches", json.dumps(body))


async def begun(start_gateway, *names, failing=(), **settings):
    exchanges = []
    for name in names:
        replies = [code_reply("1 / 0")] * 5 if name in failing else [code_reply(f"print('{name}')")]
        exchanges += exchange(f"do {name}", *replies, DONE)
    running = await start_gateway(exchanges, **settings)
    return running, await running.conversation()


async def finished(conversation, count):
    return [(await conversation.until("turn.finished"))["data"] for _ in range(count)]


async def test_requests_run_in_the_order_of_their_dependencies(start_gateway):
    running, conversation = await begun(start_gateway, "a", "b", "c")

    reply = await start(running, conversation, requests(("c", "ba"), ("b", "a"), ("a", "")))
    endings = await finished(conversation, 3)

    assert reply.code == 202
    assert [turn["id"] for turn in json.loads(reply.body)["turns"]] == ["a", "b", "c"]
    assert [ending["status"] for ending in endings] == ["ok"] * 3
    shown = "".join(o["output"]["text"] for o in conversation.of_kind("cell.output"))
    assert shown == "a\nb\nc\n"


async def test_what_comes_after_a_failed_request_is_not_begun_and_the_rest_is(start_gateway):
    running, conversation = await begun(start_gateway, "a", "b", "c", "d", failing="a")

    await start(running, conversation, requests(("a", ""), ("b", "a"), ("c", "b"), ("d", "")))
    endings = await finished(conversation, 4)

    assert [ending["status"] for ending in endings] == ["error", "error", "error", "ok"]
    assert endings[1]["error"]["code"] == "earlier-request-failed"
    assert "'do a'" in endings[1]["error"]["message"]
    assert "'do b'" in endings[2]["error"]["message"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (requests(("a", "b"), ("b", "a")), "wait for each other"),
        (requests(("a", "a")), "wait for each other"),
        (requests(("a", "x")), "'x'"),
        (requests(("a", ""), ("a", "")), "id 'a'"),
        ({"requests": []}, "requests"),
        ({"requests": [{"id": "a", "text": "  "}]}, "empty"),
        ({"requests": [{"id": "a", "text": "ok"}, {"id": "b", "text": "\u0000"}]}, "NUL"),
    ],
)
async def test_a_batch_that_can_not_run_is_refused_as_a_whole(running, body, says):
    conversation = await running.conversation()

    refused = await start(running, conversation, body)

    assert refused.code == 400
    assert says in error_of(refused)["message"]
    assert (await running.client.get(f"{conversation.url}/turns"))["turns"] == []


async def test_a_batch_for_which_the_queue_has_no_room_is_refused_as_a_whole(start_gateway):
    running, conversation = await begun(start_gateway, "a", max_queue=2)

    refused = await start(running, conversation, requests(("a", ""), ("b", ""), ("c", "")))
    assert refused.code == 400
    assert "2 are the most" in error_of(refused)["message"]
    assert (await running.client.get(f"{conversation.url}/turns"))["turns"] == []

    await conversation.connection.send("execute.request", code="import time\ntime.sleep(60)")
    await conversation.until("cell.started")
    refused = await start(running, conversation, requests(("a", ""), ("b", "")))
    assert (refused.code, error_of(refused)["code"]) == (429, "queue-full")
    assert "no room for 2 more" in error_of(refused)["message"]
    await conversation.connection.send("cancel")
    await conversation.until("turn.finished")
