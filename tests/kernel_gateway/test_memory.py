"""What the service keeps in memory does not add up over turns, paths and clients."""

import asyncio
import gc

from kernel_gateway.turn_run import TurnRun
from kernel_gateway.turns import _Queue
from tests.jupyter_client import Client, new_kernel


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
        while services.relays.known(key) is not None:
            await asyncio.sleep(0.2)
            await services.contexts.cleanup_expired()

    back = await Client(running, kernel, client.session).connect()
    asked = await back.execute("print(x + 1)")
    await back.until_done(asked)

    assert back.printed(asked) == "21\n"
    assert not set(back.published()) & set(seen)
