"""Skip IPython's formatters for values that have only a text representation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PLAIN_TYPES = frozenset({int, float, complex, bool, str, bytes, list, tuple, dict, set, type(None)})
"""Types without any ``_repr_*_`` method; subclasses may have some."""


def apply(shell: Any) -> None:
    """Install the fast formatter in *shell*, IPython's interactive shell."""
    shell.display_formatter.format = _text_only_if_plain(shell.display_formatter)


def _text_only_if_plain(formatter: Any) -> Callable[..., Any]:
    """Return a ``format`` that calls ten formatters only for values they may represent."""
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
