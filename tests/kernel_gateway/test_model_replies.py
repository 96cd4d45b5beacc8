"""A turn with each model's protocol, and with replies that are broken or ask for several things."""

import json

import pytest

from kernel_gateway.settings import SettingsInvalid, load_settings
from tests.conftest import code_reply, exchange


def run_code(code, call_id):
    return {"functionCall": {"id": call_id, "name": "run_code", "args": {"code": code}}}


@pytest.fixture(params=["gemini", "openai"])
def start(request, start_gateway, standin):
    """Start a gateway whose model speaks each protocol."""

    async def start(exchanges):
        server = standin(exchanges)
        url = server.openai_url if request.param == "openai" else server.base_url
        key = {"gemini_api_key": None} if request.param == "openai" else {}
        settings = {"model": "house-model", "model_protocol": request.param, "model_base_url": url}
        running = await start_gateway([], **settings, **key)
        running.standin = server
        return running

    return start


async def test_a_request_runs_code_and_is_answered(start, tmp_path):
    (tmp_path / "a.csv").write_text("Sales\n1\n2\n")
    code = "import pandas as pd\nprint(pd.read_csv('inputs/a.csv')['Sales'].sum() + extra)"
    script = exchange("sum it", code_reply(code, extra=7), {"text": "The sum is 10."})
    running = await start(script)
    conversation = await running.conversation(tmp_path / "a.csv")

    finished = await conversation.ask("sum it")

    assert finished["answer"] == "The sum is 10."
    [generated] = conversation.of_kind("code.generated")
    assert (generated["model"], generated["parameters"]) == ("house-model", {"extra": 7})
    assert generated["tokens"]["total"] > 0
    sent = json.dumps(running.standin.requests[-1])
    assert "10" in sent
    assert "test-key" not in sent


async def test_two_calls_at_once_run_in_their_order(start):
    both = {"text": "Both.", "parts": [run_code("x = 2", "a"), run_code("x * 21", "b")]}
    running = await start(exchange("go", both, {"text": "It is 42."}))
    conversation = await running.conversation()

    finished = await conversation.ask("go")

    assert finished["answer"] == "It is 42."
    assert [each["code"] for each in conversation.of_kind("code.generated")] == ["x = 2", "x * 21"]
    assert [each["status"] for each in conversation.of_kind("cell.finished")][-2:] == ["ok", "ok"]
    assert "42" in json.dumps(running.standin.requests[-1])
    assert len(running.standin.requests) == 2


async def test_after_a_failed_call_those_behind_it_are_not_run(start):
    both = {"parts": [run_code("1 / 0", "a"), run_code("open('outputs/x', 'w')", "b")]}
    running = await start(exchange("go", both, {"text": "It failed."}))
    conversation = await running.conversation()

    await conversation.ask("go")

    assert len(conversation.of_kind("code.generated")) == 1
    assert "A call before this one failed." in json.dumps(running.standin.requests[-1])


async def test_an_answer_that_is_cut_off_is_asked_for_again(start):
    cut = {"text": "The total is 1,", "finish_reason": "MAX_TOKENS"}
    running = await start(exchange("go", cut, {"text": "The total is 1,234."}))
    conversation = await running.conversation()

    finished = await conversation.ask("go")

    assert finished["answer"] == "The total is 1,234."
    assert "cut off" in json.dumps(running.standin.requests[-1])


async def test_broken_calls_without_end_end_the_turn_with_their_reason(start):
    broken = {"parts": [run_code("x" * 300_000, "a")]}
    running = await start(exchange("go", *[broken] * 10))
    conversation = await running.conversation()

    finished = await conversation.ask("go")

    assert finished["error"]["code"] == "turn-budget-spent"
    assert "limit is 262,144" in finished["error"]["message"]
    assert len(running.standin.requests) == 4


async def test_an_overloaded_model_is_asked_again_after_growing_random_waits(start):
    busy = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "busy"}}
    script = [{"when": {"request": "go"}, "reply": busy, "times": 3}]
    running = await start([*script, *exchange("go", {"text": "Here."})])
    conversation = await running.conversation()

    finished = await conversation.ask("go")

    assert finished["answer"] == "Here."
    waits = [each["wait_seconds"] for each in conversation.of_kind("model.retrying")]
    assert all(
        wait * 0.5 <= waited <= wait for wait, waited in zip((0.01, 0.02, 0.04), waits, strict=True)
    )


@pytest.mark.check
@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"TALLYBOOK_MODEL_PROTOCOL": "openai", "TALLYBOOK_MODEL": "m"}, "model_base_url"),
        (
            {"TALLYBOOK_MODEL_PROTOCOL": "openai", "TALLYBOOK_MODEL_BASE_URL": "http://a/v1"},
            "needs model",
        ),
        ({"TALLYBOOK_MODEL_BASE_URL": "ftp://a"}, "http or https"),
        ({"TALLYBOOK_MODEL_PROTOCOL": "grpc"}, "gemini"),
    ],
)
def test_settings_of_a_model_that_cannot_be_reached_are_refused(values, named):
    with pytest.raises(SettingsInvalid, match=named):
        load_settings(values)


@pytest.mark.check
def test_a_service_in_the_house_needs_no_key_and_gemini_does():
    house = {
        "TALLYBOOK_MODEL_PROTOCOL": "openai",
        "TALLYBOOK_MODEL": "m",
        "TALLYBOOK_MODEL_BASE_URL": "http://127.0.0.1:11434/v1",
    }

    assert load_settings(house).has_model
    assert not load_settings({}).has_model
    assert load_settings({"OPENAI_API_KEY": "k"}).openai_api_key == "k"
    assert not load_settings({"OPENAI_API_KEY": "k"}).has_model
