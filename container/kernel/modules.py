"""Ask a kernel which modules it can import; it imports none of them."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from container.kernel.client import KernelClient
from container.kernel.evaluation import answer_of, evaluate

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
    try:
        return absent_of(await evaluate(client, _EXPRESSION.format(asked), seconds), asked)
    except TimeoutError:
        return ()


def absent_of(content: object, asked: Sequence[str]) -> tuple[str, ...]:
    """Return which of *asked* the content of an ``execute_reply`` names."""
    answer = answer_of(content, "text/plain")
    if not isinstance(answer, str) or len(answer) > LONGEST_ANSWER:
        return ()
    try:
        found = ast.literal_eval(answer)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ()
    return tuple(name for name in asked if isinstance(found, list) and name in found)
