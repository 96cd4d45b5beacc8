"""The base of the service's websockets: authentication, refusal, sending, closing."""

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
"""Interval of the checks for an expired token: the system's clock may be set meanwhile."""
GONE = 4404
"""Close code: the path or kernel was deleted; there is nothing more to follow."""
RESTART = 1012
"""Close code: the service stops; connect again to go on. Source: IANA's WebSocket registry."""
MOST_AT_ONCE = 16
"""Frames written before other tasks may run."""


class GatewaySocket(WebSocketHandler):
    """A websocket of an authenticated caller."""

    identity: Identity
    _at_once = 0
    _expiry: asyncio.TimerHandle | None = None

    @property
    def services(self) -> Services:
        """The gateway's services."""
        services: Services = self.application.settings["services"]
        return services

    def check_origin(self, origin: str) -> bool:
        own = same_origin(self.request.headers, tls=client_of(self).tls)
        return own or origin in self.services.settings.origins

    def close_when_expired(self) -> None:
        """Close the socket when its token expires, even while it is idle."""
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
        """Identify the caller; check *scope* and rate limit.

        Raises:
            NotAuthenticated, Forbidden, RateLimited
        """
        self.identity = await identify(self, query_token=query_token, socket=True)
        self.identity.check(scope)
        self.services.rate_limits.take(self.identity)

    @contextmanager
    def sent_together(self) -> Iterator[None]:
        """Hold small frames back until the block ends, so that the client wakes up once.

        Full packets are sent meanwhile. Source: tcp(7), TCP_CORK.
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
            with suppress(OSError):  # the socket was closed
                held.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    @property
    def _stream(self) -> IOStream | None:
        return self.ws_connection.stream if self.ws_connection is not None else None

    async def send_frame(self, frame: str | bytes) -> None:
        """Send *frame*; wait while the socket's buffer is full, so that a slow client is awaited.

        Awaiting every write would cost a cycle of the event loop each. Other tasks run before the
        write, not after it, so that a cancellation can't come after a frame was sent.
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
        """Close after the last frame, because the service stops or for the reason *gone*.

        Never returns: it is cancelled once the client has read everything and closed as well.
        """
        stops = self.services.events.closing
        code, reason = (RESTART, "the service stops") if stops else (GONE, gone)
        self.close(code, reason)
        await asyncio.Future()

    def refuse(self, problem: Problem, **more: Any) -> None:
        """Answer with an error instead of the upgrade; *more* is added to its body."""
        self.set_status(problem.status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        set_problem_headers(self, problem)
        self.finish(json.dumps({**problem.body(), **more}))


def sequence_number(text: str) -> int:
    """Parse ``after``; raise `BadRequest` unless it is a sequence number."""
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise BadRequest(f"after={text[:40]!r} is not a sequence number.")
    return int(text)
