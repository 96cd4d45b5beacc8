"""The service is killed at random moments of a running conversation; nothing is lost."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from kernel_gateway.terminal.client import GatewayClient
from notebooks.ledger.verify import verify_notebook

SEED = 20_261_121
# Importing takes longer than all the rest: a parent that has done it forks each service.
PARENT = """
import os, sys
import kernel_gateway.wiring
from kernel_gateway.cli import cli

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        cli.main(["serve", "--port", "0", "--data-dir", sys.argv[1]])
    print("Pid:", pid, flush=True)
    os.waitpid(pid, 0)
    print("Ended:", pid, flush=True)
"""


class MortalService:
    """`tallybook serve` as a process that is killed and started again and again."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self._log = (data_dir / "stderr").open("w")
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "TALLYBOOK_KEEP_KERNELS_SECONDS": "120", "PYTHONUNBUFFERED": "1"}
            | environment,
        )
        self.pid = 0

    async def line(self, start: str) -> str:
        while not (line := await asyncio.to_thread(self.parent.stdout.readline)).startswith(start):
            assert line, (self.data_dir / "stderr").read_text()[-3000:]
        return line

    async def spawn(self) -> None:
        self.parent.stdin.write("start\n")
        self.parent.stdin.flush()
        self.pid = int((await self.line("Pid:")).split()[1])

    async def listening(self) -> GatewayClient:
        url, _, token = (await self.line("Open:")).split()[1].partition("/?token=")
        return GatewayClient(url, token)

    async def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        await self.line("Ended:")

    def close(self) -> None:
        if self.pid:  # 0 would mean this very process group
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self.parent.stdin.close()
        self.parent.wait(10)
        self.parent.stdout.close()
        self._log.close()


class Talk:
    """The client's side: what it asked, every event it saw, in the order of their numbers."""

    def __init__(self) -> None:
        self.conversation = ""
        self.asked = 0
        self.events: list[dict] = []

    @property
    def last(self) -> int:
        return self.events[-1]["seq"] if self.events else 0

    def unfinished(self) -> set[str]:
        kinds = {"turn.started": set(), "turn.finished": set()}
        for event in self.events:
            if event["kind"] in kinds:
                kinds[event["kind"]].add(event["turn"])
        return kinds["turn.started"] - kinds["turn.finished"]

    async def go_on(self, client: GatewayClient) -> None:
        """Follow the path from where we were, and ask for cell after cell, until cut off."""
        if not self.conversation:
            self.conversation = (await client.post("/api/v1/conversations", {}))["id"]
        url = f"/api/v1/conversations/{self.conversation}/paths/main"
        connection = await client.connect(url, self.last)
        idle = asyncio.Event()

        async def ask() -> None:
            while True:
                number, self.asked = self.asked, self.asked + 1
                code = (
                    "try: total += 1\nexcept NameError: total = 1\n"
                    f"open('outputs/{number}.txt', 'w').write('x')\nprint('cell', {number})"
                )
                idle.clear()
                await connection.send("execute.request", code=code)
                await idle.wait()

        asking = asyncio.create_task(ask())
        try:
            async for event in connection.events():
                if event["seq"] is None:  # told to this client alone: too many wait already
                    assert event["data"]["error"]["code"] == "queue-full", event
                    continue
                assert event["seq"] == self.last + 1, f"a gap or a double: {event}"
                self.events.append(event)
                if event["kind"] == "turn.finished" and not self.unfinished():
                    idle.set()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def catch_up(self, client: GatewayClient) -> None:
        """Wait until no turn runs or waits, and read the rest of the events."""
        url = f"/api/v1/conversations/{self.conversation}/paths/main"
        async with asyncio.timeout(60):
            while any(
                turn["finished_at"] is None for turn in (await client.get(url + "/turns"))["turns"]
            ):
                await asyncio.sleep(0.1)
            last = (await client.get(url))["last_seq"]
            connection = await client.connect(url, self.last)
            async for event in connection.events():
                assert event["seq"] == self.last + 1, f"a gap or a double: {event}"
                self.events.append(event)
                if self.last == last:
                    return


@pytest.fixture
def service(tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    made = MortalService(data_dir)
    yield made
    made.close()


@pytest.mark.parametrize(
    "kills", [20, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
async def test_at_random_moments_a_kill_loses_no_cell_event_or_file(service, kills):
    moments, talk = random.Random(SEED), Talk()
    for _ in range(kills):
        await service.spawn()
        if moments.random() < 0.1:  # while it starts
            await asyncio.sleep(moments.uniform(0, 0.4))
            await service.kill()
            continue
        client = await service.listening()
        talking = asyncio.create_task(talk.go_on(client))
        await asyncio.sleep(moments.uniform(0, 0.3))
        await service.kill()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(talking, 10)
        client.close()

    await service.spawn()
    client = await service.listening()
    talking = asyncio.create_task(talk.go_on(client))
    async with asyncio.timeout(60):
        enough = talk.asked + 3
        while talk.asked < enough:
            await asyncio.sleep(0.05)
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)
    await talk.catch_up(client)
    total = await client.post(
        "/api/v1/execute", {"code": "print(total)", "conversation": talk.conversation}
    )
    client.close()

    assert total["kind"] == "result", total
    assert sum(e["kind"] == "cell.finished" for e in talk.events) > kills / 4, "it got on"
    check(service, talk, int(total["outputs"][0]["text"]))


def check(service: MortalService, talk: Talk, total: int) -> None:
    """Compare what the client saw with the notebook and the files."""
    home = service.data_dir / "conversations" / talk.conversation / "main"
    cells = {c.id: c for c in nbformat.read(home / "notebook.ipynb", as_version=4).cells}
    finished = [e["data"] for e in talk.events if e["kind"] == "cell.finished"]
    ended = [e["turn"] for e in talk.events if e["kind"] == "turn.finished"]
    ok = [f["cell"] for f in finished if f["status"] == "ok"]

    assert len(ended) == len(set(ended)), "a turn ended twice"
    assert {e["turn"] for e in talk.events if e["kind"] == "turn.started"} == set(ended)
    twice = [str(e) for e in talk.events if ok.count(e["data"].get("cell")) > 1]
    assert not twice, "a cell was told twice:\n" + "\n".join(twice)
    assert {f["cell"] for f in finished} <= set(cells), "a finished cell is not recorded"
    assert verify_notebook(home / "notebook.ipynb").verified
    for cell in ok:
        text = "".join(o.text for o in cells[cell].outputs)
        told = "".join(
            e["data"]["output"]["text"] for e in talk.events
            if e["kind"] == "cell.output" and e["data"]["cell"] == cell
        )  # fmt: skip
        assert told == text, "an output was lost or doubled"
        if text:
            number = text.split()[1]
            assert (home / "workspace" / "outputs" / f"{number}.txt").read_text() == "x"
    # A cell whose end nobody heard of may have run: it is recorded as died, never as ok.
    assert len([c for c in ok if cells[c].outputs]) <= total
