"""Public keys of access tokens, fetched from a JWKS endpoint and kept through its outages."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from http.client import HTTPException
from typing import Any

import jwt

from kernel_gateway.errors import KeysUnavailable, TokenWrong

log = logging.getLogger("tallybook.identity")
FETCH_SECONDS = 10.0
"""Timeout of a request to the endpoint."""
WAIT_SECONDS = 1.0
"""How long a token whose key is known waits for a newer set."""
KEPT_SECONDS = 86_400.0
"""How long keys are valid while they can't be refreshed: a revoked key must not last for ever."""


class PublishedKeys:
    """The keys of one JWKS endpoint.

    They are fetched when a token first needs one, when they are older than *seconds*, and when
    a token names an unknown key. While the endpoint is unavailable the fetched keys stay valid.
    """

    def __init__(self, url: str, *, seconds: float, pause_seconds: float) -> None:
        """Create the key set; nothing is fetched yet.

        Args:
            url: Address of the key set, http or https.
            seconds: Age from which keys are fetched again.
            pause_seconds: Pause before the next fetch after a failure or an unknown key, which
                may be a new key or an attack.
        """
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_SECONDS)
        self._url, self._seconds, self._pause = url, seconds, pause_seconds
        self._keys: dict[str, Any] = {}
        self._fetched = self._started = self._not_before = -math.inf
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> Any:
        """Return the key named *kid*.

        Raises:
            TokenWrong: The endpoint publishes no such key.
            KeysUnavailable: The endpoint gives no keys, and this one was not fetched before.
        """
        known = kid in self._keys
        if known and self._age() < self._seconds:
            return self._keys[kid]
        asked = self._fetching is not None or time.monotonic() >= self._not_before
        if asked:
            await self._refresh(known=known)
        if kid in self._keys and self._age() < max(KEPT_SECONDS, self._seconds):
            return self._keys[kid]
        now = time.monotonic()
        if self._failed:
            raise KeysUnavailable(max(1, math.ceil(self._not_before - now)))
        if asked:
            self._not_before = now + self._pause
        raise TokenWrong

    def _age(self) -> float:
        return time.monotonic() - self._fetched

    async def _refresh(self, *, known: bool) -> None:
        """Fetch the keys, once for all callers; wait only `WAIT_SECONDS` if the key is *known*."""
        now = time.monotonic()
        if self._fetching is None:
            self._started = now
            self._fetching = asyncio.create_task(self._fetch())
        left = max(0.0, self._started + WAIT_SECONDS - now) if known else None
        await asyncio.wait({self._fetching}, timeout=left)

    async def _fetch(self) -> None:
        try:
            found = await asyncio.to_thread(self._client.get_signing_keys)
        except (jwt.PyJWTError, HTTPException, OSError, ValueError) as error:
            log.warning("no keys of access tokens from %s: %s", self._url, error)
            self._failed = True
            self._not_before = time.monotonic() + self._pause
        else:
            self._keys = {str(key.key_id): key.key for key in found}
            self._fetched, self._failed = time.monotonic(), False
        finally:
            self._fetching = None
