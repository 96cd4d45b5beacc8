"""What is asked while calls are made: may this address be called, which nobody knew before?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from agent.permission.fetch import question
from agent.permission.network import Address, Target
from agent.ports import Approver, PermissionRequest
from notebooks.record.shielded import shielded

MOST_QUESTIONS = 5
"""Of one cell: more would teach its user to say yes to anything."""
NO_REPLY = "no reply came in time"
SAID_NO = "the user said no"


class Questions:
    """The questions of one running cell, one at a time.

    Attributes:
        waiting: How many of its calls wait for a reply.
    """

    def __init__(
        self,
        approver: Approver,
        untimed: Callable[[], AbstractContextManager[None]],
        once: list[Target],
        asked: Callable[[Target, str, int], PermissionRequest] = question,
    ) -> None:
        """Ask *approver*.

        Args:
            approver: Asks the user.
            untimed: While a question waits, the cell's time does not run.
            once: Takes what is allowed for this cell alone.
            asked: Words the request, given the target, the whole URL and the body's size.
        """
        self._asked_as = asked
        self._approver, self._untimed, self._once = approver, untimed, once
        self._one = asyncio.Lock()
        self._asked = 0
        self._refused: dict[Target, str] = {}
        self.waiting = 0

    async def ask(
        self,
        target: Target,
        address: Address,
        body_bytes: int,
        allowed: Callable[[], Awaitable[bool]],
    ) -> str | None:
        """Ask whether *target* may be called; return ``None`` if so, else why not.

        What was refused in this cell is not asked again.

        Args:
            target: The method and the address without its query.
            address: The whole address, to be shown.
            body_bytes: Size of what would be sent along.
            allowed: Whether an earlier reply has allowed it meanwhile.
        """
        self.waiting += 1
        try:
            with self._untimed():
                async with self._one:
                    if await allowed():
                        return None
                    given = await self._approver.granted([target.capability])
                    if given is not None:
                        if given.grant is None:  # the user's own code: typing it is the reply
                            self._once.append(target)
                        return None
                    if (why := self._refused.get(target)) is not None:
                        return why
                    if self._asked >= MOST_QUESTIONS:
                        return f"this cell has asked for {MOST_QUESTIONS} addresses already"
                    self._asked += 1
                    return await self._reply(target, address, body_bytes)
        finally:
            self.waiting -= 1

    async def _reply(self, target: Target, address: Address, body_bytes: int) -> str | None:
        request = self._asked_as(target, address.url, body_bytes)
        try:
            decision = await self._approver.ask(request)
        except asyncio.CancelledError:  # the cell has ended
            await shielded(self._approver.withdraw(request))
            raise
        if decision.allowed:
            if decision.decision == "once":
                self._once.append(target)
            return None
        self._refused[target] = NO_REPLY if decision.decision == "timeout" else SAID_NO
        return self._refused[target]
