"""A kernel's channels on a websocket: both protocols, nothing lost, nothing that breaks it."""

import asyncio
import contextlib
import json
import random
import sqlite3

import pytest
from tornado.httpclient import HTTPClientError

from kernel_gateway.channels.wire_format import V1
from tests.conftest import Conversation
from tests.jupyter_client import Client, new_kernel
from tests.raw_http import Raw
from tests.waiting import eventually

LINES = 20_000


@pytest.mark.parametrize("protocols", [None, [V1]])
async def test_code_runs_and_its_messages_come_back_in_either_protocol(running, kernel, protocols):
    client = await Client(running, kernel).connect(protocols=protocols)

    asked = await client.execute("print('hi'); 6 * 7")
    reply = await client.until_done(asked)

    kinds = [m["header"]["msg_type"] for m in client.messages if m["channel"] == "iopub"]
    assert client.protocol == (V1 if protocols else None)
    assert reply["status"] == "ok"
    assert client.printed() == "hi\n"
    assert kinds == ["status", "execute_input", "stream", "execute_result", "status"]


async def test_what_a_kernel_shows_is_stored_once_for_both_kinds_of_client(running, kernel):
    client = await Client(running, kernel).connect()
    await client.until_done(await client.execute("1 + 1"))
    [result] = [m for m in client.messages if m["header"]["msg_type"] == "execute_result"]
    native = await native_client(running, kernel)
    await native.until("turn.finished")

    assert [event["kind"] for event in native.events] == [
        "turn.started", "cell.started", "cell.output", "kernel.message",
        "cell.finished", "turn.finished",
    ]  # fmt: skip
    [shown] = [e["data"]["output"] for e in native.events if e["kind"] == "cell.output"]
    assert shown == {"output_type": "execute_result", **result["content"]}


async def test_a_message_over_the_limit_ends_its_cell_alone_and_is_answered(start_gateway):
    running = await start_gateway([], output_limit_mb=1)
    client = await Client(running, await new_kernel(running)).connect()

    asked = await client.execute("display({'text/plain': 'x' * 20_000_000}, raw=True)")
    await client.until_done(asked)
    after = await client.until_done(await client.execute("print('fine')"))

    errors = [m for m in client.messages if m["header"]["msg_type"] == "error"]
    assert [(m["parent_header"]["msg_id"], m["content"]["ename"]) for m in errors] == [
        (asked, "output-limit-exceeded")
    ]
    assert after["status"] == "ok"
    assert client.printed() == "fine\n"


async def test_a_thread_that_shows_too_much_between_cells_leaves_the_next_one_whole(start_gateway):
    running = await start_gateway([], output_limit_mb=1)
    client = await Client(running, await new_kernel(running)).connect()
    await client.until_done(
        await client.execute(
            "import threading\n"
            "def late():\n"
            "    display({'text/plain': 'x' * 5_000_000}, raw=True)\n"
            "    open('outputs/shown', 'w').close()\n"
            "threading.Timer(0.3, late).start()"
        )
    )
    key = await running.gateway.services.repository.jupyter.path_of("local", client.kernel)
    shown = running.home(key.conversation) / "workspace" / "outputs" / "shown"
    await eventually("the thread shows it", shown.exists)
    await asyncio.sleep(1)  # no client sees when the service has taken and dropped it

    await client.until_done(await client.execute("print('fine')"))

    assert client.printed() == "fine\n"


async def test_two_clients_of_one_kernel_see_the_same_sequence(running, kernel):
    one = await Client(running, kernel).connect()
    two = await Client(running, kernel).connect()

    for number in range(5):
        await one.until_done(await one.execute(f"print({number})"))
    while (
        two.printed() != "0\n1\n2\n3\n4\n"
        or two.messages[-1]["content"].get("execution_state") != "idle"
    ):
        await two.next()

    assert two.published() == one.published()


async def test_a_client_that_comes_back_gets_what_it_missed_and_nothing_twice(running, kernel):
    client = await Client(running, kernel).connect()
    asked = await client.execute(
        "import time\nfor i in range(5): print(i, flush=True); time.sleep(.2)"
    )
    while not client.printed():
        await client.next()
    client.socket.close()
    await asyncio.sleep(1.5)

    back = Client(running, kernel, client.session)
    back.messages = client.messages
    await back.connect()
    reply = await back.until_done(asked)

    assert reply["status"] == "ok"
    assert back.printed() == "0\n1\n2\n3\n4\n"
    assert len(set(back.published())) == len(back.published())


