"""The warm pool: started kernels that wait for a workspace."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq.asyncio
from jupyter_client.session import Session
from zmq.constants import SocketType

from container.backends.zygote.process import Zygotes
from container.errors import ContainerError
from container.host.memory import Memory, read_memory
from container.host.runtime import free_user
from container.limits import Limits, limits_from_json
from container.shim.kernels import KernelRequest, OwnedKernel
from container.shim.socket_poller import SocketPoller

log = logging.getLogger("tallybook.shim")
QUIET_SECONDS = 0.01
"""Refill the pool only after this long without a request for a kernel."""
REST_SECONDS = 1.0
"""Start spare kernels only after this long without a request for a kernel."""
PAUSE_SECONDS = 0.05
"""Pause after each spare kernel, so that they take less than one core."""
LOOK_SECONDS = 5.0
"""Interval at which memory is checked while there are spare kernels."""
SCARCE_SHARE = 0.2
"""With less than this share of memory free, no spare kernels are kept."""
RETRY_SECONDS = 5.0
ANSWER_SECONDS = 10.0
ANSWER_BYTES = 1024 * 1024


async def exercise(connection: dict[str, Any]) -> None:
    """Send a kernel_info_request and wait for the reply; the next reply takes half the time.

    Args:
        connection: Its connection file's content.

    Raises:
        TimeoutError: It doesn't answer.
    """
    session = Session(
        key=connection["key"].encode(), signature_scheme=connection["signature_scheme"]
    )
    shell = zmq.asyncio.Context.instance().socket(SocketType.DEALER)
    shell.linger = 0
    shell.maxmsgsize = ANSWER_BYTES
    try:
        shell.connect(f"{connection['transport']}://{connection['ip']}-{connection['shell_port']}")
        await shell.send_multipart(session.serialize(session.msg("kernel_info_request")))
        async with asyncio.timeout(ANSWER_SECONDS):
            await shell.recv_multipart()
    finally:
        shell.close()


def _is_asked_to_end(error: BaseException) -> bool:
    """Return whether *error* must end this task.

    A CancelledError may also come from an awaited future that another task cancelled, such
    as the start of a fork server.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is None or task.cancelling() > 0
    return not isinstance(error, Exception)


def is_scarce(memory: Memory) -> bool:
    """Whether *memory* is too short for kernels that nobody has asked for."""
    return memory.free < SCARCE_SHARE * memory.total


@dataclass(frozen=True)
class Wish:
    """A client's wish for warm kernels.

    Attributes:
        size: How many to keep at any time.
        spare: How many more to keep while the machine is at rest and has memory to spare.
        limits: The limits they have.
    """

    size: int
    spare: int
    limits: Limits


class WarmPool:
    """Warm kernels, refilled one at a time while no request waits.

    A few are replaced at once. Spare ones, for many users who begin at the same time, are
    started while the machine is at rest, and ended when memory is short.
    """

    def __init__(self, zygotes: Zygotes | None, poller: SocketPoller) -> None:
        self._zygotes, self._poller = zygotes, poller
        self._wishes: list[Wish] = []
        self._warm: list[OwnedKernel] = []
        self._task: asyncio.Task[None] | None = None
        self._asked = 0.0
        self.leased = 0
        """How many kernels it has leased so far."""
        self._changed = asyncio.Event()

    def ready(self, limits: dict[str, Any] | None = None) -> int:
        """Return the number of live warm kernels; with *limits*, only of those that match."""
        wanted = None if limits is None else limits_from_json(limits)
        living = [kernel for kernel in self._warm if kernel.exit is None]
        return sum(wanted in (None, kernel.request.limits) for kernel in living)

    def keep(self, size: int, spare: int, limits: dict[str, Any]) -> Wish:
        """Keep kernels with *limits* warm until `drop`; *size* and *spare* as in `Wish`."""
        wish = Wish(size, spare, limits_from_json(limits))
        if self._zygotes is not None and size > 0:
            self._wishes.append(wish)
            self._changed.set()
            if self._task is None:
                self._task = asyncio.create_task(self._refill())
        return wish

    def drop(self, wish: Wish) -> None:
        """Stop keeping kernels for *wish*."""
        if wish in self._wishes:
            self._wishes.remove(wish)
            self._changed.set()

    async def lease(self, request: KernelRequest) -> OwnedKernel | None:
        """Return a matching warm kernel with *request*'s workspace; ``None`` without one."""
        self._asked = asyncio.get_running_loop().time()
        if request.argv or request.backend != "zygote":
            return None
        while (kernel := self._take(request.limits)) is not None:
            self._changed.set()
            with contextlib.suppress(ContainerError, OSError, EOFError):
                await kernel.lease(request)
                self.leased += 1
                return kernel
            await kernel.aclose()
        return None

    def _take(self, limits: Limits) -> OwnedKernel | None:
        for kernel in self._matching(limits):
            if kernel.exit is None:
                self._warm.remove(kernel)
                return kernel
            self._changed.set()  # it died in the pool: replace it
        return None

    async def _refill(self) -> None:
        """Keep the wished number of kernels ready; a failure of one does not end the loop."""
        while True:
            try:
                await self._refill_once()
            except BaseException as error:
                if _is_asked_to_end(error):
                    raise
                log.warning("no kernel could be kept ready: %r", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _refill_once(self) -> None:
        """Start one kernel, or wait until one is wanted."""
        self._changed.clear()
        scarce = is_scarce(read_memory())
        await self._drop_surplus(spare=not scarce)
        wish, quiet, pause = self._unmet(spare=False), QUIET_SECONDS, 0.0
        if wish is None and not scarce:
            wish, quiet, pause = self._unmet(spare=True), REST_SECONDS, PAUSE_SECONDS
        if wish is None:
            await self._wait_for_change(
                LOOK_SECONDS if any(w.spare for w in self._wishes) else None
            )
        # Requests for kernels have priority over refilling.
        elif (left := self._asked + quiet - asyncio.get_running_loop().time()) > 0:
            await self._wait_for_change(left)
        else:
            self._warm.append(await self._start(wish.limits))
            await asyncio.sleep(pause)

    async def _wait_for_change(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _start(self, limits: Limits) -> OwnedKernel:
        request = KernelRequest(
            workspace=Path("/nonexistent"), uid=free_user(), limits=limits, record=True
        )
        kernel = OwnedKernel(request, self._zygotes, self._poller)
        try:
            await kernel.start(with_workspace=False)
            await exercise(kernel.connection)
        except BaseException:
            await kernel.aclose()
            raise
        return kernel

    def _unmet(self, *, spare: bool) -> Wish | None:
        for wish in self._wishes:
            if len(self._matching(wish.limits)) < wish.size + spare * wish.spare:
                return wish
        return None

    async def _drop_surplus(self, *, spare: bool) -> None:
        wanted = {
            id(kernel)
            for wish in self._wishes
            for kernel in self._matching(wish.limits)[: wish.size + spare * wish.spare]
        }
        surplus = [k for k in self._warm if id(k) not in wanted or k.exit is not None]
        for kernel in surplus:
            self._warm.remove(kernel)
        await asyncio.gather(*(kernel.aclose() for kernel in surplus))

    def _matching(self, limits: Limits) -> list[OwnedKernel]:
        return [kernel for kernel in self._warm if kernel.request.limits == limits]

    async def aclose(self) -> None:
        """End every warm kernel."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._wishes.clear()
        await self._drop_surplus(spare=False)
