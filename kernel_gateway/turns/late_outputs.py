"""What a thread prints after its cell has ended, guarded like any output, on its way to clients."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from agent.cells.leaving import LeavingOutputs
from agent.egress.policy import Action
from kernel_gateway.errors import ConversationDeleted, DatabaseUnavailable
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey

QUIET_SECONDS = 1.0
"""After this long without more, what the guard holds back goes out: nothing says that a thread has
printed its last."""
MOST_CELLS = 100


class LateSender:
    """Emits the late outputs of one kernel; see `container.kernel.late_outputs.OnLateOutput`."""

    def __init__(self, events: EventLog, key: PathKey, actions: Mapping[str, Action]) -> None:
        """Emit to *events* of the path *key*; *actions*: kind → action towards clients."""
        self._events, self._key, self._actions = events, key, actions
        self._cells: dict[str, LeavingOutputs] = {}
        self._flushes: dict[str, asyncio.Task[None]] = {}

    async def __call__(self, cell: str, output: Mapping[str, Any]) -> None:
        """Emit what may go out now that *output* of *cell* has come."""
        if (leaving := self._cells.get(cell)) is None:
            if len(self._cells) >= MOST_CELLS:
                await self._flush(next(iter(self._cells)))
            leaving = self._cells[cell] = LeavingOutputs(self._actions)
        await self._emit(cell, await leaving.take(output))
        if (flush := self._flushes.pop(cell, None)) is not None:
            flush.cancel()
        if not leaving.open:
            self._flushes[cell] = asyncio.create_task(self._flush_later(cell))

    async def _flush_later(self, cell: str) -> None:
        await asyncio.sleep(QUIET_SECONDS)
        self._flushes.pop(cell, None)
        await self._flush(cell)

    async def _flush(self, cell: str) -> None:
        """Emit what is held back of *cell*, and what was found in it."""
        if (leaving := self._cells.pop(cell, None)) is None:
            return
        await self._emit(cell, leaving.rest())
        if found := leaving.findings():
            await self._append("output.redacted", towards="client", cell=cell, findings=found)

    async def _emit(self, cell: str, outputs: list[Mapping[str, Any]]) -> None:
        for each in outputs:
            await self._append("cell.output", cell=cell, output=dict(each), late=True)

    async def _append(self, kind: str, **facts: Any) -> None:
        with contextlib.suppress(DatabaseUnavailable, ConversationDeleted):
            await self._events.append(self._key, kind, facts, None, wait=False)
