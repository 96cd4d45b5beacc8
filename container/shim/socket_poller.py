"""When to look what has come in: not for each message, as a cell would wait for that."""

from __future__ import annotations

import asyncio
import contextlib
import select
from collections.abc import Callable

LOOK_SECONDS = 0.05
"""How long what has come in may wait. To wake up for each message takes the processor from the
kernel that sends them."""
QUIET_LOOKS = 40
"""After so many looks for nothing there are no more, until something comes in."""

Look = Callable[[], bool]
"""Takes what has come in; returns whether there may be more."""


class SocketPoller:
    """Looks after many of ZMQ's sockets: now and then while something comes in, else not at all.

    Source: zmq_getsockopt(3), "ZMQ_FD": readable when there is something to find out, and not
    again before all of it was.
    """

    def __init__(self) -> None:
        """Nothing is watched yet; to be used in one event loop only."""
        self._epoll = select.epoll()
        self._looks: dict[int, Look] = {}
        self._unfinished: set[Look] = set()
        self._waking = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def watch(self, descriptor: int, look: Look) -> None:
        """Have *look* called once *descriptor*, a socket's ``ZMQ_FD``, has become readable."""
        self._looks[descriptor] = look
        self._epoll.register(descriptor, select.EPOLLIN)
        self._unfinished.add(look)  # what came before is not told
        self._waking.set()
        if self._task is None:
            self._task = asyncio.create_task(self._watch())

    def forget(self, descriptor: int) -> None:
        """Watch *descriptor* no longer; to be called before it is closed."""
        self._unfinished.discard(self._looks.pop(descriptor))
        self._epoll.unregister(descriptor)

    def go_on(self, look: Look) -> None:
        """Call *look* soon: it was stopped before it had taken everything."""
        self._unfinished.add(look)
        self._waking.set()

    async def _watch(self) -> None:
        while True:
            await self._until_something_comes()
            quiet = 0
            while quiet < QUIET_LOOKS:
                await asyncio.sleep(0 if self._unfinished else LOOK_SECONDS)
                quiet = 0 if self._look() else quiet + 1

    async def _until_something_comes(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._epoll.fileno(), self._waking.set)
        try:
            await self._waking.wait()
        finally:
            loop.remove_reader(self._epoll.fileno())
            self._waking.clear()

    def _look(self) -> bool:
        looks = {self._looks[number] for number, _ in self._epoll.poll(0)} | self._unfinished
        self._unfinished.clear()
        self._unfinished |= {look for look in looks if look()}
        return bool(looks)

    async def aclose(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._epoll.close()