async def read_and_leave(client, most):
    """Read at most so many messages, to a cell's end, and leave."""
    for _ in range(most):
        if (await client.next())["content"].get("execution_state") == "idle":
            break
    await client.leave()


async def test_a_client_that_leaves_again_and_again_amid_outputs_is_told_each_once(running, kernel):
    chance = random.Random(1)
    client = await Client(running, kernel).connect()
    await client.execute(f"for n in range({LINES}): print(n, flush=True)")

    while not client.printed().endswith(f"\n{LINES - 1}\n"):
        await read_and_leave(client, chance.randrange(400))
        await client.connect()

    assert client.printed() == "".join(f"{n}\n" for n in range(LINES))
    assert len(set(client.published())) == len(client.published())


async def test_any_client_can_name_where_to_go_on_from(running, kernel):
    first = await Client(running, kernel).connect()
    await first.until_done(await first.execute("print('long ago')"))

    late = await Client(running, kernel).connect("&after=0")
    while late.printed() != "long ago\n":
        await late.next()


async def test_a_native_client_and_a_jupyter_client_share_the_kernel_and_its_record(
    running, kernel
):
    client = await Client(running, kernel).connect()
    await client.until_done(await client.execute("x = 20"))
    key = await running.gateway.services.repository.jupyter.path_of("local", kernel)

    body = json.dumps({"code": "print(x + 1)", "conversation": key.conversation})
    await Raw(running)("POST", "/api/v1/execute", body)
    while client.printed() != "21\n":
        await client.next()

    path = await running.gateway.services.contexts.open(key)

    def both():
        cells = path.recorder.code_cells()
        return cells if len(cells) == 2 else None

    cells = await eventually("both cells are recorded", both)
    assert [cell["source"] for cell in cells] == ["x = 20", "print(x + 1)"]


async def test_what_waits_behind_a_cell_that_fails_is_aborted(running, kernel):
    client = await Client(running, kernel).connect()

    asked = [
        await client.execute("input()\n1 / 0", allow_stdin=True),
        await client.execute("print('never')"),
        await client.execute("print('no')"),
    ]
    await client.until("input_request")
    await client.send("input_reply", {"value": "", "status": "ok"}, "stdin")
    replies = [await client.until_done(message_id) for message_id in asked]

    assert [reply["status"] for reply in replies] == ["error", "aborted", "aborted"]
    assert client.printed() == ""


async def test_the_notebook_file_has_every_cell_once_no_more_request_waits(running, kernel):
    client = await Client(running, kernel).connect()
    key = await running.gateway.services.repository.jupyter.path_of("local", kernel)
    path = await running.gateway.services.contexts.open(key)

    for _ in range(3):
        await client.execute("print('one')")
    await client.execute("input()", allow_stdin=True)
    not_recorded = await client.execute("1", silent=True)
    await client.until("input_request")
    await client.send("input_reply", {"value": "", "status": "ok"}, "stdin")
    await client.until_done(not_recorded)

    def written():
        cells = json.loads(path.recorder.file.read_text())["cells"]
        return [c["metadata"]["tallybook"]["status"] for c in cells] == ["ok"] * 4

    await eventually("the file holds what ran", written)


async def native_client(running, kernel):
    """Return the conversation of a kernel id, as a native client sees it."""
    key = await running.gateway.services.repository.jupyter.path_of("local", kernel)
    url = f"/api/v1/conversations/{key.conversation}/paths/main"
    return Conversation(running, key.conversation, await running.client.connect(url))


async def test_requests_of_both_kinds_of_client_run_in_the_order_they_came(running, kernel):
    client = await Client(running, kernel).connect()
    native = await native_client(running, kernel)

    await client.execute("seen = [1]\ninput()", allow_stdin=True)
    await client.until("input_request")
    await native.connection.send("execute.request", code="seen.append(2)")
    turns = running.gateway.services.turns
    await eventually("the native request waits", lambda: turns.depth() == 2)
    last = await client.execute("print(seen)")
    await client.send("input_reply", {"value": "", "status": "ok"}, "stdin")
    await client.until_done(last)

    assert client.printed(last) == "[1, 2]\n"


