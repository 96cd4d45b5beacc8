"""What of a Jupyter client's messages may reach a kernel: what runs code is checked first.

Source: "Messaging in Jupyter" 5.4. A kernel takes every request on its control channel too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.errors import CodeTooLong
from agent.risk.assess import assess
from kernel_gateway.relays.wire import Message

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
"""Kinds of message for each channel. The control channel has no way past the queue of cells."""

MOST_UNSEEN_BYTES = 100 * 1024
"""How long the code and the expressions of one request that no notebook shows may be."""

MALFORMED = "message-malformed"
Refusal = tuple[str, str]
"""Code and words of why something may not be done."""


def not_taken(message: Message) -> Refusal | None:
    """Return why the message's channel does not take it, if so."""
    kind, channel = message["header"]["msg_type"], message["channel"]
    if kind in TAKEN[channel]:
        return None
    return MALFORMED, f"The {channel} channel takes no {kind[:60]!r}."


def unseen(content: Mapping[str, Any]) -> list[str]:
    """Return what an ``execute_request`` runs that no notebook shows.

    That is its ``user_expressions``, and its code where it is silent.

    Args:
        content: The request's content, as the client sent it.
    """
    expressions = content.get("user_expressions") or {}
    texts = [str(text) for text in expressions.values()] if isinstance(expressions, dict) else []
    if content.get("silent"):
        texts.append(str(content.get("code", "")))
    return [text for text in texts if text.strip()]


def forbidden(content: Mapping[str, Any]) -> Refusal | None:
    """Return why an ``execute_request`` may not run what it would run `unseen`, if so."""
    if not isinstance(content.get("user_expressions") or {}, dict):
        return MALFORMED, "user_expressions is not an object."
    texts = unseen(content)
    size = sum(len(text.encode(errors="replace")) for text in texts)
    if size > MOST_UNSEEN_BYTES:
        return CodeTooLong.code, str(CodeTooLong(size, MOST_UNSEEN_BYTES))
    for text in texts:
        found = assess(text)
        if found.tier == "high":
            return "blocked", "; ".join(finding.reason for finding in found.findings)
    return None
