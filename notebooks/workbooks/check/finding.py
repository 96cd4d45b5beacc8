"""What a check has found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of fault in a file.

    Attributes:
        code: Permanent kebab-case name of the kind.
        message: The fact, with places and values, in a sentence or two.
        hint: How the code can be mended.
        count: How many cells or objects have it.
    """

    code: str
    message: str
    hint: str
    count: int = 1


def some(places: Sequence[str]) -> str:
    """Return the first places, and how many more there are: ``Data!A1, Data!B2 and 3 more``."""
    more = len(places) - SHOWN
    return ", ".join(places[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def quoted(texts: Iterable[str]) -> str:
    """Return texts from a file in quotes, with line breaks escaped, joined."""
    return ", ".join(ascii(text) if not text.isprintable() else repr(text) for text in texts)
