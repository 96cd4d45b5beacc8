"""Have an idle kernel evaluate an expression of the service; hostile code may forge the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from container.kernel.client import KernelClient
from container.kernel.execute_request import execute_request, with_granted
from container.messages import KernelMessage


async def evaluate(
    client: KernelClient, expression: str, seconds: float, *, granted: Collection[str] = ()
) -> object:
    """Return the content of the ``execute_reply`` with the value of *expression*.

    Args:
        client: The kernel's client; no cell runs.
        expression: Python.
        seconds: Longest wait for the reply.
        granted: Permissions for the kernel's audit hook.

    Raises:
        TimeoutError: There was no reply within *seconds*.
    """
    # Permissions are taken at the start of a cell: then there must be code.
    code = "pass" if granted else ""
    message = execute_request(client.session, code, silent=True, message_id=None)
    message["content"]["user_expressions"] = {"v": expression}
    request = str(message["header"]["msg_id"])
    replies: asyncio.Queue[KernelMessage] = asyncio.Queue()
    client.expect("execute_reply", request, replies.put_nowait)
    client.send(with_granted(message, granted) if granted else message)
    try:
        async with asyncio.timeout(seconds):
            return (await replies.get())["content"]
    finally:
        client.forget("execute_reply", request)


def answer_of(content: object, mime_type: str) -> object:
    """Return what the value is in *mime_type*, any JSON value; ``None`` if there is none."""
    answer = content
    for key in ("user_expressions", "v", "data", mime_type):
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    return answer
