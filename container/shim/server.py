"""The shim's server: it starts kernels and serves their leases over its socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

from container.backends.zygote.process import Zygotes
from container.errors import ContainerError, KernelNotFound
from container.host.runtime import sweep_runtime_directory
from container.shim.kernels import KernelRequest, OwnedKernel, request_from_json
from container.shim.output_recorder import frames_to_json
from container.shim.pool import WarmPool
from container.shim.quota import QuotaWatcher
from container.shim.socket_poller import SocketPoller
from container.shim.wire import LINE_BYTES, PROTOCOL, encode, error_to_json

IDLE_SECONDS = float(os.environ.get("TALLYBOOK_SHIM_IDLE_SECONDS", "600"))
DOCKER_SOCKET = "/var/run/docker.sock"
BAD_REQUEST = "bad request"


class Shim:
    """Owns every kernel of one installation on this host."""

    def __init__(self, *, zygotes: Zygotes | None) -> None:
        self._zygotes = zygotes
        self._kernels: dict[str, OwnedKernel] = {}
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._connections: set[asyncio.Task[Any]] = set()
        self._ending: set[asyncio.Task[Any]] = set()
        self._quota = QuotaWatcher()
        self._poller = SocketPoller()
        self._pool = WarmPool(zygotes, self._poller)
        self._stopped = asyncio.Event()

    async def serve(self, path: Path, listening: Any) -> None:
        """Serve on *listening*, bound to *path*, until stopped or idle for `IDLE_SECONDS`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        server = await asyncio.start_unix_server(self._accept, sock=listening, limit=LINE_BYTES)
        idle = asyncio.create_task(self._stop_when_idle())
        warm = asyncio.create_task(self._warm_up())
        sweeping = asyncio.create_task(self._sweep())
        await self._stopped.wait()
        path.unlink(missing_ok=True)
        server.close()
        for task in (idle, warm, sweeping, *self._connections):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._quota.aclose()
        await self._pool.aclose()
        await asyncio.gather(*(self._end(kernel) for kernel in list(self._kernels.values())))
        await self._poller.aclose()
        if self._zygotes is not None:
            await self._zygotes.aclose()

    async def _sweep(self) -> None:
        sweep_runtime_directory()
        if Path(DOCKER_SOCKET).exists() or "DOCKER_HOST" in os.environ:
            from container.backends.docker_engine import sweep_containers

            await asyncio.to_thread(sweep_containers)

    async def _warm_up(self) -> None:
        """Start the zygote before the first request, which reports an error if this fails."""
        if self._zygotes is not None:
            with contextlib.suppress(ContainerError):
                await self._zygotes.current()

    async def _stop_when_idle(self) -> None:
        quiet = 0.0
        step = min(1.0, IDLE_SECONDS / 4)
        while quiet < IDLE_SECONDS:
            await asyncio.sleep(step)
            quiet = 0.0 if self._connections or self._kernels else quiet + step
        self._stopped.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections.add(task)
        try:
            request = json.loads(await reader.readline() or b"{}")
            answer = await self._dispatch(request, reader, writer)
            if answer is not None:
                writer.write(encode(answer))
                await writer.drain()
        except ContainerError as error:
            writer.write(encode({"error": error_to_json(error)}))
        except (ValueError, KeyError, TypeError) as error:
            detail = f"{BAD_REQUEST}: {type(error).__name__}: {error}"
            writer.write(encode({"error": {"type": "ContainerError", "args": [detail]}}))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _dispatch(
        self,
        request: dict[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> dict[str, Any] | None:
        match request.get("op"):
            case "start":
                kernel = await self._start(request_from_json(request["kernel"]))
                await self._attach(kernel, reader, writer)
            case "adopt":
                await self._attach(self._adopted(request["id"]), reader, writer)
            case "list":
                return {"kernels": [_describe(kernel) for kernel in self._kernels.values()]}
            case "pool":
                await self._keep_pool(request, reader, writer)
            case "stop":
                self._stopped.set()
                return {"stopping": True}
            case "ping":
                return {
                    "protocol": PROTOCOL,
                    "pid": os.getpid(),
                    "zygote": self._zygotes is not None,
                    "warm": self._pool.ready(request.get("limits")),
                    "leased": self._pool.leased,
                }
            case other:
                raise ValueError(f"unknown op {other!r}")
        return None

    async def _start(self, request: KernelRequest) -> OwnedKernel:
        kernel = await self._pool.lease(request)
        if kernel is None:
            kernel = OwnedKernel(request, self._zygotes, self._poller)
            await kernel.start()
        self._kernels[kernel.id] = kernel
        kernel.watch_quota(self._quota)
        return kernel

    def _adopted(self, kernel_id: str) -> OwnedKernel:
        kernel = self._kernels.get(kernel_id)
        if kernel is None:
            raise KernelNotFound(kernel_id)
        if (expiry := self._expiries.pop(kernel_id, None)) is not None:
            expiry.cancel()
        return kernel

    async def _keep_pool(
        self,
        request: dict[str, Any],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Keep kernels warm for as long as the connection stays open."""
        wish = self._pool.keep(
            int(request["size"]), int(request.get("spare", 0)), request["limits"]
        )
        try:
            writer.write(encode({"pool": True}))
            await writer.drain()
            await reader.read()
        finally:
            self._pool.drop(wish)

    async def _attach(
        self,
        kernel: OwnedKernel,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Serve the lease of *kernel* until the client ends it."""

        def notify(message: dict[str, Any]) -> None:
            writer.write(encode(message))

        notify({"started": _describe(kernel)})
        kernel.notify = notify
        if kernel.exit is not None:
            notify(kernel.exit_message())
        give_up = kernel.request.keep_seconds <= 0
        try:
            while line := await reader.readline():
                message = json.loads(line)
                if "signal" in message:
                    await kernel.sandbox.signal(int(message["signal"]))
                elif "counters" in message:
                    notify({"counters": kernel.counters()})
                elif "follow" in message:
                    _follow(kernel, notify)
                elif "close" in message:
                    give_up = True
                    break
        finally:
            if kernel.notify is notify:
                kernel.notify = None
                self._let_go(kernel, give_up=give_up)
        if give_up:
            # The client waits until this connection closes, so first end the kernel.
            await asyncio.gather(*self._ending)

    def _let_go(self, kernel: OwnedKernel, *, give_up: bool) -> None:
        if kernel.output_recorder is not None:
            kernel.output_recorder.listeners.clear()
        if give_up or self._stopped.is_set():
            self._end_soon(kernel)
        else:
            seconds = kernel.request.keep_seconds
            loop = asyncio.get_running_loop()
            self._expiries[kernel.id] = loop.call_later(seconds, self._end_soon, kernel)

    def _end_soon(self, kernel: OwnedKernel) -> None:
        task = asyncio.create_task(self._end(kernel))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, kernel: OwnedKernel) -> None:
        if self._kernels.pop(kernel.id, None) is None:
            return
        if (expiry := self._expiries.pop(kernel.id, None)) is not None:
            expiry.cancel()
        self._quota.forget(kernel.id)
        await kernel.aclose()


def _describe(kernel: OwnedKernel) -> dict[str, Any]:
    return {
        "id": kernel.id,
        "label": kernel.request.label,
        "workspace": str(kernel.request.workspace),
        "pid": kernel.sandbox.pid,
        "connection": kernel.connection,
        "connection_file": str(kernel.connection_file),
        "held": kernel.notify is not None,
        "ended": kernel.exit is not None,
        "last_cell": kernel.output_recorder.state() if kernel.output_recorder is not None else None,
    }


def _follow(kernel: OwnedKernel, notify: Any) -> None:
    """Send every message of the last cell, including future ones."""
    output_recorder = kernel.output_recorder
    if output_recorder is None:
        notify({"record_end": True, "overflowed": False})
        return
    cell, sent = output_recorder.state()["cell"], 0

    def send_new() -> None:
        nonlocal sent
        if output_recorder.cell != cell:
            return
        for frames in output_recorder.frames[sent:]:
            notify({"record": frames_to_json(frames)})
        sent = len(output_recorder.frames)
        if not output_recorder.busy or kernel.exit is not None:
            if send_new in output_recorder.listeners:
                output_recorder.listeners.remove(send_new)
            notify({"record_end": True, "overflowed": output_recorder.overflowed})

    output_recorder.listeners.append(send_new)
    send_new()
