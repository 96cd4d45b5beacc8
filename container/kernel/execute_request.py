"""The ``execute_request`` that a session sends.

Source: "Messaging in Jupyter" 5.4, "Execute".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from jupyter_client.session import Session


def execute_request(
    session: Session, code: str, *, silent: bool, message_id: str | None
) -> dict[str, Any]:
    """Return a request of the service itself.

    Args:
        session: The client's session, which names the sender.
        code: IPython source.
        silent: No execution count, no history, no outputs.
        message_id: Its ``msg_id``; a new one by default.
    """
    header = session.msg_header("execute_request")
    header["date"] = header["date"].isoformat()
    if message_id is not None:
        header["msg_id"] = message_id
    content = {
        "code": code,
        "silent": silent,
        "store_history": not silent,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
    }
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content}


def with_granted(message: Mapping[str, Any], granted: Collection[str]) -> dict[str, Any]:
    """Return the request with the cell's permissions, replacing any a client sent."""
    metadata = {**message["metadata"], "tallybook": {"granted": list(granted)}}
    return {**message, "metadata": metadata}
