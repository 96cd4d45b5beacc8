"""A failed cell goes back to the model with its kind and a hint; a model that follows it succeeds."""

import pytest

from container.errors import KernelDied
from tests.conftest import code_reply, exchange

TABLE = "Region,Net  Amount\nNorth,1.5\nSouth,2.5\n"


def responses(running):
    """Return what came of the model's calls, as the last request to the stand-in has it."""
    parts = [p for c in running.standin.requests[-1]["contents"] for p in c["parts"]]
    return [p["functionResponse"]["response"] for p in parts if "functionResponse" in p]


async def test_a_model_that_follows_the_hint_ends_well(start_gateway, tmp_path):
    table = tmp_path / "sales.csv"
    table.write_text(TABLE)
    read = "import pandas as pd\nframe = pd.read_csv('inputs/sales.csv')\n"
    follows = [
        {
            "when": {"request": "total", "after": 1, "saw": "nearest: 'Net  Amount'"},
            "reply": code_reply("print(frame['Net  Amount'].sum())"),
        },
        {"when": {"request": "total", "after": 2, "saw": "4.0"}, "reply": {"text": "4.0"}},
    ]
    wrong = exchange("total", code_reply(read + "frame['Net Amount'].sum()"))
    running = await start_gateway(wrong + follows)
    conversation = await running.conversation(table)

    finished = await conversation.ask("total")

    assert finished["answer"] == "4.0"
    first = responses(running)[0]
    assert first["kind"] == "missing-column"
    assert "It failed in line 3: \"frame['Net Amount'].sum()\"." in first["hint"]
    assert "'inputs/sales.csv'" in first["hint"]


async def test_refused_code_and_bad_calls_have_a_kind_and_a_way_too(start_gateway):
    bad = {"parts": [{"functionCall": {"name": "run_code", "args": {"code": 5}}}]}
    running = await start_gateway(
        exchange("go", code_reply("import subprocess"), bad, {"text": "Done."})
    )
    conversation = await running.conversation()

    await conversation.ask("go")

    refused, fault = responses(running)
    assert (refused["status"], refused["kind"]) == ("blocked", "forbidden")
    assert "another way" in refused["hint"]
    assert fault["kind"] == "model-fault"
    assert "`code`" in fault["hint"]


async def test_running_out_of_memory_names_the_limit_and_a_way_in_chunks(start_gateway):
    greedy = "parts = []\nwhile True: parts.append(bytearray(50_000_000))"
    running = await start_gateway(exchange("go", code_reply(greedy), {"text": "Too much."}))
    conversation = await running.conversation()

    await conversation.ask("go")

    [response] = responses(running)
    assert response["kind"] == "memory"
    assert "The limit is 512 MB" in response["hint"]
    assert "chunksize" in response["hint"]
    assert "MemoryError: the cell asked for more memory than is left" in response["output"]


@pytest.mark.check
@pytest.mark.parametrize("number", [4, 6, 7, 8, 9, 11, 15, 24, 25, 31, 35, None])
def test_a_kernels_end_has_a_reason_in_words(number):
    text = str(KernelDied(number, None if number else 0))

    assert text.startswith("The kernel ended: ")
    assert "exit code" not in text
    assert number == 35 or "signal" not in text
