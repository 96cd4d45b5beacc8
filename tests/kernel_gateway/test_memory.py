"""What the service keeps in memory does not add up, and does not outlive what it is about."""

import asyncio
import gc

from kernel_gateway.turns.queue import _Queue
from kernel_gateway.turns.run import TurnRun
from tests.jupyter_client import Client, new_kernel
from tests.raw_http import Raw


def held(*kinds):
    """Return how many things of each of *kinds* are in memory."""
    gc.collect()
    return [sum(type(thing) is kind for thing in gc.get_objects()) for kind in kinds]


async def test_turns_that_ended_leave_nothing(running):
    made = await running.client.post("/api/v1/conversations", {})
    request = {"code": "1", "conversation": made["id"]}
    await running.client.post("/api/v1/execute", request)
    [events] = held(asyncio.Event)

    for _ in range(10):
        await running.client.post("/api/v1/execute", request)

    assert held(_Queue, TurnRun) == [0, 0]
    assert held(asyncio.Event)[0] < events + 10  # not one for each


async def test_a_path_nobody_uses_is_dropped_with_its_relay_and_its_client_can_go_on(start_gateway):
    running = await start_gateway([], context_ttl_seconds=0.5, cleanup_seconds=3600)
    services = running.gateway.services
    kernel = await new_kernel(running)
    key = await services.repository.jupyter.path_of("local", kernel)
    client = await Client(running, kernel).connect()
    await client.until_done(await client.execute("x = 20"))
    seen = client.published()
    client.socket.close()
    async with asyncio.timeout(30):
        while services.channels.known(key) is not None:
            await asyncio.sleep(0.2)
            await services.contexts.cleanup_expired()

    back = await Client(running, kernel, client.session).connect()
    asked = await back.execute("print(x + 1)")
    await back.until_done(asked)

    assert back.printed(asked) == "21\n"
    assert not set(back.published()) & set(seen)


async def test_of_a_deleted_conversation_its_clients_waiting_requests_bring_nothing_back(
    running, kernel
):
    services = running.gateway.services
    key = await services.repository.jupyter.path_of("local", kernel)
    client = await Client(running, kernel).connect()
    await client.execute("print('on', flush=True)\nwhile True: pass")
    for _ in range(3):
        await client.execute("open('outputs/back.txt', 'w')")
    while client.printed() != "on\n":
        await client.next()

    response = await Raw(running)("DELETE", f"/api/v1/conversations/{key.conversation}")
    while await client.socket.read_message() is not None:
        pass

    assert response.code == 200
    assert client.socket.close_code == 4404
    assert services.channels.known(key) is None
    assert services.turns.depth() == services.contexts.live_kernels() == 0
    assert not running.home(key.conversation).exists()
