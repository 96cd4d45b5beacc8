"""Advice without running code, by one HTTP call."""

import json

import pytest

from tests.conftest import code_reply, exchange
from tests.raw_http import Raw, multipart

CHAT = "/api/v1/chat/completion"


async def test_advice_is_answered_in_words_without_a_kernel_and_can_be_followed_up(start_gateway):
    replies = [
        *exchange("which formula", {"text": "Use TEXTJOIN.\n```python\nprint(1)\n```"}),
        *exchange("and before 2019", {"text": "CONCATENATE."}),
    ]
    running = await start_gateway(replies)

    first = await running.client.post(CHAT, {"message": "which formula joins text from cells?"})
    again = {"message": "and before 2019?", "conversation_id": first["conversation_id"]}
    second = await running.client.post(CHAT, again)

    assert first["response"].startswith("Use TEXTJOIN.")
    assert "TEXTJOIN" in first["context_used"]["found"]["functions"]
    assert second["response"] == "CONCATENATE."
    assert second["conversation_id"] == first["conversation_id"]
    assert second["context_used"]["history"]["whole"] == 1
    assert "which formula joins text" in json.dumps(running.standin.requests[-1]["contents"])
    assert running.gateway.services.contexts.live_kernels() == 0


async def test_code_that_the_model_wants_to_run_is_not_run_and_it_is_asked_for_words(start_gateway):
    running = await start_gateway(exchange("sum", code_reply("print(1)"), {"text": "Add them."}))

    reply = await running.client.post(CHAT, {"message": "how do I sum a column?"})

    assert reply["response"] == "Add them."
    home = running.home(reply["conversation_id"])
    cells = json.loads((home / "notebook.ipynb").read_text())["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "markdown"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "bad-request"),
        ({"message": 5}, 400, "bad-request"),
        ({"message": " "}, 400, "invalid-request"),
        ({"message": "a\x00b"}, 400, "bad-request"),
        ({"message": "x", "conversation_id": "conv_0000000000000000"}, 404, "not-found"),
        ({"message": "x", "conversation_id": "../x"}, 404, "not-found"),
        ({"message": "nobody knows"}, 502, None),
    ],
)
async def test_a_question_that_cannot_be_answered_is_a_plain_error(running, body, status, code):
    response = await Raw(running)("POST", CHAT, json.dumps(body))

    assert response.code == status
    error = json.loads(response.body)["error"]
    assert code in (None, error["code"])
    assert error["message"]


async def conversations(running):
    return (await running.client.get("/api/v1/conversations"))["conversations"]


@pytest.mark.parametrize("message", ["", " \n", "x" * 2_000_000])
async def test_a_message_that_is_refused_leaves_no_conversation(running, message):
    response = await Raw(running)("POST", CHAT, json.dumps({"message": message}))

    assert response.code in (400, 413)
    assert await conversations(running) == []


@pytest.mark.parametrize(
    "parts",
    [
        [("request", None, b"  ")],
        [("files", "a.xlsx", b"PK")],
        [("request", None, b"sum it"), ("files", "a.csv", b"x" * 1_100_000)],
    ],
)
async def test_a_task_that_is_refused_leaves_no_conversation(running, parts):
    body, headers = multipart(*parts)

    response = await Raw(running)("POST", "/api/v1/execute-task", body, headers)

    assert response.code in (400, 413)
    assert await conversations(running) == []
