"""Every adapter of a model against the stand-in: each way a model can answer or fail."""

import asyncio
import json

import pytest

from agent.errors import ModelDeclined, ModelRejected, ModelReplyBroken, ModelUnavailable
from agent.models.calls import MOST_CALLS
from agent.models.gemini import GeminiModel
from agent.models.openai_compatible import OpenAICompatibleModel
from agent.ports import ToolDeclaration
from tests.conftest import code_reply
from tests.waiting import eventually

pytestmark = pytest.mark.check

ASKED = [{"role": "user", "texts": ["the workbooks", "stack them"]}]
LOOK = ToolDeclaration("look", "Looks.", {"type": "object", "properties": {}})


@pytest.fixture(params=["gemini", "openai"])
def protocol(request):
    return request.param


def adapter(protocol, server, **options):
    if protocol == "gemini":
        return GeminiModel("model-x", base_url=server.base_url, **options)
    return OpenAICompatibleModel("model-x", base_url=server.openai_url, **options)


@pytest.fixture
async def make_model(standin, protocol):
    models = []

    def make(*replies, key="k", server_key=None, timeout=30.0):
        exchanges = [{"when": {}, "reply": reply, "times": 1} for reply in replies]
        exchanges[-1]["times"] = None
        server = standin(exchanges, api_key=server_key)
        models.append(adapter(protocol, server, api_key=key, timeout=timeout))
        return models[-1], server

    yield make
    for model in models:
        await model.aclose()


async def generate(model, history=ASKED, tools=()):
    pieces = []

    async def on_text(text):
        pieces.append(text)

    return await model.generate("system words", history, on_text, tools), pieces


def said(reply):
    """Return the history's message of *reply*, as a turn keeps it."""
    calls = [{"name": c.name, "id": c.id, "arguments": dict(c.arguments)} for c in reply.calls]
    message = {"role": "model", "text": reply.text, "calls": calls, "content": reply.content}
    return json.loads(json.dumps(message))


def answered(call, **response):
    return {"role": "tool", "name": call.name, "id": call.id, "response": response}


def call_part(name, **fields):
    return {"functionCall": {"name": name, **fields}}


async def test_text_streams_in_pieces_and_comes_back_whole(make_model):
    text = "word " * 60
    model, _ = make_model({"text": text})

    reply, pieces = await generate(model)

    assert reply.text == text
    assert len(pieces) > 1
    assert "".join(pieces) == text
    assert not reply.calls


async def test_texts_that_mean_the_same_have_near_embeddings(make_model):
    model, _ = make_model({"text": "unused"})

    texts = await model.embed(["turnover of May", "names of staff"], "e", question=False)
    [asked] = await model.embed(["revenue of May"], "e", question=True)
    near, far = (sum(a * b for a, b in zip(asked, text, strict=True)) for text in texts)

    assert near > 0.9 > 0.5 > far


async def test_embeddings_that_are_refused_are_a_typed_error(make_model):
    model, _ = make_model({"text": "unused"}, key="wrong", server_key="right")

    with pytest.raises(ModelRejected):
        await model.embed(["x"], "e", question=True)


async def test_a_function_call_carries_code_and_parameters(make_model):
    model, _ = make_model(code_reply("x = min_sales", "x", min_sales=1000))

    reply, _ = await generate(model)

    [call] = reply.calls
    assert (call.name, call.problem) == ("run_code", "")
    assert call.arguments == {"code": "x = min_sales\nx", "parameters": {"min_sales": 1000}}
    assert reply.text == "I will run this."


async def test_a_fenced_block_is_accepted_as_code(make_model):
    model, _ = make_model({"text": "Here:\n```python\nx = 1\n```\nDone."})

    reply, _ = await generate(model)

    assert reply.fenced == "x = 1"


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

    assert not reply.fenced
    assert reply.text == text


async def test_tokens_and_version_are_counted(make_model):
    model, _ = make_model({"text": "hello"})

    reply, _ = await generate(model)

    assert reply.tokens["total"] == reply.tokens["prompt"] + reply.tokens["output"] > 0
    assert reply.version.startswith("model-x")


async def test_the_model_is_sent_the_system_prompt_and_every_tool(make_model, protocol):
    model, server = make_model({"text": "x"})

    await generate(model, tools=[LOOK])

    [sent] = server.requests
    if protocol == "gemini":
        declared = [each["name"] for each in sent["tools"][0]["functionDeclarations"]]
        system = sent["systemInstruction"]["parts"][0]["text"]
    else:
        declared = [each["function"]["name"] for each in sent["tools"]]
        system = sent["messages"][0]["content"]
    assert declared == ["run_code", "look"]
    assert system == "system words"


