"""An answer that the checks say otherwise of is stopped once; made-up numbers are marked."""

import json

from tests.conftest import code_reply, exchange

WRITE = (
    "import pandas as pd",
    "frame = pd.read_excel('inputs/sales_q1.xlsx', header=3)",
    "frame = frame[frame['Region'].notna()]",
    "frame[frame['Sales'] > 2000].to_excel('outputs/large.xlsx', index=False)",
    "print(len(frame), frame['Sales'].sum())",
)


async def test_an_answer_against_the_tie_out_goes_back_once_with_the_facts(start_gateway, examples):
    script = exchange(
        "filter",
        code_reply(*WRITE),
        {"text": "Saved. No rows were dropped."},
        {"text": "Saved. Rows with Sales up to 2000 were left out."},
    )
    running = await start_gateway(script)
    conversation = await running.conversation(*examples)

    finished = await conversation.ask("filter Sales > 2000")

    assert finished["answer"] == "Saved. Rows with Sales up to 2000 were left out."
    [checked] = conversation.of_kind("answer.checked")
    assert checked["stopped"]
    [pair] = checked["contradicted"]
    assert pair["claim"] == "No rows were dropped."
    sent = running.standin.requests[-1]["contents"][-1]["parts"][0]["text"]
    assert "left out by filter Sales > 2000" in sent


async def test_an_answer_that_stays_is_given_with_the_facts_below_it(start_gateway, examples):
    stubborn = {"text": "No rows were dropped."}
    script = exchange("filter", code_reply(*WRITE), stubborn, stubborn)
    running = await start_gateway(script)
    conversation = await running.conversation(*examples)

    finished = await conversation.ask("filter Sales > 2000")

    assert finished["answer"].startswith("No rows were dropped.\n\n> **Note.** The checks say")
    assert [each["stopped"] for each in conversation.of_kind("answer.checked")] == [True, False]
    note = conversation.cells()[-1]
    assert "".join(note["source"]) == finished["answer"]
    assert note["metadata"]["tallybook"]["review"]["contradicted"]


async def test_a_number_from_nowhere_is_marked_and_one_from_a_file_or_output_is_not(
    start_gateway, examples
):
    total = {"text": "Sales add up to 97,940.19 and next year to 123,456.78."}
    running = await start_gateway(exchange("sum", code_reply(*WRITE), total))
    conversation = await running.conversation(*examples)

    finished = await conversation.ask("sum")

    assert finished["answer"].endswith(
        "\n\n> **Note.** Not from a result: 123,456.78. No output, file or request has this."
    )
    [checked] = conversation.of_kind("answer.checked")
    assert checked == {
        "contradicted": [], "not_from_a_result": ["123,456.78"], "stopped": False
    }  # fmt: skip
    metadata = conversation.cells()[-1]["metadata"]["tallybook"]
    assert json.dumps(metadata["review"]["not_from_a_result"]) == '["123,456.78"]'


async def test_a_follow_up_is_held_against_what_was_printed_before(start_gateway, examples):
    script = [
        *exchange("sum", code_reply(*WRITE), {"text": "It is 97,940.19."}),
        *exchange("again", {"text": "It was 97,940.19, not 79,940.19."}),
    ]
    running = await start_gateway(script)
    conversation = await running.conversation(*examples)
    await conversation.ask("sum")

    finished = await conversation.ask("again please")

    assert "Not from a result: 79,940.19." in finished["answer"]
