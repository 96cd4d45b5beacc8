"""Faults that models' services have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from agent.errors import ModelReplyBroken, ModelUnavailable

RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Statuses of a service that is overloaded or away: asking again may help."""
_TRANSPORTS = frozenset({"httpx", "httpx2", "httpcore", "httpcore2", "aiohttp"})


def is_transport_fault(error: Exception) -> bool:
    """Whether *error* is of an HTTP library: the connection failed or ended too early."""
    return type(error).__module__.partition(".")[0] in _TRANSPORTS


def described(error: BaseException) -> str:
    """Return *error* in a short line: its message, or its name if it has none."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return in_words(f"{type(error).__name__}: {error}", 200).rstrip(": ")


def in_words(said: object, most: int = 300) -> str:
    """Return what a service said as one line of at most *most* characters that any client shows."""
    line = " ".join(str(said)[: 4 * most].split())
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)[:most]


@contextlib.contextmanager
def typed_errors(
    timeout: float,
    api_error: type[Exception],
    typed: Callable[[Any], Exception],
    broken: type[Exception],
) -> Iterator[None]:
    """Raise what a client raises in the block as one of `agent.errors`.

    Args:
        timeout: Seconds that the block may take; it limits itself.
        api_error: The client's error for what its service answers.
        typed: Returns one of ours for such an error.
        broken: The client's error for an answer that it can't read.
    """
    try:
        yield
    except api_error as error:
        raise typed(error) from None
    except TimeoutError:
        raise ModelUnavailable(f"no answer within {timeout:g} s") from None
    except (broken, RecursionError) as error:
        raise ModelReplyBroken(described(error)) from None
    except Exception as error:
        if is_transport_fault(error):
            raise ModelUnavailable(described(error)) from None
        raise
