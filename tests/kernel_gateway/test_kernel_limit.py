"""How many kernels there may be, who makes room, and how those wait for whom there is none."""

import asyncio
import json
import os
import signal

import pytest
from tornado.httpclient import AsyncHTTPClient

from container.host.memory import Memory, read_memory
from kernel_gateway.contexts.kernel_limit import MIB, KernelLimit, spare_kernels
from kernel_gateway.settings import Settings
from tests.jupyter_client import Client, new_kernel
from tests.raw_http import Raw, error_of

GIB = 1024 * MIB
NETWORK = "import urllib.request\nx = 1"
LOOP = "print('on', flush=True)\nwhile True: pass"


def limit(most=None, keep_free=None):
    return KernelLimit(most=most, keep_free_bytes=keep_free, kernel_bytes=512 * MIB)


# the limit


@pytest.mark.parametrize(
    ("alive", "starting", "free", "total", "allowed"),
    [
        (0, 0, 0, 16 * GIB, True),
        (99, 0, 2 * GIB, 16 * GIB, True),
        (99, 20, 2 * GIB, 16 * GIB, True),
        (99, 30, 2 * GIB, 16 * GIB, False),
        (5, 0, 500 * MIB, 16 * GIB, False),
        (5, 0, 500 * MIB, 1 * GIB, True),
        (5, 0, 100 * MIB, 1 * GIB, False),
    ],
    ids=[
        "the first one always", "much is free", "those starting count", "too many are starting",
        "less than a kernel may use", "a small machine", "a small machine that is full",
    ],
)  # fmt: skip
def test_another_kernel_has_to_leave_memory_free(alive, starting, free, total, allowed):
    assert limit().allows(alive, starting, Memory(free=free, total=total)) is allowed


def test_a_number_and_a_reserve_that_are_set_count():
    plenty = Memory(free=8 * GIB, total=16 * GIB)

    assert limit(most=2).allows(1, 0, plenty)
    assert not limit(most=2).allows(2, 0, plenty)
    assert not limit(keep_free=8 * GIB).allows(2, 0, plenty)


def test_the_memory_that_is_free_is_read_from_this_machine():
    memory = read_memory()

    assert 0 < memory.free < memory.total


@pytest.mark.parametrize(("total", "spare"), [(1, 0), (4, 4), (8, 10), (16, 22), (64, 30)])
def test_spare_warm_kernels_take_at_most_three_per_cent_of_the_memory(total, spare):
    assert spare_kernels(Memory(free=0, total=total * GIB)) == spare


def test_by_default_no_number_limits_the_kernels():
    assert Settings().max_kernels is None


@pytest.mark.timeout(300)
async def test_on_default_settings_a_hundred_sessions_asked_for_at_once_all_work(start_gateway):
    running = await start_gateway([])
    http = AsyncHTTPClient(force_instance=True, max_clients=200)

    async def session(number):
        made = await http.fetch(
            f"{running.url}/api/sessions",
            method="POST",
            headers=Raw(running).headers,
            body=json.dumps({"path": f"{number}.ipynb", "kernel": {"name": "tallybook-python"}}),
            request_timeout=120,
        )
        client = await Client(running, json.loads(made.body)["kernel"]["id"]).connect()
        asked = await client.execute(f"print({number} + 1)")
        await client.until_done(asked)
        return client.printed(asked)

    printed = await asyncio.gather(*(session(number) for number in range(100)))
    http.close()

    assert printed == [f"{number + 1}\n" for number in range(100)]
    assert running.gateway.services.contexts.live_kernels() == 100


# who makes room


async def test_a_watched_kernel_makes_room_and_comes_back_with_its_variables(start_gateway):
    running = await start_gateway([], max_kernels=1)
    kernel = await new_kernel(running)
    client = await Client(running, kernel).connect()
    await client.until_done(await client.execute("x = 41"))

    other = await running.conversation()
    assert await other.printed("print('mine')") == "mine\n"
    listed = json.loads((await Raw(running)("GET", "/api/kernels")).body)
    asked = await client.execute("print(x + 1)")
    reply = await client.until_done(asked)

    assert kernel in [model["id"] for model in listed]
    assert reply["status"] == "ok"
    assert client.printed(asked) == "42\n"


