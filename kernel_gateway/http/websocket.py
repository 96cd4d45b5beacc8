"""What the service's websockets have in common: who may open one, and how it is refused."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tornado.iostream import IOStream
from tornado.websocket import WebSocketHandler

from kernel_gateway.errors import BadRequest
from kernel_gateway.http.json_handler import client_of, identify, set_problem_headers
from kernel_gateway.http.problems import Problem
from kernel_gateway.identity.auth import Identity, same_origin
from kernel_gateway.services import Services

EXPIRED = 4401
"""Close code: the access token has ended; connect again with a new one."""
LOOK_SECONDS = 10.0
"""How often the end of a token is looked for, since the system's clock may be set meanwhile."""
GONE = 4404
"""Close code: there is nothing more to follow."""
RESTART = 1012
"""Close code: the service stops; connect again to go on. Source: IANA's WebSocket registry."""
MOST_AT_ONCE = 16
"""Frames written before others have their turn."""


class GatewaySocket(WebSocketHandler):
    """A websocket of a caller who is known and may open it."""

    identity: Identity
    _at_once = 0
    _expiry: asyncio.TimerHandle | None = None

    @property
    def services(self) -> Services:
        """The gateway's parts."""
        services: Services = self.application.settings["services"]
        return services

    def check_origin(self, origin: str) -> bool:
        own = same_origin(self.request.headers, tls=client_of(self).tls)
        return own or origin in self.services.settings.origins

    def close_when_expired(self) -> None:
        """Close the socket at the moment its token ends, whether or not anything is sent."""
        if self.identity.expires is None:
            return
        left = self.identity.expires - time.time()
        if left <= 0:
            self.close(EXPIRED, "the access token has expired")
            return
        wait = min(left, LOOK_SECONDS)
        self._expiry = asyncio.get_running_loop().call_later(wait, self.close_when_expired)

    def on_close(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()

    async def check_caller(self, scope: str, *, query_token: bool = False) -> None:
        """Find out who is calling; check that they have *scope*, and come not too often.

        Raises:
            NotAuthenticated, Forbidden, RateLimited
        """
        self.identity = await identify(self, query_token=query_token)
        self.identity.check(scope)
        self.services.rate_limits.take(self.identity)

    @contextmanager
    def sent_together(self) -> Iterator[None]:
        """Hold small frames back until the block ends, so that the client wakes up once.

        What fills a packet goes out meanwhile. Source: tcp(7), TCP_CORK.
        """
        self._at_once = 0
        held = self._stream.socket if self._stream is not None else None
        if held is None:
            yield
            return
        held.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        try:
            yield
        finally:
            with suppress(OSError):  # it was closed meanwhile
                held.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    @property
    def _stream(self) -> IOStream | None:
        return self.ws_connection.stream if self.ws_connection is not None else None

    async def send_frame(self, frame: str | bytes) -> None:
        """Send *frame*; return once the system has it, so that a slow client slows its sender.

        To wait for each costs a turn of the event loop, so that is done when there is need. Others
        get theirs before *frame* is written: what the system has taken at once is never cancelled.
        """
        if self._at_once >= MOST_AT_ONCE:
            self._at_once = 0
            await asyncio.sleep(0)
        written = self.write_message(frame, binary=isinstance(frame, bytes))
        self._at_once += 1
        if self._stream is None or self._stream.writing():
            self._at_once = 0
            await written

    async def part(self, gone: str) -> None:
        """Close when there is nothing more to send, because of a stop or because of *gone*.

        It returns by being cancelled: once the client has read everything and answered.
        """
        stops = self.services.events.closing
        code, reason = (RESTART, "the service stops") if stops else (GONE, gone)
        self.close(code, reason)
        await asyncio.Future()

    def refuse(self, problem: Problem, **more: Any) -> None:
        """Answer with an error in place of the upgrade; *more* joins its body."""
        self.set_status(problem.status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        set_problem_headers(self, problem)
        self.finish(json.dumps({**problem.body(), **more}))


def sequence_number(text: str) -> int:
    """Read ``after``; `BadRequest` unless it is a number of an event."""
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BadRequest(f"after={text[:40]!r} is not a sequence number.")
    return int(text)
