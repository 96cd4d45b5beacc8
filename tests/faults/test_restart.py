"""The service is killed without warning; nothing that was finished is lost."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from agent.standin.transcript import Transcript, exchanges_from_json
from container.cgroups import make_control_group
from container.limits import Limits
from container.probe import probe_host
from container.runtime import runtime_directory
from kernel_gateway.terminal.client import GatewayClient
from notebooks.verify import verify_notebook
from tests.conftest import Conversation, code_reply, exchange

TEXT = {"capture_output": True, "text": True, "check": True}


class Service:
    """A `tallybook serve` process of its own, on a data directory that outlives it."""

    def __init__(self, data_dir: Path, standin) -> None:
        self.data_dir, self.standin = data_dir, standin
        self.process: subprocess.Popen | None = None
        self.client: GatewayClient | None = None

    async def start(self) -> GatewayClient:
        environment = {
            **os.environ,
            "GEMINI_API_KEY": "k",
            "TALLYBOOK_MODEL_BASE_URL": self.standin.base_url,
            "PYTHONUNBUFFERED": "1",
        }
        command = [sys.executable, "-m", "kernel_gateway", "serve", "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--data-dir", str(self.data_dir)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        url = ""
        while not url:
            line = await asyncio.to_thread(self.process.stdout.readline)
            assert line, "the service ended before it listened"
            if line.startswith("Open:"):
                url, _, token = line.split()[1].partition("/?token=")
        self.client = GatewayClient(url, token)
        return self.client

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, number) -> int:
        if self.client is not None:
            self.client.close()
            self.client = None
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process.stdout.close()
        self.process = None
        return code


@pytest.fixture
async def service(tmp_path, standin):
    made = Service(tmp_path / "data", standin([]))
    yield made
    with contextlib.suppress(ProcessLookupError):
        made.kill()


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


async def test_a_kill_leaves_no_kernel_behind(service):
    await service.start()
    conversation = await converse(service)
    await conversation.execute("x = 1")
    children = _descendants(service.process.pid)

    service.kill()

    async with asyncio.timeout(10):
        while any(Path(f"/proc/{pid}").exists() and not _zombie(pid) for pid in children):
            await asyncio.sleep(0.05)
    assert len(children) >= 2


async def test_the_next_start_sweeps_what_a_killed_service_left(service):
    await service.start()
    conversation = await converse(service)
    await conversation.execute("x = 1")
    pattern = f"k-{service.process.pid}-*"
    left = list(runtime_directory().glob(pattern))
    service.kill()

    await service.start()

    assert len(left) == 1
    assert list(runtime_directory().glob(pattern)) == []
    assert list(Path("/sys/fs/cgroup").glob(f"*/tallybook/{pattern}")) == []


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


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = [int(child) for child in children]
    return found + [g for child in found for g in _descendants(child)]


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


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
    made = Service(tmp_path / "data", standin([]))
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
