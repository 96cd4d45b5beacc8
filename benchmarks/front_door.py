"""A Jupyter client that takes times: Jupyter's REST and websocket API, and nothing else.

It knows no server by name, so that every server is measured in the same words.
``python -m benchmarks.front_door http://HOST:PORT`` measures one that runs already.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

REQUEST_SECONDS = 300.0
SILENCE_SECONDS = 10.0
"""Output that has not come so long after the last message is lost."""
CONNECTIONS = 400
FRAME = "import pandas as pd, openpyxl\npd.DataFrame({'a': [1]})"


class SessionFailed(RuntimeError):
    """A session did not start, or a cell did not end as it should; the message says which."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens.

    Attributes:
        url: Its address, ``http://HOST:PORT``.
        token: The access token it asks for; empty if it asks for none.
    """

    url: str
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request to it."""
        return {"Authorization": f"token {self.token}"} if self.token else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """How a cell ran.

    Attributes:
        seconds: From sending it to the last message of its own that came.
        status: Of its ``execute_reply``; ``None`` when none came.
        characters: What it printed, as far as it came.
        idle: Whether the kernel said that it is idle again.
    """

    seconds: float
    status: str | None
    characters: int
    idle: bool


class Session:
    """A kernel, and one websocket to it."""

    def __init__(self, server: Server) -> None:
        """Describe a session on *server*; `start` makes it."""
        self._server, self._id = server, uuid.uuid4().hex
        self._http = AsyncHTTPClient(force_instance=True, max_clients=CONNECTIONS)
        self._kernel_id: str | None = None
        self._socket: WebSocketClientConnection | None = None
        self.start_seconds = 0.0
        """From ``POST /api/kernels`` to ``kernel_info_reply``."""

    async def start(self, timeout: float = REQUEST_SECONDS) -> None:  # noqa: ASYNC109
        """Create the kernel, connect, and wait for its ``kernel_info_reply``.

        Args:
            timeout: Seconds all of this may take.

        Raises:
            SessionFailed: The server refused it, or no reply came in time.
        """
        began = time.perf_counter()
        try:
            async with asyncio.timeout(timeout):
                made = await self._request("POST", "/api/kernels", "{}")
                self._kernel_id = json.loads(made)["id"]
                await self._connect()
                asked = await self._send("kernel_info_request", {})
                while not self._answers(await self._receive(), asked, "kernel_info_reply"):
                    pass
        except HTTPClientError as error:
            raise SessionFailed(f"refused with {error.code}") from error
        except TimeoutError as error:
            raise SessionFailed(f"not ready after {timeout:g} s") from error
        except OSError as error:
            raise SessionFailed(f"no connection: {error}") from error
        self.start_seconds = time.perf_counter() - began

    async def execute(self, code: str) -> Cell:
        """Run *code* until its reply and the idle status have come.

        A server that loses messages is waited for `SILENCE_SECONDS` after its last one.

        Raises:
            SessionFailed: The server closed the connection.
        """
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": True,
        }  # fmt: skip
        began = last = time.perf_counter()
        asked = await self._send("execute_request", content)
        status, characters, idle = None, 0, False
        with contextlib.suppress(TimeoutError):
            while status is None or not idle:
                async with asyncio.timeout(SILENCE_SECONDS if last > began else REQUEST_SECONDS):
                    message = await self._receive()
                if message["parent_header"].get("msg_id") != asked:
                    continue
                last, content = time.perf_counter(), message["content"]
                match message["header"]["msg_type"]:
                    case "execute_reply":
                        status = content["status"]
                    case "status":
                        idle = content["execution_state"] == "idle"
                    case "stream":
                        characters += len(content["text"])
        return Cell(seconds=last - began, status=status, characters=characters, idle=idle)

    async def succeed(self, code: str) -> float:
        """Run *code*; return the seconds to its reply and the idle status, whichever is later.

        Raises:
            SessionFailed: The reply was an error, or one of the two never came.
        """
        cell = await self.execute(code)
        if cell.status != "ok" or not cell.idle:
            raise SessionFailed(f"the cell {code[:40]!r} ended as {cell.status}")
        return cell.seconds

    async def aclose(self) -> None:
        """End the kernel; one the server ended by itself, or never made, is no error."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._kernel_id is not None:
            with contextlib.suppress(HTTPClientError):
                await self._request("DELETE", f"/api/kernels/{self._kernel_id}", None)
            self._kernel_id = None
        self._http.close()

    async def _request(self, method: str, path: str, body: str | None) -> bytes:
        request = HTTPRequest(
            self._server.url + path, method=method, body=body,
            headers={"Content-Type": "application/json", **self._server.headers},
            connect_timeout=REQUEST_SECONDS, request_timeout=REQUEST_SECONDS,
        )  # fmt: skip
        return (await self._http.fetch(request)).body

    async def _connect(self) -> None:
        address = self._server.url.replace("http", "ws", 1)
        request = HTTPRequest(
            f"{address}/api/kernels/{self._kernel_id}/channels?session_id={self._id}",
            headers=self._server.headers,
            connect_timeout=REQUEST_SECONDS,
            request_timeout=REQUEST_SECONDS,
        )
        self._socket = await websocket_connect(request, max_message_size=2**30)

    async def _send(self, kind: str, content: dict[str, Any]) -> str:
        if self._socket is None:
            raise SessionFailed("it was not started")
        header = {
            "msg_id": uuid.uuid4().hex, "session": self._id, "username": "", "version": "5.3",
            "msg_type": kind, "date": "2000-01-01T00:00:00Z",
        }  # fmt: skip
        message = {
            "channel": "shell", "header": header, "parent_header": {}, "metadata": {},
            "content": content, "buffers": [],
        }  # fmt: skip
        try:
            await self._socket.write_message(json.dumps(message))
        except WebSocketError as error:
            raise SessionFailed("the server closed the connection") from error
        return header["msg_id"]

    async def _receive(self) -> dict[str, Any]:
        text = None if self._socket is None else await self._socket.read_message()
        if text is None:
            raise SessionFailed("the server closed the connection")
        message: dict[str, Any] = json.loads(text)
        return message

    @staticmethod
    def _answers(message: dict[str, Any], asked: str, kind: str) -> bool:
        mine: bool = message["parent_header"].get("msg_id") == asked
        return mine and bool(message["header"]["msg_type"] == kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """How sessions that were asked for at the same moment fared.

    Attributes:
        seconds: Until the last of those that came up was ready.
        asked: How many there were.
        ready: How many answered.
        failures: Of each other, why.
        failed_cells: How many of those that were ready failed their first cell.
    """

    seconds: float
    asked: int
    ready: int
    failures: tuple[str, ...]
    failed_cells: int


async def started_and_framed(
    server: Server,
    timeout: float = REQUEST_SECONDS,  # noqa: ASYNC109
) -> tuple[float, float]:
    """Return the seconds to a session's ``kernel_info_reply``, and to its first DataFrame.

    The second counts from the start, too, until the cell's reply and idle have come.

    Args:
        server: Where.
        timeout: Seconds the start may take.

    Raises:
        SessionFailed: The session or the cell failed.
    """
    session = Session(server)
    try:
        await session.start(timeout)
        framed = session.start_seconds + await session.succeed(FRAME)
    finally:
        await session.aclose()
    return session.start_seconds, framed


async def burst(server: Server, count: int, timeout: float) -> Burst:  # noqa: ASYNC109
    """Ask for *count* sessions at once, run a cell in each that is ready, end them all.

    Args:
        server: Where.
        count: How many.
        timeout: Seconds after which a session counts as failed.
    """
    sessions = [Session(server) for _ in range(count)]
    began = time.perf_counter()

    async def ready_after(session: Session) -> float:
        await session.start(timeout)
        return time.perf_counter() - began

    starts = await asyncio.gather(*map(ready_after, sessions), return_exceptions=True)
    try:
        failures = [start for start in starts if isinstance(start, BaseException)]
        if unexpected := [error for error in failures if not isinstance(error, SessionFailed)]:
            raise unexpected[0]
        ready = [
            session
            for session, start in zip(sessions, starts, strict=True)
            if not isinstance(start, BaseException)
        ]
        cells = await asyncio.gather(*(s.succeed("1+1") for s in ready), return_exceptions=True)
    finally:
        await asyncio.gather(*(session.aclose() for session in sessions))
    return Burst(
        seconds=max((start for start in starts if isinstance(start, float)), default=timeout),
        asked=count,
        ready=len(ready),
        failures=tuple(map(str, failures)),
        failed_cells=sum(isinstance(cell, BaseException) for cell in cells),
    )


async def adding(session: Session, cells: int, pause: float) -> list[float]:
    """Return the seconds of each of *cells* times ``1+1``, with *pause* seconds between them."""
    times = []
    for _ in range(cells):
        times.append(await session.succeed("1+1"))
        if pause:
            await asyncio.sleep(pause)
    return times


def _milliseconds(values: Iterable[float]) -> str:
    return f"{1000 * statistics.median(values):.1f} ms"


async def _measure(server: Server, at_once: int) -> None:
    starts = [await started_and_framed(server) for _ in range(8)]
    print("session start, p50:", _milliseconds(start for start, _ in starts))
    print("first DataFrame, p50:", _milliseconds(frame for _, frame in starts))
    session = Session(server)
    await session.start()
    print("1+1 back to back, p50:", _milliseconds(await adding(session, 200, 0)))
    print("1+1 with a pause of 20 ms, p50:", _milliseconds(await adding(session, 200, 0.02)))
    await session.aclose()
    if at_once:
        print(await burst(server, at_once, REQUEST_SECONDS))


def main() -> None:
    """Measure the server that the command line names, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="http://HOST:PORT")
    parser.add_argument("--token", default="", help="the access token, if the server asks for one")
    parser.add_argument("--at-once", type=int, default=0, help="so many sessions at once, too")
    chosen = parser.parse_args()
    asyncio.run(_measure(Server(chosen.url, chosen.token), chosen.at_once))


if __name__ == "__main__":
    main()
