"""The relays of all paths that Jupyter clients use."""

from __future__ import annotations

import asyncio

from kernel_gateway.channels.cursors import Cursors
from kernel_gateway.channels.kernel_channels import KIND, KernelRelay
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey
from kernel_gateway.store.audit import Audit
from kernel_gateway.store.jupyter import JupyterRows
from kernel_gateway.turns.queue import Turns


class Relays:
    """One relay per path, from its first Jupyter client on."""

    def __init__(
        self,
        contexts: ExecutionContextManager,
        events: EventLog,
        turns: Turns,
        rows: JupyterRows,
        audit: Audit,
        *,
        output_bytes: int,
    ) -> None:
        self._contexts, self._events, self._turns = contexts, events, turns
        self._rows, self._audit = rows, audit
        self._output_bytes = output_bytes
        self._relays: dict[PathKey, KernelRelay] = {}
        contexts.on_start.append(self._follow)
        contexts.on_forget.append(self.forget)

    async def _follow(self, path: OpenPath) -> None:
        relay, late = self._relays.get(path.key), False
        if relay is None and await self._events.containing(path.key, KIND, "", limit=1):
            relay, late = self._relay(path.key), True  # an earlier run of the service had one
        if relay is not None:
            await relay.follow(path, late=late)

    def _relay(self, key: PathKey) -> KernelRelay:
        if key not in self._relays:
            cursors = Cursors(self._rows, key)
            self._relays[key] = KernelRelay(
                key,
                self._contexts,
                self._events,
                self._turns,
                cursors,
                self._audit,
                self._output_bytes,
            )
        return self._relays[key]

    async def get(self, key: PathKey) -> KernelRelay:
        """Return the relay of a path; it follows the kernel, if there is one."""
        path = await self._contexts.open(key)
        relay = self._relay(key)
        await relay.cursors.load()
        await relay.follow(path)
        return relay

    def known(self, key: PathKey) -> KernelRelay | None:
        """Return the relay of a path, if a Jupyter client has used it."""
        return self._relays.get(key)

    async def forget(self, key: PathKey) -> None:
        """Drop the relay of a path that nobody uses, or whose kernel was ended for good."""
        if relay := self._relays.pop(key, None):
            await relay.aclose()
            await relay.cursors.aclose()

    async def aclose(self) -> None:
        """Stop every relay; its clients are still sent what is stored."""
        await asyncio.gather(*(relay.aclose() for relay in self._relays.values()))

    async def store_cursors(self) -> None:
        """Store how far each client was sent the log, once nobody is sent any more."""
        await asyncio.gather(*(relay.cursors.aclose() for relay in self._relays.values()))
