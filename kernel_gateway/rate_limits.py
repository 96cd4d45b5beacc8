"""How many requests a user may send: a token bucket each."""

from __future__ import annotations

import math
import time

from kernel_gateway.auth import Identity
from kernel_gateway.errors import RateLimited

MOST_USERS = 100_000


class RateLimits:
    """Counts requests per user; a minute's worth may come at once."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def take(self, who: Identity) -> None:
        """Count one request of *who*.

        Raises:
            RateLimited: There were too many; it says when to go on.
        """
        if not self._per_minute:
            return
        now, key = time.monotonic(), (who.tenant, who.user)
        left, at = self._buckets.pop(key, (float(self._per_minute), now))
        rate = self._per_minute / 60
        left = min(left + (now - at) * rate, float(self._per_minute))
        if len(self._buckets) >= MOST_USERS:
            self._buckets.pop(next(iter(self._buckets)))  # whoever was quiet for longest
        if left < 1:
            self._buckets[key] = (left, now)
            raise RateLimited(self._per_minute, max(1, math.ceil((1 - left) / rate)))
        self._buckets[key] = (left - 1, now)
