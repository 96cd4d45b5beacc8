"""The recorded demo conversation: real files, cells and checks, without any model."""

from kernel_gateway.terminal.client import path_url
from tests.conftest import Conversation, exchange


async def test_without_a_model_the_demo_runs_to_its_end_and_says_that_it_is_recorded(
    start_gateway, examples
):
    running = await start_gateway([], gemini_api_key=None, model_base_url=None)

    started = await running.client.post("/api/v1/demo", {})
    conversation = started["conversation"]["id"]
    connection = await running.client.connect(path_url(conversation))
    demo = Conversation(running, conversation, connection)
    ended = [await demo.until("turn.finished") for _ in started["turns"]]

    assert [event["turn"] for event in ended] == started["turns"]
    assert [event["data"]["status"] for event in ended] == ["ok"] * 3
    assert [turn["recorded"] for turn in demo.of_kind("turn.started")] == [True] * 3
    assert "outputs/sales_pivot.xlsx" in [file["name"] for file in demo.of_kind("file.created")]
    assert all(result["status"] == "tied-out" for result in demo.of_kind("result.checked"))
    inputs = [f for f in demo.of_kind("file.created") if f["name"].startswith("inputs/")]
    assert len(inputs) == len(examples)
    assert running.standin.requests == []
    facts = [cell["metadata"]["tallybook"] for cell in demo.cells()]
    versions = {each["model"]["version"] for each in facts if each.get("model")}
    assert versions == {"recorded-replies"}


async def test_what_is_asked_after_the_demo_goes_to_the_model_and_is_not_called_recorded(
    start_gateway,
):
    """Recorded is a property of a turn: its conversation goes on like any other."""
    running = await start_gateway(exchange("count", {"text": "Two."}))

    started = await running.client.post("/api/v1/demo", {})
    conversation = started["conversation"]["id"]
    connection = await running.client.connect(path_url(conversation))
    demo = Conversation(running, conversation, connection)
    for _ in started["turns"]:
        await demo.until("turn.finished")
    finished = await demo.ask("count")

    assert finished["answer"] == "Two."
    assert demo.of_kind("turn.started")[-1].get("recorded") is None
    assert len(running.standin.requests) == 1
