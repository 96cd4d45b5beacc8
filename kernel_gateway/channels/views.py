"""The Jupyter messages that events hold: what a kernel published is stored once.

A cell's first messages are in its ``cell.started`` event, and each output is in a ``cell.output``
event, beside the output as native clients see it. Any other message is a ``kernel.message``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from container.kernel.outputs import message_of
from kernel_gateway.channels.wire_format import Message, encode, encode_event, from_event
from kernel_gateway.events.path_state import Event

KIND = "kernel.message"
HOLDING_MESSAGES = frozenset({KIND, "cell.started", "cell.output"})


def messages_in(kind: str, data: Mapping[str, Any]) -> list[Message]:
    """Return the iopub messages that an event holds, in order; none if it has no Jupyter form.

    Args:
        kind: The event's kind.
        data: Its data.
    """
    if kind == KIND:
        return [from_event(data)]
    if kind == "cell.started":
        return [_published({**message, "buffers": []}) for message in data.get("messages", ())]
    if kind == "cell.output" and "message" in data:
        return [_published(message_of(data["message"], data["output"]))]
    return []


def frames_of(event: Event, protocol: str | None) -> list[str | bytes]:
    """Return an event's messages as frames of a websocket that speaks *protocol*."""
    if event.kind == KIND:
        return [encode_event(event.text, protocol)]
    if event.kind not in HOLDING_MESSAGES:
        return []
    return [encode(message, protocol) for message in messages_in(event.kind, event.data)]


def _published(message: Mapping[str, Any]) -> Message:
    return cast(Message, {**message, "channel": "iopub"})
