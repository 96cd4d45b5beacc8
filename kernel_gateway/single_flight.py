"""Work that many ask for at once is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SingleFlight(Generic[K, T]):
    """The work under way, by what it is about."""

    def __init__(self) -> None:
        self._flights: dict[K, asyncio.Task[T]] = {}

    async def join(self, key: K, work: Callable[[K], Coroutine[Any, Any, T]]) -> T:
        """Return what *work* does about *key*, begun now or already under way.

        A caller that is cancelled leaves it to the others; what it raises all of them hear.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(work(key))
            flight.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(flight)

    def _landed(self, key: K, flight: asyncio.Task[T]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # told to whoever waits, if somebody still does

    @property
    def flights(self) -> list[asyncio.Task[T]]:
        """The work under way."""
        return list(self._flights.values())