async def test_a_native_client_that_cancels_all_aborts_the_waiting_requests_too(running, kernel):
    client = await Client(running, kernel).connect()
    native = await native_client(running, kernel)

    asked = [
        await client.execute("input()", allow_stdin=True),
        await client.execute("print('never')"),
    ]
    await client.until("input_request")
    await native.connection.send("cancel")
    replies = [await client.until_done(message_id) for message_id in asked]
    after = await client.until_done(await client.execute("print('goes on')"))

    assert [reply["status"] for reply in replies] == ["error", "aborted"]
    assert (after["status"], client.printed()) == ("ok", "goes on\n")


async def test_high_risk_code_is_refused_here_too_and_medium_is_the_users_own_decision(
    running, kernel
):
    client = await Client(running, kernel).connect()

    refused = await client.until_done(await client.execute("import os; os.kill(1, 9)"))
    silent = await client.until_done(await client.execute("import os; os.kill(1, 9)", silent=True))
    medium = await client.until_done(await client.execute("import faulthandler; print('ran')"))

    assert (refused["status"], refused["ename"]) == ("error", "blocked")
    assert (silent["status"], silent["ename"]) == ("error", "blocked")
    assert medium["status"] == "ok"


async def test_an_interrupt_stops_the_cell_and_keeps_the_variables(running, kernel):
    client = await Client(running, kernel).connect()
    asked = await client.execute("x = 5\nprint('on', flush=True)\nwhile True: pass")
    while client.printed() != "on\n":
        await client.next()

    response = await Raw(running)("POST", f"/api/kernels/{kernel}/interrupt", "")
    reply = await client.until_done(asked)

    assert response.code == 204
    assert reply["ename"] == "KeyboardInterrupt"
    again = await client.execute("print(x)")
    await client.until_done(again)
    assert client.printed(again) == "5\n"


async def test_a_kernel_that_dies_says_so_and_the_next_cell_has_its_variables(running, kernel):
    client = await Client(running, kernel).connect()
    await client.until_done(await client.execute("x = 7"))
    died = await client.until_done(
        await client.execute("import faulthandler; faulthandler._sigsegv()")
    )

    again = await client.execute("print(x)")
    await client.until_done(again)

    assert died["status"] == "error"
    assert client.printed(again) == "7\n"
    states = [m["content"].get("execution_state") for m in client.messages]
    assert "restarting" in states


async def test_restart_empties_the_kernel_and_a_later_loss_does_not_bring_the_old_back(
    running, kernel
):
    client = await Client(running, kernel).connect()
    await client.until_done(await client.execute("old = 1"))
    await Raw(running)("POST", f"/api/kernels/{kernel}/restart", "")
    await client.until_done(await client.execute("new = 2"))
    key = await running.gateway.services.repository.jupyter.path_of("local", kernel)
    await running.gateway.services.contexts.terminate(key)

    asked = await client.execute("print('old' in dir(), new)")
    await client.until_done(asked)

    assert client.printed(asked) == "False 2\n"


@pytest.mark.parametrize(
    "frame",
    ["{", "[]", "null", "{}", '{"header": 5}', '{"header": {"msg_id": 5, "msg_type": "x"}}',
     '{"header": {"msg_id": "a", "msg_type": "x"}, "channel": "iopub"}', "[" * 9999,
     '{"header": {"msg_id": "a", "msg_type": "x"}, "channel": []}',
     '{"header": {"msg_id": "a", "msg_type": "x"}, "content": {"x": NaN}}',
     '{"header": {"msg_id": "a", "msg_type": "x"}, "content": {"x": 1e999}}',
     '{"header": {"msg_id": "a", "msg_type": "x"}, "buffers": 5}',
     '{"header": {"msg_id": "2020-01-01T00:00:00Z", "msg_type": "x"}}',
     '{"header": {"msg_id": "a", "msg_type": "execute_request"}, "content": {"code": "\\ud800"}}',
     '{"header": {"msg_id": "\\uDFFF", "msg_type": "x"}}',
     b"", b"\x00" * 40, b"\xff" * 40, b"\x00\x00\x00\x01\x00\x00\x00\x08{"],
)  # fmt: skip
async def test_a_malformed_frame_is_answered_and_the_connection_lives_on(running, kernel, frame):
    client = await Client(running, kernel).connect()

    await client.socket.write_message(frame, binary=isinstance(frame, bytes))
    told = await client.next()
    asked = await client.execute("print('alive')")
    await client.until_done(asked)

    assert told["header"]["msg_type"] == "error"
    assert "not understood" in told["content"]["evalue"]
    assert client.printed() == "alive\n"


