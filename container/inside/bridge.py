"""Bridge unix sockets to a TCP-only kernel: ``bridge.py CONNECTION_FILE ENTER COMMAND…``.

The kernel listens on the sandbox's own loopback, which nothing outside can reach; the bridge
copies bytes between the two. The command starts in a directory that has no configuration files;
ENTER is code in the kernel's language that changes to the workspace.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import Any

CHANNELS = ("shell", "iopub", "stdin", "hb", "control")
TCP_FILE = Path("/tmp/.connection.json")  # noqa: S108 (the sandbox's own tmpfs)
POLL_SECONDS = 0.01
SUBSCRIBE_SECONDS = 1.0
SETTLE_SECONDS = 0.1
CHUNK_BYTES = 256 * 1024


def free_ports(count: int) -> list[int]:
    """Return *count* free TCP ports."""
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(server.getsockname()[1]) for server in opened]
    for server in opened:
        server.close()
    return ports


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def _serve(path: str, port: int, channel: str, subscribed: asyncio.Event) -> asyncio.Server:
    async def kernel_channels(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if channel == "shell":
            # Through the bridge a request can overtake the subscription, and outputs published
            # before the subscription are lost.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(subscribed.wait(), SUBSCRIBE_SECONDS)
            await asyncio.sleep(SETTLE_SECONDS)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        if channel == "iopub":
            subscribed.set()
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    return await asyncio.start_unix_server(kernel_channels, path)


async def _until_listening(port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(POLL_SECONDS)


async def enter_workspace(connection: dict[str, Any], code: str) -> None:
    """Run *code* in the kernel, which makes the workspace its working directory.

    Args:
        connection: The kernel's connection info, with TCP ports.
        code: In the kernel's language.
    """
    import zmq.asyncio
    from jupyter_client.session import Session
    from zmq.constants import SocketType

    session = Session(key=connection["key"].encode())
    content = {"code": code, "silent": True, "store_history": False, "allow_stdin": False}
    with zmq.asyncio.Context() as context, context.socket(SocketType.DEALER) as shell:
        shell.linger = 0
        shell.connect(f"tcp://{connection['ip']}:{connection['shell_port']}")
        await shell.send_multipart(session.serialize(session.msg("execute_request", content)))
        await shell.recv_multipart()


async def _get_ready(local: dict[str, Any], ports: dict[str, int], enter: str) -> None:
    await asyncio.gather(*(_until_listening(port) for port in ports.values()))
    await enter_workspace(local, enter)


async def run(connection_file: str, enter: str, command: list[str]) -> int:
    """Run *command* with a TCP connection file and bridge its channels; return its exit code."""
    connection = json.loads(Path(connection_file).read_text())
    ports = dict(zip(CHANNELS, free_ports(len(CHANNELS)), strict=True))
    changed = {f"{channel}_port": port for channel, port in ports.items()}
    local = {**connection, **changed, "transport": "tcp", "ip": "127.0.0.1"}
    TCP_FILE.write_text(json.dumps(local))
    argv = [part.replace("{tcp_connection_file}", str(TCP_FILE)) for part in command]
    kernel = await asyncio.create_subprocess_exec(*argv)
    ended: asyncio.Future[int] = asyncio.ensure_future(kernel.wait())
    ready = asyncio.ensure_future(_get_ready(local, ports, enter))
    waited: set[asyncio.Future[Any]] = {ended, ready}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        ready.result()
        subscribed = asyncio.Event()
        for channel, port in ports.items():
            path = f"{connection['ip']}-{connection[f'{channel}_port']}"
            await _serve(path, port, channel, subscribed)
    return await ended


if __name__ == "__main__":
    sys.exit(asyncio.run(run(sys.argv[1], sys.argv[2], sys.argv[3:])))
