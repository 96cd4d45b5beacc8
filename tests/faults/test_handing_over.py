"""A kernel outlives the service that began it: the next one takes over, and its cell goes on."""

import asyncio
import json

import nbformat
import pytest

from agent.standin.transcript import Transcript, exchanges_from_json
from kernel_gateway.terminal.client import ServiceRefused
from notebooks.ledger.verify import verify_notebook
from tests.conftest import code_reply, exchange
from tests.websockets import open_websocket

COUNTED = 40
COUNTING = f"import time\nfor n in range({COUNTED}): print(n, flush=True); time.sleep(0.1)"


async def test_a_kernel_nobody_takes_over_ends_after_its_time(lasting):
    lasting.keep_seconds = 1
    await lasting.start()
    await (await lasting.converse()).execute("x = 1")

    lasting.kill()

    at_first = await lasting.kernels()
    async with asyncio.timeout(10):
        while await lasting.kernels():
            await asyncio.sleep(0.05)
    assert len(at_first) == 1


async def test_variables_survive_a_kill_of_the_service(lasting):
    await lasting.start()
    conversation = await lasting.converse()
    await conversation.execute("import pandas as pd; df = pd.DataFrame({'a': [1, 2]})")

    lasting.kill()
    await lasting.start()
    again = await lasting.converse(conversation.id, after=conversation.events[-1]["seq"])

    assert await again.printed("print(df.a.sum())") == "3\n"


async def test_a_kernel_of_before_that_is_restarted_is_empty(lasting):
    client = await lasting.start()
    kernel = (await client.post("/api/kernels", {}))["id"]
    [made] = (await client.get("/api/v1/conversations"))["conversations"]
    await (await lasting.converse(made["id"])).execute("old = 1")

    lasting.kill()
    client = await lasting.start()
    await client.post(f"/api/kernels/{kernel}/restart", {})

    again = await lasting.converse(made["id"])
    await again.until("turn.finished")
    assert await again.printed("print('old' in dir())") == "False\n"


async def test_kernels_of_before_count_and_evict_unless_they_are_busy(lasting):
    lasting.settings["max_kernels"] = "2"
    await lasting.start()
    idle = await lasting.converse()
    await idle.execute("x = 1")
    busy = await lasting.converse()
    await busy.connection.send("execute.request", code=COUNTING)
    await busy.until("cell.output")
    lasting.kill()

    await lasting.start()
    new = await lasting.converse()
    printed = await new.printed("print('new')")
    alive = len(await lasting.kernels())
    again = await lasting.converse(busy.id, after=busy.events[-1]["seq"])
    counted = (await again.until("turn.finished"))["data"]

    assert printed == "new\n"
    assert alive == 2
    assert counted["status"] == "ok"
    back = await lasting.converse(idle.id, after=idle.events[-1]["seq"])
    assert await back.printed("print(x)") == "1\n"


async def test_a_running_cell_goes_on_through_a_kill_and_every_line_is_recorded_once(lasting):
    """10,000 numbered lines over some 5 seconds; the service dies and comes back meanwhile."""
    await lasting.start()
    conversation = await lasting.converse()
    await conversation.connection.send(
        "execute.request",
        code="import time\nfor n in range(10_000):\n    print(n)\n"
        "    if n % 20 == 0: time.sleep(0.01)",
    )
    await conversation.until("cell.output")

    lasting.kill()
    await lasting.start()
    again = await lasting.converse(conversation.id)
    ended = (await again.until("turn.finished"))["data"]

    expected = "".join(f"{n}\n" for n in range(10_000))
    told = "".join(e["output"]["text"] for e in again.of_kind("cell.output"))
    [cell] = nbformat.read(conversation.notebook, as_version=4).cells
    assert told == expected
    assert "".join(output.text for output in cell.outputs) == expected
    assert cell.metadata.tallybook.status == ended["status"] == "ok"
    assert len(again.of_kind("cell.started")) == len(again.of_kind("cell.finished")) == 1
    assert [e["seq"] for e in again.events] == list(range(1, len(again.events) + 1))
    assert verify_notebook(conversation.notebook).verified


async def test_a_cell_that_ended_while_no_service_ran_is_recorded_by_the_next(lasting):
    await lasting.start()
    conversation = await lasting.converse()
    await conversation.connection.send(
        "execute.request", code="import time\nprint('on', flush=True)\ntime.sleep(1)\n1 / 0"
    )
    await conversation.until("cell.output")

    lasting.kill()
    await asyncio.sleep(1.5)
    await lasting.start()
    again = await lasting.converse(conversation.id)
    ended = (await again.until("turn.finished"))["data"]

    [cell] = nbformat.read(conversation.notebook, as_version=4).cells
    assert ended["status"] == "error"
    assert [output.output_type for output in cell.outputs] == ["stream", "error"]
    assert cell.metadata.tallybook.error["ename"] == "ZeroDivisionError"