@pytest.mark.parametrize(
    ("kernel_id", "query", "token", "status"),
    [
        ("00000000-0000-0000-0000-000000000000", "", None, 404),
        ("x", "", None, 404),
        (None, "&after=x", None, 400),
        (None, "", "wrong", 401),
    ],
)
async def test_a_connection_that_may_not_be_is_refused_before_the_upgrade(
    running, kernel, kernel_id, query, token, status
):
    with pytest.raises(HTTPClientError) as caught:
        await Client(running, kernel_id or kernel).connect(query, token=token)

    assert caught.value.code == status


async def test_when_no_kernel_can_be_had_a_connection_is_refused_with_the_reason(start_gateway):
    running = await start_gateway([], max_kernels=1, kernel_wait_seconds=0)
    kernel, contexts = await new_kernel(running), running.gateway.services.contexts
    key = await running.gateway.services.repository.jupyter.path_of("local", kernel)
    await contexts.terminate(key)
    other = await running.conversation()
    await contexts.get_or_create(other.key)
    busy = await contexts.open(other.key)
    busy.in_use = 1

    with pytest.raises(HTTPClientError) as caught:
        await Client(running, kernel).connect()
    busy.in_use = 0

    assert caught.value.code == 503
    assert int(caught.value.response.headers["Retry-After"]) >= 1


FORGED = """
from jupyter_client.session import Session
session, socket = get_ipython().kernel.session, get_ipython().kernel.iopub_socket
for header in ({}, [], {"msg_id": 5, "msg_type": "x"}, "x"):
    parts = [session.pack(p) for p in (header, [], {}, 7)]
    socket.send_multipart([b"x", b"<IDS|MSG>", session.sign(parts), *parts])
print("sent")
"""


async def test_what_ends_while_a_cells_end_is_stored_is_not_taken_for_it(running, kernel):
    client = await Client(running, kernel).connect()
    await client.until_done(await client.execute("x = 1"))
    file = next(running.gateway.services.settings.data_dir.glob("*.db"))

    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")  # nothing is stored meanwhile
        asked = await client.execute("x")
        other = await client.send("usage_request", {}, "control")
        await asyncio.sleep(0.5)
        database.execute("ROLLBACK")
    for request in (asked, other):
        await client.until_done(request)
    await client.until_done(await client.execute("x"))

    assert [m["content"] for m in client.messages if m["header"]["msg_type"] == "error"] == []


async def test_what_code_forges_on_its_own_channel_breaks_nothing(running, kernel):
    client = await Client(running, kernel).connect()
    key = await running.gateway.services.repository.jupyter.path_of("local", kernel)
    path = await running.gateway.services.contexts.open(key)

    async def ignore(output):
        pass

    await path.session.execute(FORGED, ignore)  # past the risk rules
    asked = await client.execute("print('alive')")
    await client.until_done(asked)

    assert client.printed(asked) == "alive\n"


@pytest.mark.parametrize("channel", ["shell", "control"])
async def test_a_request_with_the_id_of_a_running_cell_is_refused_and_the_cell_goes_on(
    running, kernel, channel
):
    client = await Client(running, kernel).connect()

    asked = await client.execute("input()\nprint('whole')", allow_stdin=True)
    await client.until("input_request")
    await client.send("kernel_info_request", {}, channel, msg_id=asked)
    refusal = await client.until("kernel_info_reply")
    await client.send("input_reply", {"value": "", "status": "ok"}, "stdin")
    while client.printed() != "whole\n":
        await client.next()

    assert refusal["content"]["ename"] == "message-id-taken"
    cells = (await running.gateway.services.contexts.open(await key_of(running, kernel))).recorder
    recorded = await eventually("the cell is recorded", cells.code_cells)
    assert recorded[0]["outputs"][0]["text"] == "whole\n"


async def test_what_waits_behind_a_native_turn_is_aborted_at_once(running, kernel):
    client = await Client(running, kernel).connect()
    native = await native_client(running, kernel)
    await native.connection.send(
        "execute.request", code="import requests\nrequests.get('http://x')"
    )
    await native.until("permission.required")

    asked = await client.execute("print('never')")
    await Raw(running)("POST", f"/api/kernels/{kernel}/interrupt", "")
    reply = await client.until_done(asked)

    assert reply["status"] == "aborted"


async def key_of(running, kernel):
    return await running.gateway.services.repository.jupyter.path_of("local", kernel)
