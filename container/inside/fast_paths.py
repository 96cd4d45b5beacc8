"""What a cell is spared of ipykernel's and IPython's work: what was done before, or is idle."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

PLAIN_TYPES = frozenset({int, float, complex, bool, str, bytes, list, tuple, dict, set, type(None)})
"""Types without any ``_repr_*_`` method; subclasses may have some."""


def apply(shell: Any) -> None:
    """Spare *shell*, IPython's interactive shell, and its kernel what need not be done."""
    from ipykernel import ipkernel

    shell.transform_cell = _shared(shell.transform_cell)
    shell.should_run_async = _only_if_it_awaits(shell.should_run_async)
    shell.display_formatter.format = _text_only_if_plain(shell.display_formatter)
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


def _only_if_it_awaits(should_run_async: Callable[..., bool]) -> Callable[..., bool]:
    """Compile a cell, to see whether it awaits at its top level, only if it may."""

    def may_run_async(raw: str, *, transformed_cell: str | None = None, **options: Any) -> bool:
        text = transformed_cell
        if text is not None and "await" not in text and "async" not in text:
            return False
        return should_run_async(raw, transformed_cell=text, **options)

    return may_run_async


def _text_only_if_plain(formatter: Any) -> Callable[..., Any]:
    """Do not ask ten formatters about a value of which nobody has anything but its text."""
    text = formatter.formatters["text/plain"]
    rich = [each for kind, each in formatter.formatters.items() if kind != "text/plain"]
    rich += [formatter.ipython_display_formatter, formatter.mimebundle_formatter]
    format_fully = formatter.format

    def is_plain(value: Any) -> bool:
        kind = type(value)
        if kind not in PLAIN_TYPES:
            return False
        return not any(
            kind in each.type_printers
            or object in each.type_printers
            or each.deferred_printers
            or id(value) in each.singleton_printers
            for each in rich
        )

    def format_value(value: Any, include: Any = None, exclude: Any = None) -> Any:
        if include or exclude or not is_plain(value):
            return format_fully(value, include=include, exclude=exclude)
        data = text(value)
        return ({} if data is None else {"text/plain": data}), {}

    return format_value
