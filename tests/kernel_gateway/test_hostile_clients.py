"""Clients that send anything at all: a clear error, never a 500, never a hung socket."""

import asyncio
import contextlib
import json
import os
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tornado.websocket import WebSocketClosedError

from kernel_gateway.channels.message_policy import TAKEN
from tests.jupyter_client import Client
from tests.raw_http import Raw, error_of, multipart
from tests.waiting import eventually
from tests.websockets import close_opened, open_websocket


def values(floats):
    return st.recursive(
        st.none() | st.booleans() | st.integers() | floats | st.text(max_size=30),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
        ),
        max_leaves=6,
    )


VALUES = values(st.floats())
JSON = values(st.floats(allow_nan=False, allow_infinity=False))
ENDING = {"shutdown_request", "interrupt_request"}
KINDS = st.sampled_from(["turn.request", "execute.request", "permission.reply", "cancel"])
# A request that is right would be done; these have fields that no kind has.
MESSAGES = st.fixed_dictionaries(
    {"kind": KINDS | st.text(max_size=20) | VALUES, "unknown": VALUES},
    optional={"request": VALUES, "code": VALUES, "id": VALUES, "decision": VALUES, "turn": VALUES},
)
FEWER = {
    "max_examples": settings.default.max_examples // 7,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}
FRAMES = st.one_of(
    MESSAGES.map(json.dumps), VALUES.map(json.dumps), st.text(max_size=200), st.binary(max_size=200)
)


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([], requests_per_minute=0)


@settings(**FEWER)
@given(frames=st.lists(FRAMES, min_size=5, max_size=20))
async def test_whatever_a_websocket_sends_is_answered_and_the_socket_lives(running, frames):
    made = await running.client.post("/api/v1/conversations", {})
    url = f"{running.url}/api/v1/conversations/{made['id']}/paths/main/events"
    socket = await open_websocket(url, {"Authorization": f"Bearer {running.token}"})
    for frame in frames:
        await socket.write_message(frame, binary=isinstance(frame, bytes))
        async with asyncio.timeout(20):
            answer = json.loads(await socket.read_message())
        assert answer["kind"] == "error"
        assert answer["seq"] is None
        assert answer["data"]["error"]["code"] != "internal-error"
    await close_opened()


CODE = st.sampled_from(["1", "x = 1", "1/0", "await y", "%time 2", "def f(:", "\x00", ""])
ANY_CONTENT = st.dictionaries(
    st.sampled_from(
        "code silent store_history user_expressions allow_stdin stop_on_error cursor_pos "
        "detail_level target_name comm_id data hist_access_type output raw session start stop n "
        "pattern unique value".split()
    ),
    JSON,
)
CONTENTS = ANY_CONTENT | st.tuples(ANY_CONTENT, CODE).map(lambda two: {**two[0], "code": two[1]})
REQUESTS = st.tuples(
    st.sampled_from(sorted(TAKEN)), st.sampled_from(sorted(set().union(*TAKEN.values()) - ENDING)),
    CONTENTS, st.dictionaries(st.sampled_from(["session", "username", "version", "date"]), JSON),
)  # fmt: skip


@settings(**FEWER)
@given(requests=st.lists(REQUESTS, min_size=5, max_size=20))
async def test_whatever_is_asked_of_a_kernel_it_and_the_socket_live(running, kernel, requests):
    client = await Client(running, kernel).connect()
    code = []
    for channel, kind, content, header in requests:
        asked = await client.send(kind, content, channel, **header)
        if kind == "execute_request" and channel != "stdin":
            code.append(asked)

    for asked in code:  # each of them is answered
        await client.until_done(asked)
    asked = await client.execute("print('alive')")
    reply = await client.until_done(asked)

    assert (reply["status"], client.printed(asked)) == ("ok", "alive\n")
    await close_opened()


async def test_a_huge_frame_closes_its_socket_alone(running):
    conversation = await running.conversation()
    other = await running.conversation()

    with contextlib.suppress(WebSocketClosedError):
        await conversation.connection.send("turn.request", request="x" * 9_000_000)
    async with asyncio.timeout(20):
        async for _ in conversation.connection.events():
            pass

    assert await other.printed("print('alive')") == "alive\n"


async def test_a_client_that_sends_byte_by_byte_is_cut_off_and_disturbs_nobody(start_gateway):
    running = await start_gateway([], idle_seconds=1, upload_seconds=1)
    address = urlsplit(running.url)
    head = f"POST /api/v1/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {running.token}\r\n"
    half_head = await asyncio.open_connection(address.hostname, address.port)
    half_head[1].write(head.encode())
    half_body = await asyncio.open_connection(address.hostname, address.port)
    half_body[1].write(f"{head}Content-Length: 1000\r\n\r\n{{".encode())

    answer = await Raw(running)("GET", "/api/v1/conversations")
    async with asyncio.timeout(20):
        rest = [await reader.read() for reader, _ in (half_head, half_body)]
    for _, writer in (half_head, half_body):
        writer.close()

    assert answer.code == 200
    assert all(b"200" not in r for r in rest)


async def test_an_upload_cut_off_in_the_middle_leaves_nothing(running, files_url):
    address = urlsplit(running.url)
    body, headers = multipart(("files", "a.csv", b"x" * 500_000))
    _reader, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = [f"POST {files_url} HTTP/1.1", "Host: x", f"Authorization: Bearer {running.token}",
             f"Content-Type: {headers['Content-Type']}", f"Content-Length: {len(body)}"]  # fmt: skip
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body[:250_000])
    await writer.drain()
    inputs = running.home(files_url.split("/")[4]) / "workspace" / "inputs"
    await eventually("a part of it comes", lambda: inputs.is_dir() and [*inputs.iterdir()])
    writer.close()

    await eventually("nothing of it is left", lambda: not [*inputs.iterdir()])
    listed = json.loads((await Raw(running)("GET", files_url)).body)["files"]
    assert listed == []


async def test_a_full_disk_is_said_and_nothing_of_the_upload_stays(small_disk, start_gateway):
    small_disk(12)
    running = await start_gateway([], upload_limit_mb=100, requests_per_minute=0)
    made = await running.client.post("/api/v1/conversations", {})
    url = f"/api/v1/conversations/{made['id']}/paths/main/files"
    large, large_headers = multipart(("files", "large.bin", os.urandom(30_000_000)))
    small, small_headers = multipart(("files", "small.csv", b"a,b\n1,2\n"))

    refused = await Raw(running)("POST", url, large, large_headers)
    kept = await Raw(running)("POST", url, small, small_headers)

    assert (refused.code, error_of(refused)["code"]) == (507, "storage-full")
    assert kept.code == 201
    listed = json.loads((await Raw(running)("GET", url)).body)["files"]
    assert [file["name"] for file in listed] == ["inputs/small.csv"]
