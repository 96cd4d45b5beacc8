"""Websockets of tests: none outlives the test that opened it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from tornado.httpclient import HTTPRequest
from tornado.iostream import IOStream
from tornado.websocket import WebSocketClientConnection, websocket_connect

_OPENED: list[tuple[WebSocketClientConnection, IOStream]] = []
SECONDS_TO_CLOSE = 5.0
BETWEEN = 0.02


async def open_websocket(
    url: str, headers: dict[str, str], **options: Any
) -> WebSocketClientConnection:
    """Return a websocket to *url*, ``http`` or ``ws``, that `close_opened` closes."""
    request = HTTPRequest(url.replace("http", "ws", 1), headers=headers)
    socket = await websocket_connect(request, **options)
    _OPENED.append((socket, socket.protocol.stream))
    return socket


async def close_opened() -> None:
    """Close every websocket a test opened, and wait until it is."""
    while _OPENED:
        socket, stream = _OPENED.pop()
        socket.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_CLOSE):
                await _drain(socket, stream)


async def _drain(socket: WebSocketClientConnection, stream: IOStream) -> None:
    """Read what still comes: the other side's goodbye is behind it."""
    while not stream.closed():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(socket.read_message(), BETWEEN)
