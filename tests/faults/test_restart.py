"""The service is killed without warning; nothing that was finished is lost."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from agent.standin.transcript import Transcript, exchanges_from_json
from container.cgroups import make_control_group
from container.limits import Limits
from container.probe import probe_host
from container.runtime import runtime_directory
from container.shim.client import living_kernels
from notebooks.verify import verify_notebook
from tests.conftest import Conversation, code_reply, exchange
from tests.faults.service import Service

TEXT = {"capture_output": True, "text": True, "check": True}


@pytest.fixture
async def lasting(tmp_path, standin):
    """A service whose kernels live on for a while when it dies."""
    made = Service(tmp_path / "data", standin([]), keep_seconds=60)
    yield made
    with contextlib.suppress(ProcessLookupError):
        made.stop()


class Home:
    """Stands in for a running gateway where `Conversation` asks for its notebook's place."""

    def __init__(self, service):
        self.service = service

    def home(self, conversation_id):
        return self.service.data_dir / "conversations" / conversation_id / "main"


async def converse(service, conversation_id=None, after=0) -> Conversation:
    client = service.client
    if conversation_id is None:
        conversation_id = (await client.post("/api/v1/conversations", {}))["id"]
    url = f"/api/v1/conversations/{conversation_id}/paths/main"
    return Conversation(Home(service), conversation_id, await client.connect(url, after))


async def test_a_kill_in_mid_cell_keeps_every_finished_cell_and_the_conversation_goes_on(service):
    await service.start()
    conversation = await converse(service)
    await conversation.execute("x = 1")
    await conversation.execute("print('finished')")
    await conversation.connection.send(
        "execute.request", code="print('on', flush=True)\nwhile True: pass"
    )
    await conversation.until("cell.output")
    seen = conversation.events

    service.kill()
    await service.start()
    again = await converse(service, conversation.id)
    await again.until("turn.finished")
    await again.until("turn.finished")
    interrupted = (await again.until("turn.finished"))["data"]
    printed = await again.printed("print('goes on')")

    notebook = nbformat.read(conversation.notebook, as_version=4)
    nbformat.validate(notebook)
    statuses = [c.metadata.tallybook.status for c in notebook.cells]
    assert statuses == ["ok", "ok", "died", "ok"]
    assert verify_notebook(conversation.notebook).verified
    assert interrupted["status"] == "interrupted"
    assert interrupted["error"]["code"] == "service-restarted"
    assert printed == "goes on\n"
    assert again.events[: len(seen)] == seen
    assert [e["seq"] for e in again.events] == list(range(1, len(again.events) + 1))


async def test_a_kill_in_mid_turn_keeps_the_models_finished_cells(service):
    endless = code_reply("print('on', flush=True)\nwhile True: pass")
    exchanges = exchange("work", code_reply("print('first')"), endless)
    exchanges += exchange("again", code_reply("print('more')"), {"text": "Fine."})
    service.standin.transcript = Transcript(exchanges_from_json(exchanges))
    await service.start()
    conversation = await converse(service)
    await conversation.connection.send("turn.request", request="work")
    while "on\n" not in [o["output"].get("text") for o in conversation.of_kind("cell.output")]:
        await conversation.until("cell.output")

    service.kill()
    await service.start()
    again = await converse(service, conversation.id, after=conversation.events[-1]["seq"])
    ended = (await again.until("turn.finished"))["data"]
    finished = await again.ask("again")

    cells = nbformat.read(conversation.notebook, as_version=4).cells
    statuses = [c.metadata.tallybook.get("status") for c in cells if c.cell_type != "markdown"]
    assert ended["status"] == "interrupted"
    assert statuses == ["ok", "ok", "died", "ok"]
    assert verify_notebook(conversation.notebook).verified
    assert finished["answer"] == "Fine."


async def test_a_kernel_that_is_not_to_be_kept_ends_with_its_service(service):
    await service.start()
    conversation = await converse(service)
    await conversation.execute("x = 1")
    [kernel] = await kernels_of(service)

    service.kill()

    def traces():
        left = list(runtime_directory().glob(f"{kernel.id}*"))
        return left + list(Path("/sys/fs/cgroup").glob(f"*/tallybook/{kernel.id}"))

    async with asyncio.timeout(10):
        while await kernels_of(service) or traces():
            await asyncio.sleep(0.05)


async def test_a_kernel_nobody_takes_over_ends_after_its_time(lasting):
    lasting.keep_seconds = 1
    await lasting.start()
    await (await converse(lasting)).execute("x = 1")

    lasting.kill()

    at_first = await kernels_of(lasting)
    async with asyncio.timeout(10):
        while await kernels_of(lasting):
            await asyncio.sleep(0.05)
    assert len(at_first) == 1


