"""The database goes away while a cell runs, and comes back."""

import asyncio
import contextlib

import pytest

from kernel_gateway.ids import PathKey
from kernel_gateway.store.retry import DatabaseRetry
from tests.jupyter_client import Client, new_kernel
from tests.postgres import running_postgres
from tests.raw_http import Raw, error_of, metrics
from tests.waiting import LONGEST, eventually

COUNT = "import time\nfor n in range(40):\n    print(n)\n    time.sleep(0.1)"
COUNTED = "".join(f"{n}\n" for n in range(40))


@pytest.fixture
def server():
    with running_postgres() as own:  # stopped on the way, so not the one of other tests
        yield own


@pytest.fixture
async def running(server, start_gateway):
    return await start_gateway([], database_url=server.new_database())


@contextlib.asynccontextmanager
async def away(server):
    await asyncio.to_thread(server.control, "stop")
    try:
        yield
    finally:
        await asyncio.to_thread(server.control, "start")


async def test_nothing_of_a_cell_is_lost_and_its_follower_stays_connected(running, server):
    conversation = await running.conversation()
    asked = asyncio.create_task(conversation.execute(COUNT))
    await eventually("the cell prints", lambda: conversation.of_kind("cell.output"))

    for _ in range(2):
        async with away(server):
            await asyncio.sleep(0.3)
    finished = await asyncio.wait_for(asked, LONGEST)

    told = "".join(data["output"].get("text", "") for data in conversation.of_kind("cell.output"))
    assert finished["status"] == "ok", finished
    assert told == "".join(o["text"] for o in finished["outputs"]) == COUNTED
    assert [e["seq"] for e in conversation.events] == list(range(1, len(conversation.events) + 1))
    assert "".join(conversation.cells()[0]["outputs"][0]["text"]) == COUNTED
    assert await lost(running) == 0


async def test_a_jupyter_client_sees_all_its_cell_prints(running, server):
    client = await Client(running, await new_kernel(running)).connect()
    asked = await client.execute(COUNT)
    while not client.printed():
        await client.next()

    async with away(server):
        await asyncio.sleep(0.3)
    reply = await asyncio.wait_for(client.until_done(asked), LONGEST)

    assert reply["status"] == "ok"
    assert client.printed(asked) == COUNTED
    assert await lost(running) == 0


async def test_a_request_ends_with_an_error_when_it_stays_away_for_too_long(
    running, server, monkeypatch
):
    events = running.gateway.services.events
    monkeypatch.setattr(events, "_retry", DatabaseRetry(0.0))
    conversation = await running.conversation()
    await conversation.execute("kept = 5")
    asked = asyncio.create_task(conversation.execute(COUNT))
    await conversation_runs(running, conversation.key)

    async with away(server):
        await eventually("outputs are given up", lambda: lost(running))
    finished = await asyncio.wait_for(asked, LONGEST)

    assert finished["error"]["code"] == "database-unavailable"
    assert await conversation.printed("print(kept)") == "5\n"


async def test_a_request_that_comes_meanwhile_is_refused_and_the_next_one_is_not(running, server):
    conversation = await running.conversation()
    address = f"/api/v1/conversations/{conversation.id}"

    async with away(server):
        refused = await Raw(running)("GET", address)
    later = await Raw(running)("GET", address)

    assert (refused.code, error_of(refused)["code"]) == (503, "database-unavailable")
    assert later.code == 200


async def conversation_runs(running, key: PathKey):
    """Return once a cell of *key* has printed."""

    async def printed():
        return await running.gateway.services.events.last_seq(key) >= 12

    await eventually("the cell prints", printed)


async def lost(running):
    return (await metrics(running))["tallybook_lost_outputs_total"]