async def test_several_calls_come_in_order_and_each_result_goes_back_to_its_call(
    make_model, protocol
):
    parts = [call_part("look", args={"n": n}, id=f"c{n}") for n in range(2)]
    model, server = make_model({"text": "Both.", "parts": parts}, {"text": "Done."})
    reply, _ = await generate(model)
    results = [answered(call, result=f"r{n}") for n, call in enumerate(reply.calls)]

    await generate(model, [*ASKED, said(reply), *results])

    assert [call.arguments for call in reply.calls] == [{"n": 0}, {"n": 1}]
    second = server.requests[1]
    if protocol == "gemini":
        shown, got = (content["parts"] for content in second["contents"][1:])
        calls = [part["functionCall"]["id"] for part in shown if "functionCall" in part]
        came = [part["functionResponse"]["id"] for part in got]
        values = [part["functionResponse"]["response"]["result"] for part in got]
    else:
        shown, *got = second["messages"][2:]
        calls = [each["id"] for each in shown["tool_calls"]]
        came = [each["tool_call_id"] for each in got]
        values = [json.loads(each["content"])["result"] for each in got]
    assert calls == came == ["c0", "c1"]
    assert values == ["r0", "r1"]


async def test_a_history_of_one_model_can_be_gone_on_with_by_another(standin):
    server = standin([{"when": {}, "reply": code_reply("x = 1", n=5)}])
    models = [adapter(each, server, api_key="k") for each in ("gemini", "openai")]

    for first, second in (models, models[::-1]):
        reply, _ = await generate(first)
        history = [*ASKED, said(reply), answered(reply.calls[0], status="ok")]
        again, _ = await generate(second, history)
        assert again.calls

    for model in models:
        await model.aclose()
    assert all("x = 1" in json.dumps(server.requests[n]) for n in (1, 3))


@pytest.mark.parametrize(("code", "status"), [(429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE")])
async def test_overload_is_unavailable_with_the_services_own_delay(make_model, code, status):
    error = {"code": code, "status": status, "message": "busy", "retry_delay": "7s"}
    model, server = make_model({"error": error})

    with pytest.raises(ModelUnavailable) as caught:
        await generate(model)

    assert caught.value.retry_after == 7.0
    assert len(server.requests) == 1


async def test_silence_is_unavailable_after_the_time_limit(make_model):
    model, _ = make_model({"hang_seconds": 60, "text": "late"}, timeout=0.5)

    with pytest.raises(ModelUnavailable):
        await generate(model)


async def test_a_cancelled_call_ends_at_once_and_the_next_one_works(make_model):
    model, server = make_model({"hang_seconds": 60, "text": "late"}, {"text": "next"})
    asking = asyncio.create_task(generate(model))
    await eventually("the request arrives", lambda: server.requests)

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await generate(model))[0].text == "next"


async def test_a_service_that_is_not_there_is_unavailable(protocol):
    class Nowhere:
        base_url = openai_url = "http://127.0.0.1:9"

    model = adapter(protocol, Nowhere, api_key="k", timeout=5)

    with pytest.raises(ModelUnavailable):
        await generate(model)
    await model.aclose()


async def test_a_wrong_key_is_rejected_with_what_to_check_and_without_the_key(make_model, protocol):
    model, _ = make_model({"text": "x"}, key="wrong-7f3a", server_key="right")

    with pytest.raises(ModelRejected, match=f"{protocol.upper()}_API_KEY") as caught:
        await generate(model)

    assert "wrong-7f3a" not in str(caught.value)


@pytest.mark.parametrize("reply", [{"finish_reason": "SAFETY"}, {"block_reason": "SAFETY"}])
async def test_a_refusal_is_declined(make_model, reply):
    model, _ = make_model(reply)

    with pytest.raises(ModelDeclined):
        await generate(model)


@pytest.mark.parametrize(
    "raw",
    [
        "data: {not json\r\n\r\n",
        "<html>oops</html>",
        "",
        "data: 5\r\n\r\n",
        'data: {"choices": 7, "candidates": []}\r\n\r\n',
    ],
)
async def test_garbage_is_a_broken_reply(make_model, raw):
    model, _ = make_model({"raw": raw})

    with pytest.raises(ModelReplyBroken):
        await generate(model)


async def test_a_stream_that_ends_without_saying_so_is_a_broken_reply(make_model, protocol):
    half = (
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "The total is 1,"}]}}]}
        if protocol == "gemini"
        else {"choices": [{"index": 0, "delta": {"content": "The total is 1,"}}]}
    )
    model, _ = make_model({"raw": f"data: {json.dumps(half)}\r\n\r\n"})

    with pytest.raises(ModelReplyBroken, match="ended before"):
        await generate(model)


