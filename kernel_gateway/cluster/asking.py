"""Sends a request to another node on behalf of a caller."""

from __future__ import annotations

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPServerRequest
from tornado.iostream import StreamClosedError

from kernel_gateway.cluster.routing import CONNECT_SECONDS, FROM_NODE
from kernel_gateway.errors import NodeUnreachable

WAIT_SECONDS = 3600.0
NO_ANSWER = 599  # tornado's code for a missing response
PASSED = ("Authorization", "Cookie", "Host", "Origin", "Sec-Fetch-Site", "Content-Type")
"""Headers that identify the caller and its origin; the others concern the connection."""


async def ask_node(
    url: str, caller: HTTPServerRequest, method: str, path: str, body: bytes | None = None
) -> HTTPResponse:
    """Send a request to another node and return its response, error statuses included.

    Args:
        url: The node's address.
        caller: The request this is sent for; its identity headers are passed on.
        method: HTTP method.
        path: Path of the address.
        body: Request body.

    Raises:
        NodeUnreachable: The node doesn't respond.
    """
    headers = {name: caller.headers[name] for name in PASSED if name in caller.headers}
    request = HTTPRequest(
        url + path,
        method,
        {**headers, FROM_NODE: "yes"},
        body,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=WAIT_SECONDS,
        follow_redirects=False,
    )
    try:
        response = await AsyncHTTPClient().fetch(request, raise_error=False)
    except (OSError, StreamClosedError) as error:
        raise NodeUnreachable(url) from error
    if response.code == NO_ANSWER:
        raise NodeUnreachable(url)
    return response
