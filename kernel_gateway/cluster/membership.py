"""This gateway among those it shares the database with: alive, and the owner of what it serves."""

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
"""How often a node says that it lives, per time after which it is held for dead."""
AT_ONCE = 100
log = logging.getLogger("tallybook.cluster")
TakeOver = Callable[[str], Awaitable[None]]


async def _leave_as_it_is(conversation: str) -> None:
    log.debug("%s is not recovered: this node has not joined", conversation)


class Membership:
    """Which conversations are this node's, and where the others are.

    A node that can't say that it lives for two thirds of the time after which the others
    hold it for dead counts itself out: `lost` is set, and its process has to end at once,
    before anybody else writes where it writes.

    Source: leases as in Gray and Cheriton, "Leases: an efficient fault-tolerant mechanism
    for distributed file cache consistency", SOSP 1989.
    """

    def __init__(self, nodes: Nodes, timeout_seconds: float) -> None:
        """Describe the membership; `join` begins it.

        Args:
            nodes: The rows all nodes share.
            timeout_seconds: After so long without a word a node is held for dead.
        """
        self.nodes, self._timeout_seconds = nodes, timeout_seconds
        self._take_over: TakeOver = _leave_as_it_is
        self._renewed = time.monotonic()
        self._claims: SingleFlight[str, str | None] = SingleFlight()
        self._tasks: list[asyncio.Task[None]] = []
        self.on_living: Callable[[Collection[str]], None] = lambda urls: None
        """Hears again and again the addresses of the nodes that live."""
        self.owned: set[str] = set()
        self._unrecovered: set[str] = set()
        self.lost = asyncio.Event()

    async def join(self, url: str, take_over: TakeOver) -> frozenset[str]:
        """Enter the node and begin to look after what is abandoned.

        Args:
            url: Where the others reach it.
            take_over: Awaited with a conversation that has just become this node's: recovers
                what its former owner left.

        Returns:
            The conversations it owned under its name before.
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
        """Return the address of the node whose conversation it is; ``None`` if it is ours.

        One without a living owner becomes ours, with all that its last one left. One that
        doesn't exist is nobody's: ``None``.

        Raises:
            OwnershipLost: The others hold this node for dead.
            DatabaseUnavailable: Nobody can tell.
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
        if conversation in self._unrecovered:  # or was left so when the database went away
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
        """Return for how many seconds this node may still count itself in."""
        return self._renewed + self._timeout_seconds * 2 / 3 - time.monotonic()

    async def _beat(self) -> None:
        """Say that this node lives, until it can't: whatever ends this, the node is lost."""
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
        """Take over what has no living owner but work to settle; tell of who lives."""
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
        except Exception:  # one of them must not keep the others
            log.exception("conversation %s could not be taken over", conversation)

    async def rest(self) -> None:
        """Take nothing over any more."""
        tasks = [*self._claims.flights, *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def leave(self) -> None:
        """Give every conversation free: the others serve them from now on."""
        with contextlib.suppress(DatabaseUnavailable):
            await self.nodes.leave()
