"""A websocket lives no longer than the token it was opened with."""

import json
import time

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from kernel_gateway.terminal.client import path_url
from tests.access_tokens import SECRET, caller, hs256

EXPIRED = 4401


@pytest.fixture
async def running(start_gateway):
    return await start_gateway([], jwt_secret=SECRET)


@pytest.fixture(params=["events", "channels"])
async def address(request, running):
    """Each kind of websocket."""
    ann = caller(running, hs256())
    if request.param == "channels":
        kernel = json.loads((await ann("POST", "/api/kernels", "{}")).body)["id"]
        return f"/api/kernels/{kernel}/channels"
    made = json.loads((await ann("POST", "/api/v1/conversations", "{}")).body)["id"]
    return f"{path_url(made)}/events"


async def opened(running, address, token):
    headers = {"Authorization": f"Bearer {token}"}
    return await websocket_connect(
        HTTPRequest(running.url.replace("http", "ws") + address, headers=headers)
    )


async def until_closed(socket):
    while await socket.read_message() is not None:
        pass
    socket.close()


async def test_an_idle_websocket_is_closed_when_its_token_expires(running, address):
    end = int(time.time()) + 2
    socket = await opened(running, address, hs256(exp=end))

    await until_closed(socket)

    assert socket.close_code == EXPIRED
    assert "expired" in socket.close_reason
    assert time.time() >= end


async def test_a_websocket_whose_token_is_good_for_longer_stays(running, address):
    short = await opened(running, address, hs256(exp=int(time.time()) + 2))
    longer = await opened(running, address, hs256(exp=int(time.time()) + 600))

    await until_closed(short)

    assert longer.close_code is None
    longer.close()
    await until_closed(longer)
    assert longer.close_code != EXPIRED


async def test_a_token_opens_nothing_from_its_end_on(running, address):
    with pytest.raises(HTTPClientError) as caught:
        await opened(running, address, hs256(exp=int(time.time())))

    assert caught.value.code == 401


async def test_a_token_with_an_end_beyond_all_calendars_opens_a_websocket(running, address):
    socket = await opened(running, address, hs256(exp=10**30))

    assert socket.close_code is None
    socket.close()
    await until_closed(socket)


@pytest.mark.parametrize("end", [float("inf"), "soon", [1], True])
async def test_an_end_that_is_no_time_is_refused(running, end):
    answer = await caller(running, hs256(exp=end))("GET", "/api/v1/conversations")

    assert answer.code == 401
