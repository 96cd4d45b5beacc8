"""Rate limits: of requests per user, and of wrong tokens per address."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable

from kernel_gateway.errors import RateLimited, TooManyFailedTokens
from kernel_gateway.identity.auth import Identity

MOST_USERS = 100_000
MOST_ADDRESSES = 10_000


class TokenBuckets:
    """A token bucket for each key; it holds the tokens of one minute."""

    def __init__(self, per_minute: int, most: int) -> None:
        """Start with every bucket full.

        Args:
            per_minute: Capacity of a bucket, and its refill per minute; 0 for no limit.
            most: Most buckets kept; the least recently used one is dropped first.
        """
        self.per_minute, self._most = per_minute, most
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def wait(self, key: Hashable) -> int:
        """Return the whole seconds until the bucket of *key* has a token; 0 if it has one."""
        left = self._left(key, time.monotonic())
        return 0 if left >= 1 else max(1, math.ceil((1 - left) * 60 / self.per_minute))

    def take(self, key: Hashable) -> int:
        """Take a token from the bucket of *key* if it has one; return `wait` as of before."""
        now = time.monotonic()
        wait, left = self.wait(key), self._left(key, now)
        if self.per_minute:
            self._buckets.pop(key, None)
            if len(self._buckets) >= self._most:
                self._buckets.pop(next(iter(self._buckets)))
            self._buckets[key] = (left if wait else left - 1, now)
        return wait

    def _left(self, key: Hashable, now: float) -> float:
        if not self.per_minute:
            return math.inf
        left, at = self._buckets.get(key, (float(self.per_minute), now))
        return min(left + (now - at) * self.per_minute / 60, float(self.per_minute))


class RateLimits:
    """Counts requests per user."""

    def __init__(self, per_minute: int) -> None:
        self._buckets = TokenBuckets(per_minute, MOST_USERS)

    def take(self, who: Identity) -> None:
        """Count one request of *who*.

        Raises:
            RateLimited: There were too many; has the seconds to wait.
        """
        if wait := self._buckets.take((who.tenant, who.user)):
            raise RateLimited(self._buckets.per_minute, wait)


class FailedTokens:
    """Counts wrong access tokens per address."""

    def __init__(self, per_minute: int) -> None:
        self._buckets = TokenBuckets(per_minute, MOST_ADDRESSES)

    def exhausted(self, address: str) -> bool:
        """Whether *address* has used up its wrong tokens for now."""
        return self._buckets.wait(address) > 0

    def take(self, address: str) -> None:
        """Count one wrong token from *address*.

        Raises:
            TooManyFailedTokens: There were too many; has the seconds to wait.
        """
        if wait := self._buckets.take(address):
            raise TooManyFailedTokens(self._buckets.per_minute, wait)
