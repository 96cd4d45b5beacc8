"""Names that are nearly the one that was looked for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

LIKE = 0.6
SHORTEST = 3
"""Letters of a name that may be near because it is a part of another."""
MOST_COMPARED = 2_000


def nearest(wanted: str, names: Iterable[str], most: int = 3) -> list[str]:
    """Return the names most like *wanted*, best first.

    Case, blanks, line breaks and other signs count little: ``net amount`` is ``Net  Amount``.
    """
    known = list(dict.fromkeys(names))[:MOST_COMPARED]
    plain: dict[str, list[str]] = {}
    for name in known:
        plain.setdefault(_plain(name), []).append(name)
    target = _plain(wanted)
    alike = difflib.get_close_matches(target, plain, n=most, cutoff=LIKE)
    within = [
        name
        for name in plain
        if name not in alike
        and min(len(name), len(target)) >= SHORTEST
        and (target in name or name in target)
    ]
    return [name for p in [*alike, *within] for name in plain[p]][:most]


def parts_of(listed: str) -> Sequence[str]:
    """Return the names in a message such as ``'a', 'b'`` or ``['a']``, without their quotes."""
    found = re.findall(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", listed)
    return [one or other for one, other in found] or [listed.strip("[]() \"'")]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
