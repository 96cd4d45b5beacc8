"""What a kernel said about its last cell while no service ran: told late, but in order and once."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from kernel_gateway.channels import synthetic_messages as answers
from kernel_gateway.channels.wire_format import Message


class CatchUp:
    """Takes a cell's record from the kernel's owner.

    See `container.kernel.execute_reply.RecordListener`.

    Attributes:
        cell: ``msg_id`` of the request that the cell came with.
        complete: The log has its end already.
        begun: The log has its beginning.
    """

    def __init__(
        self,
        cell: str,
        stored: Sequence[str],
        publish: Callable[[Message], Awaitable[None]],
        answer: Callable[[Message], None],
    ) -> None:
        """Compare with what is stored.

        Args:
            cell: The ``msg_id``.
            stored: Data of the events that may be about it, as JSON text.
            publish: Appends a message to the event log.
            answer: Delivers a reply to the client that asked.
        """
        self.cell = cell
        self._publish, self._answer = publish, answer
        self._known: set[str] = set()
        self._parent: Mapping[str, Any] = {}
        self.complete = False
        for text in stored:
            message = json.loads(text)
            if self.is_about(message):
                self._known.add(message["header"]["msg_id"])
                self.complete |= message["content"].get("execution_state") == "idle"

    @property
    def begun(self) -> bool:
        """Whether any of it was told before."""
        return bool(self._known)

    def is_about(self, message: Mapping[str, Any]) -> bool:
        """Whether *message* belongs to the cell, and so comes with its record."""
        return bool(message["parent_header"].get("msg_id") == self.cell)

    async def message(self, message: Message) -> None:
        """Publish one of the cell's messages, unless it was told before."""
        self._parent = message["parent_header"]
        if message["header"]["msg_id"] not in self._known:
            await self._publish({**message, "channel": "iopub"})

    async def reply(self, content: Mapping[str, Any]) -> None:
        """Answer the request; the kernel's own answer went to a service that is gone."""
        if not self.complete:
            self._answer(answers.late_reply(content, self._parent))
