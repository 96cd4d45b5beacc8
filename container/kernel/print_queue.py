"""Keep a Deno cell's ``idle`` back until all that the cell printed has arrived.

Deno's kernel puts printed text in a queue of its own and publishes it from another task. It
waits 5 ms after a cell before it publishes ``idle``, which a long queue or a busy machine
outlasts: text would arrive after the cell had ended, or be taken for the next cell's. So print
a marker once the cell has ended: the queue keeps the order, and all text of the cell is before
the marker.

Source: Deno, ``cli/tools/jupyter/server.rs``, ``handle_stdio_msg``.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Any

from container.kernel.client import KernelClient
from container.kernel.execute_request import execute_request
from container.messages import KernelMessage

PRINT = "__tallybook_print"
DEFINE_PRINT = f"Object.defineProperty(globalThis, '{PRINT}', {{value: console.log.bind(console)}})"
"""Run before the first cell, so that a cell that replaces ``console`` changes nothing here."""
MOST_MARKERS = 20
"""Markers printed in vain, with no text between them, before the cell's ``idle`` is passed on."""
REMEMBERED = 1000


class PrintQueue:
    """Reorders one kernel's iopub messages."""

    def __init__(self) -> None:
        self._marker = secrets.token_hex(16)
        self._idle: KernelMessage | None = None
        self._markers_left = 0
        self._cells: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def receive(
        self, message: KernelMessage, cell: str | None, client: KernelClient
    ) -> KernelMessage | None:
        """Return the message to pass on in place of *message*, if there is one.

        Args:
            message: The next one from the kernel.
            cell: ``msg_id`` of the running cell.
            client: Prints the marker.

        Returns:
            *message*; or with the parent it should have; or the ``idle`` kept back.
        """
        parent = str(message["parent_header"].get("msg_id"))
        idle = message["content"].get("execution_state") == "idle"
        if idle and parent == cell:
            self._idle, self._markers_left = message, MOST_MARKERS
            self._print_marker(client, message["parent_header"])
            return None
        if (printer := self._cells.get(parent)) is None:
            return message
        kind = message["header"]["msg_type"]
        if kind == "stream" and self._marker in str(message["content"].get("text")):
            return self._take_idle()
        if kind not in ("status", "execute_input"):  # it waited in the queue
            self._markers_left = MOST_MARKERS
            return {**message, "parent_header": printer}
        if idle and self._idle is not None and parent == next(reversed(self._cells)):
            if self._markers_left == 0:
                return self._take_idle()
            self._print_marker(client, printer)
        return None

    def _take_idle(self) -> KernelMessage | None:
        idle, self._idle = self._idle, None
        return idle

    def _print_marker(self, client: KernelClient, cell: dict[str, Any]) -> None:
        self._markers_left -= 1
        code = f"{PRINT}('{self._marker}')"
        request = execute_request(client.session, code, silent=True, message_id=None)
        asked = str(request["header"]["msg_id"])
        self._cells[asked] = cell
        if len(self._cells) > REMEMBERED:
            self._cells.popitem(last=False)
        client.expect("execute_reply", asked, lambda _: None)
        client.send(request)
