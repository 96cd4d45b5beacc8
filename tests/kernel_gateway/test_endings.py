"""Turns that are cancelled, stopped, or lose their kernel; nothing is lost with them."""

import asyncio
import json
import os
import signal

from agent.turn.cells import ENDED
from kernel_gateway.errors import QueueFull
from notebooks.ledger.verify import verify_notebook
from tests.conftest import STACK, code_reply, exchange

FAIL = {"text": "done"}


async def test_cancel_interrupts_the_cell_records_it_and_keeps_the_variables(start_gateway):
    conversation = await (await start_gateway([])).conversation()
    await conversation.execute("kept = 3")
    await conversation.connection.send(
        "execute.request", code="print('on', flush=True)\nwhile True: pass"
    )
    await conversation.until("cell.output")

    await conversation.connection.send("cancel")
    finished = (await conversation.until("turn.finished"))["data"]

    assert finished["status"] == "cancelled"
    assert await conversation.printed("print(kept)") == "3\n"
    stopped = [c for c in conversation.cells() if c["cell_type"] == "raw"]
    assert stopped[0]["metadata"]["tallybook"]["status"] == "interrupted"
    assert stopped[0]["metadata"]["tallybook"]["outputs"][0]["text"] == "on\n"


async def test_a_cancel_at_any_moment_loses_no_cell_that_was_started(start_gateway):
    """Forty cancels, each a little later in a cell's life than the one before."""
    conversation = await (await start_gateway([])).conversation()
    await conversation.execute("kept = 3")

    for number in range(40):
        code = "x = 1" if number % 2 else "print('on', flush=True)\nwhile True: pass"
        await conversation.connection.send("execute.request", code=code)
        await asyncio.sleep(0.0005 * number)
        await conversation.connection.send("cancel")
        await conversation.until("turn.finished")

    started = [data["cell"] for data in conversation.of_kind("cell.started")]
    finished = [data["cell"] for data in conversation.of_kind("cell.finished")]
    recorded = [cell["id"] for cell in conversation.cells()]
    seqs = [e["seq"] for e in conversation.events if e["seq"] is not None]
    assert finished == started == recorded
    assert seqs == list(range(1, len(seqs) + 1))
    assert verify_notebook(conversation.notebook).verified
    assert await conversation.printed("print(kept)") == "3\n"


async def test_a_request_that_is_cancelled_before_it_begins_ends_as_cancelled(start_gateway):
    running = await start_gateway([])
    conversation, turns = await running.conversation(), running.gateway.services.turns
    queued = await turns.start(conversation.key, "ann", kind="execute", request="x = 1")

    await turns.cancel(conversation.key)

    assert (await turns.answered(queued)).status == "cancelled"


async def test_cancel_while_the_model_thinks_ends_the_turn(start_gateway):
    running = await start_gateway(
        [{"when": {"request": "slow"}, "reply": {"hang_seconds": 60, "text": "x"}}]
    )
    conversation = await running.conversation()
    await conversation.connection.send("turn.request", request="slow")
    await conversation.until("context.used")

    await conversation.connection.send("cancel")

    assert (await conversation.until("turn.finished"))["data"]["status"] == "cancelled"


async def test_requests_on_one_path_run_one_after_the_other(start_gateway):
    conversation = await (await start_gateway([])).conversation()
    for number in range(3):
        await conversation.connection.send("execute.request", code=f"print({number})")

    finished = [(await conversation.until("turn.finished"))["data"] for _ in range(3)]

    assert [f["outputs"][0]["text"] for f in finished] == ["0\n", "1\n", "2\n"]
    kinds = [e["kind"] for e in conversation.events if e["kind"].startswith("turn.")]
    assert kinds == ["turn.started", "turn.finished"] * 3


async def test_too_many_waiting_requests_are_refused_with_a_hint(start_gateway):
    conversation = await (await start_gateway([], max_queue=2)).conversation()
    for _ in range(3):
        await conversation.connection.send("execute.request", code="while True: pass")

    refused = await conversation.until("error")

    assert refused["seq"] is None
    assert refused["data"]["error"]["code"] == "queue-full"


async def test_requests_that_come_at_once_keep_to_the_limit_too(start_gateway):
    running = await start_gateway([], max_queue=2)
    key, turns = (await running.conversation()).key, running.gateway.services.turns

    found = await asyncio.gather(
        *(turns.start(key, "u", kind="execute", request="while True: pass") for _ in range(6)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, QueueFull) for answer in found) == 4
    assert turns.depth() == 2


