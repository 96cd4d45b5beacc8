"""Errors of the agent layer, split by what the caller can do.

::

    AgentError
    ├── InvalidRequest        fix the request (empty, too long)
    ├── CodeTooLong           shorten the code
    ├── ModelUnavailable      wait: rate limit, overload, time-out
    ├── ModelRejected         fix the settings: key, model name, base URL
    ├── ModelDeclined         rephrase: the model refused to answer
    ├── ModelReplyBroken      try again: the reply was invalid
    └── TurnBudgetSpent       rephrase or split: no result within the turn's budget
"""

from __future__ import annotations


class AgentError(Exception):
    """Base of every error this layer raises on purpose."""

    code = "agent-error"
    hint = ""
    """What to do next, in plain words."""


class InvalidRequest(AgentError):
    """The user's request can't be worked on as it is."""

    code = "invalid-request"
    hint = "Change the request and send it again."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class CodeTooLong(AgentError):
    """A cell's code is longer than a cell may be."""

    code = "code-too-long"
    hint = "Split the code into several cells."

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size, self.limit = size, limit

    def __str__(self) -> str:
        return (
            f"The code is {self.size // 1024} KB long; the limit is {self.limit // 1024} KB. "
            "Split it into several cells, or read data from a file."
        )


class ModelUnavailable(AgentError):
    """The model's service is overloaded, rate-limited or silent."""

    code = "model-unavailable"
    hint = "Wait and send the request again; nothing was lost."

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason, retry_after)
        self.reason, self.retry_after = reason, retry_after

    def __str__(self) -> str:
        when = f"in {self.retry_after:g} s" if self.retry_after else "in a minute"
        return f"The language model is not available ({self.reason}). Try again {when}."


class ModelRejected(AgentError):
    """The model's service will not take our calls: key, model name or base URL."""

    code = "model-rejected"
    hint = "Check the model's key (GEMINI_API_KEY or OPENAI_API_KEY) and TALLYBOOK_MODEL."

    def __init__(self, status: int, reason: str, key: str = "GEMINI_API_KEY") -> None:
        super().__init__(status, reason, key)
        self.status, self.reason, self.key = status, reason, key

    def __str__(self) -> str:
        return (
            f"The language model's service rejected the call ({self.status}: {self.reason}). "
            f"Check {self.key}, the model name and the base URL in the settings."
        )


class ModelDeclined(AgentError):
    """The model refused to answer this request."""

    code = "model-declined"
    hint = "Put the request in other words."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The language model declined the request ({self.reason}). Put it in other words."


class ModelReplyBroken(AgentError):
    """The model's reply was empty, cut, or no valid reply at all."""

    code = "model-reply-broken"
    hint = "Send the request again; nothing was lost."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The language model's reply could not be used ({self.reason}). Try again."


class TurnBudgetSpent(AgentError):
    """The turn used up its repairs or steps without an answer."""

    code = "turn-budget-spent"
    hint = "Put the request in other words or split it."

    def __init__(self, what: str, last_error: str = "") -> None:
        super().__init__(what, last_error)
        self.what, self.last_error = what, last_error

    def __str__(self) -> str:
        last = f" The last error was: {self.last_error}." if self.last_error else ""
        return (
            f"No result after {self.what}.{last} Everything done so far is in the notebook. "
            "Put the request in other words, or split it into smaller steps."
        )
