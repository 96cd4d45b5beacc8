"""A turn: request, code, risk, kernel, streamed output, notebook; and every way it can fail."""

import hashlib
from itertools import groupby

import nbformat
import pytest

from notebooks.ledger.verify import verify_notebook
from tests.conftest import PIVOT, STACK, code_reply, exchange

FAIL = {"text": "done"}


async def test_the_events_of_a_turn_come_in_order_and_without_gaps(start_gateway, examples):
    conversation = await (await start_gateway()).conversation(*examples)

    await conversation.ask(STACK)

    turn = [e for e in conversation.events if e["turn"] and e["kind"] != "model.text"]
    assert [e["seq"] for e in conversation.events] == list(range(1, len(conversation.events) + 1))
    # What is printed comes in as many pieces as the machine's load makes of it.
    assert [kind for kind, _ in groupby(turn, key=lambda e: e["kind"])] == [
        "turn.started",
        "context.used",
        "route.chosen",
        "code.generated",
        "risk.assessed",
        "checkpoint.created",  # of the uploads
        "cell.started",  # the parameters
        "cell.finished",
        "cell.started",
        "cell.output",
        "cell.checking",
        "file.created",
        "workbook.checked",
        "result.checked",
        "cell.finished",
        "turn.finished",
    ]


async def test_the_models_words_stream_in_before_its_code_and_answer_are_whole(
    start_gateway, examples
):
    conversation = await (await start_gateway()).conversation(*examples)

    finished = await conversation.ask(STACK)

    words = "".join(data["text"] for data in conversation.of_kind("model.text"))
    comment = conversation.of_kind("code.generated")[0]["comment"]
    assert len(conversation.of_kind("model.text")) > 3
    assert words == comment + finished["answer"]


async def test_the_model_is_told_the_true_headers_types_and_files(start_gateway, examples):
    running = await start_gateway()
    conversation = await running.conversation(*examples)

    await conversation.ask(STACK)

    told = running.standin.requests[0]["contents"][0]["parts"][0]["text"]
    assert "header in row 4; 60 rows of data" in told
    assert "'Order Date': date kept as text, format %d/%m/%Y" in told
    assert "Sheet 'Lookup' (hidden)" in told
    assert "total rows, not data: 52 'Grand total'" in told


async def test_the_second_request_sees_the_variables_of_the_first(start_gateway, examples):
    running = await start_gateway()
    conversation = await running.conversation(*examples)
    await conversation.ask(STACK)

    finished = await conversation.ask(PIVOT)

    assert finished["status"] == "ok"
    assert (
        "kept: DataFrame; 111x6" in running.standin.requests[2]["contents"][0]["parts"][0]["text"]
    )
    assert conversation.of_kind("context.used")[1]["kernel_is_new"] is False


async def test_two_conversations_share_nothing(start_gateway):
    running = await start_gateway([])
    first, second = await running.conversation(), await running.conversation()
    await first.execute("x = 1; open('outputs/mine.txt', 'w').write('a')")

    finished = await second.execute("x")
    listed = await second.printed(
        "from pathlib import Path; print(list(Path('outputs').iterdir()))"
    )

    assert "NameError" in finished["error"]["message"]
    assert listed == "[]\n"


