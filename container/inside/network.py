"""The kernel's only way to the network: HTTP calls go over a unix socket to the service.

A kernel has no network device. While a cell runs that has permission for the network, a broker
of the service listens on `BROKER`; it makes the calls that were granted. Here ``http.client``
(and so urllib and pandas), urllib3 (and so requests), httpx and httpx2 are pointed to it: as to a
proxy, they send it the whole URL in the request line, without TLS, which the broker does. Where
only httpx2 is installed, httpx is another name of it. aiohttp names no whole URL to a proxy it
speaks TLS through, so it says what to use in its place.

In a re-run nothing is sent: the responses recorded then lie in `STORED` and are given again.

Nothing here protects anything: code that changes it reaches the same socket, and the broker
checks every call.

Source: RFC 9112, 3.2.2 (absolute-form).
"""

from __future__ import annotations

import hashlib
import http.client
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

DIRECTORY = "/run/kernel/net"
BROKER = f"{DIRECTORY}/broker"
STORED = f"{DIRECTORY}/stored"
REFUSED, FAILED = "Tallybook-Refused", "Tallybook-Failed"
"""Headers by which the broker says that the call was refused, or that it failed."""
NO_PERMISSION = (
    "This cell has no permission for the network. Ask for it: write the whole URL into the code "
    "of the cell that calls it, so that the permission can name it."
)

NO_AIOHTTP = (
    "aiohttp has no way to the network here. Use requests, or httpx2.AsyncClient for calls that "
    "await, with the whole URL in the code."
)


class NetworkRefused(PermissionError):
    """The service did not allow the call."""


class NetworkFailed(ConnectionError):
    """The call was allowed and failed; or, in a re-run, no response to it is stored."""


def apply() -> None:
    """Point the HTTP libraries to the broker; those not imported yet, once they are."""
    _use_in_http_client()
    uses = {"urllib3.connection": _use_in_urllib3}
    uses |= dict.fromkeys(("httpx", "httpx2"), _use_in_httpx)  # the same library, twice named
    uses["aiohttp.connector"] = _refuse_in_aiohttp
    sys.meta_path.insert(0, _AfterImport(uses))
    sys.meta_path.append(_OtherName("httpx", "httpx2"))
    for name, use in uses.items():
        if (module := sys.modules.get(name)) is not None:
            use(module)


def _open(timeout: Any) -> Any:
    """Return a connection to the broker; in a re-run, one to the stored responses."""
    if os.path.exists(f"{STORED}/calls.json"):
        return _StoredResponses()
    if not os.path.exists(BROKER):
        raise NetworkRefused(NO_PERMISSION)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if timeout is None or isinstance(timeout, int | float):
            connection.settimeout(timeout)
        connection.connect(BROKER)
    except BaseException:
        connection.close()
        raise
    return connection


def _url_of(connection: Any, url: str) -> str:
    """Return the whole URL of a request that *connection* makes for *url*."""
    if url.startswith(("http://", "https://")):
        return url.partition("#")[0]
    secure = connection.default_port == http.client.HTTPS_PORT
    host = connection.host
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        host = host.encode("idna").decode("ascii")
    port = f":{connection.port}" if connection.port != connection.default_port else ""
    path = url if url.startswith("/") else f"/{url}"
    return f"{'https' if secure else 'http'}://{host}{port}{path}"


def _checked(response: Any) -> Any:
    """Return *response*, or raise what the broker says instead."""
    for header, error in ((REFUSED, NetworkRefused), (FAILED, NetworkFailed)):
        if response.getheader(header) is not None:
            raise error(response.read().decode("utf-8", "replace"))
    return response


def _use_in_http_client() -> None:
    plain = http.client.HTTPConnection
    put, get = plain.putrequest, plain.getresponse

    def connect(self: Any) -> None:
        self.sock = _open(self.timeout)

    def putrequest(self: Any, method: str, url: str, *arguments: Any, **options: Any) -> None:
        put(self, method, _url_of(self, url or "/"), *arguments, **options)

    def getresponse(self: Any) -> Any:
        return _checked(get(self))

    plain.connect = connect  # type: ignore[method-assign]
    plain.putrequest = putrequest  # type: ignore[method-assign]
    plain.getresponse = getresponse  # type: ignore[method-assign]
    http.client.HTTPSConnection.connect = connect  # type: ignore[method-assign]


