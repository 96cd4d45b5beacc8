"""A cell's way to the broker: a unix socket in its kernel's sandbox, for as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.iostream import IOStream, StreamClosedError
from tornado.netutil import bind_unix_socket

from agent.permission.fetch import FetchRefused, redirected
from agent.permission.network import targets_among
from agent.ports import Approver, Fetched
from container.inside.network import BROKER, FAILED, REFUSED
from kernel_gateway.network.broker import CallRefused, NetworkBroker, Note, Standing, Use
from kernel_gateway.network.client import CallFailed, Request, Response
from kernel_gateway.network.questions import Questions
from notebooks.history.blobs import Blobs

log = logging.getLogger("tallybook.network")
NAME = Path(BROKER).name
SERVED_AT_ONCE = 6
"""Connections of one cell. Each may hold a whole request and a whole response in memory."""
MOST_WAITING = 100
"""Connections of one cell that wait to be served; nothing is read from them yet."""
STILL_THERE_SECONDS = 0.25
MOST_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HEADER_BYTES = 64 * 1024


class CellNetwork:
    """The network as one turn's cells get it (see `agent.ports.CellNetwork`)."""

    def __init__(
        self,
        broker: NetworkBroker,
        blobs: Blobs,
        standing: Standing,
        note: Note,
        approver: Approver | None = None,
    ) -> None:
        self._broker, self._blobs, self._standing, self._note = broker, blobs, standing, note
        self._approver = approver

    def use(self, cell: str | None, granted: Sequence[str]) -> Use:
        """Return what *cell* may do: what was *granted* for it, and the standing permissions."""
        return Use(
            cell=cell,
            once=targets_among(granted),
            standing=self._standing,
            blobs=self._blobs,
            note=self._note,
        )

    async def fetch(self, url: str, granted: Sequence[str]) -> Fetched:
        """Return what is at *url*; follow redirects, each of which is asked for as a new address.

        Raises:
            FetchRefused: It is not allowed, failed, or is redirected in circles.
        """
        use = self.use(None, granted)
        if self._approver is not None:
            use.questions = Questions(
                self._approver, contextlib.nullcontext, use.once, asked=redirected
            )
        plain = [("Accept-Encoding", "identity")]
        try:
            for _ in range(MOST_REDIRECTS + 1):
                response = await self._broker.call(
                    Request(method="GET", url=url, headers=plain), use
                )
                named = {name.lower(): value for name, value in response.headers}
                if response.status not in REDIRECTS or "location" not in named:
                    kind = named.get("content-type", "")
                    return Fetched(url=url, status=response.status, kind=kind, body=response.body)
                url = urljoin(url, named["location"])
        except (CallRefused, CallFailed) as error:
            raise FetchRefused(f"{url[:300]} was not fetched: {error}.") from None
        raise FetchRefused(f"{url[:300]} was redirected more than {MOST_REDIRECTS} times.")

    @contextlib.asynccontextmanager
    async def opened(
        self,
        directory: Path,
        cell: str,
        granted: Sequence[str],
        untimed: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Serve *cell* on a socket in *directory* during the block; yield its calls.

        The user is asked for an address that nothing covers, while the call waits. At the end
        the socket goes, and connections that are still open are closed.

        Args:
            directory: Of its kernel; only the service can write there.
            cell: The cell's id.
            granted: The capabilities that were granted to this cell alone.
            untimed: The cell's time does not run while the user is asked.
        """
        use = self.use(cell, granted)
        if self._approver is not None:
            use.questions = Questions(self._approver, untimed, use.once)
        server = _Server(self._broker, use)
        file = directory / NAME
        file.unlink(missing_ok=True)
        server.add_socket(bind_unix_socket(str(file), mode=0o666))
        try:
            yield use.calls
        finally:
            server.stop()
            file.unlink(missing_ok=True)
            await server.end()


class _Server(HTTPServer):
    """Takes the requests of one cell."""

    def initialize(self, broker: NetworkBroker, use: Use) -> None:  # type: ignore[override]
        limits = broker.limits
        self._broker, self._use = broker, use
        self._answering: set[asyncio.Task[None]] = set()
        self._waiting: deque[tuple[IOStream, Any]] = deque()
        super().initialize(
            self._answer_later,
            no_keep_alive=True,  # one that lies idle would keep the others waiting
            max_header_size=HEADER_BYTES,
            max_body_size=limits.request_bytes,
            max_buffer_size=limits.request_bytes + HEADER_BYTES,
            idle_connection_timeout=limits.seconds,
            body_timeout=limits.seconds,
        )

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        if len(self._connections) < SERVED_AT_ONCE:
            super().handle_stream(stream, address)
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append((stream, address))
        else:
            stream.close()

    def on_close(self, server_conn: object) -> None:
        super().on_close(server_conn)
        if self._waiting:
            self.handle_stream(*self._waiting.popleft())

    def _answer_later(self, request: HTTPServerRequest) -> None:
        task = asyncio.create_task(self._answer(request))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, request: HTTPServerRequest) -> None:
        wanted = Request(
            method=request.method or "",
            url=request.uri or "",
            headers=list(request.headers.get_all()),
            body=request.body,
        )
        calling = asyncio.create_task(self._broker.call(wanted, self._use))
        try:
            response = await self._still_there(calling, request)
        except CallRefused as refused:
            await _send(request, 403, "Refused", [(REFUSED, "1")], str(refused).encode())
        except CallFailed as failed:
            await _send(request, 502, "Failed", [(FAILED, "1")], str(failed).encode())
        except Exception:  # the cell gets a plain answer, whatever it was
            log.exception("a call of the network failed")
            said = b"The service could not make the call; its log says why."
            await _send(request, 502, "Failed", [(FAILED, "1")], said)
        else:
            reason, body = response.reason or "OK", response.body
            await _send(request, response.status, reason, response.headers, body)

    async def _still_there(
        self, calling: asyncio.Task[Response], request: HTTPServerRequest
    ) -> Response:
        """Return the response; while the user is asked, keep the client from giving up.

        A client waits so many seconds for the next bytes. An interim response (RFC 9110, 15.2) is
        such bytes, and means nothing.
        """
        questions = self._use.questions
        connection: Any = request.connection
        try:
            while not calling.done():
                await asyncio.wait({calling}, timeout=STILL_THERE_SECONDS)
                if questions is not None and questions.waiting and not calling.done():
                    with contextlib.suppress(StreamClosedError):
                        await connection.stream.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        finally:
            if not calling.done():
                calling.cancel()
                await asyncio.wait({calling})
        return calling.result()

    async def end(self) -> None:
        """End what still runs."""
        while self._waiting:
            self._waiting.popleft()[0].close()
        answering = list(self._answering)
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)
        await self.close_all_connections()


async def _send(
    request: HTTPServerRequest,
    status: int,
    reason: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
) -> None:
    connection: Any = request.connection
    sent = HTTPHeaders()
    for name, value in headers:
        sent.add(name, value)
    bodiless = request.method == "HEAD" or status in (204, 304)
    if not bodiless:
        sent["Content-Length"] = str(len(body))
    with contextlib.suppress(StreamClosedError):
        start = ResponseStartLine("HTTP/1.1", status, reason)
        await connection.write_headers(start, sent, b"" if bodiless else body)
        connection.finish()
