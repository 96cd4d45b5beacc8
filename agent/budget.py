"""The limits of one turn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnBudget:
    """The limits of one turn.

    Attributes:
        repairs: Failed, blocked or unusable replies the model may correct.
        steps: Cells it may run.
        model_tries: Calls of an unavailable model before giving up.
        backoff_seconds: First wait between those calls; it doubles.
        longest_wait_seconds: The longest single wait, even if the service asks for more.
        request_bytes: Length of a request.
        code_bytes: Length of a cell.
        memory_tokens: What the path's earlier requests and cells may cost in the prompt.
    """

    repairs: int = 3
    steps: int = 12
    model_tries: int = 4
    backoff_seconds: float = 1.0
    longest_wait_seconds: float = 30.0
    request_bytes: int = 64 * 1024
    code_bytes: int = 100 * 1024
    memory_tokens: int = 24_000
