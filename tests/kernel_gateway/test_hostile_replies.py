"""Broken replies of every kind, by both protocols: no fault of ours, and the way on is named."""

import json

import pytest
import pytest_asyncio

from tests.conftest import gateways

pytestmark = pytest.mark.asyncio(loop_scope="module")


def call(arguments, name="run_code"):
    return {"parts": [{"functionCall": {"name": name, "args": arguments}}]}


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


WRITTEN = "wrote the call of a function as text"
GIVEN_BACK = {
    "a call as JSON": ({"text": '{"name": "run_code", "arguments": {"code": "x"}}'}, WRITTEN),
    "a call in tags": ({"text": 'Now:\n<tool_call>{"name": "run_code"}</tool_call>'}, WRITTEN),
    "a call as fenced JSON": (
        {"text": '```json\n{"function": {"name": "run_code", "arguments": "{}"}}\n```'}, WRITTEN
    ),
    "a call as tool code": ({"text": '```tool_code\nrun_code(code="x")\n```'}, WRITTEN),
    "code that is none": (call({"code": "if 1 &lt; 2: x"}), "Nothing ran, also of the lines before"),
    "a NUL in code": (call({"code": "x = 'a\0b'"}), "null bytes"),
    "arguments 400 deep": (call({"code": "1", "parameters": {"a": deep(400)}}), "deeper than 40"),
    "a tool in other letters": (call({"code": "1"}, "Run_Code"), "There is no function 'Run_Code'"),
    "no name": (call({}, ""), "There is no function ''"),
    "a surrogate in a name": (call({}, "a\ud800"), "There is no function 'a?'"),
    "a step that is none": (call({"step": 10**30, "status": "x"}, "plan_step"), "don't fit"),
    "nothing but blanks": ({"text": " \n"}, "Your reply was empty"),
    "code cut off": ({"text": "```python\nx", "finish_reason": "MAX_TOKENS"}, "cut off"),
}  # fmt: skip
"""What the model is sent after the reply."""
DONE_ALL_THE_SAME = {
    "code in a fence": call({"code": "```python\nprint(40 + 2)\n```"}),
    "code behind a mark": call({"code": "\ufeffprint(40 + 2)"}),
    "a fence without end": {"text": "I run:\n```python\nprint(40 + 2)"},
    "windows line ends": call({"code": "x = 2\r\nprint(40 + x)\r\n"}),
}
"""Code that is meant well runs."""
ENDS = {
    "a refusal after text": (
        {"text": "The total is", "finish_reason": "SAFETY"}, "declined the request"
    ),
    "a message with control characters": (
        {"error": {"code": 418, "status": "X", "message": "a\0b\ud800\x1b[2J"}}, "rejected the call"
    ),
    "garbage without end": ({"raw": 'data: {"a": \n\n'}, "could not be used"),
}  # fmt: skip
RAW = {
    "gemini": {
        "deep JSON": '{"candidates":[{"content":{"parts":[{"functionCall":{"name":"run_code",'
        '"args":{"a":' + "[" * 10_000 + "]" * 10_000 + "}}}]}}]}",
        "parts that are none": '{"candidates":[{"content":{"parts":[null, 5]}}]}',
        "a number": "5",
    },
    "openai": {
        "deep JSON": '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"run_code",'
        '"arguments":{"a":' + "[" * 10_000 + "]" * 10_000 + "}}}]}}]}",
        "an error with an endless code": '{"error":{"message":"x","code":"' + "9" * 5000 + '"}}',
        "a number": "5",
    },
}
"""Garbage: the model is asked again, and then answers."""
OTHER_FORMS = {
    "the old form of a call": {"function_call": {"name": "run_code", "arguments": '{"code":"print(42)"}'}},
    "arguments as a text in a text": json.dumps(json.dumps({"code": "print(42)"})),
    "line breaks that are not escaped": '{"code": "x = 42\nprint(x)"}',
}  # fmt: skip


def _sse(delta):
    if isinstance(delta, str):
        function = {"name": "run_code", "arguments": delta}
        delta = {"tool_calls": [{"index": 0, "id": "a", "function": function}]}
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]}
    return {"raw": f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"}


def _script(protocol):
    once = {name: reply for name, (reply, _) in GIVEN_BACK.items()} | DONE_ALL_THE_SAME
    once |= {name: {"raw": f"data: {raw}\n\n"} for name, raw in RAW[protocol].items()}
    if protocol == "openai":
        once |= {name: _sse(delta) for name, delta in OTHER_FORMS.items()}
    made = []
    for name, reply in once.items():
        asked = {"request": f"case {name}."}
        made.append({"when": asked, "reply": reply, "times": 1})
        made.append({"when": asked, "reply": {"text": "Here."}})
    ending = {name: reply for name, (reply, _) in ENDS.items()}
    return made + [{"when": {"request": f"case {n}."}, "reply": r} for n, r in ending.items()]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["gemini", "openai"])
async def service(request, tmp_path_factory):
    """A service whose model speaks each protocol, and one conversation."""
    from agent.standin.server import StandinServer
    from agent.standin.transcript import Transcript, exchanges_from_json

    script = Transcript(exchanges_from_json(_script(request.param)))
    with StandinServer(script) as standin:
        url = standin.openai_url if request.param == "openai" else standin.base_url
        async with gateways(tmp_path_factory.mktemp("hostile") / "data") as start:
            running = await start([], model="m", model_protocol=request.param, model_base_url=url)
            yield request.param, standin, await running.conversation()


async def ask(service, name):
    _, standin, conversation = service
    finished = await conversation.ask(f"case {name}.")
    last = standin.requests[-1]
    return finished, json.dumps((last.get("contents") or last["messages"])[-1], ensure_ascii=False)


@pytest.mark.parametrize("name", GIVEN_BACK)
async def test_a_reply_that_cannot_be_used_goes_back_with_what_to_do(service, name):
    finished, sent = await ask(service, name)

    assert finished["answer"] == "Here."
    assert GIVEN_BACK[name][1] in sent


@pytest.mark.parametrize("name", DONE_ALL_THE_SAME)
async def test_code_that_is_wrapped_in_something_runs(service, name):
    finished, sent = await ask(service, name)

    assert finished["answer"] == "Here."
    assert "42" in sent


@pytest.mark.parametrize("name", ENDS)
async def test_a_request_that_can_get_no_answer_ends_with_a_plain_reason(service, name):
    finished, _ = await ask(service, name)

    assert ENDS[name][1] in finished["error"]["message"]
    assert finished["error"]["message"].isprintable()
    assert finished["error"]["hint"]


@pytest.mark.parametrize("name", sorted({*RAW["gemini"], *RAW["openai"]}))
async def test_garbage_is_asked_for_again(service, name):
    if name not in RAW[service[0]]:
        pytest.skip("of the other protocol")

    finished, _ = await ask(service, name)

    assert finished["answer"] == "Here."


@pytest.mark.parametrize("name", OTHER_FORMS)
async def test_other_forms_of_a_call_are_understood(service, name):
    if service[0] != "openai":
        pytest.skip("of the other protocol")

    finished, sent = await ask(service, name)

    assert finished["answer"] == "Here."
    assert "42" in sent
