"""Large outputs: nothing is lost, to however slow a reader, and the service stays small."""

import asyncio
import contextlib
import hashlib
import json
import re
import shutil
import time
from pathlib import Path

import pytest

from notebooks.ledger.verify import verify_notebook
from tests.faults.service import Service
from tests.websockets import close_opened, open_websocket

LINE = "x" * 99
MEGABYTE = 10_000  # lines of it


def memory_mb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


@pytest.fixture
async def service(tmp_path, standin, monkeypatch):
    limits = {
        "OUTPUT_LIMIT_MB": "1200",
        "WORKSPACE_LIMIT_MB": "1200",
        "MEMORY_LIMIT_MB": "1024",
        "CELL_SECONDS": "600",
    }
    for name, value in limits.items():
        monkeypatch.setenv(f"TALLYBOOK_{name}", value)
    made = Service(tmp_path / "data", standin([]), keep_seconds=0)
    yield made
    await close_opened()
    made.stop()
    shutil.rmtree(made.data_dir)  # gigabytes


async def events(service, conversation):
    """Yield every event of the path up to the end of the turn that prints."""
    socket = await open_websocket(
        f"{service.url}/api/v1/conversations/{conversation}/paths/main/events",
        service.headers,
        max_message_size=2**30,
    )
    seq, printed = 0, False
    while True:
        event = json.loads(await socket.read_message())
        assert event["seq"] == seq + 1
        seq, printed = event["seq"], printed or event["kind"] == "cell.output"
        yield event
        if event["kind"] == "turn.finished" and printed:
            socket.close()
            return


async def printed_after(service, conversation, pause):
    """Return what is printed, read only once *pause* is over."""
    printed = []
    async for event in events(service, conversation):
        if event["kind"] == "cell.output":
            printed.append(event["data"]["output"]["text"])
            await pause.wait()
    return "".join(printed)


async def start(service):
    client = await service.start()
    conversation = (await client.post("/api/v1/conversations", {}))["id"]
    await client.post("/api/v1/execute", {"code": "x = 1", "conversation": conversation})
    # What it took to start does not count as its peak.
    Path(f"/proc/{service.process.pid}/clear_refs").write_text("5")
    return client, conversation, memory_mb(service.process.pid)


@pytest.mark.parametrize(
    "megabytes", [50, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
async def test_all_that_is_printed_reaches_a_reader_of_1_mb_a_second_and_the_service_stays_small(
    service, megabytes
):
    client, conversation, before = await start(service)
    lines, all_printed = megabytes * MEGABYTE, asyncio.Event()
    reader = SlowReader(all_printed)
    reading = asyncio.create_task(reader.read(service, conversation))

    code = f"for n in range({lines}): print('{LINE}')"
    reply = await client.post("/api/v1/execute", {"code": code, "conversation": conversation})
    by_then = reader.size
    all_printed.set()
    await reading

    expected = hashlib.sha256()
    for _ in range(megabytes):
        expected.update(f"{LINE}\n".encode() * MEGABYTE)
    assert reply["kind"] == "result"
    assert by_then < reader.size
    assert reader.digest.digest() == expected.digest()
    assert memory_mb(service.process.pid) - before < 64


class SlowReader:
    """Reads 1 MB a second until all is printed, and the rest in haste."""

    def __init__(self, in_haste):
        self.in_haste, self.size, self.digest = in_haste, 0, hashlib.sha256()

    async def read(self, service, conversation):
        began = time.monotonic()
        async for event in events(service, conversation):
            if event["kind"] == "cell.output":
                text = event["data"]["output"]["text"].encode()
                self.size += len(text)
                self.digest.update(text)
                too_early = self.size / 1_000_000 - (time.monotonic() - began)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.in_haste.wait(), max(too_early, 0.0))


async def test_a_reader_that_stands_still_holds_nobody_up_and_loses_nothing(service):
    client, conversation, before = await start(service)
    code = f"for n in range({20 * MEGABYTE}): print('{LINE}')"
    go_on = asyncio.Event()
    slow = asyncio.create_task(printed_after(service, conversation, go_on))

    reply = await client.post("/api/v1/execute", {"code": code, "conversation": conversation})
    assert not slow.done()
    go_on.set()
    printed = await slow

    assert reply["kind"] == "result"
    assert printed == f"{LINE}\n" * (20 * MEGABYTE)
    assert memory_mb(service.process.pid) - before < 64


async def test_a_display_that_its_cell_updates_is_told_and_recorded_as_updated(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()

    await conversation.execute("h = display('10 %', display_id=True); h.update('done')")

    told = [data["output"] for data in conversation.of_kind("cell.output")]
    assert [output["output_type"] for output in told] == ["display_data", "update_display_data"]
    [cell] = conversation.cells()
    [output] = cell["outputs"]
    assert (output["output_type"], output["data"]) == (
        "display_data", {"text/plain": ["'done'"]}
    )  # fmt: skip
    assert verify_notebook(conversation.notebook).verified


async def test_the_notebook_keeps_the_beginning_and_a_file_the_rest(start_gateway):
    running = await start_gateway([])
    conversation = await running.conversation()

    finished = await conversation.execute(f"for n in range({3 * MEGABYTE}): print('{LINE}')")

    [cell] = [c for c in conversation.cells() if c["cell_type"] == "code"]
    recorded = "".join(cell["outputs"][0]["text"])
    path = await running.gateway.services.contexts.open(conversation.key)
    [name] = [f.name for f in path.workspace.files("outputs")]
    with path.workspace.open_read(name) as file:
        rest = file.read().decode()
    assert recorded[:1_000_000] + rest == f"{LINE}\n" * (3 * MEGABYTE)
    assert f"[2000000 more bytes of output are in {name}]" in recorded
    assert finished["outputs"][0]["text"] == recorded
    assert cell["metadata"]["tallybook"]["files_after"][name]
    assert verify_notebook(conversation.notebook).verified


async def test_where_the_rest_of_the_output_cannot_be_written_the_cell_still_ends_well(
    start_gateway,
):
    running = await start_gateway([])
    conversation = await running.conversation()

    finished = await conversation.execute(
        "from pathlib import Path\n"
        "Path('outputs').rename('moved'); Path('outputs').write_text('in the way')\n"
        f"for n in range({2 * MEGABYTE}): print('{LINE}')"
    )

    assert finished["status"] == "ok"
    assert "more bytes of output are in the event log]" in finished["outputs"][0]["text"]