async def test_variables_survive_a_kill_of_the_service(lasting):
    await lasting.start()
    conversation = await converse(lasting)
    await conversation.execute("import pandas as pd; df = pd.DataFrame({'a': [1, 2]})")

    lasting.kill()
    await lasting.start()
    again = await converse(lasting, conversation.id, after=conversation.events[-1]["seq"])

    assert await again.printed("print(df.a.sum())") == "3\n"


async def test_a_running_cell_goes_on_through_a_kill_and_every_line_is_recorded_once(lasting):
    """10,000 numbered lines over some 5 seconds; the service dies and comes back meanwhile."""
    await lasting.start()
    conversation = await converse(lasting)
    await conversation.connection.send(
        "execute.request",
        code="import time\nfor n in range(10_000):\n    print(n)\n"
        "    if n % 20 == 0: time.sleep(0.01)",
    )
    await conversation.until("cell.output")

    lasting.kill()
    await lasting.start()
    again = await converse(lasting, conversation.id)
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
    conversation = await converse(lasting)
    await conversation.connection.send(
        "execute.request", code="import time\nprint('on', flush=True)\ntime.sleep(1)\n1 / 0"
    )
    await conversation.until("cell.output")

    lasting.kill()
    await asyncio.sleep(1.5)
    await lasting.start()
    again = await converse(lasting, conversation.id)
    ended = (await again.until("turn.finished"))["data"]

    [cell] = nbformat.read(conversation.notebook, as_version=4).cells
    assert ended["status"] == "error"
    assert [output.output_type for output in cell.outputs] == ["stream", "error"]
    assert cell.metadata.tallybook.error["ename"] == "ZeroDivisionError"


async def test_an_endless_cell_can_be_cancelled_by_the_next_service(lasting):
    await lasting.start()
    conversation = await converse(lasting)
    await conversation.execute("x = 41")
    await conversation.connection.send(
        "execute.request", code="print('on', flush=True)\nwhile True: pass"
    )
    await conversation.until("cell.output")

    lasting.kill()
    await lasting.start()
    again = await converse(lasting, conversation.id, after=conversation.events[-1]["seq"])
    await again.connection.send("cancel")
    ended = (await again.until("turn.finished"))["data"]

    assert ended["status"] == "cancelled"
    assert await again.printed("print(x + 1)") == "42\n"


async def test_a_models_turn_goes_on_after_a_kill(lasting):
    slow = "import time\nprint('on', flush=True)\ntime.sleep(2)\nprint(total + 1)"
    exchanges = exchange("work", code_reply("total = 41"), code_reply(slow), {"text": "It is 42."})
    lasting.standin.transcript = Transcript(exchanges_from_json(exchanges))
    await lasting.start()
    conversation = await converse(lasting)
    await conversation.connection.send("turn.request", request="work")
    while "on\n" not in [o["output"].get("text") for o in conversation.of_kind("cell.output")]:
        await conversation.until("cell.output")

    lasting.kill()
    await lasting.start()
    again = await converse(lasting, conversation.id)
    ended = (await again.until("turn.finished"))["data"]

    cells = nbformat.read(conversation.notebook, as_version=4).cells
    statuses = [c.metadata.tallybook.get("status") for c in cells if c.cell_type == "code"]
    assert ended["status"] == "ok"
    assert ended["answer"] == "It is 42."
    assert set(statuses) == {"ok"}
    assert "42" in cells[-2].outputs[0].text
    assert len(again.of_kind("turn.started")) == 1
    assert verify_notebook(conversation.notebook).verified


async def test_a_process_a_killed_service_left_behind_is_ended_by_the_next(service):
    """A kernel whose start was cut off in a bad moment: here a plain process in its group."""
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], **TEXT).stdout
    group = make_control_group(f"k-{int(gone)}-left", Limits())
    orphan = subprocess.Popen(["sleep", "600"])
    try:
        if group is None:
            assert probe_host().limits == "rlimits"  # nothing to join: such a host has no groups
            return
        for file in group.procs_files():
            file.write_text(str(orphan.pid))

        await service.start()

        assert orphan.wait(10) == -signal.SIGKILL
    finally:
        orphan.kill()
        orphan.wait()


async def kernels_of(service):
    return [k for k in await living_kernels() if k.label.startswith(str(service.data_dir))]


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a_pending_permission_survives_a_restart(service, end):
    code = code_reply("import urllib.parse\nprint(urllib.parse.quote('a b'))")
    exchanges = exchange("encode", code, {"text": "Done."})
    service.standin.transcript = Transcript(exchanges_from_json(exchanges))
    await service.start()
    conversation = await converse(service)
    await conversation.connection.send("turn.request", request="encode")
    asked = (await conversation.until("permission.required"))["data"]

    getattr(service, end)()
    await service.start()
    again = await converse(service, conversation.id, after=conversation.events[-1]["seq"])
    await again.connection.send("permission.reply", id=asked["id"], decision="once")
    finished = (await again.until("turn.finished"))["data"]

    assert finished["answer"] == "Done."
    assert again.of_kind("cell.output")[0]["output"]["text"] == "a%20b\n"
    assert again.of_kind("permission.required") == []


