"""Outputs of cells that have ended, such as those of a thread that is still printing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from container.kernel.outputs import output_of
from container.messages import KernelMessage

OnLateOutput = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Receives the ``msg_id`` of the cell and the output. Must not raise."""
REMEMBERED = 1000
LEFT_OUT = (
    "[What was printed after this cell had ended is left out from here on: it is too much.]\n"
)


class LateOutputs:
    """Passes on the outputs of ended cells, up to a limit for all of one kernel together."""

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._cells: OrderedDict[str, None] = OrderedDict()
        self.on_output: OnLateOutput | None = None

    def expect(self, cell: str) -> None:
        """Remember that *cell* runs in the kernel; the oldest of `REMEMBERED` is forgotten."""
        self._cells[cell] = None
        if len(self._cells) > REMEMBERED:
            self._cells.popitem(last=False)

    async def receive(self, message: KernelMessage) -> None:
        """Pass *message* on if it is an output of a cell that has ended."""
        cell = str(message["parent_header"].get("msg_id"))
        if self.on_output is None or self._left <= 0 or cell not in self._cells:
            return
        if (output := output_of(message)) is None:
            return
        self._left -= len(str(message["content"]))
        if self._left <= 0:
            output = {"output_type": "stream", "name": "stderr", "text": LEFT_OUT}
        await self.on_output(cell, output)