async def test_an_endless_cell_can_be_cancelled_by_the_next_service(lasting):
    await lasting.start()
    conversation = await lasting.converse()
    await conversation.execute("x = 41")
    await conversation.connection.send(
        "execute.request", code="print('on', flush=True)\nwhile True: pass"
    )
    await conversation.until("cell.output")

    lasting.kill()
    await lasting.start()
    again = await lasting.converse(conversation.id, after=conversation.events[-1]["seq"])
    await again.connection.send("cancel")
    ended = (await again.until("turn.finished"))["data"]

    assert ended["status"] == "cancelled"
    assert await again.printed("print(x + 1)") == "42\n"


async def test_a_models_turn_goes_on_after_a_kill(lasting):
    slow = "import time\nprint('on', flush=True)\ntime.sleep(2)\nprint(total + 1)"
    exchanges = exchange("work", code_reply("total = 41"), code_reply(slow), {"text": "It is 42."})
    lasting.standin.transcript = Transcript(exchanges_from_json(exchanges))
    await lasting.start()
    conversation = await lasting.converse()
    await conversation.connection.send("turn.request", request="work")
    while "on\n" not in [o["output"].get("text") for o in conversation.of_kind("cell.output")]:
        await conversation.until("cell.output")

    lasting.kill()
    await lasting.start()
    again = await lasting.converse(conversation.id)
    ended = (await again.until("turn.finished"))["data"]

    cells = nbformat.read(conversation.notebook, as_version=4).cells
    statuses = [c.metadata.tallybook.get("status") for c in cells if c.cell_type == "code"]
    assert ended["status"] == "ok"
    assert ended["answer"] == "It is 42."
    assert set(statuses) == {"ok"}
    assert "42" in cells[-2].outputs[0].text
    assert len(again.of_kind("turn.started")) == 1
    assert verify_notebook(conversation.notebook).verified


async def test_a_cell_that_outlasts_the_drain_is_handed_over_with_every_line(lasting, monkeypatch):
    monkeypatch.setenv("TALLYBOOK_DRAIN_SECONDS", "0.5")
    await lasting.start()
    conversation = await lasting.converse()
    await conversation.connection.send("execute.request", code=COUNTING)
    await conversation.until("cell.output")

    assert lasting.stop() == 0

    await lasting.start()
    conversation = await lasting.converse(conversation.id)
    finished = await conversation.until("turn.finished")
    text = "".join(o["text"] for o in finished["data"]["outputs"])
    assert finished["data"]["status"] == "ok"
    assert text.split() == [str(n) for n in range(COUNTED)]


async def test_a_jupyter_clients_cell_goes_on_through_a_kill_and_is_recorded_whole(lasting):
    client = await lasting.start()
    kernel = (await client.post("/api/kernels", {}))["id"]
    socket = await open_websocket(f"{client.url}/api/kernels/{kernel}/channels", lasting.headers)
    header = {"msg_id": "a-cell-of-jupyter", "msg_type": "execute_request", "session": "s"}
    message = {"header": header, "content": {"code": COUNTING}, "channel": "shell"}
    await socket.write_message(json.dumps(message))
    while "stream" not in await socket.read_message():
        pass

    lasting.kill()
    socket.close()
    client = await lasting.start()
    [made] = (await client.get("/api/v1/conversations"))["conversations"]
    again = await lasting.converse(made["id"])
    finished = (await again.until("turn.finished"))["data"]

    assert finished["status"] == "ok"
    text = "".join(output["text"] for output in finished["outputs"])
    assert text.split() == [str(n) for n in range(COUNTED)]


@pytest.mark.parametrize("drained", [False, True])
async def test_a_cell_that_asks_its_user_while_it_runs_ends_with_the_connection_to_its_service(
    lasting, drained
):
    """Its question is closed: the next service has no connection to give the reply to."""
    await lasting.start()
    conversation = await lasting.converse()
    code = """
import requests
try:
    requests.get("https://a.example".strip() + "/b")
except requests.RequestException as error:
    print("cut off")
"""
    await conversation.connection.send("execute.request", code=code)
    first = (await conversation.until("permission.required"))["data"]
    await conversation.connection.send("permission.reply", id=first["id"], decision="once")
    asked = (await conversation.until("permission.required"))["data"]

    lasting.stop() if drained else lasting.kill()
    client = await lasting.start()
    again = await lasting.converse(conversation.id, after=conversation.events[-1]["seq"])
    finished = (await again.until("turn.finished"))["data"]
    with pytest.raises(ServiceRefused) as late:
        await client.post(f"/api/v1/permissions/{asked['id']}", {"decision": "once"})

    printed = "".join(o["text"] for o in finished.get("outputs", ()))
    assert (finished["status"], printed) == (
        ("interrupted", "") if drained else ("ok", "cut off\n")
    )
    assert late.value.status == 409
    assert await again.printed("print('goes on')") == "goes on\n"
