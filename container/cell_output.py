"""From a kernel's message to the output a notebook keeps."""

from __future__ import annotations

from typing import Any

from nbformat.v4 import output_from_msg


def output_of(message: dict[str, Any]) -> dict[str, Any] | None:
    """Return what an iopub *message* shows, in nbformat's terms.

    Returns:
        An nbformat output (with ``transient.display_id`` where the kernel gave one), a
        ``clear_output`` with its ``wait``, or ``None`` for a message that shows nothing.
    """
    if message["msg_type"] == "clear_output":
        return {"output_type": "clear_output", "wait": bool(message["content"].get("wait"))}
    try:
        output = dict(output_from_msg(message))
    except (ValueError, KeyError):
        return None  # execute_input, comm messages
    if transient := message["content"].get("transient"):
        output["transient"] = {"display_id": transient.get("display_id")}
    return output
