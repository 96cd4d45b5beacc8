"""Nobody is asked about a library that is not there; the model is sent what is."""

import json

import pytest

from tests.conftest import code_reply, exchange


async def test_a_library_that_is_not_installed_is_refused_with_what_is_and_without_a_question(
    start_gateway,
):
    running = await start_gateway(
        exchange("fast", code_reply("import duckdb as db\nimport pandas"), {"text": "Done."})
    )
    conversation = await running.conversation()

    await conversation.ask("fast")

    assert conversation.of_kind("permission.required") == []
    sent = json.dumps(running.standin.requests[-1]["contents"][-1])
    assert "duckdb is not installed here" in sent
    assert "openpyxl, pandas" in sent
    assert "duckdb," not in sent


@pytest.mark.parametrize(
    "guarded",
    [
        "try:\n    import duckdb\nexcept ImportError:\n    pass",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import duckdb",
    ],
)
async def test_code_that_goes_on_without_a_library_may_be_allowed(start_gateway, guarded):
    conversation = await (await start_gateway([])).conversation()
    code = f"duckdb = None\n{guarded}\nprint(duckdb)"

    await conversation.connection.send("execute.request", code=code)
    asked = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=asked["id"], decision="once")
    finished = (await conversation.until("turn.finished"))["data"]

    assert finished["outputs"][0]["text"] == "None\n"
