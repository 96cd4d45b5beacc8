"""How a turn ended, with the result and error to store and emit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kernel_gateway.ids import PathKey
from kernel_gateway.store.tables import TurnRow
from notebooks.record.cells import Execution


def key_of(row: TurnRow) -> PathKey:
    """Return the path a turn belongs to."""
    return PathKey(row.tenant, row.conversation, row.path)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ended.

    Attributes:
        status: ``ok``, ``error``, ``cancelled`` or ``interrupted``.
        result: Its result; empty if it has none.
        error: The error body, if there is one.
    """

    status: str
    result: Mapping[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None


def execution_ending(execution: Execution) -> Ending:
    """Return the ending of a turn that ran the client's code."""
    result = {
        "outcome": execution.outcome,
        "outputs": [dict(output) for output in execution.outputs],
        "execution_count": execution.execution_count,
        "seconds": round(execution.seconds, 4),
    }
    error = execution_error(execution)
    return Ending("ok" if error is None else "error", result, error)


def execution_error(execution: Execution) -> dict[str, Any] | None:
    """Return the error body of a turn with *execution*; ``None`` if that succeeded."""
    if execution.outcome == "ok":
        return None
    error = dict(execution.error or {})
    return {
        "error": {
            "code": error.get("code", execution.outcome),
            "message": execution.error_text or "The cell did not finish.",
            "hint": "See the cell's output; the conversation goes on.",
            "details": {"outcome": execution.outcome},
        }
    }