@pytest.mark.parametrize(
    ("code", "options"),
    [("x = 1\nraise ValueError", {}), ("x = 1", {"silent": True, "store_history": False})],
    ids=["a cell failed", "code that is in no notebook"],
)
async def test_a_watched_kernel_that_cannot_be_rebuilt_makes_no_room(start_gateway, code, options):
    running = await start_gateway([], max_kernels=1, kernel_wait_seconds=0)
    client = await Client(running, await new_kernel(running)).connect()
    await client.until_done(await client.execute(code, **options))

    refused = await Raw(running)("POST", "/api/kernels", "{}")
    asked = await client.execute("print(x)")
    await client.until_done(asked)

    assert (refused.code, error_of(refused)["code"]) == (503, "kernel-limit-reached")
    assert client.printed(asked) == "1\n"


async def test_a_kernel_that_can_be_rebuilt_makes_room_before_one_that_cannot(start_gateway):
    running = await start_gateway([], max_kernels=2)
    broken, whole, third = [await running.conversation() for _ in range(3)]
    await broken.execute("x = 1\nraise ValueError")
    await whole.execute("y = 2")

    await third.execute("z = 3")

    contexts = running.gateway.services.contexts
    live = [(await contexts.open(c.key)).live is not None for c in (broken, whole, third)]
    assert live == [True, False, True]
    assert await whole.printed("print(y)") == "2\n"


async def test_a_kernel_whose_cell_somebody_allowed_once_makes_room_last(start_gateway):
    """A replay asks nobody, so it would not run that cell again."""
    running = await start_gateway([], max_kernels=2)
    allowed, whole, third = [await running.conversation() for _ in range(3)]
    await allowed.connection.send("execute.request", code=NETWORK)
    asked = (await allowed.until("permission.required"))["data"]
    await allowed.connection.send("permission.reply", id=asked["id"], decision="once")
    await allowed.until("turn.finished")
    await whole.execute("y = 2")

    await third.execute("z = 3")

    contexts = running.gateway.services.contexts
    live = [(await contexts.open(c.key)).live is not None for c in (allowed, whole, third)]
    assert live == [True, False, True]


# the line


async def busy(running):
    """A conversation whose kernel nobody can have."""
    conversation = await running.conversation()
    await conversation.connection.send("execute.request", code=LOOP)
    await conversation.until("cell.output")
    return conversation


async def free(conversation):
    await conversation.connection.send("cancel")
    await conversation.until("turn.finished")


async def test_who_has_to_wait_sees_it_and_gets_a_kernel_when_one_is_free(start_gateway):
    running = await start_gateway([], max_kernels=1)
    first, second = await busy(running), await running.conversation()
    await second.connection.send("execute.request", code="print('at last')")
    waiting = (await second.until("context.waiting"))["data"]

    await free(first)
    finished = (await second.until("turn.finished"))["data"]

    assert waiting == {"ahead": 0, "reason": "all 1 kernels are in use"}
    assert finished["status"] == "ok"
    assert "".join(o["text"] for o in finished["outputs"]) == "at last\n"


async def test_the_line_is_kept_in_order(start_gateway):
    running = await start_gateway([], max_kernels=1)
    first = await busy(running)
    line = [await running.conversation() for _ in range(4)]
    for conversation in line:
        await conversation.connection.send("execute.request", code="1")
        await conversation.until("context.waiting")

    await free(first)
    for conversation in line:
        await conversation.until("turn.finished")

    assert [c.of_kind("context.waiting")[0]["ahead"] for c in line] == [0, 1, 2, 3]
    turns = [next(e for e in c.events if e["kind"] == "cell.started")["at"] for c in line]
    assert turns == sorted(turns)


