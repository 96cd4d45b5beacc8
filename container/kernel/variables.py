"""Ask a kernel for its variables; validate the answer, which hostile code may have forged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from container.kernel.client import KernelClient
from container.kernel.evaluation import answer_of, evaluate
from container.messages import HALF_CHARACTER

MIME_TYPE = "application/json"
EXPRESSION = (
    "__import__('inside.variables', fromlist=['x'])"
    ".Variables(get_ipython().user_ns, get_ipython().user_ns_hidden)"
)
"""Sent to the kernel in ``user_expressions``; `variables_of` reads the answer."""
MOST_VARIABLES = 200
MOST_COLUMNS = 60
MOST_DIMENSIONS = 32
LONGEST_TEXT = 200
LARGEST_COUNT = 2**63


async def ask_for_variables(client: KernelClient, seconds: float) -> list[dict[str, Any]]:
    """Ask an idle kernel for its variables; return none if it takes longer than *seconds*."""
    try:
        return variables_of(await evaluate(client, EXPRESSION, seconds))
    except TimeoutError:
        return []


def variables_of(content: object) -> list[dict[str, Any]]:
    """Return the variables in an ``execute_reply`` that answers `EXPRESSION`.

    Args:
        content: The reply's content. Any JSON value: code in the kernel can forge it.

    Returns:
        At most `MOST_VARIABLES` entries. Each has a ``name`` and a ``type``, and may have
        ``shape`` (numbers), ``columns`` and ``dtypes`` (at most `MOST_COLUMNS` strings),
        ``bytes`` (a number) and ``preview``. No string is longer than `LONGEST_TEXT`. A field
        of the wrong type is left out; without a name or a type, so is the entry.
    """
    answer = answer_of(content, MIME_TYPE)
    entries = answer if isinstance(answer, list) else []
    found = (_entry(entry) for entry in entries[:MOST_VARIABLES])
    return [entry for entry in found if "name" in entry and "type" in entry]


def _entry(told: object) -> dict[str, Any]:
    if not isinstance(told, Mapping):
        return {}
    values = {
        "name": _text(told.get("name")),
        "type": _text(told.get("type")),
        "shape": _list(told.get("shape"), _count, MOST_DIMENSIONS),
        "columns": _list(told.get("columns"), _text, MOST_COLUMNS),
        "dtypes": _list(told.get("dtypes"), _text, MOST_COLUMNS),
        "bytes": _count(told.get("bytes")),
        "preview": _text(told.get("preview")),
    }
    return {key: value for key, value in values.items() if value is not None}


def _text(told: object) -> str | None:
    # UTF-8 can't encode a lone surrogate, so it could be neither stored nor sent.
    return HALF_CHARACTER.sub("\ufffd", told[:LONGEST_TEXT]) if isinstance(told, str) else None


def _count(told: object) -> int | None:
    return told if type(told) is int and 0 <= told < LARGEST_COUNT else None


def _list(told: object, read: Any, most: int) -> list[Any] | None:
    if not isinstance(told, list):
        return None
    values = [read(item) for item in told[:most]]
    return None if None in values else values