async def test_a_reply_without_end_is_a_broken_one_and_is_not_kept(make_model, protocol):
    piece = "x" * 100_000
    chunk = (
        {"candidates": [{"content": {"role": "model", "parts": [{"text": piece}]}}]}
        if protocol == "gemini"
        else {"choices": [{"index": 0, "delta": {"content": piece}}]}
    )
    model, _ = make_model({"raw": f"data: {json.dumps(chunk)}\r\n\r\n" * 40})

    with pytest.raises(ModelReplyBroken, match="longer than"):
        await generate(model)


async def test_text_cut_at_the_longest_output_is_no_answer(make_model):
    model, _ = make_model({"text": "The total is 1,", "finish_reason": "MAX_TOKENS"})

    reply, _ = await generate(model)

    assert "cut off" in reply.problem
    assert not reply.fenced


async def test_code_of_a_cut_reply_is_not_run_from_its_text(make_model):
    text = "```python\nx = 1\n```\nand then\n```python\ny ="
    model, _ = make_model({"text": text, "finish_reason": "MAX_TOKENS"})

    reply, _ = await generate(model)

    assert not reply.fenced


@pytest.mark.parametrize(
    "arguments",
    [{}, {"code": 5}, {"code": "  "}, {"code": "x", "parameters": "n=1"}, {"source": "x = 1"}],
)
async def test_a_call_of_run_code_that_cannot_be_used_is_explained(make_model, arguments):
    model, _ = make_model({"parts": [call_part("run_code", args=arguments)]})

    reply, _ = await generate(model)

    assert reply.calls[0].problem


async def test_a_call_of_another_function_is_as_the_model_gave_it(make_model):
    model, _ = make_model({"parts": [call_part("look", args={"file": "a", "odd": [1, None]})]})

    reply, _ = await generate(model)

    [call] = reply.calls
    assert (call.name, call.arguments) == ("look", {"file": "a", "odd": [1, None]})


async def test_a_megabyte_of_arguments_is_refused_and_not_sent_back(make_model):
    huge = "x = 1\n" * 180_000
    model, server = make_model(
        {"parts": [call_part("run_code", args={"code": huge})]}, {"text": "Sorry."}
    )

    reply, _ = await generate(model)
    await generate(model, [*ASKED, said(reply), answered(reply.calls[0], status="error")])

    assert f"{len(json.dumps({'code': huge})):,} bytes" in reply.calls[0].problem
    assert "limit is 262,144" in reply.calls[0].problem
    assert len(json.dumps(server.requests[1])) < 20_000


async def test_a_function_name_without_end_is_cut(make_model):
    model, _ = make_model({"parts": [call_part("f" * 100_000, args={})]})

    reply, _ = await generate(model)

    assert len(reply.calls[0].name) < 100


async def test_of_calls_without_end_only_the_first_are_kept(make_model):
    parts = [call_part("look", args={"n": n}) for n in range(500)]
    model, _ = make_model({"parts": parts})

    reply, _ = await generate(model)

    assert [call.arguments["n"] for call in reply.calls] == list(range(MOST_CALLS))
    assert json.dumps(said(reply)).count("look") <= 2 * MOST_CALLS


async def test_half_characters_do_no_harm(make_model):
    model, _ = make_model(
        {"text": "a\ud800b", "parts": [call_part("l\udfffk", args={"q": "\ud83d"})]}
    )

    reply, _ = await generate(model)

    json.dumps(said(reply), ensure_ascii=False).encode()
    assert reply.text.startswith("a")


# what one protocol alone has


@pytest.fixture
async def openai_model(standin):
    models = []

    def make(reply, **options):
        server = standin([{"when": {}, "reply": reply}])
        models.append(adapter("openai", server, api_key="k", **options))
        return models[-1], server

    yield make
    for model in models:
        await model.aclose()


