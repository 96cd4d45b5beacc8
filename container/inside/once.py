"""Done once, what ipykernel and IPython do anew for every cell, or twice for each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def apply(shell: Any) -> None:
    """Spare *shell*, IPython's interactive shell, and its kernel what they would do again."""
    from ipykernel import ipkernel

    shell.transform_cell = _shared(shell.transform_cell)
    ipkernel._accepts_parameters = _remembered(ipkernel._accepts_parameters)


def _shared(transform: Callable[[str], str]) -> Callable[[str], str]:
    """Give a cell's second reader what the first one got: ipykernel asks, then IPython."""
    waiting: list[tuple[str, str]] = []

    def transform_once(raw: str) -> str:
        if waiting:
            known, transformed = waiting.pop()
            if known is raw:
                return transformed
        transformed = transform(raw)
        waiting.append((raw, transformed))
        return transformed

    return transform_once


def _remembered(accepts: Callable[..., dict[str, bool]]) -> Callable[..., dict[str, bool]]:
    """Read a method's signature once and not for each cell."""

    @functools.lru_cache(maxsize=16)
    def look(method: Any, names: tuple[str, ...]) -> dict[str, bool]:
        return accepts(method, names)

    def accepts_parameters(method: Any, names: list[str]) -> dict[str, bool]:
        return look(method, tuple(names))

    return accepts_parameters
