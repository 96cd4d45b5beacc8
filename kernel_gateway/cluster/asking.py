"""Asks another node for something, on behalf of a caller."""

from __future__ import annotations

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPServerRequest
from tornado.iostream import StreamClosedError

from kernel_gateway.cluster.routing import CONNECT_SECONDS, FROM_NODE
from kernel_gateway.errors import NodeUnreachable

WAIT_SECONDS = 3600.0
NO_ANSWER = 599  # tornado's code for an answer that never came
PASSED = ("Authorization", "Cookie", "Host", "Origin", "Sec-Fetch-Site", "Content-Type")
"""Who is calling, and from where; the rest is about the connection."""


async def ask_node(
    url: str, caller: HTTPServerRequest, method: str, path: str, body: bytes | None = None
) -> HTTPResponse:
    """Return another node's answer to what *caller* wants of it; errors are answers too.

    Args:
        url: The node's address.
        caller: The request on whose behalf this is; its identity is passed on.
        method: HTTP method.
        path: Path of the address.
        body: What is sent along.

    Raises:
        NodeUnreachable: It doesn't answer.
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
