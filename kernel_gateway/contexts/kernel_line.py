"""The queue of paths that wait for a kernel while the limit is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from container.host.memory import read_memory
from kernel_gateway.contexts.kernel_limit import KernelLimit
from kernel_gateway.errors import KernelLimitReached

LOOK_SECONDS = 0.1
"""Interval at which the first path in the queue checks for a free kernel or memory."""


class Evict(Protocol):
    """Ends one kernel."""

    async def __call__(self, *, rebuilt_only: bool) -> bool:
        """Return whether a kernel was ended."""


class KernelLine:
    """Lets paths start kernels one at a time, in order of arrival."""

    def __init__(
        self,
        limit: KernelLimit,
        wait_seconds: float,
        *,
        count: Callable[[], tuple[int, int]],
        evict: Evict,
    ) -> None:
        """Create an empty queue.

        Args:
            limit: The limit on kernels.
            wait_seconds: Longest wait in the queue.
            count: Returns how many kernels are alive or being started, and how many of these
                are being started.
            evict: Ends an idle kernel (only one that can be rebuilt, if ``rebuilt_only``);
                returns whether there was one.
        """
        self._limit, self._wait_seconds = limit, wait_seconds
        self._count, self._evict = count, evict
        self._first = asyncio.Lock()  # first come, first served
        self._waiting = 0

    async def enter(
        self,
        on_wait: Callable[[Mapping[str, Any]], Awaitable[None]],
        check: Callable[[], None],
    ) -> None:
        """Wait until one more kernel may be started; the caller must count it at once.

        Args:
            on_wait: Called once if there is a wait, with how many are ``ahead`` and the
                ``reason`` in words.
            check: Raises, and so ends the wait, when the path needs no kernel any more.

        Raises:
            KernelLimitReached: The wait took longer than *wait_seconds*.
        """
        if not self._waiting and await self._has_room():
            return
        ahead, self._waiting = self._waiting, self._waiting + 1
        try:
            await on_wait({"ahead": ahead, "reason": self._reason()})
            async with asyncio.timeout(self._wait_seconds), self._first:
                while not await self._has_room():  # poll: no event announces free memory
                    await asyncio.sleep(LOOK_SECONDS)
                    check()
        except TimeoutError:
            raise KernelLimitReached(self._reason(), self._wait_seconds) from None
        finally:
            self._waiting -= 1

    async def _has_room(self) -> bool:
        """Return whether one more kernel may be started; end idle ones if not.

        To free memory, each check ends at most one kernel, and only one that can be rebuilt: the
        shortage may be brief, and freed memory shows late.
        """
        while not self._limit.has_number(self._count()[0]):
            if not await self._evict(rebuilt_only=False):
                return False
        if self._limit.allows(*self._count(), read_memory()):
            return True
        made = await self._evict(rebuilt_only=True)
        return made and self._limit.allows(*self._count(), read_memory())

    def _reason(self) -> str:
        return self._limit.words(self._count()[0])
