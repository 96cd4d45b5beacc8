"""Poll ZMQ sockets at intervals, not per message: each wake-up would slow the cell."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
from collections.abc import Callable

LOOK_SECONDS = 0.05
"""Interval between polls: the longest delay of a message. A wake-up per message would take the
processor from the kernel that sends them."""
QUIET_LOOKS = 40
"""After this many polls without a message, polling stops until a socket becomes readable."""

log = logging.getLogger("tallybook.shim")
Look = Callable[[], bool]
"""Receives pending messages; returns whether there may be more."""


class SocketPoller:
    """Polls many ZMQ sockets at intervals while messages arrive, and sleeps otherwise.

    Source: zmq_getsockopt(3), "ZMQ_FD": edge-triggered; it becomes readable again only after
    all events were processed.
    """

    def __init__(self) -> None:
        """Watch no socket yet; use the poller in one event loop only."""
        self._epoll = select.epoll()
        self._looks: dict[int, Look] = {}
        self._unfinished: set[Look] = set()
        self._waking = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def watch(self, descriptor: int, look: Look) -> None:
        """Call *look* when *descriptor*, a socket's ``ZMQ_FD``, has become readable."""
        self._looks[descriptor] = look
        self._epoll.register(descriptor, select.EPOLLIN)
        self._unfinished.add(look)  # earlier messages do not make it readable again
        self._waking.set()
        if self._task is None:
            self._task = asyncio.create_task(self._watch())

    def forget(self, descriptor: int) -> None:
        """Stop watching *descriptor*; call it before the descriptor is closed."""
        self._unfinished.discard(self._looks.pop(descriptor))
        self._epoll.unregister(descriptor)

    def go_on(self, look: Look) -> None:
        """Call *look* again soon: it stopped before it had received everything."""
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
        self._unfinished |= {look for look in looks if _may_have_more(look)}
        return bool(looks)

    async def aclose(self) -> None:
        """Stop polling."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._epoll.close()


def _may_have_more(look: Look) -> bool:
    try:
        return look()
    except Exception:  # the other sockets must still be polled
        log.exception("the messages of a kernel could not be read")
        return False
