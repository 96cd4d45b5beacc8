"""A database that is away for a moment, as in a failover, costs nobody anything."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kernel_gateway.errors import DatabaseUnavailable

T = TypeVar("T")
AGAIN_SECONDS = 0.5
PATIENCE_SECONDS = 60.0


class DatabaseRetry:
    """How long what must not be lost waits for a database that is away."""

    def __init__(self, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait for up to *seconds*; ``math.inf`` waits for as long as it takes."""
        self.seconds = seconds

    def end(self) -> None:
        """Wait no longer: the service stops."""
        self.seconds = -math.inf

    async def until_it_answers(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return what *work* does; while the database is away, do it again.

        Raises:
            DatabaseUnavailable: It was away for too long.
        """
        time = asyncio.get_running_loop().time
        began = time()
        while True:
            try:
                return await work()
            except DatabaseUnavailable:
                if time() - began >= self.seconds:
                    raise
            await asyncio.sleep(AGAIN_SECONDS)


ENDLESS = DatabaseRetry(math.inf)
"""For what nothing else can be done about; whoever waits is cancelled at the end."""
