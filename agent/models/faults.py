"""Faults that models' services have in common."""

from __future__ import annotations

RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Statuses of a service that is overloaded or away: asking again may help."""
_TRANSPORTS = frozenset({"httpx", "httpx2", "httpcore", "httpcore2", "aiohttp"})


def is_transport_fault(error: Exception) -> bool:
    """Whether *error* is of an HTTP library: the connection failed or ended too early."""
    return type(error).__module__.partition(".")[0] in _TRANSPORTS


def described(error: BaseException) -> str:
    """Return *error* in a short line: its message, or its name if it has none."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(": ")
