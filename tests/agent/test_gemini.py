"""The production client against the stand-in: every way a model can answer or fail."""

import pytest

from agent.errors import ModelDeclined, ModelRejected, ModelReplyBroken, ModelUnavailable
from agent.models.gemini import GeminiModel
from agent.ports import ToolCall
from kernel_gateway.settings import Settings
from tests.conftest import code_reply

pytestmark = pytest.mark.check

ASKED = [{"role": "user", "texts": ["the workbooks", "stack them"]}]


@pytest.fixture
async def make_model(standin):
    models = []

    def make(reply, *, key="k", server_key=None, timeout=30.0, times=None):
        exchanges = [{"when": {}, "reply": reply, "times": times}]
        server = standin(exchanges, api_key=server_key)
        models.append(
            GeminiModel("gemini-x", api_key=key, base_url=server.base_url, timeout=timeout)
        )
        return models[-1], server

    yield make
    for model in models:
        await model.aclose()


async def generate(model, history=ASKED):
    pieces = []

    async def on_text(text):
        pieces.append(text)

    return await model.generate("system words", history, on_text), pieces


async def test_text_streams_in_pieces_and_comes_back_whole(make_model):
    text = "word " * 60
    model, _ = make_model({"text": text})

    reply, pieces = await generate(model)

    assert reply.text == text
    assert len(pieces) > 1
    assert "".join(pieces) == text


async def test_a_function_call_carries_code_and_parameters(make_model):
    model, _ = make_model(code_reply("x = min_sales", "x", min_sales=1000))

    reply, _ = await generate(model)

    assert reply.call.code == "x = min_sales\nx"
    assert reply.call.parameters == {"min_sales": 1000}
    assert not reply.call.fenced


async def test_a_fenced_block_is_accepted_as_code(make_model):
    model, _ = make_model({"text": "Here:\n```python\nx = 1\n```\nDone."})

    reply, _ = await generate(model)

    assert reply.call.code == "x = 1"
    assert reply.call.fenced


@pytest.mark.parametrize(
    "text",
    [
        "Paste this:\n```vba\nSub Go()\nEnd Sub\n```\nand this:\n```vba\nSub Stop()\nEnd Sub\n```",
        "In D2:\n```excel\n=SUM(A2:C2)\n```\nThen fill down.",
        "In D2:\n```\n=SUM(A2:C2)\n```",
    ],
)
async def test_formulas_and_vba_quoted_in_an_answer_are_not_run(make_model, text):
    model, _ = make_model({"text": text})

    reply, _ = await generate(model)

    assert reply.call is None
    assert reply.text == text


async def test_tokens_and_version_are_counted(make_model):
    model, _ = make_model({"text": "hello"})

    reply, _ = await generate(model)

    assert reply.tokens["total"] == reply.tokens["prompt"] + reply.tokens["output"] > 0
    assert reply.version.startswith("gemini-x")


async def test_thought_signatures_are_sent_back_as_they_came(make_model):
    model, server = make_model(code_reply("x = 1"))
    reply, _ = await generate(model)
    answered = {"role": "tool", "name": "run_code", "id": None, "response": {"status": "ok"}}

    await generate(model, [*ASKED, {"role": "model", "content": dict(reply.content)}, answered])

    first, second = server.requests
    part = second["contents"][1]["parts"][-1]
    assert first["systemInstruction"]["parts"][0]["text"] == "system words"
    assert part["functionCall"]["args"]["code"] == "x = 1"
    assert part["thoughtSignature"]
    assert second["contents"][2]["parts"][0]["functionResponse"]["response"] == {"status": "ok"}


@pytest.mark.parametrize(("code", "status"), [(429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE")])
async def test_overload_is_unavailable_with_the_services_own_delay(make_model, code, status):
    error = {"code": code, "status": status, "message": "busy", "retry_delay": "7s"}
    model, _ = make_model({"error": error})

    with pytest.raises(ModelUnavailable) as caught:
        await generate(model)

    assert caught.value.retry_after == 7.0


async def test_silence_is_unavailable_after_the_time_limit(make_model):
    model, _ = make_model({"hang_seconds": 60, "text": "late"}, timeout=0.5)

    with pytest.raises(ModelUnavailable, match=r"0\.5 s"):
        await generate(model)


async def test_a_service_that_is_not_there_is_unavailable():
    model = GeminiModel("m", api_key="k", base_url="http://127.0.0.1:9", timeout=5)

    with pytest.raises(ModelUnavailable):
        await generate(model)
    await model.aclose()


async def test_a_wrong_key_is_rejected_with_what_to_check(make_model):
    model, _ = make_model({"text": "x"}, key="wrong", server_key="right")

    with pytest.raises(ModelRejected, match="GEMINI_API_KEY"):
        await generate(model)


@pytest.mark.parametrize("reply", [{"finish_reason": "SAFETY"}, {"block_reason": "SAFETY"}])
async def test_a_refusal_is_declined(make_model, reply):
    model, _ = make_model(reply)

    with pytest.raises(ModelDeclined, match="SAFETY"):
        await generate(model)


@pytest.mark.parametrize("raw", ["data: {not json\r\n\r\n", "<html>oops</html>", ""])
async def test_garbage_is_a_broken_reply(make_model, raw):
    model, _ = make_model({"raw": raw})

    with pytest.raises(ModelReplyBroken):
        await generate(model)


@pytest.mark.parametrize(
    "parts",
    [
        [{"functionCall": {"name": "run_code", "args": {}}}],
        [{"functionCall": {"name": "run_code", "args": {"code": 5}}}],
    ],
)
async def test_a_call_that_cannot_be_used_is_explained(make_model, parts):
    model, _ = make_model({"parts": parts})

    reply, _ = await generate(model)

    assert reply.call is None
    assert reply.bad_call


async def test_a_call_of_another_function_is_a_tool_call_with_what_the_model_gave(make_model):
    model, _ = make_model({"parts": [{"functionCall": {"name": "look", "args": {"file": "a"}}}]})

    reply, _ = await generate(model)

    assert reply.call is None
    assert reply.tool == ToolCall("look", {"file": "a"})


async def test_embeddings_come_through_the_same_address(make_model):
    from google import genai

    _, server = make_model({"text": "x"})
    client = genai.Client(api_key="k", http_options={"base_url": server.base_url})

    vectors = client.models.embed_content(
        model="gemini-embedding-001", contents=["sales by region", "sales by region", "tax"]
    ).embeddings
    client.close()

    assert vectors[0].values == vectors[1].values
    assert vectors[0].values != vectors[2].values


async def test_a_missing_key_is_forbidden_by_the_stand_in_as_by_the_service(standin):
    import urllib.error
    import urllib.request

    server = standin([])
    request = urllib.request.Request(f"{server.base_url}/v1beta/models")

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)

    assert caught.value.code == 403
    caught.value.close()


def test_the_default_model_is_the_documented_one():
    assert Settings().model == "gemini-3.8-flash"
