"""Replies reach whoever asked, once each, and never fill the service's memory."""

import asyncio
import json

from kernel_gateway.channels.cursors import MOST_REMEMBERED, Cursors
from kernel_gateway.channels.replies import (
    MISSED_BYTES,
    MOST_MISSED,
    UNSENT_BYTES,
    MissedReplies,
    UnsentReplies,
)
from tests.jupyter_client import Client, new_kernel
from tests.raw_http import Raw

MEGABYTE = 1_000_000
MORE_THAN_FIT = 8_000
PATCHED = """
kernel = get_ipython().kernel
async def answer(stream, ident, parent):
    for number in range({times}):
        content = {{"status": "ok", "matches": ["x" * {size}], "number": number}}
        kernel.session.send(stream, "complete_reply", content, parent, ident)
kernel.shell_handlers["complete_request"] = answer
print("patched")
"""


def message(number, size=0):
    return {
        "header": {"msg_id": str(number), "msg_type": "complete_reply"},
        "parent_header": {},
        "metadata": {},
        "content": {"text": "x" * size},
        "buffers": [],
        "channel": "shell",
    }


def ids(messages):
    return [int(m["header"]["msg_id"]) for m in messages]


def test_a_client_that_is_back_gets_its_own_replies_in_order_and_only_once():
    missed = MissedReplies()
    for number in range(6):
        missed.keep("ab"[number % 2], message(number))

    assert ids(missed.take("b")) == [1, 3, 5]
    assert ids(missed.take("a")) == [0, 2, 4]
    assert missed.take("a") == []


def test_missed_replies_are_bounded_in_number_and_the_latest_are_kept():
    missed = MissedReplies()
    for number in range(MOST_MISSED + 10):
        missed.keep("a", message(number))

    assert ids(missed.take("a")) == list(range(10, MOST_MISSED + 10))


async def test_the_cursors_of_the_clients_used_last_are_kept(running):
    conversation = await running.conversation()
    cursors = Cursors(running.gateway.services.repository.jupyter, conversation.key)
    for number in range(MOST_REMEMBERED + 1):
        cursors.set(str(number), number)

    assert (cursors.get("0"), cursors.get("1")) == (None, 1)
    await cursors.aclose()


def test_missed_replies_are_bounded_in_size_over_all_clients():
    missed = MissedReplies()
    for number in range(40):
        missed.keep(str(number % 4), message(number, MEGABYTE))

    kept = [m for session in "0123" for m in missed.take(session)]
    assert sorted(ids(kept)) == list(range(40 - len(kept), 40))
    assert (len(kept) + 1) * MEGABYTE >= MISSED_BYTES > len(kept) * MEGABYTE


def test_one_reply_is_kept_however_large_it_is():
    missed = MissedReplies()
    missed.keep("a", message(1, 2 * MISSED_BYTES))

    assert ids(missed.take("a")) == [1]


async def test_a_reply_whose_connection_broke_is_still_there_to_be_sent_again():
    unsent, sent = UnsentReplies(None), []
    for number in range(3):
        unsent.put(message(number))

    async def send(frame):
        if len(sent) == 1:
            await asyncio.Future()  # the connection takes no more
        sent.append(json.loads(frame))

    sending = asyncio.create_task(unsent.send_all(send))
    while not sent:
        await asyncio.sleep(0)
    sending.cancel()

    assert ids(sent) == [0]
    assert ids(unsent.take()) == [1, 2]


def test_a_client_that_reads_nothing_is_noticed_once_too_much_waits():
    unsent = UnsentReplies(None)

    reads = [unsent.put(message(n, MEGABYTE)) for n in range(UNSENT_BYTES // MEGABYTE + 1)]

    assert reads == [True] * (len(reads) - 1) + [False]


async def patch(running, kernel, **how):
    """Have the kernel answer each complete_request as *how* says, as hostile code could."""
    key = await running.gateway.services.repository.jupyter.path_of("local", kernel)
    path = await running.gateway.services.contexts.open(key)
    printed = []

    async def keep(output):
        printed.append(output.get("text"))

    await path.session.execute(PATCHED.format(**how), keep)  # past the risk rules
    assert printed == ["patched\n"]
    await running.gateway.services.events.written(key)  # else whoever joins next is sent it


async def test_a_request_has_one_reply_however_many_the_kernel_sends(running, kernel):
    await patch(running, kernel, times=50, size=10)
    client = await Client(running, kernel).connect()

    asked = await client.send("complete_request", {"code": "x", "cursor_pos": 1})
    await client.until_done(asked)
    await client.until_done(await client.execute("print('after')"))

    replies = [m for m in client.messages if m["header"]["msg_type"] == "complete_reply"]
    assert [m["content"]["number"] for m in replies] == [0]
    assert client.printed() == "after\n"


async def all_is_answered(running, kernel):
    """Return once the kernel has answered whatever it was asked before."""
    other = await Client(running, kernel).connect()
    await other.send("complete_request", {"code": "x", "cursor_pos": 1})
    await other.until("complete_reply")  # told what all are, it gets its own replies only


async def test_a_client_that_asks_and_reads_no_replies_is_parted_from_and_can_come_back(
    running, kernel
):
    await patch(running, kernel, times=1, size=4 * MEGABYTE)
    client = await Client(running, kernel).connect()
    for _ in range(30):
        await client.send("complete_request", {"code": "x", "cursor_pos": 1})
    kernel_channels = running.gateway.services.channels.known(
        await running.gateway.services.repository.jupyter.path_of("local", kernel)
    )
    async with asyncio.timeout(30):
        while kernel_channels.connections:
            await asyncio.sleep(0.05)
    await all_is_answered(running, kernel)  # else it would have to read as fast as they come

    back = await Client(running, kernel, client.session).connect()
    asked = await back.execute("print('here again')")
    await back.until_done(asked)

    replies = [m for m in back.messages if m["header"]["msg_type"] == "complete_reply"]
    assert 0 < 4 * len(replies) * MEGABYTE <= MISSED_BYTES
    assert back.printed(asked) == "here again\n"


async def begin_endless_cell(client):
    cell = await client.execute("print('on', flush=True)\nwhile True: pass")
    while client.printed() != "on\n":
        await client.next()
    return cell


async def test_a_kernel_that_reads_nothing_holds_nobody_up(start_gateway):
    running = await start_gateway([], requests_per_minute=1_000_000)
    kernel = await new_kernel(running)
    client = await Client(running, kernel).connect()
    await begin_endless_cell(client)

    asked = [await client.send("comm_info_request", {}) for _ in range(MORE_THAN_FIT)]
    replies = [await client.until("comm_info_reply")]
    other = await Client(running, await new_kernel(running)).connect()
    elsewhere = await other.until_done(await other.execute("1 + 1"))
    await Raw(running)("POST", f"/api/kernels/{kernel}/interrupt", "")
    replies += [await client.until("comm_info_reply") for _ in asked[1:]]

    assert elsewhere["status"] == "ok"
    assert {m["content"].get("ename") for m in replies} == {"queue-full", None}
    assert sorted(m["parent_header"]["msg_id"] for m in replies) == sorted(asked)


async def test_requests_that_wait_are_bounded_in_size(running, kernel):
    client = await Client(running, kernel).connect()
    running_cell = await begin_endless_cell(client)

    large = "#" * (7 * MEGABYTE)
    asked = [await client.execute(large) for _ in range(4)]
    refused = await client.until_done(asked[3])
    await Raw(running)("POST", f"/api/kernels/{kernel}/interrupt", "")
    await client.until_done(running_cell)

    assert (refused["status"], refused["ename"]) == ("error", "queue-full")