async def test_the_notebook_holds_request_parameters_code_and_answer(start_gateway, examples):
    conversation = await (await start_gateway()).conversation(*examples)
    await conversation.ask(STACK)

    notebook = nbformat.read(conversation.notebook, as_version=4)

    nbformat.validate(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code", "markdown"]
    assert notebook.cells[0].source == STACK
    assert notebook.cells[1].metadata.tags == ["parameters"]
    assert "min_sales = 1000" in notebook.cells[1].source
    assert verify_notebook(conversation.notebook).verified


async def test_a_generated_cell_names_model_tokens_request_and_files(start_gateway, examples):
    conversation = await (await start_gateway()).conversation(*examples)
    await conversation.ask(STACK)

    facts = conversation.cells()[2]["metadata"]["tallybook"]

    assert facts["request"] == STACK
    assert facts["model"]["name"] == "gemini-3.8-flash"
    assert facts["tokens"]["total"] > 0
    assert "inputs/sales_q1.xlsx" in facts["files_before"]
    assert "outputs/stacked_sales.xlsx" in facts["files_after"]


async def test_a_file_that_changed_between_two_cells_is_recorded_as_the_second_found_it(
    start_gateway,
):
    conversation = await (await start_gateway()).conversation()
    await conversation.execute("open('outputs/a.txt', 'w').write('told')")
    file = conversation.notebook.parent / "workspace" / "outputs" / "a.txt"
    file.write_text("grown since")
    await conversation.execute("x = 1")

    first, second = (cell["metadata"]["tallybook"] for cell in conversation.cells())

    assert first["files_after"] == {"outputs/a.txt": hashlib.sha256(b"told").hexdigest()}
    assert second["files_before"] == {"outputs/a.txt": hashlib.sha256(b"grown since").hexdigest()}


async def test_a_later_constant_gets_a_parameters_cell_of_its_own(start_gateway):
    exchanges = exchange("first", code_reply("low", low=1), FAIL)
    exchanges += exchange("second", code_reply("low + high", low=1, high=9), FAIL)
    conversation = await (await start_gateway(exchanges)).conversation()
    await conversation.ask("first")
    await conversation.ask("second")

    tagged = [c for c in conversation.cells() if c["metadata"].get("tags")]

    assert [c["metadata"]["tags"] for c in tagged] == [["parameters"], ["turn-parameters"]]
    assert "".join(tagged[1]["source"]).endswith("\nhigh = 9")


async def test_a_fenced_block_runs_like_a_call(start_gateway):
    replies = ({"text": "```python\nprint(6 * 7)\n```"}, {"text": "It is 42."})
    running = await start_gateway(exchange("multiply", *replies))
    conversation = await running.conversation()

    finished = await conversation.ask("multiply")

    assert finished["answer"] == "It is 42."
    assert conversation.of_kind("cell.output")[0]["output"]["text"] == "42\n"
    assert "42" in running.standin.requests[1]["contents"][2]["parts"][0]["text"]


async def test_an_answer_without_code_is_an_answer(start_gateway):
    conversation = await (await start_gateway(exchange("hello", {"text": "Hi."}))).conversation()

    finished = await conversation.ask("hello")

    assert (finished["status"], finished["answer"]) == ("ok", "Hi.")


# repairs


async def test_the_model_gets_its_error_and_mends_it(start_gateway):
    replies = (code_reply("1 / 0"), code_reply("print('mended')"), {"text": "Done."})
    running = await start_gateway(exchange("divide", *replies))
    conversation = await running.conversation()

    finished = await conversation.ask("divide")

    told = running.standin.requests[1]["contents"][-1]["parts"][0]["functionResponse"]["response"]
    assert finished["status"] == "ok"
    assert told["status"] == "error"
    assert "ZeroDivisionError: division by zero" in told["error"]


async def test_after_three_repairs_the_turn_ends_with_the_last_error(start_gateway):
    always = [{"when": {"request": "divide"}, "reply": code_reply("1 / 0")}]
    running = await start_gateway(always)
    conversation = await running.conversation()

    finished = await conversation.ask("divide")

    assert finished["error"]["code"] == "turn-budget-spent"
    assert "3 repairs" in finished["error"]["message"]
    assert "ZeroDivisionError" in finished["error"]["message"]
    assert len(running.standin.requests) == 4


async def test_endless_calls_end_at_the_step_limit(start_gateway):
    always = [{"when": {"request": "go on"}, "reply": code_reply("x = 1")}]
    conversation = await (await start_gateway(always)).conversation()

    finished = await conversation.ask("go on")

    assert finished["error"]["code"] == "turn-budget-spent"
    assert "12 steps" in finished["error"]["message"]


@pytest.mark.parametrize(
    "first",
    [
        {},  # nothing at all
        {"finish_reason": "MALFORMED_FUNCTION_CALL"},
        {"parts": [{"functionCall": {"name": "run_code", "args": {}}}]},
        {"parts": [{"functionCall": {"name": "rm", "args": {"code": "x"}}}]},
        code_reply("def f(:"),
        code_reply("x = 1", **{"not a name": 1}),
        code_reply("x = '" + "a" * 110_000 + "'"),
    ],
)
async def test_a_broken_reply_is_mended_and_the_session_lives(start_gateway, first):
    when = {"request": "do it"}
    running = await start_gateway(
        [
            {"when": when, "reply": first, "times": 1},
            {"when": when, "reply": code_reply("print('ok')"), "times": 1},
            {"when": when, "reply": FAIL},
        ]
    )
    conversation = await running.conversation()

    finished = await conversation.ask("do it")

    assert finished["status"] == "ok"
    assert await conversation.printed("print('alive')") == "alive\n"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ({"finish_reason": "SAFETY"}, "model-declined"),
        ({"error": {"code": 403, "status": "PERMISSION_DENIED"}}, "model-rejected"),
        ({"error": {"code": 400, "status": "INVALID_ARGUMENT"}}, "model-rejected"),
        ({"raw": "data: {nope\r\n\r\n"}, "model-reply-broken"),
        ({"error": {"code": 503, "status": "UNAVAILABLE"}}, "model-unavailable"),
        ({"hang_seconds": 60, "text": "late"}, "model-unavailable"),
    ],
)
async def test_a_failing_model_is_a_plain_error_and_the_session_lives(start_gateway, reply, code):
    running = await start_gateway(
        [{"when": {"request": "do it"}, "reply": reply}], model_timeout=0.5
    )
    conversation = await running.conversation()
    await conversation.execute("x = 7")

    finished = await conversation.ask("do it")

    assert finished["error"]["code"] == code
    assert finished["error"]["hint"]
    assert await conversation.printed("print(x)") == "7\n"


