"""The limits of one turn."""

from __future__ import annotations

import random
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

    def pause(self, wait: float, asked: float | None) -> float:
        """Return how long to wait before an unavailable model is asked again.

        Requests that failed together must not come back together: a part of it is random.

        Args:
            wait: The turn's own wait, in seconds; between a half and all of it is waited.
            asked: What the service asks for, in seconds; the wait is at least that long.

        Returns:
            Seconds, at most `longest_wait_seconds`.
        """
        jittered = wait * random.uniform(0.5, 1.0)  # noqa: S311 (not a secret)
        if asked:
            jittered = max(jittered, asked * random.uniform(1.0, 1.1))  # noqa: S311
        return round(min(jittered, self.longest_wait_seconds), 3)