async def test_who_gives_up_leaves_the_line_to_the_others(start_gateway):
    running = await start_gateway([], max_kernels=1)
    first, gone, patient = await busy(running), await running.conversation(), None
    await gone.connection.send("execute.request", code="1")
    await gone.until("context.waiting")
    patient = await running.conversation()
    await patient.connection.send("execute.request", code="print('mine')")
    await patient.until("context.waiting")

    await free(gone)
    await free(first)

    finished = (await patient.until("turn.finished"))["data"]
    assert finished["status"] == "ok"


async def test_a_jupyter_client_waits_too_and_its_path_says_so(start_gateway):
    running = await start_gateway([], max_kernels=1)
    first = await busy(running)
    starting = asyncio.create_task(new_kernel(running))
    repository = running.gateway.services.repository
    async with asyncio.timeout(20):
        while len(rows := await repository.conversations.of("local", None, 10)) < 2:
            await asyncio.sleep(0.01)
    made = next(row.id for row in rows if row.id != first.id)
    watching = type(first)(
        running, made, await running.client.connect(f"/api/v1/conversations/{made}/paths/main")
    )
    await watching.until("context.waiting")

    await free(first)

    client = await Client(running, await starting).connect()
    asked = await client.execute("print(1)")
    await client.until_done(asked)
    assert client.printed(asked) == "1\n"


async def test_when_no_kernel_comes_free_in_time_the_answer_says_when_to_try_again(start_gateway):
    running = await start_gateway([], max_kernels=1, kernel_wait_seconds=0.2)
    first, second = await busy(running), await running.conversation()

    refused = await Raw(running)("POST", "/api/kernels", "{}")
    finished = await second.execute("1")
    await free(first)

    assert (refused.code, error_of(refused)["code"]) == (503, "kernel-limit-reached")
    assert int(refused.headers["Retry-After"]) >= 1
    assert finished["error"]["code"] == "kernel-limit-reached"


async def test_where_no_memory_is_free_kernels_take_turns(start_gateway):
    running = await start_gateway([], keep_free_mb=10**9)
    first, second = await running.conversation(), await running.conversation()
    await first.execute("x = 1")

    assert await second.printed("print('mine')") == "mine\n"
    assert running.gateway.services.contexts.live_kernels() == 1
    assert await first.printed("print(x)") == "1\n"


async def test_for_want_of_memory_no_kernel_ends_that_cannot_be_rebuilt(start_gateway):
    running = await start_gateway([], keep_free_mb=10**9, kernel_wait_seconds=0.2)
    first, second = await running.conversation(), await running.conversation()
    await first.execute("kept = 1\nraise ValueError('half done')")

    finished = await second.execute("y = 2")

    assert finished["error"]["code"] == "kernel-limit-reached"
    assert await first.printed("print(kept)") == "1\n"


async def test_a_kernel_that_died_holds_no_place_whoever_is_connected(start_gateway):
    running = await start_gateway([], max_kernels=1)
    client = await Client(running, await new_kernel(running)).connect()
    await client.until_done(await client.execute("1 / 0"))
    [path] = [p for p in running.gateway.services.contexts._paths if p.live is not None]
    os.kill(path.live.pid, signal.SIGKILL)
    await path.live.wait() if path.live is not None else None

    other = await running.conversation()

    assert await other.printed("print('mine')") == "mine\n"


async def test_a_restarted_kernel_keeps_its_place_before_those_who_wait(start_gateway):
    running = await start_gateway([], max_kernels=1, kernel_wait_seconds=60)
    first, second = await busy(running), await running.conversation()
    await second.connection.send("execute.request", code="print('mine')")
    await second.until("context.waiting")

    context = await running.gateway.services.contexts.restart(first.key, "local")

    assert context.status == "ready"


async def test_a_conversation_that_waits_in_line_can_be_deleted_at_once(start_gateway):
    running = await start_gateway([], max_kernels=1, kernel_wait_seconds=110)
    first, second = await busy(running), await running.conversation()
    await second.connection.send("execute.request", code="1")
    await second.until("context.waiting")

    gone = await Raw(running)("DELETE", f"/api/v1/conversations/{second.id}")

    assert gone.code == 200, gone.body
    await free(first)