async def test_an_overloaded_model_is_asked_again(start_gateway):
    busy = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "retry_delay": "0.01s"}}
    exchanges = [{"when": {"request": "hi"}, "reply": busy, "times": 2}, *exchange("hi", FAIL)]
    conversation = await (await start_gateway(exchanges)).conversation()

    finished = await conversation.ask("hi")

    assert finished["status"] == "ok"
    assert [e["attempt"] for e in conversation.of_kind("model.retrying")] == [1, 2]


async def test_without_a_key_code_still_runs_and_requests_say_what_is_missing(start_gateway):
    running = await start_gateway([], gemini_api_key=None)
    conversation = await running.conversation()

    asked = await conversation.ask("stack")

    assert "GEMINI_API_KEY" in asked["error"]["message"]
    assert await conversation.printed("print(1)") == "1\n"


# risk


async def test_high_risk_code_never_runs_and_the_model_is_told_why(start_gateway):
    replies = (code_reply("import os; os.remove('inputs/a')"), {"text": "I can't."})
    running = await start_gateway(exchange("delete", *replies))
    conversation = await running.conversation()

    await conversation.ask("delete")

    told = running.standin.requests[1]["contents"][-1]["parts"][0]["functionResponse"]["response"]
    blocked = [c for c in conversation.cells() if c["cell_type"] == "raw"]
    assert told["status"] == "blocked"
    assert "operating system" in told["error"]
    assert blocked[0]["metadata"]["tallybook"]["status"] == "blocked"
    assert conversation.of_kind("cell.started") == []


async def test_direct_code_is_checked_like_the_models(start_gateway):
    conversation = await (await start_gateway([])).conversation()

    finished = await conversation.execute("!ls")

    assert finished["outcome"] == "blocked"


async def test_code_that_is_too_long_is_recorded_with_its_beginning(start_gateway):
    long = "total = 0  # " + "x" * 150_000
    exchanges = exchange("add up", code_reply(long), {"text": "It was too long."})
    conversation = await (await start_gateway(exchanges)).conversation()

    await conversation.ask("add up")

    [refused] = [cell for cell in conversation.cells() if cell["cell_type"] == "raw"]
    assert refused["metadata"]["tallybook"]["status"] == "not-run"
    assert "".join(refused["source"]).startswith("total = 0  # xxx")
    assert "".join(refused["source"]).endswith("150,013 characters in all")
    assert conversation.of_kind("cell.finished")[0]["status"] == "not-run"
    assert verify_notebook(conversation.notebook).verified


async def test_a_second_stop_changes_nothing_while_a_cell_is_stopping(start_gateway):
    conversation = await (await start_gateway([])).conversation()
    slow = (
        "import time\nprint('on', flush=True)\n"
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n"
        "    print('stopping', flush=True)\n    time.sleep(1)\n    raise"
    )
    await conversation.connection.send("execute.request", code=slow)
    await conversation.until("cell.output")

    await conversation.connection.send("cancel")
    await conversation.until("cell.output")
    await conversation.connection.send("cancel")
    await conversation.connection.send("execute.request", code="after = 1")
    await conversation.until("turn.finished")
    await conversation.until("turn.finished")

    kinds = [e["kind"] for e in conversation.events]
    assert kinds.index("cell.finished") < kinds.index("turn.finished")
    assert [c["metadata"]["tallybook"]["status"] for c in conversation.cells()] == [
        "interrupted",
        "ok",
    ]


async def test_a_file_uploaded_while_a_cell_runs_is_its_user_s_not_the_cell_s(
    start_gateway, tmp_path
):
    running = await start_gateway([])
    conversation = await running.conversation()
    waiting = (
        "import pathlib, time\nprint('on', flush=True)\n"
        "while not pathlib.Path('inputs/a.csv').exists(): time.sleep(0.01)"
    )
    await conversation.connection.send("execute.request", code=waiting)
    await conversation.until("cell.output")

    (tmp_path / "a.csv").write_text("x\n1\n")
    await running.client.upload(conversation.url, [tmp_path / "a.csv"])
    if not conversation.of_kind("file.created"):
        await conversation.until("file.created")
    await conversation.execute("1")

    [created] = conversation.of_kind("file.created")
    assert (created["user"], created.get("cell")) == ("local", None)
