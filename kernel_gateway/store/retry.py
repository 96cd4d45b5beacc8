"""The database retry: repeats work while the database is unavailable, as during a failover."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kernel_gateway.errors import DatabaseUnavailable

T = TypeVar("T")
AGAIN_SECONDS = 0.5
RETRY_SECONDS = 60.0


class DatabaseRetry:
    """Retries work that must not be lost while the database is unavailable."""

    def __init__(self, seconds: float = RETRY_SECONDS) -> None:
        """Retry for up to *seconds*; ``math.inf`` retries without limit."""
        self.seconds = seconds

    def end(self) -> None:
        """Stop retrying: the service stops."""
        self.seconds = -math.inf

    async def until_it_answers(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return the result of *work*; repeat it while it raises `DatabaseUnavailable`.

        Raises:
            DatabaseUnavailable: The database was unavailable for too long.
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
"""Retries without limit, for tasks that are cancelled when the service stops."""
