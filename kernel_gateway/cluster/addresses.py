"""Finds the conversation that a request's address names."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from kernel_gateway.ids import is_id
from kernel_gateway.store.nodes import Nodes

_ABOUT = re.compile(
    r"/api/(?:v1/)?(conversation|turn|permission|kernel|session|content)s/([^/]+)(?:/.*)?"
)
TASK = "/api/v1/execute-task"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def conversation_of(address: str, nodes: Nodes) -> str | None:
    """Return the conversation a request is about; ``None`` if it isn't about one.

    Args:
        address: Path and query, as in the request line.
        nodes: Looks up the conversation of a turn, permission, kernel or session.

    Raises:
        DatabaseUnavailable: The lookup failed.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if parts.path == TASK:
        wanted = parse_qs(parts.query).get("conversation", [""])[0]
        return wanted if is_id(wanted) else None
    found = _ABOUT.fullmatch(parts.path)
    if found is None:
        return None
    kind, identity = found[1], unquote(found[2])
    if kind in ("conversation", "content"):
        return identity if is_id(identity) else None
    if not (is_id(identity) or UUID.fullmatch(identity)):
        return None
    return await nodes.conversation_of(kind, identity)
