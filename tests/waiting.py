"""Wait for what a test expects, no longer than it takes, and say what never came."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
LONGEST = 60.0
"""Seconds: no promise is about them. They only end a test that would wait for ever."""
BETWEEN = 0.02


class NeverHappened(AssertionError):
    """What a test waited for did not come."""

    def __init__(self, what: str, seconds: float, last: object) -> None:
        super().__init__(f"in {seconds:g} s it never happened that {what}; last seen: {last!r}")


async def eventually(
    what: str, look: Callable[[], T | Awaitable[T]], seconds: float = LONGEST
) -> T:
    """Look again and again until what is seen is true, and return it.

    Args:
        what: What is waited for, as a sentence: "the kernel ends".
        look: Returns, or awaits, what is seen now.
        seconds: When to give up.

    Raises:
        NeverHappened: It names what was waited for and what was seen last.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if inspect.isawaitable(seen):
            seen = await seen
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise NeverHappened(what, seconds, seen)
        await asyncio.sleep(BETWEEN)


def eventually_now(what: str, look: Callable[[], T], seconds: float = LONGEST) -> T:
    """Wait as `eventually` does, where no event loop runs or none may."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise NeverHappened(what, seconds, seen)
        time.sleep(BETWEEN)
    return seen
