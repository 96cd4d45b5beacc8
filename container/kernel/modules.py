"""Ask a kernel which modules it can import; it imports none of them."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Mapping, Sequence

from container.kernel.client import KernelClient
from container.messages import KernelMessage

MOST_NAMES, LONGEST_ANSWER = 200, 20_000
_EXPRESSION = "[n for n in {!r} if not __import__('importlib.util').util.find_spec(n)]"


async def ask_for_absent(
    client: KernelClient, names: Sequence[str], seconds: float
) -> tuple[str, ...]:
    """Ask an idle kernel which of *names*, of top-level modules, it does not have.

    Returns:
        Some of *names*; none if it takes longer than *seconds*. Code in the kernel can forge that.
    """
    asked = [name for name in names if name.isidentifier()][:MOST_NAMES]
    replies: asyncio.Queue[KernelMessage] = asyncio.Queue()
    request = client.execute(
        "", silent=True, user_expressions={"m": _EXPRESSION.format(asked)}, allow_stdin=False
    )
    client.expect("execute_reply", request, replies.put_nowait)
    try:
        async with asyncio.timeout(seconds):
            return absent_of((await replies.get())["content"], asked)
    except TimeoutError:
        return ()
    finally:
        client.forget("execute_reply", request)


def absent_of(content: object, asked: Sequence[str]) -> tuple[str, ...]:
    """Return which of *asked* the content of an ``execute_reply`` names."""
    answer = content
    for key in ("user_expressions", "m", "data", "text/plain"):
        answer = answer.get(key) if isinstance(answer, Mapping) else None
    if not isinstance(answer, str) or len(answer) > LONGEST_ANSWER:
        return ()
    try:
        found = ast.literal_eval(answer)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ()
    return tuple(name for name in asked if isinstance(found, list) and name in found)
