"""Publishes what a kernel sent about its last cell while no service ran: in order, and once."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from kernel_gateway.channels import synthetic_messages as answers
from kernel_gateway.channels.views import messages_in
from kernel_gateway.channels.wire_format import Message


class CatchUp:
    """Publishes a cell's record, as the kernel's owner kept it.

    See `container.kernel.execute_reply.RecordListener`.

    Attributes:
        cell: ``msg_id`` of the cell's ``execute_request``.
        complete: The event log has the cell's end.
        begun: The event log has at least one of the cell's messages.
    """

    def __init__(
        self,
        cell: str,
        stored: Sequence[tuple[str, str]],
        publish: Callable[[Message], Awaitable[None]],
        answer: Callable[[Message], None],
    ) -> None:
        """Read which of the cell's messages the event log has.

        Args:
            cell: The ``msg_id``.
            stored: Kind and data, as JSON text, of events that may be about the cell.
            publish: Appends a message to the event log.
            answer: Delivers a reply to the client that asked.
        """
        self.cell = cell
        self._publish, self._answer = publish, answer
        self._known: set[str] = set()
        self._parent: Mapping[str, Any] = {}
        self.complete = False
        messages = (m for kind, text in stored for m in messages_in(kind, json.loads(text)))
        for message in messages:
            if self.is_about(message):
                self._known.add(message["header"]["msg_id"])
                self.complete |= message["content"].get("execution_state") == "idle"

    @property
    def begun(self) -> bool:
        """Whether any of the cell's messages was published before."""
        return bool(self._known)

    def is_about(self, message: Mapping[str, Any]) -> bool:
        """Whether *message* belongs to the cell, and is therefore in its record."""
        return bool(message["parent_header"].get("msg_id") == self.cell)

    async def message(self, message: Message) -> None:
        """Publish one of the cell's messages, unless it was published before."""
        self._parent = message["parent_header"]
        if message["header"]["msg_id"] not in self._known:
            await self._publish({**message, "channel": "iopub"})

    async def reply(self, content: Mapping[str, Any]) -> None:
        """Answer the request; the kernel's own reply went to a service that has ended."""
        if not self.complete:
            self._answer(answers.late_reply(content, self._parent))
