"""Each Jupyter client's position in a path's event log, stored in the database."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict

from kernel_gateway.errors import GatewayError
from kernel_gateway.ids import PathKey
from kernel_gateway.store.jupyter import JupyterRows

MOST_REMEMBERED = 1000
SAVE_SECONDS = 0.05
"""Shortest time between two writes; after a crash, later events may be sent twice."""


class Cursors:
    """The cursors of one path by session id; the `MOST_REMEMBERED` last used are kept."""

    def __init__(self, rows: JupyterRows, key: PathKey) -> None:
        self._rows, self._key = rows, key
        self._at: OrderedDict[str, int] = OrderedDict()
        self._changed: dict[str, int] = {}
        self._saving: asyncio.Task[None] | None = None
        self._loading = asyncio.Lock()
        self._loaded = self._closed = False

    async def load(self) -> None:
        """Read the stored cursors, once."""
        async with self._loading:
            if not self._loaded:
                self._at.update(await self._rows.cursors(self._key, MOST_REMEMBERED))
                self._loaded = True

    def get(self, session_id: str) -> int | None:
        """Return the number of the last event that was sent; ``None`` for a new client."""
        return self._at.get(session_id)

    def set(self, session_id: str, seq: int) -> None:
        """Note that event *seq* was sent; stored within `SAVE_SECONDS`."""
        self._at[session_id] = self._changed[session_id] = seq
        self._at.move_to_end(session_id)
        while len(self._at) > MOST_REMEMBERED:
            self._at.popitem(last=False)
        if not self._closed and (self._saving is None or self._saving.done()):
            self._saving = asyncio.create_task(self._save_soon())

    async def _save_soon(self) -> None:
        while self._changed:
            with contextlib.suppress(GatewayError):  # then a client gets some events twice
                await self._save()
            await asyncio.sleep(SAVE_SECONDS)

    async def _save(self) -> None:
        changed, self._changed = self._changed, {}
        await self._rows.save_cursors(self._key, changed)

    async def aclose(self) -> None:
        """Store the changed cursors; later changes are not stored."""
        self._closed = True
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.gather(self._saving, return_exceptions=True)
        with contextlib.suppress(GatewayError):
            await self._save()
