"""Which messages of a Jupyter client may reach a kernel; those that run code are checked.

Source: "Messaging in Jupyter" 5.4. A kernel accepts every request on its control channel too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.errors import CodeTooLong
from agent.permission.admission import unseen_refusal
from kernel_gateway.channels.wire_format import Message

EXECUTE = "execute_request"
_QUESTIONS = frozenset(
    """
    kernel_info_request connect_request comm_info_request history_request complete_request
    inspect_request is_complete_request shutdown_request interrupt_request
    """.split()
)
_COMMS = frozenset({"comm_open", "comm_msg", "comm_close"})
TAKEN = {
    "shell": _QUESTIONS | _COMMS | {EXECUTE},
    "control": _QUESTIONS | {"usage_request"},
    "stdin": frozenset({"input_reply"}),
}
"""Accepted message types per channel. Control takes no code, so none can bypass the cell queue."""

MOST_UNSEEN_BYTES = 100 * 1024
"""Largest size of one request's code and expressions that no notebook shows."""

MALFORMED = "message-malformed"
Refusal = tuple[str, str]
"""Error code and message of a refusal."""


def not_taken(message: Message) -> Refusal | None:
    """Return why the message's channel does not accept it; ``None`` if it does."""
    kind, channel = message["header"]["msg_type"], message["channel"]
    if kind in TAKEN[channel]:
        return None
    return MALFORMED, f"The {channel} channel takes no {kind[:60]!r}."


def plain_request(message: Message) -> Message:
    """Return an ``execute_request`` with fields of the types a kernel expects.

    A field of a wrong type raises inside the kernel, which then sends no reply. The code and
    the expressions stay as they are: `forbidden` checks them.

    Args:
        message: As the client sent it.
    """
    content, metadata = message["content"], message["metadata"]
    silent = bool(content.get("silent", False))
    return {
        **message,
        "metadata": metadata if isinstance(metadata.get("cellId", ""), str) else {},
        "content": {
            "code": content.get("code"),
            "silent": silent,
            "store_history": bool(content.get("store_history", not silent)),
            "user_expressions": content.get("user_expressions") or {},
            "allow_stdin": bool(content.get("allow_stdin", False)),
            "stop_on_error": bool(content.get("stop_on_error", True)),
        },
    }


def unseen(content: Mapping[str, Any]) -> list[str]:
    """Return the code an ``execute_request`` runs that no notebook shows.

    That is its ``user_expressions``, and its code if it is silent.

    Args:
        content: Content of a `plain_request` whose code and expressions are strings.
    """
    texts = list(content["user_expressions"].values())
    if content["silent"]:
        texts.append(content["code"])
    return [text for text in texts if text.strip()]


def forbidden(content: Mapping[str, Any]) -> Refusal | None:
    """Return why a `plain_request` with *content*, or its `unseen` code, may not run.

    Returns:
        ``None`` if it may run.
    """
    if not isinstance(content["code"], str):  # a kernel would not answer
        return MALFORMED, "code is not a text."
    beside = content["user_expressions"]
    if not isinstance(beside, dict) or not all(isinstance(text, str) for text in beside.values()):
        return MALFORMED, "user_expressions is not an object of texts."
    texts = unseen(content)
    size = sum(len(text.encode(errors="replace")) for text in texts)
    if size > MOST_UNSEEN_BYTES:
        return CodeTooLong.code, str(CodeTooLong(size, MOST_UNSEEN_BYTES))
    for text in texts:
        if reason := unseen_refusal(text):
            return "blocked", reason
    return None