@pytest.mark.parametrize(
    "raw", ['{"code": "x', "[1, 2]", '"text"', '{"code": NaN}', "[" * 50_000, "null"]
)
async def test_arguments_that_are_no_object_are_explained(openai_model, raw):
    model, _ = openai_model({"parts": [call_part("run_code", raw_arguments=raw)]})

    reply, _ = await generate(model)

    assert reply.calls[0].problem
    assert reply.calls[0].arguments == {}


async def test_a_call_cut_at_the_longest_output_says_so(openai_model):
    part = call_part("run_code", raw_arguments='{"code": "x = 1')
    model, _ = openai_model({"parts": [part], "finish_reason": "MAX_TOKENS"})

    reply, _ = await generate(model)

    assert "cut off" in reply.calls[0].problem


async def test_a_refusal_in_words_is_declined_with_them(openai_model):
    model, _ = openai_model({"refusal": "I can't help with that."})

    with pytest.raises(ModelDeclined, match="can't help"):
        await generate(model)


async def test_parameters_that_a_service_rejects_are_left_out_from_then_on(openai_model):
    model, server = openai_model({"text": "ok", "rejects": ["temperature", "stream_options"]})

    first, _ = await generate(model)
    await generate(model)

    assert first.text == "ok"
    assert len(server.requests) == 4
    assert "temperature" not in server.requests[-1]


async def test_calls_that_all_have_the_same_index_are_told_apart(openai_model):
    def piece(call_id, n):
        function = {"name": "look", "arguments": json.dumps({"n": n})}
        delta = {"tool_calls": [{"index": 0, "id": call_id, "function": function}]}
        return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}

    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    events = [piece("a", 1), piece("b", 2), last]
    raw = "".join(f"data: {json.dumps(each)}\r\n\r\n" for each in events) + "data: [DONE]\r\n\r\n"
    model, _ = openai_model({"raw": raw})

    reply, _ = await generate(model)

    assert [call.arguments for call in reply.calls] == [{"n": 1}, {"n": 2}]
    assert reply.tokens == {}


@pytest.mark.parametrize("odd", [5, True, {"a": 1}, [[]], [5], "x", ""])
@pytest.mark.parametrize("field", ["tool_calls", "finish_reason", "content", "refusal", "usage"])
async def test_a_field_of_another_type_is_left_out(openai_model, field, odd):
    choice = {"index": 0, "delta": {"content": "It is 4."}, "finish_reason": None}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    chunk = {"choices": [choice], "usage": odd if field == "usage" else None}
    (choice if field == "finish_reason" else choice["delta"])[field] = odd
    raw = "".join(f"data: {json.dumps(each)}\r\n\r\n" for each in (chunk, last))
    model, _ = openai_model({"raw": f"{raw}data: [DONE]\r\n\r\n"})

    try:
        reply, _ = await generate(model)
    except ModelDeclined:
        assert field == "refusal"
    else:
        assert reply.text in ("It is 4.", "x", "")


async def test_content_in_parts_is_read(openai_model):
    delta = {"content": [{"type": "text", "text": "It is "}, {"type": "text", "text": "4."}]}
    raw = json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]})
    model, _ = openai_model({"raw": f"data: {raw}\r\n\r\ndata: [DONE]\r\n\r\n"})

    reply, _ = await generate(model)

    assert reply.text == "It is 4."


async def test_a_quota_that_is_spent_is_no_reason_to_wait(openai_model):
    error = {"code": 429, "status": "X", "message": "quota", "kind": "insufficient_quota"}
    model, _ = openai_model({"error": error})

    with pytest.raises(ModelRejected, match="quota"):
        await generate(model)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("server_error", ModelUnavailable),
        ("content_filter", ModelDeclined),
        ("x", ModelReplyBroken),
    ],
)
async def test_an_error_in_the_middle_of_a_stream_has_its_own_meaning(openai_model, kind, error):
    raw = f'data: {{"error": {{"message": "oops", "type": "{kind}", "code": "{kind}"}}}}\r\n\r\n'
    model, _ = openai_model({"raw": raw})

    with pytest.raises(error):
        await generate(model)


async def test_what_a_model_thinks_aloud_is_not_shown(openai_model):
    thoughts = "let me see " * 30
    model, _ = openai_model(
        {"text": f"<think>\n{thoughts}```python\nx = 1\n```</think>\n\nIt is 4."}
    )

    reply, pieces = await generate(model)

    assert reply.text == "".join(pieces) == "It is 4."
    assert not reply.fenced
