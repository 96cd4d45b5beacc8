""" "Allow once" counts once: a cell that runs again, by itself or in a merge, is judged anew."""

import json

import pytest

from kernel_gateway.terminal.client import path_url
from tests.branching import branch, post

ASKS = "import urllib.request\nseen = 'yes'"


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([])


async def allow(conversation, decision, code=ASKS):
    """Run *code*, which asks, and answer with *decision*."""
    await conversation.connection.send("execute.request", code=code)
    asked = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=asked["id"], decision=decision)
    assert (await conversation.until("turn.finished"))["data"]["status"] == "ok"


async def lose_the_kernel(running, conversation):
    await running.gateway.services.contexts.terminate(conversation.key)


async def test_a_cell_that_was_allowed_once_is_not_run_again_by_a_restoration(running):
    conversation = await running.conversation()
    await conversation.execute("kept = 1")
    await allow(conversation, "once")
    await lose_the_kernel(running, conversation)

    assert await conversation.printed("print(kept, 'seen' in globals())") == "1 False\n"

    [restored] = conversation.of_kind("context.restored")
    [left_out] = restored["not_replayed"]
    assert "allowed for one run (library:urllib)" in left_out["reason"]
    assert restored["complete"] is False


async def test_a_cell_with_a_standing_permission_is_run_again(running):
    conversation = await running.conversation()
    await allow(conversation, "always")
    await lose_the_kernel(running, conversation)

    assert await conversation.printed("print(seen)") == "yes\n"
    assert conversation.of_kind("context.restored")[0]["complete"] is True


async def test_a_cell_whose_standing_permission_was_revoked_is_not_run_again(running):
    conversation = await running.conversation()
    await allow(conversation, "always")
    [grant] = (await running.client.get("/api/v1/grants"))["grants"]
    await running.client._fetch("DELETE", f"/api/v1/grants/{grant['id']}")
    await lose_the_kernel(running, conversation)

    assert await conversation.printed("print('seen' in globals())") == "False\n"


@pytest.mark.parametrize(("decision", "outcome"), [("once", "ok"), ("deny", "blocked")])
async def test_a_merge_asks_for_a_cell_that_was_allowed_once(running, decision, outcome):
    conversation = await running.conversation()
    await conversation.execute("kept = 1")
    made, branched = await branch(running, conversation)
    await allow(branched, "once")
    url = path_url(conversation.id, made["name"]) + "/merge"

    answer = json.loads((await post(running, url, {"mode": "full"})).body)
    asked = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=asked["id"], decision=decision)
    finished = (await conversation.until("turn.finished"))["data"]

    assert (answer["kind"], asked["targets"]) == ("permission_required", ["urllib"])
    assert finished["status"] == ("ok" if decision == "once" else "error")
    merged = [c["metadata"]["tallybook"] for c in conversation.cells()][-1]
    assert merged["status"] == outcome
    assert merged["decision"]["decision"] == decision
