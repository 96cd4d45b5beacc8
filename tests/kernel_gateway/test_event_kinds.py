"""Every event that is stored has the shape its kind promises."""

import json

import pytest

from kernel_gateway.events.kinds import KINDS
from tests.branching import branch, post
from tests.conftest import PIVOT, STACK, code_reply, exchange
from tests.jupyter_client import Client, new_kernel


def check(events):
    """Validate each event; return the kinds there were."""
    for event in events:
        KINDS[event["kind"]].model_validate(event["data"])
    return {event["kind"] for event in events}


async def test_a_conversation_with_a_model(start_gateway, examples):
    conversation = await (await start_gateway()).conversation(*examples)

    await conversation.ask(STACK)
    await conversation.ask(PIVOT)

    seen = check(conversation.events)
    assert {"context.used", "model.text", "code.generated", "risk.assessed", "cell.output"} <= seen
    assert {"file.created", "cell.finished", "turn.started", "turn.finished"} <= seen


async def test_permissions_refusals_failures_and_a_lost_kernel(start_gateway):
    exchanges = exchange(
        "try",
        code_reply("import urllib.request"),
        code_reply("import os"),
        code_reply("1 / 0"),
        code_reply("def f(:"),
        {"text": "It can't be done."},
    )
    running = await start_gateway(exchanges, permission_seconds=0.2)
    conversation = await running.conversation()

    await conversation.execute("import time\nprint(time.time_ns())")
    await conversation.ask("try")
    await running.gateway.services.contexts.terminate(conversation.key)
    await conversation.execute("1")

    seen = check(conversation.events)
    assert {"permission.required", "permission.decided", "context.restored", "error"} <= seen


async def test_modes_plans_and_what_was_learned(start_gateway):
    steps = [{"title": "Count", "code": "print(1)"}, {"title": "Tell", "code": ""}]
    planned = {"parts": [{"functionCall": {"id": "c1", "name": "plan", "args": {"steps": steps}}}]}
    running = await start_gateway(exchange("try", planned, code_reply("print(1)"), {"text": "1."}))
    conversation = await running.conversation()
    await running.client.post("/api/v1/preferences", {"text": "always csv"})
    url = f"/api/v1/conversations/{conversation.id}/mode"

    await running.client.put(url, {"name": "preview"})
    await conversation.connection.send("turn.request", request="try")
    asked = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=asked["id"], decision="once")
    await conversation.until("turn.finished")
    await running.client.delete(url)
    await conversation.until("mode.changed")

    seen = check(conversation.events)
    assert {"mode.changed", "plan.made", "plan.step", "permission.required"} <= seen


async def test_branches_and_merges(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()
    made, branched = await branch(running, conversation)
    await branched.execute("x = 1")

    url = f"/api/v1/conversations/{conversation.id}/paths/{made['name']}/merge"
    assert json.loads((await post(running, url, {"mode": "full"})).body)["status"] == "ok"
    await conversation.until("turn.finished")
    await branched.until("path.merged")

    seen = check(conversation.events + branched.events)
    assert {"path.created", "path.merged"} <= seen


async def test_what_a_jupyter_client_causes(start_gateway):
    running = await start_gateway([])
    client = await Client(running, await new_kernel(running)).connect()
    await client.until_done(await client.execute("print(1)"))

    [listed] = (await running.client.get("/api/v1/conversations"))["conversations"]
    connection = await running.client.connect(f"/api/v1/conversations/{listed['id']}/paths/main")
    events = []
    async for event in connection.events():
        events.append(event)
        if event["kind"] == "turn.finished":
            break

    assert "kernel.message" in check(events)


@pytest.mark.check
def test_every_kind_says_what_it_means():
    assert all(model.__doc__ and model.model_fields for model in KINDS.values())
