"""A kernel's channels on a websocket: both protocols, nothing lost, nothing that breaks it."""

import asyncio
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message,
    deserialize_msg_from_ws_v1,
    serialize_binary_message,
    serialize_msg_to_ws_v1,
)
from tornado.httpclient import HTTPClientError

from kernel_gateway.relays.wire import V1, MessageMalformed, decode, encode
from tests.jupyter_client import Client
from tests.raw_http import Raw, error_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.text(), JSON, max_size=4)
MESSAGES = st.fixed_dictionaries(
    {
        "header": st.fixed_dictionaries({"msg_id": st.text(min_size=1, max_size=50),
                                         "msg_type": st.text(min_size=1, max_size=50)}),
        "parent_header": OBJECT,
        "metadata": OBJECT,
        "content": OBJECT,
        "channel": st.sampled_from(["shell", "control", "stdin"]),
        "buffers": st.lists(st.binary(max_size=50), max_size=3),
    }
)  # fmt: skip


# the wire, against jupyter_server's own code


@given(MESSAGES, st.sampled_from([V1, None]))
def test_what_is_encoded_is_decoded(message, protocol):
    assert decode(encode(message, protocol), protocol) == message


@given(MESSAGES)
def test_jupyter_server_reads_our_v1_frames_and_we_read_its(message):
    channel, parts = deserialize_msg_from_ws_v1(encode(message, V1))
    theirs = serialize_msg_to_ws_v1(
        [
            json.dumps(message[p]).encode()
            for p in ("header", "parent_header", "metadata", "content")
        ]
        + message["buffers"],
        message["channel"],
    )

    assert channel == message["channel"]
    assert [json.loads(p) for p in parts[:4]] == [
        message[p] for p in ("header", "parent_header", "metadata", "content")
    ]
    assert list(parts[4:]) == message["buffers"]
    assert decode(theirs, V1) == message


@given(MESSAGES.filter(lambda m: m["buffers"]))
def test_jupyter_server_reads_our_binary_frames_and_we_read_its(message):
    read = deserialize_binary_message(encode(message, None))

    assert read["buffers"] == message["buffers"]
    assert read["content"] == message["content"]
    assert decode(serialize_binary_message(message), None) == message


@given(st.binary(max_size=200) | st.text(max_size=200), st.sampled_from([V1, None]))
def test_no_frame_whatever_does_more_than_be_refused(frame, protocol):
    with contextlib.suppress(MessageMalformed):
        message = decode(frame, protocol)
        assert message["header"]["msg_type"]


# clients


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([])


async def new_kernel(running):
    response = await Raw(running)("POST", "/api/kernels", "{}")
    assert response.code == 201, response.body
    return json.loads(response.body)["id"]


@pytest.fixture
async def kernel(running):
    return await new_kernel(running)


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
            "late = lambda: display({'text/plain': 'x' * 5_000_000}, raw=True)\n"
            "threading.Timer(0.3, late).start()"
        )
    )
    await asyncio.sleep(2)

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
    while len(cells := path.recorder.code_cells()) < 2:
        await asyncio.sleep(0.02)
    assert [cell["source"] for cell in cells] == ["x = 20", "print(x + 1)"]


async def test_what_waits_behind_a_cell_that_fails_is_aborted(running, kernel):
    client = await Client(running, kernel).connect()

    asked = [
        await client.execute("input()\n1 / 0", allow_stdin=True),
        await client.execute("print('never')"),
        await client.execute("print('no')"),
    ]
    while (await client.next())["header"]["msg_type"] != "input_request":
        pass
    await client.send("input_reply", {"value": "", "status": "ok"}, "stdin")
    replies = [await client.until_done(message_id) for message_id in asked]

    assert [reply["status"] for reply in replies] == ["error", "aborted", "aborted"]
    assert client.printed() == ""


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
    running = await start_gateway([], max_kernels=1)
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


async def test_the_token_may_stand_in_the_address_as_jupyters_clients_send_it(running, kernel):
    raw = Raw(running)
    raw.headers = {}

    assert (await raw("GET", f"/api/kernels?token={running.token}")).code == 200
    assert (await raw("GET", f"/api/v1/conversations?token={running.token}")).code == 401


