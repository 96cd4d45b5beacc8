"""A later request can use what was asked, run and answered before: it is in what the model gets."""

import json

from tests.branching import branch
from tests.conftest import code_reply, exchange
from tests.raw_http import Raw
from tests.stored_rows import rows_by_table

ANSWERED = {"text": "South sold most, 812.50, before North."}
FOLLOW_UP = "and the second one?"


def sent(running, at=-1):
    """Return the texts of the first message of a request that the stand-in received."""
    return [part["text"] for part in running.standin.requests[at]["contents"][0]["parts"]]


def regions():
    return [
        *exchange("which region", code_reply("print('South', 812.5, 'North', 640.25)"), ANSWERED),
        *exchange(FOLLOW_UP, {"text": "North, with 640.25."}),
    ]


async def test_a_follow_up_is_sent_with_the_request_code_output_and_answer_before_it(start_gateway):
    running = await start_gateway(regions())
    conversation = await running.conversation()
    await conversation.ask("which region sold most?")

    finished = await conversation.ask(FOLLOW_UP)

    memory, request = sent(running)
    assert finished["answer"] == "North, with 640.25."
    assert request == FOLLOW_UP
    for line in (
        "| which region sold most?",
        "| print('South', 812.5, 'North', 640.25)",
        "| South 812.5 North 640.25",
        "| South sold most, 812.50, before North.",
    ):
        assert line in memory.splitlines()
    used = conversation.of_kind("context.used")[-1]
    assert used["history"] == {"whole": 1, "shortened": 0, "digests": 0, "left_out": 0}
    assert used["tokens"]["history"] > 0
    assert used["tokens"]["total"] == sum(v for k, v in used["tokens"].items() if k != "total")


async def test_a_first_request_has_no_past(start_gateway):
    running = await start_gateway(regions())
    conversation = await running.conversation()

    await conversation.ask("which region sold most?")

    assert sent(running, 0)[-1] == "which region sold most?"
    assert "Earlier in this conversation" not in "".join(sent(running, 0))


async def test_cells_that_the_user_ran_are_remembered_with_what_they_printed(start_gateway):
    running = await start_gateway(exchange(FOLLOW_UP, {"text": "It is 1/3."}))
    conversation = await running.conversation()
    await conversation.execute("rate = 0.25\nprint('rate is', rate)")
    await conversation.execute("rate / 0")

    await conversation.ask(FOLLOW_UP)

    memory = sent(running)[0]
    assert "The user ran code of their own (ok):\n| rate = 0.25" in memory
    assert "| rate is 0.25" in memory
    assert "ZeroDivisionError: float division by zero" in memory


async def test_a_branch_remembers_what_was_before_it_and_nothing_after(start_gateway):
    running = await start_gateway(
        [*regions(), *exchange("main only", {"text": "Secret."}), *exchange("go", {"text": "Y"})]
    )
    conversation = await running.conversation()
    await conversation.ask("which region sold most?")
    first = conversation.events[-1]["turn"]
    await conversation.ask("main only")

    _, path = await branch(running, conversation, source_turn_id=first)
    await path.ask("go")

    memory = sent(running)[0]
    assert "| which region sold most?" in memory
    assert "| South sold most, 812.50, before North." in memory
    assert "main only" not in memory


async def test_after_a_merge_the_branchs_requests_are_remembered(start_gateway):
    running = await start_gateway([*regions(), *exchange("go", {"text": "Yes."})])
    conversation = await running.conversation()
    made, path = await branch(running, conversation)
    await path.ask("which region sold most?")
    address = f"/api/v1/conversations/{conversation.id}/paths/{made['name']}/merge"
    await Raw(running)("POST", address, json.dumps({"into": "main", "mode": "full"}))
    await conversation.until("turn.finished")

    await conversation.ask("go")

    memory = sent(running)[0]
    assert "Noted (merge):" in memory
    assert "South sold most, 812.50, before North." in memory
    assert "| South 812.5 North 640.25" in memory


async def test_after_an_undo_the_request_is_remembered_as_undone(start_gateway):
    running = await start_gateway([*regions(), *exchange("go", {"text": "Yes."})])
    conversation = await running.conversation()
    await conversation.ask("which region sold most?")
    await running.client.post(f"{conversation.url}/history/undo", {})
    await conversation.until("turn.finished")

    await conversation.ask("go")

    memory = sent(running)[0]
    assert "The user asked, and undid it later:\n| which region sold most?" in memory
    assert "Noted (undo):" in memory


async def test_a_request_that_failed_is_remembered_with_its_reason(start_gateway):
    refused = {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no such model"}}
    running = await start_gateway(
        [*exchange("total please", refused), *exchange("again", {"text": "Yes."})]
    )
    conversation = await running.conversation()
    await conversation.ask("total please")

    await conversation.ask("again")

    memory = sent(running)[0]
    assert "| total please" in memory
    assert "It ended without an answer:" in memory
    assert "service rejected the call (400: no such model)" in memory


async def test_a_deleted_conversation_is_not_remembered_anywhere(start_gateway):
    running = await start_gateway(regions())
    conversation = await running.conversation()
    await conversation.ask("which region sold most?")

    await Raw(running)("DELETE", f"/api/v1/conversations/{conversation.id}")
    other = await running.conversation()
    await other.ask(FOLLOW_UP)

    assert "South" not in "".join(sent(running))
    assert not running.home(conversation.id).parent.exists()
    assert not [row for row in (await rows_by_table(running))["turns"] if "South" in str(row)]


async def test_a_file_described_before_is_named_and_not_described_again(start_gateway, examples):
    exchanges = [*exchange("first", {"text": "ok"}), *exchange("second", {"text": "ok"})]
    running = await start_gateway([*exchanges, *exchange("third", {"text": "ok"})])
    conversation = await running.conversation(examples[0])
    await conversation.ask("first")
    await conversation.ask("second")
    await running.client.upload(conversation.url, [examples[1]])

    await conversation.ask("third")

    first, second, third = sent(running, 0)[0], sent(running, 1)[0], sent(running, 2)[0]
    assert "unchanged since" not in first
    assert "can't be read" not in first
    assert second.count("unchanged since") == third.count("unchanged since") == 1
    assert len(second) < 0.8 * len(first)
    assert "e.g." in third  # the new file is described in full
    used = conversation.of_kind("context.used")
    assert [[book["unchanged"] for book in each["workbooks"]] for each in used] == [
        [False],
        [True],
        [True, False],
    ]


async def test_the_version_of_the_system_prompt_is_recorded(start_gateway):
    running = await start_gateway(regions())
    conversation = await running.conversation()

    await conversation.ask("which region sold most?")

    [used] = conversation.of_kind("context.used")
    cells = [cell["metadata"]["tallybook"] for cell in conversation.cells()]
    assert used["prompt"]
    assert cells[0]["prompt"] == used["prompt"]
    assert [c["model"]["prompt"] for c in cells if c.get("model")] == [used["prompt"]]
