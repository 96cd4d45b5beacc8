"""Which numbers may name columns: years, running numbers, and the numbers of accounts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

MOST_DIGITS = 8


def year_of(value: Any) -> int | None:
    """Return the year that a number or text is, ``None`` if it is none of 1900 to 2100."""
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"\s*(19|20)\d\d\s*", value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 1900 <= value <= 2100 and float(value).is_integer() else None


def runs(numbers: Sequence[Any]) -> bool:
    """Return whether *numbers* go up or down by one step (repeats in a group allowed)."""
    steps = {b - a for a, b in itertools.pairwise(numbers)} - {0}
    if len(steps) <= 1:
        return len(set(numbers)) > 1 or len(numbers) == 1
    return len(set(numbers)) < len(numbers) and len(steps) == 2  # 2023 2024 2023 2024


def are_codes(row: Sequence[Any]) -> bool:
    """Return whether values may be the numbers of accounts: different ones of as many digits."""
    codes = [str(int(v)) if type(v) is float and v.is_integer() else str(v).strip() for v in row]
    alike = len({len(code) for code in codes}) == 1 and len(set(codes)) == len(codes) >= 2
    return alike and 3 <= len(codes[0]) <= MOST_DIGITS and all(map(str.isdecimal, codes))
