"""Runs work once for concurrent callers with the same key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SingleFlight(Generic[K, T]):
    """Running tasks by key."""

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Task[T]] = {}

    async def join(self, key: K, work: Callable[[K], Coroutine[Any, Any, T]]) -> T:
        """Return the result of *work* for *key*; join a running task or start one.

        A cancelled caller does not cancel the task. If the task raises, every caller raises.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(work(key))
            flight.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(flight)

    def _landed(self, key: K, flight: asyncio.Task[T]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # mark it as retrieved: every caller may have been cancelled

    @property
    def flights(self) -> list[asyncio.Task[T]]:
        """The running tasks."""
        return list(self._flights.values())
