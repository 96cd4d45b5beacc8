"""What a cell or a tab of Excel can't hold, and what is written in its place.

Source: Excel specifications and limits; ECMA-376 part 1, 18.17.4.1 (dates), 22.4.2.4 (text).
"""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter
from functools import lru_cache
from typing import Any

MAX_TEXT, MAX_NAME = 32_767, 31
MAX_EXACT = 10**15
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\]")
_PHRASES = {
    "formula": "{n} text(s) that start with '=' kept as text, not made formulas",
    "control": "control characters replaced by a space in {n} text(s)",
    "cut": "{n} text(s) cut at 32,767 characters",
    "infinite": "{n} infinite number(s) written as text",
    "digits": "{n} whole number(s) of more than 15 digits written as text, to keep every digit",
    "early": "{n} date(s) before 1900 written as text",
}


class Changes:
    """Counts what was written otherwise than given, to say it once."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.zones: set[str] = set()

    def fitting(self, value: Any) -> Any:
        """Return *value* as a cell can hold it; most values are returned as they are."""
        kind = type(value)
        if kind is str:
            return self.fitting_text(value)
        if kind is float:
            if math.isinf(value):
                self.counts["infinite"] += 1
            return value
        if kind is int:
            if -MAX_EXACT < value < MAX_EXACT:
                return value
            self.counts["digits"] += 1
            return str(value)
        if isinstance(value, datetime.datetime | datetime.time) and value.tzinfo is not None:
            self.zones.add(str(value.tzinfo))
            value = value.replace(tzinfo=None)
        if isinstance(value, datetime.date) and value == value and value.year < 1900:
            self.counts["early"] += 1
            return value.isoformat()
        return value

    def fitting_text(self, text: str) -> str:
        """Return *text* without characters that no cell holds, cut to the longest there is."""
        if _CONTROL.search(text):
            self.counts["control"] += 1
            text = _CONTROL.sub(" ", text)
        if len(text) > MAX_TEXT:
            self.counts["cut"] += 1
            text = text[:MAX_TEXT]
        if text[:1] == "=" and len(text) > 1:
            self.counts["formula"] += 1
        return text

    def say(self, where: str) -> None:
        """Print, in one line, what was changed, if anything was; then forget it.

        Args:
            where: What was written, such as ``"Sheet 'Data'"``.
        """
        said = [phrase.format(n=f"{self.counts[key]:,}") for key, phrase in _PHRASES.items()
                if self.counts[key]]  # fmt: skip
        if self.zones:
            zones = ", ".join(sorted(self.zones)[:3])
            said.append(f"times with a zone ({zones}) written as their local time, without it")
        self.counts.clear()
        self.zones.clear()
        if said:
            print(f"{where}: {'; '.join(said)}.")  # noqa: T201 (for the reader of the output)


def fitting_name(name: str, taken: set[str]) -> str:
    """Return a name that a tab can have.

    Args:
        name: The wished one.
        taken: Names of other tabs; upper and lower case count as the same.
    """
    plain = _NOT_IN_NAMES.sub("_", name).strip("'") or "Sheet"
    short = _cut(plain, MAX_NAME)
    used = {other.casefold() for other in taken}
    number = 2
    while short.casefold() in used:
        short = f"{_cut(plain, MAX_NAME - len(str(number)) - 1)}~{number}"
        number += 1
    return short


def _cut(text: str, units: int) -> str:
    """Return the start of *text* that takes up to so many UTF-16 units, as Excel counts."""
    return text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore").rstrip()


_NEVER = re.compile(r"=\s*[=><*/^&,;)!%|?]|=\s*$")
_SIMPLE = re.compile(r"=[-+]?[A-Z][A-Z0-9.]*\([A-Za-z0-9$:,.+*/ -]*\)")


@lru_cache(maxsize=10_000)
def may_be_formula(text: str) -> bool:
    """Whether *text*, which starts with ``=``, reads as a formula; else Excel calls it damage.

    >>> may_be_formula("=SUM(A1:A3)"), may_be_formula("=== total"), may_be_formula("=a 8")
    (True, False, False)
    """
    if _NEVER.match(text):
        return False
    if _SIMPLE.fullmatch(text):
        return True
    from openpyxl.formula.tokenizer import Tokenizer, TokenizerError

    try:
        tokens = [t for t in Tokenizer(text).items if t.type != "WHITE-SPACE"]
    except (TokenizerError, IndexError, AttributeError):
        return False
    depth = 0
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        depth += {"OPEN": 1, "CLOSE": -1}.get(token.subtype, 0)
        if token.type == "OPERAND" and following is not None and following.type == "OPERAND":
            return False
        if token.type == "OPERATOR-INFIX" and (
            following is None or following.type in ("OPERATOR-INFIX", "OPERATOR-POSTFIX")
        ):
            return False
    return bool(tokens) and depth == 0 and tokens[0].type != "OPERATOR-INFIX"