FORGED = """
from jupyter_client.session import Session
session, socket = get_ipython().kernel.session, get_ipython().kernel.iopub_socket
for header in ({}, [], {"msg_id": 5, "msg_type": "x"}, "x"):
    parts = [session.pack(p) for p in (header, [], {}, 7)]
    socket.send_multipart([b"x", b"<IDS|MSG>", session.sign(parts), *parts])
print("sent")
"""


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


# REST


async def test_a_deleted_kernel_is_gone_and_its_notebook_stays(running, kernel):
    raw = Raw(running)
    key = await running.gateway.services.repository.jupyter.path_of("local", kernel)

    assert (await raw("DELETE", f"/api/kernels/{kernel}")).code == 204
    assert (await raw("GET", f"/api/kernels/{kernel}")).code == 404
    assert json.loads((await raw("GET", "/api/kernels")).body) == []
    assert (running.home(key.conversation) / "notebook.ipynb").exists()


async def test_a_kernel_deleted_right_after_a_reply_leaves_its_cell_recorded_and_its_turn_ok(
    running, kernel
):
    client = await Client(running, kernel).connect()
    await client.until_done(await client.execute("print('last words')"))

    await Raw(running)("DELETE", f"/api/kernels/{kernel}")

    [made] = (await running.client.get("/api/v1/conversations"))["conversations"]
    url = f"/api/v1/conversations/{made['id']}/paths/main"
    assert [t["status"] for t in (await running.client.get(f"{url}/turns"))["turns"]] == ["ok"]
    assert "last words" in (running.home(made["id"]) / "notebook.ipynb").read_text()


async def test_contents_can_be_read_and_not_written(running, kernel):
    raw, client = Raw(running), await Client(running, kernel).connect()
    await client.until_done(await client.execute("print('recorded')"))
    root = json.loads((await raw("GET", "/api/contents")).body)
    directory = json.loads((await raw("GET", f"/api/contents/{root['content'][0]['path']}")).body)
    path = directory["content"][0]["path"]

    notebook = {"content": {"cells": []}}
    while not notebook["content"]["cells"]:  # recorded a moment after the reply
        notebook = json.loads((await raw("GET", f"/api/contents/{path}")).body)
    refused = [await raw(method, f"/api/contents/{path}", "{}") for method in ("PUT", "PATCH")]

    assert notebook["type"] == "notebook"
    assert notebook["content"]["cells"][0]["outputs"][0]["text"] == "recorded\n"
    assert [r.code for r in refused] == [405, 405]
    assert json.loads(refused[0].body)["message"]


@pytest.mark.parametrize("name", ["no-such-kernel", "../x", "x" * 100])
async def test_an_unknown_kernelspec_is_named_in_the_error(running, name):
    response = await Raw(running)("POST", "/api/kernels", json.dumps({"name": name}))

    assert response.code == 400
    assert "tallybook-python" in error_of(response)["message"]


async def test_models_are_what_jupyter_servers_own_schema_asks_for(running, kernel):
    """The OpenAPI document jupyter_server ships describes what its clients expect."""
    from pathlib import Path

    import jupyter_server
    import yaml
    from jsonschema import Draft4Validator

    spec = yaml.safe_load(
        (Path(jupyter_server.__file__).parent / "services/api/api.yaml").read_text()
    )
    raw = Raw(running)
    made = await raw("POST", "/api/sessions", json.dumps({"path": "a.ipynb", "type": "notebook",
                     "name": "a", "kernel": {"name": "tallybook-python"}}))  # fmt: skip
    session = json.loads(made.body)
    models = {
        "Kernel": json.loads((await raw("GET", f"/api/kernels/{kernel}")).body),
        "Session": session,
        "Contents": json.loads((await raw("GET", "/api/contents?content=0")).body),
        "APIStatus": json.loads((await raw("GET", "/api/status")).body),
    }

    for name, model in models.items():
        schema = {**spec["definitions"][name], "definitions": spec["definitions"]}
        errors = [e.message for e in Draft4Validator(schema).iter_errors(model)]
        # The document calls these strings although jupyter_server itself sends null.
        assert [e for e in errors if not e.startswith("None is not of type")] == [], name
    assert (await raw("DELETE", f"/api/sessions/{session['id']}")).code == 204
