"""Several rankings of the same things made one.

Source: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
Rank Learning Methods", SIGIR 2009.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
SMOOTHING = 60


def fused(rankings: Iterable[Sequence[Key]]) -> list[Key]:
    """Return what is in any of *rankings*, best first; equal ones in the order first seen."""
    scores: dict[Key, float] = {}
    for ranking in rankings:
        for place, key in enumerate(dict.fromkeys(ranking), 1):
            scores[key] = scores.get(key, 0.0) + 1 / (SMOOTHING + place)
    return sorted(scores, key=lambda key: -scores[key])
