"""What is suspicious about a result, and how numbers are said."""

from __future__ import annotations

from dataclasses import dataclass

MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is suspicious.

    Attributes:
        code: Stable and kebab-case.
        message: What it is, in one sentence with the figures.
        hint: What to do next.
        count: How many rows or cells it is about; 1 for a column.
    """

    code: str
    message: str
    hint: str
    count: int = 1


def said(number: float) -> str:
    """Return *number* with thousands separated: ``1,204,331.20``, ``12``."""
    if abs(number) >= 1e15:
        return f"{number:.6g}"
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"


def quoted(name: str) -> str:
    """Return *name*, which comes from a file, as one short line in quotes."""
    return repr(name if len(name) <= MOST_SHOWN else f"{name[:MOST_SHOWN]}…")


def named(count: int, noun: str) -> str:
    """Return ``1 row``, ``1,204 rows``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def close(one: float, other: float) -> bool:
    """Whether two sums are the same but for the rounding of floating point numbers."""
    return abs(one - other) <= max(1e-9 * max(abs(one), abs(other)), 0.005)
