"""This node's membership in the cluster: its heartbeat, and the conversations it owns."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection

from kernel_gateway.errors import DatabaseUnavailable, OwnershipLost
from kernel_gateway.single_flight import SingleFlight
from kernel_gateway.store.nodes import Nodes

RENEWALS = 6
"""Heartbeats per timeout, the time without one after which a node counts as dead."""
AT_ONCE = 100
log = logging.getLogger("tallybook.cluster")
TakeOver = Callable[[str], Awaitable[None]]


async def _leave_as_it_is(conversation: str) -> None:
    log.debug("%s is not recovered: this node has not joined", conversation)


class Membership:
    """Which conversations this node owns, and which nodes own the others.

    A node without a successful heartbeat for two thirds of the timeout sets `lost`. Its process
    must then end at once, before another node takes over and writes to the same places.

    Source: leases as in Gray and Cheriton, "Leases: an efficient fault-tolerant mechanism
    for distributed file cache consistency", SOSP 1989.
    """

    def __init__(self, nodes: Nodes, timeout_seconds: float) -> None:
        """Create the membership; `join` starts it.

        Args:
            nodes: The rows all nodes share.
            timeout_seconds: Seconds without a heartbeat after which a node counts as dead.
        """
        self.nodes, self._timeout_seconds = nodes, timeout_seconds
        self._take_over: TakeOver = _leave_as_it_is
        self._renewed = time.monotonic()
        self._claims: SingleFlight[str, str | None] = SingleFlight()
        self._tasks: list[asyncio.Task[None]] = []
        self.on_living: Callable[[Collection[str]], None] = lambda urls: None
        """Called at every check with the addresses of the living nodes."""
        self.owned: set[str] = set()
        self._unrecovered: set[str] = set()
        self.lost = asyncio.Event()

    async def join(self, url: str, take_over: TakeOver) -> frozenset[str]:
        """Register the node, start its heartbeat and take over abandoned conversations.

        Args:
            url: Address under which the other nodes reach this one.
            take_over: Awaited with each conversation this node has just become the owner of;
                recovers its unfinished work.

        Returns:
            The conversations this node name already owned.
        """
        self._take_over = take_over
        self._renewed = time.monotonic()
        await self.nodes.register(url)
        owned = await self.nodes.owned()
        heart, looking = asyncio.create_task(self._beat()), asyncio.create_task(self._look())
        heart.add_done_callback(self._heart_stopped)
        self._tasks = [heart, looking]
        return owned

    async def elsewhere(self, conversation: str) -> str | None:
        """Return the address of the node that owns the conversation.

        A conversation without a living owner is taken over and recovered first.

        Returns:
            ``None`` if this node owns it, or it doesn't exist.

        Raises:
            OwnershipLost: The other nodes count this one as dead.
            DatabaseUnavailable: The owner can't be looked up.
        """
        if self.lost.is_set() or self._left() <= 0:
            raise OwnershipLost
        if conversation in self.owned:
            return None
        return await self._claims.join(conversation, self._claim)

    async def _claim(self, conversation: str) -> str | None:
        claim = await self.nodes.claim(conversation)
        if claim is None or claim.url is not None:
            return claim.url if claim is not None else None
        if claim.taken:
            self._unrecovered.add(conversation)
        if conversation in self._unrecovered:  # also after an earlier recovery failed
            await self._take_over(conversation)
            self._unrecovered.discard(conversation)
        self.owned.add(conversation)
        return None

    def forget(self, conversation: str) -> None:
        """Forget a conversation that was deleted."""
        self.owned.discard(conversation)

    def _heart_stopped(self, heart: asyncio.Task[None]) -> None:
        if not heart.cancelled():
            self.lost.set()

    def _left(self) -> float:
        """Return the seconds until this node must count itself as lost."""
        return self._renewed + self._timeout_seconds * 2 / 3 - time.monotonic()

    async def _beat(self) -> None:
        """Renew the heartbeat until that fails for too long; the node is lost when this ends."""
        while self._left() > 0:
            await asyncio.sleep(self._timeout_seconds / RENEWALS)
            began = time.monotonic()
            with contextlib.suppress(DatabaseUnavailable, TimeoutError):
                async with asyncio.timeout(max(self._left(), 0.0)):
                    if not await self.nodes.renew():
                        break
                    self._renewed = began
        log.error("this node could not say that it lives: others serve its conversations")

    async def _look(self) -> None:
        """Take over unfinished conversations without a living owner; report the living nodes."""
        while True:
            await asyncio.sleep(self._timeout_seconds / RENEWALS)
            try:
                self.on_living(await self.nodes.living())
                abandoned = await self.nodes.abandoned(AT_ONCE)
            except DatabaseUnavailable as error:
                log.warning("abandoned conversations can't be looked for: %s", error)
                continue
            for conversation in abandoned:
                await self._look_after(conversation)

    async def _look_after(self, conversation: str) -> None:
        try:
            if await self.elsewhere(conversation) is None:
                log.info("conversation %s taken over", conversation)
        except Exception:  # one failure must not block the others
            log.exception("conversation %s could not be taken over", conversation)

    async def rest(self) -> None:
        """Stop the heartbeat and take over nothing more."""
        tasks = [*self._claims.flights, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def leave(self) -> None:
        """Release every conversation, so that other nodes can serve them."""
        with contextlib.suppress(DatabaseUnavailable):
            await self.nodes.leave()
