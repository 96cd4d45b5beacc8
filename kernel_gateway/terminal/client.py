"""A client of the native API; it uses nothing but that API."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

CHUNK_BYTES = 256 * 1024
REQUEST_SECONDS = 600.0


class ServiceRefused(Exception):
    """The service answered with an error; has its code, message and hint."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(status, error)
        self.status, self.error = status, error

    def __str__(self) -> str:
        return f"{self.error.get('message', 'error')} {self.error.get('hint', '')}".strip()


class GatewayClient:
    """Calls a gateway at *url* with *token*."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._sockets: list[WebSocketClientConnection] = []
        self._http = AsyncHTTPClient(force_instance=True, max_body_size=2_000_000_000)

    async def _fetch(self, method: str, path: str, **options: Any) -> HTTPResponse:
        headers = {**self._headers, **options.pop("headers", {})}
        request = HTTPRequest(
            self.url + path,
            method=method,
            headers=headers,
            request_timeout=REQUEST_SECONDS,
            allow_nonstandard_methods=True,
            **options,
        )
        response = await self._http.fetch(request, raise_error=False)
        if response.code >= 400:
            raise ServiceRefused(response.code, _error_of(response))
        return response

    async def get(self, path: str) -> Any:
        """GET JSON."""
        return json.loads((await self._fetch("GET", path)).body)

    async def post(self, path: str, body: Any) -> Any:
        """POST JSON."""
        response = await self._fetch("POST", path, body=json.dumps(body))
        return json.loads(response.body)

    async def put(self, path: str, body: Any) -> Any:
        """PUT JSON."""
        response = await self._fetch("PUT", path, body=json.dumps(body))
        return json.loads(response.body)

    async def patch(self, path: str, body: Any) -> Any:
        """PATCH JSON."""
        response = await self._fetch("PATCH", path, body=json.dumps(body))
        return json.loads(response.body)

    async def delete(self, path: str) -> Any:
        """DELETE; return the answer's JSON."""
        return json.loads((await self._fetch("DELETE", path)).body)

    async def download(self, path: str) -> bytes:
        """GET bytes."""
        return (await self._fetch("GET", path)).body

    async def upload(self, path_url: str, files: Sequence[Path], *, replace: bool = False) -> Any:
        """Upload *files*, streamed from disk.

        Args:
            path_url: Address of the path.
            files: Paths of the local files.
            replace: Whether a file replaces the one of the same name.
        """
        boundary = secrets.token_hex(16)

        async def produce(write: Callable[[bytes], Any]) -> None:
            for file in files:
                name = file.name.replace('"', "%22").replace("\r", "").replace("\n", "")
                disposition = f'form-data; name="files"; filename="{name}"'
                head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n"
                await write(head.encode())
                with file.open("rb") as source:
                    while chunk := source.read(CHUNK_BYTES):
                        await write(chunk)
                await write(b"\r\n")
            await write(f"--{boundary}--\r\n".encode())

        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        response = await self._fetch(
            "POST",
            f"{path_url}/files{'?replace=true' if replace else ''}",
            headers=headers,
            body_producer=produce,
        )
        return json.loads(response.body)

    async def connect(self, path_url: str, after: int = 0) -> PathConnection:
        """Open the path's websocket; it sends the events after number *after*."""
        url = self.url.replace("http", "ws", 1) + f"{path_url}/events?after={after}"
        request = HTTPRequest(url, headers=self._headers)
        socket = await websocket_connect(request, max_message_size=64_000_000)
        self._sockets.append(socket)
        return PathConnection(socket)

    def close(self) -> None:
        """Close every connection, websockets too."""
        for socket in self._sockets:
            socket.close()
        self._http.close()


class PathConnection:
    """A path's websocket."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket

    async def send(self, kind: str, **fields: Any) -> None:
        """Send one client message."""
        await self._socket.write_message(json.dumps({"kind": kind, **fields}))

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield events until the connection closes."""
        while (message := await self._socket.read_message()) is not None:
            yield json.loads(message)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def path_url(conversation: str, path: str = "main") -> str:
    """Return the address of a path."""
    return f"/api/v1/conversations/{conversation}/paths/{quote(path)}"


def _error_of(response: HTTPResponse) -> dict[str, Any]:
    try:
        error = json.loads(response.body or b"{}").get("error", {})
    except ValueError:
        error = {}
    return error or {"message": f"The service answered {response.code} {response.reason}."}
