"""Makes one HTTP call, within limits; follows no redirect, obeys no server about its own size."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from tornado.httpclient import HTTPError, HTTPRequest
from tornado.httputil import HTTPHeaders, HTTPInputError
from tornado.iostream import UnsatisfiableReadError
from tornado.netutil import Resolver
from tornado.simple_httpclient import (
    HTTPStreamClosedError,
    HTTPTimeoutError,
    SimpleAsyncHTTPClient,
)

from kernel_gateway.network.addresses import AddressForbidden, GuardedResolver, IPNetwork

MB = 1_000_000
UNLIMITED = 10**15
"""Bytes: the length that a server names is not believed; what arrives is counted."""
CONNECTION_HEADERS = frozenset(
    """
    connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer
    transfer-encoding upgrade host content-length expect http2-settings
    """.split()
)
"""Headers of one connection, which are not passed on. Source: RFC 9110, 7.6.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What calls may take.

    Attributes:
        response_bytes: Of one response's body, as it is sent.
        request_bytes: Of one request's body.
        seconds: From the call to the end of its response.
        calls: Calls of one cell.
        at_once: Calls of all cells at one time.
    """

    response_bytes: int = 20 * MB
    request_bytes: int = 10 * MB
    seconds: float = 30.0
    calls: int = 100
    at_once: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call to make: its URL is checked, its headers are as a cell gave them."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a server answered; its body is as it was sent, perhaps compressed."""

    status: int
    reason: str
    headers: Sequence[tuple[str, str]]
    body: bytes = field(repr=False)


class CallFailed(Exception):
    """A call gave no response that can be used; the message says why."""


class CallForbidden(CallFailed):
    """The address behind a host's name may not be called."""


class _TooLong(HTTPInputError):
    """The response is longer than it may be; tornado then closes the connection."""


def _without_contents(record: logging.LogRecord) -> bool:
    """Take out of tornado's line about a malformed message what it quotes of the message."""
    if str(record.msg).startswith("Malformed HTTP message"):
        record.msg, record.args = "A malformed HTTP message was received", ()
    return True


class HttpClient:
    """Makes calls."""

    def __init__(
        self,
        limits: Limits,
        *,
        private: Sequence[IPNetwork] = (),
        authorities: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """Make calls within *limits*.

        Args:
            limits: What a call may take.
            private: Networks that may be called although they are not public.
            authorities: Checks the servers' certificates; the system's by default.
            resolver: Resolves names; the system's by default.
        """
        self.limits = limits
        logging.getLogger("tornado.general").addFilter(_without_contents)
        self._authorities = authorities or ssl.create_default_context()
        self._client = SimpleAsyncHTTPClient(
            force_instance=True,
            max_clients=limits.at_once,
            resolver=GuardedResolver(private, resolver),
            max_buffer_size=limits.response_bytes + MB,
            max_body_size=UNLIMITED,
        )

    async def call(self, request: Request) -> Response:
        """Make the call.

        Raises:
            CallForbidden: The host's address may not be called.
            CallFailed: It failed, or passed a limit.
        """
        limits, received = self.limits, bytearray()

        def collect(chunk: bytes) -> None:
            received.extend(chunk)
            if len(received) > limits.response_bytes:
                raise _TooLong("the response is too long")

        headers = HTTPHeaders()
        for name, value in request.headers:
            headers.add(name, value)
        headers.setdefault("User-Agent", "Tallybook")
        wanted = HTTPRequest(
            request.url,
            method=request.method,
            headers=headers,
            body=request.body or None,
            connect_timeout=limits.seconds,
            request_timeout=limits.seconds,
            follow_redirects=False,
            decompress_response=False,
            allow_nonstandard_methods=True,
            ssl_options=self._authorities,
            streaming_callback=collect,
        )
        try:
            # The client's own limits start only once it has taken up the call.
            async with asyncio.timeout(limits.seconds):
                answer = await self._client.fetch(wanted, raise_error=False)
        except TimeoutError:
            raise CallFailed(f"it gave no whole response in {limits.seconds:g} s") from None
        except (HTTPError, HTTPInputError, UnsatisfiableReadError, OSError, ValueError) as error:
            if len(received) > limits.response_bytes:
                said = f"its response is longer than {limits.response_bytes:,} bytes"
                raise CallFailed(said) from None
            raise self._failure(error) from None
        kept = [
            (name, value)
            for name, value in answer.headers.get_all()
            if name.lower() not in CONNECTION_HEADERS and not name.lower().startswith("tallybook-")
        ]
        return Response(
            status=answer.code, reason=answer.reason or "", headers=kept, body=bytes(received)
        )

    def _failure(self, error: Exception) -> CallFailed:
        match error:
            case AddressForbidden():
                return CallForbidden(str(error))
            case HTTPTimeoutError():
                return CallFailed(f"it gave no whole response in {self.limits.seconds:g} s")
            case HTTPStreamClosedError():
                return CallFailed("the server closed the connection before its response was whole")
            case ssl.SSLCertVerificationError():
                return CallFailed(f"its certificate is not valid: {error.verify_message}")
            case socket.gaierror():
                return CallFailed("there is no host of that name")
            case OSError() if error.strerror:
                return CallFailed(error.strerror)
        # Not the error's own text: it quotes the response, which may hold a secret.
        return CallFailed("its response is no valid HTTP")

    def close(self) -> None:
        """Close it; calls that run end."""
        self._client.close()
