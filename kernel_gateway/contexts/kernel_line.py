"""The line in which paths wait for a kernel when no more may be started."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from kernel_gateway.contexts.kernel_limit import KernelLimit, read_memory
from kernel_gateway.errors import KernelLimitReached

LOOK_SECONDS = 0.1
"""How often the first in line looks whether a kernel or memory has become free."""


class MakeRoom(Protocol):
    """Ends one kernel."""

    async def __call__(self, *, rebuilt_only: bool) -> bool:
        """Return whether there was one to end."""


class KernelLine:
    """Lets paths start a kernel one after the other, in the order in which they came."""

    def __init__(
        self,
        limit: KernelLimit,
        wait_seconds: float,
        *,
        count: Callable[[], tuple[int, int]],
        make_room: MakeRoom,
    ) -> None:
        """Describe the line.

        Args:
            limit: How many kernels there may be.
            wait_seconds: How long one waits at most.
            count: Returns how many are alive or being started, and how many of these are
                being started.
            make_room: Ends a kernel that can be spared, of those that can be rebuilt or of
                all; returns whether there was one.
        """
        self._limit, self._wait_seconds = limit, wait_seconds
        self._count, self._make_room = count, make_room
        self._first = asyncio.Lock()  # taken in the order in which it was asked for
        self._waiting = 0

    async def enter(
        self,
        on_wait: Callable[[Mapping[str, Any]], Awaitable[None]],
        check: Callable[[], None],
    ) -> None:
        """Return when one more kernel may be started; the caller then counts it at once.

        Args:
            on_wait: Called once if there is a wait, with how many are ``ahead`` and the
                ``reason`` in words.
            check: Raises when the path needs no kernel any more, which ends the wait.

        Raises:
            KernelLimitReached: It took too long.
        """
        if not self._waiting and await self._has_room():
            return
        ahead, self._waiting = self._waiting, self._waiting + 1
        try:
            await on_wait({"ahead": ahead, "reason": self._reason()})
            async with asyncio.timeout(self._wait_seconds), self._first:
                while not await self._has_room():  # nothing announces free memory
                    await asyncio.sleep(LOOK_SECONDS)
                    check()
        except TimeoutError:
            raise KernelLimitReached(self._reason(), self._wait_seconds) from None
        finally:
            self._waiting -= 1

    async def _has_room(self) -> bool:
        """Return whether there is room, and make some if there is none.

        Memory may be short for a moment only, and what an ended kernel gives back shows later:
        for its sake one kernel is ended a look, and none that can't be rebuilt.
        """
        while not self._limit.has_number(self._count()[0]):
            if not await self._make_room(rebuilt_only=False):
                return False
        if self._limit.allows(*self._count(), read_memory()):
            return True
        made = await self._make_room(rebuilt_only=True)
        return made and self._limit.allows(*self._count(), read_memory())

    def _reason(self) -> str:
        return self._limit.words(self._count()[0])
