"""Runs work to its end even if its caller is cancelled."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Await *work*; a cancellation takes effect only once *work* has ended.

    A file write or query cancelled halfway would leave its file or connection in use.
    """
    return await _whole(asyncio.create_task(work))


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call *work* in a thread; a cancellation takes effect only once it has returned."""
    call = functools.partial(work, *args, **kwargs)
    return await _whole(asyncio.get_running_loop().run_in_executor(None, call))


async def _whole(work: asyncio.Future[T]) -> T:
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        raise
