"""The service is killed without warning; nothing that was finished is lost."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from agent.standin.transcript import Transcript, exchanges_from_json
from container.host.cgroups import make_control_group
from container.host.runtime import runtime_directory
from container.limits import Limits
from container.probe import probe_host
from notebooks.ledger.verify import verify_notebook
from tests.conftest import code_reply, exchange

TEXT = {"capture_output": True, "text": True, "check": True}


async def test_a_kill_in_mid_cell_keeps_every_finished_cell_and_the_conversation_goes_on(service):
    await service.start()
    conversation = await service.converse()
    await conversation.execute("x = 1")
    await conversation.execute("print('finished')")
    await conversation.connection.send(
        "execute.request", code="print('on', flush=True)\nwhile True: pass"
    )
    await conversation.until("cell.output")
    seen = conversation.events

    service.kill()
    await service.start()
    again = await service.converse(conversation.id)
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


async def test_a_cell_that_a_kill_ended_is_counted_by_the_next_service(service):
    await service.start()
    conversation = await service.converse()
    await conversation.connection.send(
        "execute.request", code="print('on', flush=True)\nwhile True: pass"
    )
    await conversation.until("cell.output")

    service.kill()
    client = await service.start()
    await (await service.converse(conversation.id)).until("turn.finished")

    metrics = (await client.download("/metrics")).decode()
    assert 'tallybook_executions_total{status="died"} 1.0' in metrics


async def test_a_kill_in_mid_turn_keeps_the_models_finished_cells(service):
    endless = code_reply("print('on', flush=True)\nwhile True: pass")
    exchanges = exchange("work", code_reply("print('first')"), endless)
    exchanges += exchange("again", code_reply("print('more')"), {"text": "Fine."})
    service.standin.transcript = Transcript(exchanges_from_json(exchanges))
    await service.start()
    conversation = await service.converse()
    await conversation.connection.send("turn.request", request="work")
    while "on\n" not in [o["output"].get("text") for o in conversation.of_kind("cell.output")]:
        await conversation.until("cell.output")

    service.kill()
    await service.start()
    again = await service.converse(conversation.id, after=conversation.events[-1]["seq"])
    ended = (await again.until("turn.finished"))["data"]
    finished = await again.ask("again")

    cells = nbformat.read(conversation.notebook, as_version=4).cells
    statuses = [c.metadata.tallybook.get("status") for c in cells if c.cell_type != "markdown"]
    assert ended["status"] == "interrupted"
    assert statuses == ["ok", "ok", "died", "ok"]
    assert verify_notebook(conversation.notebook).verified
    assert finished["answer"] == "Fine."


async def test_what_was_asked_and_answered_before_a_kill_is_remembered_after_it(service):
    exchanges = exchange("which region", code_reply("print('South', 8)"), {"text": "South, 8."})
    exchanges += exchange("and the second one?", {"text": "North."})
    service.standin.transcript = Transcript(exchanges_from_json(exchanges))
    await service.start()
    conversation = await service.converse()
    await conversation.ask("which region sold most?")

    service.kill()
    await service.start()
    again = await service.converse(conversation.id, after=conversation.events[-1]["seq"])
    await again.ask("and the second one?")

    memory = service.standin.requests[-1]["contents"][0]["parts"][0]["text"].splitlines()
    assert {"| which region sold most?", "| South 8", "| South, 8."} <= set(memory)


async def test_a_kernel_that_is_not_to_be_kept_ends_with_its_service(service):
    await service.start()
    conversation = await service.converse()
    await conversation.execute("x = 1")
    [kernel] = await service.kernels()

    service.kill()

    def traces():
        left = list(runtime_directory().glob(f"{kernel.id}*"))
        return left + list(Path("/sys/fs/cgroup").glob(f"*/tallybook/{kernel.id}"))

    async with asyncio.timeout(10):
        while await service.kernels() or traces():
            await asyncio.sleep(0.05)


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


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a_pending_permission_survives_a_restart(service, end):
    code = code_reply("import urllib.request\nprint(urllib.parse.quote('a b'))")
    exchanges = exchange("encode", code, {"text": "Done."})
    service.standin.transcript = Transcript(exchanges_from_json(exchanges))
    await service.start()
    conversation = await service.converse()
    await conversation.connection.send("turn.request", request="encode")
    asked = (await conversation.until("permission.required"))["data"]

    getattr(service, end)()
    await service.start()
    again = await service.converse(conversation.id, after=conversation.events[-1]["seq"])
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
    conversation = await service.converse()
    await conversation.connection.send("turn.request", request="encode")
    await conversation.until("permission.required")
    service.kill()

    await service.start()
    again = await service.converse(conversation.id)
    finished = (await again.until("turn.finished"))["data"]

    assert finished["answer"] == "Not done."
    assert again.of_kind("permission.decided")[0]["decision"] == "timeout"


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
