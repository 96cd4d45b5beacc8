"""The websocket: nothing is missed, nothing is seen twice, and bad messages harm nobody."""

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.conftest import Conversation


async def test_a_late_client_gets_every_event_from_where_it_left_off(running):
    conversation = await running.conversation()
    await conversation.execute("print('a')")
    await conversation.execute("print('b')")
    seen = conversation.events

    for after in (0, 3, len(seen) - 1):
        late = Conversation(
            running, conversation.id, await running.client.connect(conversation.url, after)
        )
        while len(late.events) < len(seen) - after:
            await late.until(*{e["kind"] for e in seen})

        assert late.events == seen[after:]


async def test_two_clients_see_the_same_sequence(running):
    conversation = await running.conversation()
    other = Conversation(running, conversation.id, await running.client.connect(conversation.url))

    await conversation.execute("for i in range(50): print(i, flush=True)")
    await other.until("turn.finished")

    assert other.events == conversation.events


async def test_a_flood_of_lines_arrives_whole(running):
    conversation = await running.conversation()

    await conversation.execute("for i in range(20_000): print(i)")

    text = "".join(e["output"]["text"] for e in conversation.of_kind("cell.output"))
    assert text == "".join(f"{i}\n" for i in range(20_000))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "bad-request"),
        ("[]", "bad-request"),
        ('{"kind": 5}', "bad-request"),
        ("{}", "bad-request"),
        ('{"kind": "drop.tables"}', "unknown-event-kind"),
        ('{"kind": "turn.request"}', "bad-request"),
        ('{"kind": "turn.request", "request": ""}', "invalid-request"),
        ('{"kind": "turn.request", "request": "half \\ud800"}', "bad-request"),
        ('{"kind": "\\udfff"}', "bad-request"),
        ('{"kind": "turn.request", "request": "' + "a" * 1_000_000 + '"}', "invalid-request"),
        ('{"kind": "turn.request", "request": "x", "extra": 1}', "bad-request"),
        ('{"kind": "permission.reply", "id": "perm_x", "decision": "once"}', "not-found"),
        ('{"kind": "cancel", "turn": "turn_x"}', "not-found"),
        ('{"kind": "execute.request", "code": "1", "language": "r"}', "unsupported-language"),
        (b"\x00\x01", "unknown-event-kind"),
    ],
)
async def test_a_message_that_is_not_understood_is_answered_and_the_socket_lives(
    running, message, code
):
    conversation = await running.conversation()
    socket = conversation.connection._socket

    await socket.write_message(message, binary=isinstance(message, bytes))
    refused = await conversation.until("error")

    assert refused["seq"] is None
    assert refused["data"]["error"]["code"] == code
    assert refused["data"]["error"]["hint"]
    assert await conversation.printed("print('alive')") == "alive\n"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/paths/main/events", {}, 401),
        ("/paths/main/events?after=x", None, 400),
        ("/paths/other/events", None, 404),
    ],
)
async def test_a_socket_that_may_not_open_is_refused_before_the_upgrade(
    running, path, headers, status
):
    conversation = await running.conversation()
    url = running.url.replace("http", "ws") + f"/api/v1/conversations/{conversation.id}{path}"
    given = {"Authorization": f"Bearer {running.token}"} if headers is None else headers

    with pytest.raises(HTTPClientError) as caught:
        await websocket_connect(HTTPRequest(url, headers=given))

    assert caught.value.code == status


async def test_a_foreign_page_cannot_open_the_socket(running):
    conversation = await running.conversation()
    url = running.url.replace("http", "ws") + conversation.url + "/events"
    headers = {"Cookie": f"tallybook_token={running.token}", "Origin": "http://evil.example"}

    with pytest.raises(HTTPClientError) as caught:
        await websocket_connect(HTTPRequest(url, headers=headers))

    assert caught.value.code == 401
