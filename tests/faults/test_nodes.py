"""One of two gateways dies, hangs or stops; the other serves its conversations."""

import asyncio
import contextlib
import os
import signal

import nbformat
import pytest
from tornado.httpclient import HTTPClientError

from kernel_gateway.terminal.client import GatewayClient, ServiceRefused
from notebooks.ledger.verify import verify_notebook
from tests.conftest import code_reply, exchange
from tests.faults.service import Service

TIMEOUT_SECONDS = "2"
NETWORK = code_reply("import urllib.request", "print(urllib.parse.quote('a b'))")
SLOW = "import time\nfor n in range(8):\n    print(n, flush=True)\n    time.sleep(0.5)"


@pytest.fixture
async def two(tmp_path, standin, postgres):
    """Two `tallybook serve` processes on one database; the first one owns what it makes."""
    model = standin(exchange("encode", NETWORK, {"text": "Done."}))
    url = postgres.new_database()
    services = [
        Service(
            tmp_path / "data",
            model,
            keep_seconds=60,
            database_url=url,
            node=name,
            node_timeout_seconds=TIMEOUT_SECONDS,
            token="one-token-for-both-gateways",
        )
        for name in ("one", "two")
    ]
    for service in services:
        await service.start()
    yield services
    for service in services:
        with contextlib.suppress(ProcessLookupError):
            service.kill()


class Follower:
    """Reads a path's events from any node, in order, from where it was."""

    def __init__(self, conversation):
        self.url = f"/api/v1/conversations/{conversation}/paths/main"
        self.events = []

    async def until(self, client: GatewayClient, kind, send=None):
        """Connect, send a request, read until *kind*; waits for the node to take over."""
        while True:
            after = self.events[-1]["seq"] if self.events else 0
            try:
                connection = await client.connect(self.url, after)
                break
            except (HTTPClientError, OSError):  # 503, or cut off: its owner is away
                await asyncio.sleep(0.1)
        if send is not None:
            await connection.send(**send)
        async for event in connection.events():
            self.events.append(event)
            if event["kind"] == kind:
                connection.close()
                return event
        raise AssertionError(f"the socket closed before {kind}")

    async def execute(self, client, code):
        ask = {"kind": "execute.request", "code": code}
        finished = await self.until(client, "turn.finished", ask)
        return "".join(output.get("text", "") for output in finished["data"]["outputs"])

    def check(self):
        assert [e["seq"] for e in self.events] == list(range(1, len(self.events) + 1))


async def new_conversation(service):
    made = await service.client.post("/api/v1/conversations", {})
    return Follower(made["id"]), service.data_dir / "conversations" / made["id"] / "main"


async def test_a_running_cell_of_a_killed_gateway_ends_at_the_other(two):
    one, other = two
    path, home = await new_conversation(one)
    await path.execute(one.client, "kept = 'kept'")
    await path.until(one.client, "cell.output", {"kind": "execute.request", "code": SLOW})

    one.kill()
    finished = await path.until(other.client, "turn.finished")
    text = "".join(output.get("text", "") for output in finished["data"]["outputs"])

    assert text == "".join(f"{n}\n" for n in range(8))
    assert await path.execute(other.client, "print(kept)") == "kept\n"
    path.check()
    assert verify_notebook(home / "notebook.ipynb").verified


async def test_a_gateway_that_hung_ends_by_itself_and_writes_nothing_more(two):
    one, other = two
    path, home = await new_conversation(one)
    await path.execute(one.client, "kept = 'kept'")

    one.process.send_signal(signal.SIGSTOP)
    assert await path.execute(other.client, "print(kept)") == "kept\n"
    written = (home / "notebook.ipynb").read_bytes()
    one.process.send_signal(signal.SIGCONT)

    assert one.process.wait(20) == os.EX_TEMPFAIL
    assert (home / "notebook.ipynb").read_bytes() == written
    assert await path.execute(other.client, "print(kept)") == "kept\n"
    path.check()


async def test_a_permission_that_one_asked_for_is_decided_at_the_other(two):
    one, other = two
    path, _ = await new_conversation(one)
    asked = await path.until(
        one.client, "permission.required", {"kind": "turn.request", "request": "encode"}
    )

    assert one.stop() == 0
    reply = {"kind": "permission.reply", "id": asked["data"]["id"], "decision": "once"}
    finished = await path.until(other.client, "turn.finished", reply)

    assert finished["data"]["status"] == "ok"
    path.check()


async def test_what_a_dead_gateway_left_is_settled_though_nobody_asks(two):
    one, other = two
    path, home = await new_conversation(one)
    await path.until(one.client, "cell.output", {"kind": "execute.request", "code": SLOW})
    turn = path.events[-1]["turn"]

    one.kill()
    status = "running"
    while status in ("running", "queued"):
        await asyncio.sleep(0.2)
        with contextlib.suppress(ServiceRefused):
            status = (await other.client.get(f"/api/v1/turns/{turn}"))["status"]

    assert status == "ok"
    cells = nbformat.read(home / "notebook.ipynb", 4).cells
    assert cells[-1].outputs[0].text.splitlines() == [str(n) for n in range(8)]


async def test_a_gateway_that_comes_back_under_its_name_has_its_conversations_again(two):
    one, _ = two
    path, _ = await new_conversation(one)
    await path.execute(one.client, "kept = 'kept'")

    one.kill()
    await one.start()

    assert await path.execute(one.client, "print(kept)") == "kept\n"
    path.check()