# kernels that end


async def test_a_cell_over_its_time_is_told_to_the_model_and_variables_live(start_gateway):
    replies = (code_reply("x = 5\nwhile True: pass"), code_reply("print(x)"), {"text": "Done."})
    running = await start_gateway(exchange("loop", *replies), cell_seconds=1.0)
    conversation = await running.conversation()

    finished = await conversation.ask("loop")

    assert finished["status"] == "ok"
    codes = [c["error"]["code"] for c in conversation.of_kind("cell.finished") if c["error"]]
    assert codes == ["cell-timed-out"]
    assert conversation.of_kind("cell.output")[-1]["output"]["text"] == "5\n"


async def test_a_dead_kernel_is_replaced_and_the_turn_goes_on(start_gateway):
    replies = (code_reply("while True: pass"), code_reply("print('new')"), {"text": "Done."})
    running = await start_gateway(exchange("x", *replies))
    conversation = await running.conversation()
    await conversation.connection.send("turn.request", request="x")
    await conversation.until("cell.started")  # the parameters
    await conversation.until("cell.started")
    path = await running.gateway.services.contexts.open(conversation.key)

    os.kill(path.live.pid, signal.SIGKILL)
    finished = (await conversation.until("turn.finished"))["data"]

    told = running.standin.requests[1]["contents"][-1]["parts"][0]["functionResponse"]["response"]
    assert finished["status"] == "ok"
    assert (told["status"], told["state"]) == ("died", ENDED)
    assert conversation.of_kind("cell.output")[-1]["output"]["text"] == "new\n"


async def test_a_new_kernel_still_knows_the_parameters(start_gateway):
    first = code_reply("print(min_sales)", min_sales=1000)
    exchanges = exchange("first", first, FAIL) + exchange("again", first, FAIL)
    running = await start_gateway(exchanges)
    conversation = await running.conversation()
    await conversation.ask("first")
    path = await running.gateway.services.contexts.open(conversation.key)
    await path.session.aclose()

    finished = await conversation.ask("again")

    assert finished["status"] == "ok"
    assert [o["output"]["text"] for o in conversation.of_kind("cell.output")] == ["1000\n"] * 2
    assert "min_sales" in conversation.of_kind("context.used")[1]["variables"]


async def test_half_characters_from_code_or_model_damage_nothing(start_gateway):
    """A lone surrogate can be printed and sent as JSON, but no UTF-8 file can hold it."""
    half = "half \ud800 character"
    replies = (code_reply(r"print('half \ud800', flush=True); '\udfff'"), {"text": half})
    broken = exchange("broken", code_reply(f"x = '{half}'"), {"text": "No."})
    running = await start_gateway(exchange("print", *replies) + broken)
    conversation = await running.conversation()

    printed = await conversation.ask("print")
    refused = await conversation.ask("broken")

    assert (printed["status"], refused["status"]) == ("ok", "ok")
    assert verify_notebook(conversation.notebook).verified
    assert await conversation.printed("print('alive')") == "alive\n"


async def test_past_the_kernel_limit_the_least_used_idle_kernel_makes_room(start_gateway):
    running = await start_gateway([], max_kernels=1)
    first, second = await running.conversation(), await running.conversation()
    await first.execute("x = 1")

    assert await second.printed("print('mine')") == "mine\n"
    assert running.gateway.services.contexts.live_kernels() == 1


async def test_no_secret_reaches_kernel_notebook_or_events(start_gateway, examples):
    running = await start_gateway()
    conversation = await running.conversation(*examples)
    await conversation.ask(STACK)

    written = conversation.notebook.read_text() + json.dumps(conversation.events)

    for secret in ("test-key-7f3a", running.token):
        assert secret not in written


async def test_a_cancelled_cells_workbook_is_named_unchecked_at_once(start_gateway):
    conversation = await (await start_gateway([])).conversation()
    code = (
        "import pandas as pd\npd.DataFrame({'a': [1]}).to_excel('outputs/a.xlsx')\n"
        "print('on', flush=True)\nwhile True: pass"
    )
    await conversation.connection.send("execute.request", code=code)
    await conversation.until("cell.output")

    await conversation.connection.send("cancel")
    await conversation.until("turn.finished")

    [checked] = conversation.of_kind("workbook.checked")
    assert [finding["message"] for finding in checked["findings"]] == [
        "The file could not be checked because the request was cancelled."
    ]
    assert "outputs/a.xlsx" in conversation.cells()[-1]["metadata"]["tallybook"]["files_after"]
