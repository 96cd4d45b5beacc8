"""Forwards each request to the node that owns its conversation."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any, cast
from urllib.parse import urlsplit

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient
from tornado.web import Application

from kernel_gateway.cluster.addresses import conversation_of
from kernel_gateway.cluster.membership import Membership
from kernel_gateway.errors import GatewayError, NodeUnreachable
from kernel_gateway.proxies import TrustedProxies

FROM_NODE = "X-Tallybook-Node"
"""Header of a request that another node forwarded: it is not forwarded again."""
CONNECT_SECONDS = 5.0
CHUNK_BYTES = 64 * 1024
log = logging.getLogger("tallybook.cluster")


RenderError = Callable[[Exception], tuple[int, dict[str, Any]]]


class Router(HTTPServerConnectionDelegate):
    """Answers requests with the application, or forwards them to the node that owns them.

    A request is forwarded byte by byte, uploads and websockets alike, with the caller's own
    token, which the other node checks. Two headers name the client's address and scheme; the
    other node uses them if this node is one of its trusted proxies.
    """

    def __init__(
        self,
        application: Application,
        membership: Membership,
        proxies: TrustedProxies,
        render: RenderError,
    ) -> None:
        """Route requests for *application*.

        Args:
            application: Answers the requests this node owns.
            membership: Finds each conversation's owner.
            proxies: The proxies whose forwarding headers are trusted.
            render: Returns the HTTP status and body for an error.
        """
        self.application, self.membership, self.proxies = application, membership, proxies
        self.render = render
        self._forwarding: dict[asyncio.Task[None], str] = {}
        membership.on_living = self.cut_off

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        """Return the delegate that reads one request (called by tornado)."""
        return _Request(self, server_conn, request_conn)

    async def owner(self, start_line: RequestStartLine, headers: HTTPHeaders) -> str | None:
        """Return the address of the node that has to answer; ``None`` if it is this one."""
        conversation = await conversation_of(start_line.path, self.membership.nodes)
        if conversation is None:
            return None
        url = await self.membership.elsewhere(conversation)
        if url is not None and FROM_NODE in headers:
            raise NodeUnreachable(url)  # the conversation is changing its owner
        return url

    def follow(self, client: IOStream, node: IOStream, url: str) -> None:
        """Copy bytes both ways until one side closes or the node at *url* is dead."""
        task = asyncio.create_task(_join(client, node))
        self._forwarding[task] = url
        task.add_done_callback(lambda done: self._forwarding.pop(done, None))

    def cut_off(self, living: Collection[str]) -> None:
        """End connections to nodes not in *living*: a hung node would never close them."""
        for task, url in self._forwarding.items():
            if url not in living:
                task.cancel()

    async def aclose(self) -> None:
        """End all forwarded connections."""
        for task in self._forwarding:
            task.cancel()
        await asyncio.gather(*self._forwarding, return_exceptions=True)


class _Request(HTTPMessageDelegate):
    def __init__(self, router: Router, server_conn: object, request_conn: HTTP1Connection) -> None:
        self._router, self._server_conn, self._connection = router, server_conn, request_conn
        self._local: HTTPMessageDelegate | None = None

    async def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        try:
            url = await self._router.owner(start_line, headers)
            if url is not None:
                await self._pass_on(url, start_line, headers)
                return
        except GatewayError as error:
            await self._refuse(error)
            return
        except Exception as error:
            log.exception("where %s belongs could not be found out", start_line.path.split("?")[0])
            await self._refuse(error)
            return
        application = self._router.application
        self._local = application.start_request(self._server_conn, self._connection)
        await _done(self._local.headers_received(start_line, headers))

    async def _pass_on(self, url: str, start_line: RequestStartLine, headers: HTTPHeaders) -> None:
        node = await _connect(url)
        client = self._connection.detach()
        client.set_nodelay(True)
        try:
            await node.write(_head(start_line, self._from_client(headers)))
        except StreamClosedError:
            client.close()
            return
        self._router.follow(client, node, url)

    def _from_client(self, headers: HTTPHeaders) -> HTTPHeaders:
        """Add the forwarding headers; the scheme is trusted only from a trusted proxy."""
        sent, context = headers.copy(), cast("Any", self._connection.context)
        peer, tls = context.remote_ip, context.protocol == "https"
        tls = self._router.proxies.client(headers, peer, tls=tls).tls
        before = headers.get("X-Forwarded-For")
        sent["X-Forwarded-For"] = peer if before is None else f"{before}, {peer}"
        sent["X-Forwarded-Proto"] = "https" if tls else "http"
        return sent

    async def _refuse(self, error: Exception) -> None:
        status, facts = self._router.render(error)
        body = json.dumps(facts).encode()
        headers = HTTPHeaders(
            {
                "Content-Type": "application/json; charset=utf-8",
                "Content-Length": str(len(body)),
                "Retry-After": "1",
                "Connection": "close",
            }
        )
        line = ResponseStartLine("HTTP/1.1", status, facts["error"]["code"])
        await self._connection.write_headers(line, headers, body)
        self._connection.finish()

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._local.data_received(chunk) if self._local is not None else None

    def finish(self) -> None:
        if self._local is not None:
            self._local.finish()

    def on_connection_close(self) -> None:
        if self._local is not None:
            self._local.on_connection_close()


async def _done(result: Awaitable[None] | None) -> None:
    if result is not None:
        await result


async def _connect(url: str) -> IOStream:
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            stream = await TCPClient().connect(
                parts.hostname or "",
                parts.port or (443 if parts.scheme == "https" else 80),
                ssl_options={} if parts.scheme == "https" else None,
            )
    except (OSError, StreamClosedError, TimeoutError) as error:
        log.warning("node at %s can't be reached: %s", url, error)
        raise NodeUnreachable(url) from None
    stream.set_nodelay(True)
    return stream


def _head(start_line: RequestStartLine, headers: HTTPHeaders) -> bytes:
    """Return the request line and headers, for a connection with this one request."""
    upgrade = "Upgrade" in headers
    lines = [f"{start_line.method} {start_line.path} HTTP/1.1"]
    for name, value in headers.get_all():
        if name not in ("Connection", FROM_NODE):
            lines.append(f"{name}: {value}")
    lines += [f"Connection: {'Upgrade' if upgrade else 'close'}", f"{FROM_NODE}: yes"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _join(client: IOStream, node: IOStream) -> None:
    ways = [asyncio.create_task(_pump(client, node)), asyncio.create_task(_pump(node, client))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        client.close()
        node.close()


async def _pump(source: IOStream, sink: IOStream) -> None:
    try:
        while True:
            await sink.write(await source.read_bytes(CHUNK_BYTES, partial=True))
    except StreamClosedError:
        return
