"""Plans: the model's steps, told as they get on; with preview, approved together."""

import json

from tests.conftest import exchange
from tests.raw_http import Raw


def calls(*named):
    return {
        "parts": [
            {"functionCall": {"id": f"c{n}", "name": name, "args": args}}
            for n, (name, args) in enumerate(named)
        ]
    }


def steps(*codes):
    return {"steps": [{"title": f"Step {n}", "code": c} for n, c in enumerate(codes, 1)]}


async def start(start_gateway, *replies, mode="auto"):
    running = await start_gateway(exchange("work", *replies, {"text": "Done."}))
    conversation = await running.conversation()
    url = f"/api/v1/conversations/{conversation.id}/mode"
    assert (await Raw(running)("PUT", url, json.dumps({"name": mode}))).code == 200
    await conversation.connection.send("turn.request", request="work")
    return conversation


async def test_a_plan_is_shown_and_its_steps_are_told_as_they_get_on(start_gateway):
    conversation = await start(
        start_gateway,
        calls(("plan", steps("", ""))),
        calls(("run_code", {"code": "x = 1", "step": 1})),
        calls(("run_code", {"code": "1 / 0", "step": 2})),
        calls(("plan_step", {"step": 2, "status": "skipped"})),
    )

    await conversation.until("turn.finished")

    [made] = conversation.of_kind("plan.made")
    moved = [(s["number"], s["status"], s["done"]) for s in conversation.of_kind("plan.step")]
    assert [step["title"] for step in made["steps"]] == ["Step 1", "Step 2"]
    assert moved == [(1, "running", 0), (1, "done", 1), (2, "running", 1), (2, "failed", 1),
                     (2, "skipped", 1)]  # fmt: skip


async def test_the_code_of_a_step_is_known_without_its_number(start_gateway):
    conversation = await start(
        start_gateway,
        calls(("plan", steps("", "y = 2"))),
        calls(("run_code", {"code": "y = 2"})),
    )

    await conversation.until("turn.finished")

    assert [s["number"] for s in conversation.of_kind("plan.step")] == [2, 2]


async def test_in_preview_the_whole_plan_is_approved_at_once_and_other_code_is_not(start_gateway):
    conversation = await start(
        start_gateway,
        calls(("plan", steps("print(1)", "print(2)"))),
        calls(("run_code", {"code": "print(1)", "step": 1})),
        calls(("run_code", {"code": "print(2)", "step": 2})),
        calls(("run_code", {"code": "print(3)"})),
        mode="preview",
    )

    first = (await conversation.until("permission.required"))["data"]
    assert [step["code"] for step in first["plan"]] == ["print(1)", "print(2)"]
    assert conversation.of_kind("cell.started") == []
    await conversation.connection.send("permission.reply", id=first["id"], decision="once")
    second = (await conversation.until("permission.required"))["data"]

    shown = "".join(each["output"]["text"] for each in conversation.of_kind("cell.output"))
    assert (shown, second["preview"]) == ("1\n2\n", "print(3)")


async def test_approved_python_is_not_approved_in_another_language(start_gateway):
    conversation = await start(
        start_gateway,
        calls(("plan", steps("print(1)", "pwd"))),
        calls(("run_code", {"code": "print(1)"})),
        calls(("run_code", {"code": "pwd", "language": "bash"})),
        mode="preview",
    )
    first = (await conversation.until("permission.required"))["data"]

    await conversation.connection.send("permission.reply", id=first["id"], decision="once")

    assert (await conversation.until("permission.required"))["data"]["preview"] == "pwd"


async def test_a_plan_that_changes_after_the_approval_is_shown_again(start_gateway):
    conversation = await start(
        start_gateway,
        calls(("plan", steps("print(1)"))),
        calls(("run_code", {"code": "print(1)"}), ("plan", steps("print(1)", "print(9)"))),
        calls(("run_code", {"code": "print(9)", "step": 2})),
        mode="preview",
    )
    first = (await conversation.until("permission.required"))["data"]

    await conversation.connection.send("permission.reply", id=first["id"], decision="once")
    second = (await conversation.until("permission.required"))["data"]

    assert second["preview"] == "print(9)"


async def test_a_step_that_the_plan_does_not_have_is_a_plain_error_for_the_model(start_gateway):
    conversation = await start(
        start_gateway,
        calls(("plan_step", {"step": 3, "status": "done"})),
        calls(("plan", {"steps": []})),
        calls(("run_code", {"code": "print(1)", "step": 99})),
    )

    finished = (await conversation.until("turn.finished"))["data"]

    told = [
        request["contents"][-1]["parts"][0]["functionResponse"]["response"]
        for request in conversation.running.standin.requests[1:]
    ]
    assert finished["status"] == "ok"
    assert "no step 3" in told[0]["error"]
    assert "steps" in told[1]["error"]
    assert told[2]["status"] == "ok"
