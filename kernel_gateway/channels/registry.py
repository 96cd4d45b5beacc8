"""The kernel channels of all paths that Jupyter clients use."""

from __future__ import annotations

import asyncio

from agent.egress.policy import Policies
from kernel_gateway.channels.cursors import Cursors
from kernel_gateway.channels.kernel_channels import KernelChannels
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey
from kernel_gateway.store.audit import Audit
from kernel_gateway.store.jupyter import JupyterRows
from kernel_gateway.turns.queue import Turns


class ChannelsRegistry:
    """One `KernelChannels` per path, created for its first Jupyter client."""

    def __init__(
        self,
        contexts: ExecutionContextManager,
        events: EventLog,
        turns: Turns,
        rows: JupyterRows,
        audit: Audit,
        policies: Policies,
    ) -> None:
        self._contexts, self._events, self._turns = contexts, events, turns
        self._rows, self._audit, self._policies = rows, audit, policies
        self._channels: dict[PathKey, KernelChannels] = {}
        contexts.on_start.append(self._follow)
        contexts.on_forget.append(self.forget)

    async def _follow(self, path: OpenPath) -> None:
        kernel_channels, late = self._channels.get(path.key), False
        if kernel_channels is None and not path.new and await self._had_clients(path.key):
            kernel_channels, late = self._kernel_channels(path), True
        if kernel_channels is not None:
            await kernel_channels.follow(path, late=late)

    async def _had_clients(self, key: PathKey) -> bool:
        """Whether an earlier run of the service had Jupyter clients on this path."""
        return bool(await self._rows.cursors(key, 1))

    def _kernel_channels(self, path: OpenPath) -> KernelChannels:
        key, path.has_clients = path.key, True
        if key not in self._channels:
            cursors = Cursors(self._rows, key)
            self._channels[key] = KernelChannels(
                key,
                self._contexts,
                self._events,
                self._turns,
                cursors,
                self._audit,
                self._policies.of(key.tenant).client,
            )
        return self._channels[key]

    async def get(self, key: PathKey) -> KernelChannels:
        """Return the kernel channels of a path, connected to its kernel if it has one."""
        path = await self._contexts.open(key)
        kernel_channels = self._kernel_channels(path)
        if not path.new:
            await kernel_channels.cursors.load()
        path.new = False  # from here on, clients' messages and cursors are stored
        await kernel_channels.follow(path)
        return kernel_channels

    def known(self, key: PathKey) -> KernelChannels | None:
        """Return the kernel channels of a path, or ``None`` if no Jupyter client has used it."""
        return self._channels.get(key)

    async def forget(self, key: PathKey) -> None:
        """Drop the kernel channels of an unused path, or of one whose kernel ended for good."""
        if kernel_channels := self._channels.pop(key, None):
            await kernel_channels.aclose()
            await kernel_channels.cursors.aclose()

    async def aclose(self) -> None:
        """Disconnect from every kernel; clients still get the stored events."""
        await asyncio.gather(
            *(kernel_channels.aclose() for kernel_channels in self._channels.values())
        )

    async def store_cursors(self) -> None:
        """Store every client's cursor; call it after the last event was sent."""
        await asyncio.gather(
            *(kernel_channels.cursors.aclose() for kernel_channels in self._channels.values())
        )
