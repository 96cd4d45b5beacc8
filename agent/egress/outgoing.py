"""Values on their way to the model: each text in them guarded, and counted what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from agent.egress.policy import Action
from agent.egress.stream import Guarded, guarded

LONG_NUMBER = 10**8
"""Whole numbers from this on may be a card or an identity number."""


def guarded_value(value: Any, actions: Mapping[str, Action]) -> tuple[Any, list[dict[str, Any]]]:
    """Return the JSON *value* with each text as it may go out, and the findings.

    Args:
        value: A JSON value; names in it are texts too.
        actions: Kind → action (see `agent.egress.policy`).

    Returns:
        The value, and the findings as an event has them (kind, rule, action, count).
    """
    counts: Counter[tuple[Any, ...]] = Counter()
    guarded_all = _walked(value, actions, counts)
    return guarded_all, Guarded("", counts).facts()


def _walked(value: Any, actions: Mapping[str, Action], counts: Counter[tuple[Any, ...]]) -> Any:
    if isinstance(value, str):
        found = guarded(value, actions)
        counts.update(found.counts)
        return found.text
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= LONG_NUMBER:
        text = _walked(str(value), actions, counts)
        return value if text == str(value) else text
    if isinstance(value, Mapping):
        return {
            _walked(name, actions, counts) if isinstance(name, str) else name: _walked(
                each, actions, counts
            )
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_walked(each, actions, counts) for each in value]
    return value
