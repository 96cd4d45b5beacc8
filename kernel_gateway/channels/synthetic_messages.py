"""Messages the service sends in a kernel's place, for requests the kernel did not answer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from container.messages import MessageHeader
from kernel_gateway.channels.wire_format import Message

VERSION = "5.4"


def _message(
    channel: str, kind: str, content: dict[str, Any], parent: Mapping[str, Any] | None = None
) -> Message:
    header: MessageHeader = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": kind,
        "session": "tallybook",
        "username": "tallybook",
        "date": datetime.now(UTC).isoformat(),
        "version": VERSION,
    }
    return {
        "header": header,
        "parent_header": dict(parent or {}),
        "metadata": {},
        "content": content,
        "buffers": [],
        "channel": channel,
    }


def status(state: str, parent: Mapping[str, Any] | None = None) -> Message:
    """Return a status message."""
    return _message("iopub", "status", {"execution_state": state}, parent)


def _error(code: str, reason: str) -> dict[str, Any]:
    return {"ename": code, "evalue": reason, "traceback": [f"{code}: {reason}"]}


def refusal(asked: Message, code: str, reason: str) -> list[Message]:
    """Return the messages that refuse a request: busy, error, reply, idle."""
    parent = asked["header"]
    error = _error(code, reason)
    reply = str(parent["msg_type"]).removesuffix("_request") + "_reply"
    content = {"status": "error", "execution_count": None, **error}
    return [
        status("busy", parent),
        _message("iopub", "error", error, parent),
        _message(asked["channel"], reply, content, parent),
        status("idle", parent),
    ]


def lost_end(asked: Message, code: str, reason: str) -> list[Message]:
    """Return the error and idle status of a cell whose own idle status was lost."""
    parent = asked["header"]
    error = _error(code, reason)
    return [_message("iopub", "error", error, parent), status("idle", parent)]


def late_reply(content: Mapping[str, Any], parent: Mapping[str, Any]) -> Message:
    """Return the ``execute_reply`` of a cell that ended while no service ran."""
    return _message(
        "shell",
        "execute_reply",
        {"execution_count": None, "user_expressions": {}, "payload": [], **content},
        parent,
    )


def aborted(asked: Message) -> list[Message]:
    """Return the messages that abort a request queued behind one that failed."""
    parent = asked["header"]
    content = {"status": "aborted", "execution_count": None}
    return [
        status("busy", parent),
        _message("shell", "execute_reply", content, parent),
        status("idle", parent),
    ]


def complaint(code: str, words: str) -> Message:
    """Return the error for a malformed message; only its sender gets it."""
    return _message("iopub", "error", {"ename": code, "evalue": words, "traceback": [words]})
