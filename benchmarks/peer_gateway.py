"""Jupyter Kernel Gateway in a virtual environment of its own: the peer that starts kernels."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import platformdirs
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

PEER = "jupyter_kernel_gateway==3.0.1"
SAME = ("ipykernel", "pandas", "openpyxl")
FRAME = "import pandas as pd\npd.DataFrame({'a': [1, 2]})"
START_SECONDS, ANSWER_SECONDS = 60, 20


def peer_environment() -> Path:
    """Return the directory of a virtual environment with the peer, made on first use."""
    wanted = [PEER, *(f"{name}=={importlib.metadata.version(name)}" for name in SAME)]
    home = Path(platformdirs.user_cache_dir("tallybook"), "benchmarks", PEER.replace("==", "-"))
    stamp = home / "installed"
    if not stamp.exists() or stamp.read_text() != " ".join(wanted):
        print(f"installing {PEER} for the comparison …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", *wanted], check=True)
        stamp.write_text(" ".join(wanted))
    return home


NODELAY = """
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from kernel_gateway import launch_instance
open_it = KernelWebsocketHandler.open
async def open_with_nodelay(self, kernel_id):
    self.set_nodelay(True)
    await open_it(self, kernel_id)
KernelWebsocketHandler.open = open_with_nodelay
launch_instance()
"""
"""Starts the peer with TCP_NODELAY on its websockets, which it leaves unset."""


@asynccontextmanager
async def peer_gateway(*, nodelay: bool = False) -> AsyncIterator[str]:
    """Run the peer on a free port for the length of the block; yield its ``host:port``.

    Args:
        nodelay: Set TCP_NODELAY on its websockets.
    """
    binaries = peer_environment() / "bin"
    script = binaries / "jupyter-kernelgateway"
    # -P and no PYTHONPATH: its package has the name of one of ours, which must not be found first.
    command = [binaries / "python", "-P", "-c", NODELAY] if nodelay else [script]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        *command,
        f"--port={port}",
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await asyncio.to_thread(_await_answer, f"http://127.0.0.1:{port}/api")
        yield f"127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself
            server.terminate()
        await server.wait()


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


class PeerStalled(ConnectionError):
    """A kernel never answered, or ended.

    The peer's choose TCP ports of their own, and sometimes two the same.
    """


class PeerKernel:
    """A kernel behind Jupyter's REST API: the peer's, or with a token ours."""

    def __init__(self, address: str, token: str | None = None) -> None:
        self._address = address
        self._headers = {"Authorization": f"token {token}"} if token else {}
        self.kernel_id = ""
        self._socket: Any = None

    async def start(self) -> None:
        """Create it and wait for its kernel_info_reply; `PeerStalled` when none can come."""
        made = await asyncio.to_thread(self._request, "POST", "/api/kernels", b"{}")
        self.kernel_id = json.loads(made)["id"]
        url = f"ws://{self._address}/api/kernels/{self.kernel_id}/channels"
        request = HTTPRequest(url, request_timeout=ANSWER_SECONDS, headers=self._headers)
        try:
            self._socket = await websocket_connect(request, max_message_size=2**30)
        except HTTPClientError as error:
            raise PeerStalled(self.kernel_id) from error
        await self._ask("kernel_info_request", {}, "kernel_info_reply")

    async def show_frame(self) -> None:
        """Run a cell that shows a DataFrame, until it is shown."""
        content = {"code": FRAME, "silent": False, "store_history": True, "allow_stdin": False}
        await self._ask("execute_request", content, "execute_result")

    async def add(self) -> float:
        """Run ``1+1``; return the seconds to its result."""
        content = {"code": "1+1", "silent": False, "store_history": True, "allow_stdin": False}
        began = time.perf_counter()
        await self._ask("execute_request", content, "execute_result")
        elapsed = time.perf_counter() - began
        await self._ask("kernel_info_request", {}, "kernel_info_reply")
        return elapsed

    async def printed(self, code: str, silence: float = 10.0) -> tuple[int, float]:
        """Run *code*; return how many characters arrived, and the seconds to its end.

        The end is the idle status, or *silence* seconds without any message.
        """
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        began, received = time.perf_counter(), 0
        asked = await self._send("execute_request", content)
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(silence):
                    heard = json.loads(await self._socket.read_message())
                if heard["parent_header"].get("msg_id") != asked:
                    continue
                received += len(heard["content"].get("text", ""))
                if heard["content"].get("execution_state") == "idle":
                    break
        return received, time.perf_counter() - began

    async def _ask(self, kind: str, content: dict[str, Any], answer: str) -> None:
        asked = await self._send(kind, content)
        while True:
            text = await self._socket.read_message()
            if text is None:
                raise PeerStalled("the peer closed the connection")
            heard = json.loads(text)
            mine = heard["parent_header"].get("msg_id") == asked
            if mine and heard["msg_type"] == answer:
                return

    async def _send(self, kind: str, content: dict[str, Any]) -> str:
        header = {
            "msg_id": uuid.uuid4().hex, "session": "runtime", "username": "", "version": "5.4",
            "msg_type": kind, "date": "2000-01-01T00:00:00Z",
        }  # fmt: skip
        message = {
            "header": header, "parent_header": {}, "metadata": {}, "content": content,
            "channel": "shell", "buffers": [],
        }  # fmt: skip
        await self._socket.write_message(json.dumps(message))
        return header["msg_id"]

    def memory_bytes(self) -> int:
        """Return the private memory of the peer's newest kernel process."""
        pids = subprocess.run(
            ["pgrep", "--newest", "--full", "ipykernel_launcher"],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        return private_bytes(int(pids[0]))

    async def aclose(self) -> None:
        """End it."""
        if self._socket is not None:
            self._socket.close()
        try:
            await asyncio.to_thread(self._request, "DELETE", f"/api/kernels/{self.kernel_id}")
        except urllib.error.HTTPError as answer:
            # One of the peer's ends by itself when another has its port; ours must not.
            if self._headers or answer.code != HTTPStatus.NOT_FOUND:
                raise

    def _request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(
            f"http://{self._address}{path}", data=body, method=method, headers=self._headers
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            content: bytes = answer.read()
            return content


def private_bytes(pid: int) -> int:
    """Return what process *pid* has of memory for itself alone.

    Source: proc_pid_smaps_rollup(5), "Private_Clean" and "Private_Dirty".
    """
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(
        int(line.split()[1]) * 1024
        for line in text.splitlines()
        if line.startswith(("Private_Clean:", "Private_Dirty:"))
    )