def _use_in_urllib3(module: ModuleType) -> None:
    def connect(self: Any) -> None:
        self.sock = _open(self.timeout)
        # The broker checks the certificate.
        self.is_verified = self.proxy_is_verified = True

    for name in ("HTTPConnection", "HTTPSConnection"):
        getattr(module, name).connect = connect


def _use_in_httpx(module: ModuleType) -> None:
    def handle_request(self: Any, request: Any) -> Any:
        return _httpx_response(module, request, request.read())

    async def handle_async_request(self: Any, request: Any) -> Any:
        body = await request.aread()
        return await _in_thread(_httpx_response, module, request, body)

    module.HTTPTransport.handle_request = handle_request
    module.AsyncHTTPTransport.handle_async_request = handle_async_request


def _refuse_in_aiohttp(module: ModuleType) -> None:
    async def connect(self: Any, *arguments: Any, **options: Any) -> Any:
        raise NetworkRefused(NO_AIOHTTP)

    module.BaseConnector.connect = connect


async def _in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    import asyncio

    return await asyncio.to_thread(call, *arguments)


def _httpx_response(httpx: Any, request: Any, body: bytes) -> Any:
    url = request.url
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    timeout = (request.extensions.get("timeout") or {}).get("read")
    connection = kind(url.host, url.port, timeout=timeout)
    try:
        path = url.raw_path.decode("ascii")
        connection.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.raw:
            connection.putheader(name, value)
        connection.endheaders(body or None)
        response = connection.getresponse()
        content = response.read()
    except NetworkRefused as refused:
        raise httpx.ConnectError(str(refused), request=request) from refused
    except TimeoutError as error:
        raise httpx.ReadTimeout(str(error), request=request) from error
    except (OSError, http.client.HTTPException) as error:
        raise httpx.ConnectError(str(error), request=request) from error
    finally:
        connection.close()
    stream = httpx.ByteStream(content)
    return httpx.Response(response.status, headers=response.getheaders(), stream=stream)


class _AfterImport(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Calls a function with each of some modules, once it is imported."""

    def __init__(self, uses: Mapping[str, Callable[[ModuleType], None]]) -> None:
        self._uses = uses
        self._loaders: dict[str, Any] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._uses:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return None
        self._loaders[fullname], spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loaders[spec.name].create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        self._loaders[module.__name__].exec_module(module)
        self._uses[module.__name__](module)


class _OtherName(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a library by its other name, where that name is not installed itself."""

    def __init__(self, name: str, installed: str) -> None:
        self._name, self._installed = name, installed

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name or importlib.util.find_spec(self._installed) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return importlib.import_module(self._installed)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the library was imported by its own name."""


class _StoredResponses:
    """Takes the bytes of one request, and gives those of the response that is stored for it."""

    given: dict[str, int] = {}  # noqa: RUF012 (of the whole kernel)

    def __init__(self) -> None:
        self._sent = bytearray()

    def sendall(self, data: Any) -> None:
        self._sent += memoryview(data).cast("B")

    def makefile(self, *arguments: Any, **options: Any) -> io.BytesIO:
        return io.BytesIO(self._answer())

    def settimeout(self, timeout: Any) -> None:
        """Do nothing: the response is there."""

    def close(self) -> None:
        """Do nothing."""

    def _answer(self) -> bytes:
        head, _, body = bytes(self._sent).partition(b"\r\n\r\n")
        line, *headers = head.decode("latin-1").split("\r\n")
        method, url, _ = line.split(" ", 2)
        if any(header.lower() == "transfer-encoding: chunked" for header in headers):
            body = _without_chunks(body)
        key = f"{method} {url} {hashlib.sha256(body).hexdigest()}"
        calls = json.loads(Path(STORED, "calls.json").read_text())
        matching = [call for call in calls if call["key"] == key]
        number = self.given.get(key, 0)
        if number >= len(matching):
            said = f"{method} {url}: no response to it is stored, and a re-run sends nothing."
            return _message(502, "Not stored", [(FAILED, "1")], said.encode())
        self.given[key] = number + 1
        call = matching[number]
        content = Path(STORED, call["sha256"]).read_bytes() if call["size"] else b""
        return _message(call["status"], call["reason"], call["headers"], content)


def _message(status: int, reason: str, headers: Sequence[Any], content: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    lines += [f"Content-Length: {len(content)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace") + content


def _without_chunks(body: bytes) -> bytes:
    whole = bytearray()
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        if not length:
            break
        whole += body[:length]
        body = body[length + 2 :]
    return bytes(whole)
