"""From a turn's row and its execution to what is stored and told of it."""

from __future__ import annotations

from typing import Any

from kernel_gateway.ids import PathKey
from kernel_gateway.store.tables import TurnRow
from notebooks.cells import Execution


def key_of(row: TurnRow) -> PathKey:
    """Return the path a turn belongs to."""
    return PathKey(row.tenant, row.conversation, row.path)


def execution_result(execution: Execution) -> dict[str, Any]:
    """Return the result of a turn that ran code as it was sent."""
    return {
        "outcome": execution.outcome,
        "outputs": [dict(output) for output in execution.outputs],
        "execution_count": execution.execution_count,
        "seconds": round(execution.seconds, 4),
    }


def execution_error(execution: Execution) -> dict[str, Any] | None:
    """Return the error body of such a turn; ``None`` when it ended well."""
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