async def test_a_permission_that_ran_out_while_the_service_was_down_is_denied(service, monkeypatch):
    monkeypatch.setenv("TALLYBOOK_PERMISSION_SECONDS", "0.3")
    exchanges = exchange("encode", code_reply("import requests"), {"text": "Not done."})
    service.standin.transcript = Transcript(exchanges_from_json(exchanges))
    await service.start()
    conversation = await converse(service)
    await conversation.connection.send("turn.request", request="encode")
    await conversation.until("permission.required")
    service.kill()

    await service.start()
    again = await converse(service, conversation.id)
    finished = (await again.until("turn.finished"))["data"]

    assert finished["answer"] == "Not done."
    assert again.of_kind("permission.decided")[0]["decision"] == "timeout"


async def test_sigterm_ends_the_service_cleanly(service):
    await service.start()
    await (await converse(service)).execute("x = 1")

    assert service.stop() == 0


async def test_sigterm_lets_a_running_cell_end_and_stores_it(service):
    await service.start()
    conversation = await converse(service)
    await conversation.connection.send(
        "execute.request", code="print('on', flush=True)\nimport time; time.sleep(2); print('end')"
    )
    await conversation.until("cell.output")

    assert service.stop() == 0

    await service.start()
    conversation = await converse(service, conversation.id)
    finished = await conversation.until("turn.finished")
    assert finished["data"]["status"] == "ok"
    assert finished["data"]["outputs"][-1]["text"].endswith("end\n")


async def test_a_cell_that_outlasts_the_drain_is_handed_over_with_every_line(lasting, monkeypatch):
    monkeypatch.setenv("TALLYBOOK_DRAIN_SECONDS", "0.5")
    await lasting.start()
    conversation = await converse(lasting)
    await conversation.connection.send("execute.request", code=COUNTING)
    await conversation.until("cell.output")

    assert lasting.stop() == 0

    await lasting.start()
    conversation = await converse(lasting, conversation.id)
    finished = await conversation.until("turn.finished")
    text = "".join(o["text"] for o in finished["data"]["outputs"])
    assert finished["data"]["status"] == "ok"
    assert text.split() == [str(n) for n in range(COUNTED)]


COUNTED = 40
COUNTING = f"import time\nfor n in range({COUNTED}): print(n, flush=True); time.sleep(0.1)"


async def test_a_jupyter_clients_cell_goes_on_through_a_kill_and_is_recorded_whole(lasting):
    client = await lasting.start()
    kernel = (await client.post("/api/kernels", {}))["id"]
    url = f"{client.url.replace('http', 'ws')}/api/kernels/{kernel}/channels"
    socket = await websocket_connect(HTTPRequest(url, headers=client._headers))
    header = {"msg_id": "a-cell-of-jupyter", "msg_type": "execute_request", "session": "s"}
    message = {"header": header, "content": {"code": COUNTING}, "channel": "shell"}
    await socket.write_message(json.dumps(message))
    while "stream" not in await socket.read_message():
        pass

    lasting.kill()
    socket.close()
    client = await lasting.start()
    [made] = (await client.get("/api/v1/conversations"))["conversations"]
    again = await converse(lasting, made["id"])
    finished = (await again.until("turn.finished"))["data"]

    assert finished["status"] == "ok"
    text = "".join(output["text"] for output in finished["outputs"])
    assert text.split() == [str(n) for n in range(COUNTED)]


async def test_a_second_service_on_the_same_data_is_refused_with_a_way_out(service):
    await service.start()
    command = [sys.executable, "-m", "kernel_gateway", "serve", "--port", "0"]

    second = await asyncio.to_thread(
        subprocess.run,
        [*command, "--data-dir", str(service.data_dir)],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert second.returncode == 1
    assert "--data-dir" in second.stderr
    assert "Traceback" not in second.stderr


async def test_the_log_of_the_service_never_holds_its_token(tmp_path, standin):
    log = tmp_path / "log"
    made = Service(tmp_path / "data", standin([]), keep_seconds=0)
    await made.start()
    token = (made.data_dir / "token").read_text()
    made.stop()
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "kernel_gateway", "serve", "--port", "0", "--data-dir",
             str(made.data_dir)],
            stdout=subprocess.PIPE, stderr=file, text=True,
        )  # fmt: skip
        url = ""
        while not url.startswith("Open:"):
            url = await asyncio.to_thread(process.stdout.readline)
        from tornado.httpclient import AsyncHTTPClient

        await AsyncHTTPClient().fetch(url.split()[1], follow_redirects=False, raise_error=False)
        process.terminate()
        process.wait(30)
        process.stdout.close()

    assert "GET /" in log.read_text()
    assert token not in log.read_text()
    assert json.dumps(token) not in log.read_text()
