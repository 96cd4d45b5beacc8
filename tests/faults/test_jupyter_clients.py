"""A Jupyter client whose gateway is killed: it comes back with its session id and misses nothing."""

import asyncio
import contextlib
from dataclasses import dataclass

import pytest

from tests.faults.service import Service
from tests.jupyter_client import Client
from tests.websockets import close_opened

SERVICE_RESTART = 1012
COUNTED = 30
PAUSE_AT = 9
# The pause is for the cursor: what was sent in the last moment before a kill may come twice.
COUNTING = f"""
import time
for n in range({COUNTED}):
    print(n, flush=True)
    time.sleep(1.5 if n == {PAUSE_AT} else 0.02)
n
"""
SECONDS = 2.5


@dataclass
class Running:
    """What `Client` asks of a running gateway."""

    url: str
    token: str


@pytest.fixture
async def lasting(tmp_path, standin):
    made = Service(tmp_path / "data", standin([]), keep_seconds=60, token="a-token-of-the-tests")
    yield made
    await close_opened()
    with contextlib.suppress(ProcessLookupError):
        made.stop()


async def start(service):
    return Running((await service.start()).url, service.settings["token"])


async def new_client(service):
    running = await start(service)
    kernel = (await service.client.post("/api/kernels", {}))["id"]
    return await Client(running, kernel).connect()


async def again(service, client):
    """The same client, connected to the service that was started anew."""
    client.running = await start(service)
    return await client.connect()


async def until_printed(client, text):
    while text not in client.printed():
        await client.next()


@pytest.mark.parametrize("away", [0.0, SECONDS], ids=["goes on", "ended meanwhile"])
async def test_a_cell_that_outlives_the_gateway_is_told_whole_once_and_answered(lasting, away):
    client = await new_client(lasting)
    asked = await client.execute(COUNTING)
    await until_printed(client, f"{PAUSE_AT}\n")
    await asyncio.sleep(0.5)

    lasting.kill()
    await asyncio.sleep(away)
    reply = await (await again(lasting, client)).until_done(asked)

    assert client.printed(asked).split() == [str(n) for n in range(COUNTED)]
    assert reply["status"] == "ok"
    assert reply["execution_count"] == 1
    results = [m for m in client.messages if m["header"]["msg_type"] == "execute_result"]
    assert [m["content"]["data"]["text/plain"] for m in results] == [str(COUNTED - 1)]
    published = client.published()
    assert len(set(published)) == len(published)


async def test_an_error_while_the_gateway_was_down_is_answered_as_one(lasting):
    client = await new_client(lasting)
    asked = await client.execute("import time; print('on', flush=True); time.sleep(1); 1/0")
    await until_printed(client, "on")

    lasting.kill()
    await asyncio.sleep(1.2)
    reply = await (await again(lasting, client)).until_done(asked)

    assert (reply["status"], reply["ename"]) == ("error", "ZeroDivisionError")


async def test_what_was_seen_before_the_kill_is_not_sent_again(lasting):
    client = await new_client(lasting)
    await client.until_done(await client.execute("print('before')"))
    await asyncio.sleep(0.5)

    lasting.kill()
    await again(lasting, client)
    await client.until_done(await client.execute("print('after')"))

    assert client.printed() == "before\nafter\n"


@pytest.mark.parametrize("drain_seconds", ["30", "0.1"], ids=["may end", "goes on"])
async def test_a_cell_across_an_orderly_stop_is_told_whole_and_once(
    tmp_path, standin, drain_seconds
):
    service = Service(
        tmp_path / "data", standin([]), 60, token="t" * 20, drain_seconds=drain_seconds
    )
    try:
        client = await new_client(service)
        asked = await client.execute(COUNTING)
        await until_printed(client, "3\n")

        stopping = asyncio.create_task(asyncio.to_thread(service.stop))
        with contextlib.suppress(AssertionError):  # until the socket is closed
            while True:
                await client.next()
        assert client.socket.close_code == SERVICE_RESTART
        await stopping
        await (await again(service, client)).until_done(asked)
    finally:
        await close_opened()
        service.kill()

    assert client.printed(asked).split() == [str(n) for n in range(COUNTED)]
    published = client.published()
    assert len(set(published)) == len(published)


async def test_other_clients_see_the_rest_of_the_cell_too(lasting):
    client = await new_client(lasting)
    asked = await client.execute(COUNTING)
    await until_printed(client, "3\n")

    lasting.kill()
    running = await start(lasting)
    other = await Client(running, client.kernel).connect(query="&after=0")
    while not any(
        m["content"].get("execution_state") == "idle" and m["parent_header"].get("msg_id") == asked
        for m in other.messages
    ):
        await other.next()

    assert other.printed(asked).split() == [str(n) for n in range(COUNTED)]


async def test_a_client_whose_kernel_is_gone_hears_that_it_was_restarted(lasting):
    lasting.keep_seconds = 0
    client = await new_client(lasting)
    await client.execute("import time; print('on', flush=True); time.sleep(60)")
    await until_printed(client, "on")
    await asyncio.sleep(0.3)

    lasting.kill()
    await again(lasting, client)
    while client.messages[-1]["content"].get("execution_state") != "restarting":
        await client.next()
    reply = await client.until_done(await client.execute("print('goes on')"))

    assert reply["status"] == "ok"
