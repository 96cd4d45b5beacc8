"""Numbers in text: how they are written, what they may mean, and how exactly they are said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SPACES = "\u00a0\u202f\u2009 "
_SIGNS = r"(?P<sign>[-−+±]?)"
_GROUPED = rf"\d{{1,3}}(?:[{SPACES}]\d{{3}})+(?:[.,]\d+)?(?!\d)|"
_DIGITS = r"\d[\d.,'’]*\d|\d"
_AFTER = rf"""(?:[eE](?P<power>[+-]?\d{{1,3}}))?
    (?P<after>(?:[{SPACES}]?(?:%|(?:[Pp]ercent|[Pp]rozent|per\ cent|pp
      |k|K|[Mm]|mn|[Mm]io|[Mm]illions?|[Mm]illionen|[Tt]housands?|[Tt]sd
      |[Tt]ausend|bn|[Bb]illions?|[Mm]rd|[Mm]illiarden?)\b))?)"""
_IN_PROSE = re.compile(
    rf"(?<![\w.,'’/\\:#-]){_SIGNS}(?P<digits>{_GROUPED}{_DIGITS}){_AFTER}(?!\w)", re.X
)
# In outputs a blank parts columns, and numbers may stand right behind letters or a colon.
_IN_OUTPUT = re.compile(rf"(?<![\d.,]){_SIGNS}(?P<digits>{_DIGITS}){_AFTER}", re.X)
_UNITS = {
    "k": 1e3, "thousand": 1e3, "thousands": 1e3, "tsd": 1e3, "tausend": 1e3,
    "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "millions": 1e6, "millionen": 1e6,
    "bn": 1e9, "billion": 1e9, "billions": 1e9, "mrd": 1e9, "milliarde": 1e9, "milliarden": 1e9,
}  # fmt: skip
MOST_POWER = 250
"""Larger powers of ten are no amounts, and 10.0 to the power of 309 is no float."""
_PERCENT = frozenset({"%", "percent", "prozent", "per cent", "pp"})


@dataclass(frozen=True, slots=True)
class Written:
    """A number as a text has it.

    Attributes:
        text: As it is written, with sign and unit.
        start: Its offset in the text.
        readings: What it may mean: absolute value, and one in its last place.
        percent: It is a percentage.
        unit: What it is multiplied by: 1000 for ``k``.
        plain: A whole number without sign, unit or separators.
    """

    text: str
    start: int
    readings: tuple[tuple[float, float], ...]
    percent: bool = False
    unit: float = 1.0
    plain: bool = False

    @property
    def value(self) -> float:
        """Its most likely value, with its unit."""
        return self.readings[0][0] * self.unit


def numbers_in(text: str, *, output: bool = False) -> Iterator[Written]:
    """Yield the numbers of *text*, in order.

    Args:
        text: The text.
        output: It is a program's output or data, where numbers may stand within names; else
            prose, where such digits are no numbers.
    """
    for found in (_IN_OUTPUT if output else _IN_PROSE).finditer(text):
        digits = found["digits"].rstrip(".,'’")
        unit = found["after"].strip(SPACES).rstrip(".").lower()
        power = int(found["power"] or 0)
        if abs(power) > MOST_POWER:  # within a digest or a code, such as 5e743
            continue
        readings = tuple(
            (value * 10.0**power, place * 10.0**power) for value, place in _read(digits)
        )
        if not readings:
            continue
        yield Written(
            text=found[0].strip(),
            start=found.start(),
            readings=readings,
            percent=unit in _PERCENT,
            unit=_UNITS.get(unit, 1.0),
            plain=digits.isdecimal() and not unit and not power and not found["sign"],
        )


def _read(digits: str) -> list[tuple[float, float]]:
    """Return what *digits* may mean: ``1,234`` is 1234, or 1.234 where the comma is decimal."""
    bare = re.sub(rf"[{SPACES}'’]", "", digits)
    if bare.isdecimal():
        return [(float(bare), 1.0)] if len(bare) <= 40 else []
    marks = re.findall(r"[.,]", bare)
    last = marks[-1]
    head, _, tail = bare.rpartition(last)
    whole = re.sub(r"[.,]", "", head)
    if not (whole + tail).isdecimal() or len(bare) > 60:
        return []
    as_decimal = float(f"{whole}.{tail}"), 10.0 ** -len(tail)
    as_whole = float(whole + tail), 1.0
    if len(marks) > 1 and len(set(marks)) == 1:
        return [as_whole]
    if len(marks) > 1 or len(tail) != 3 or len(whole) > 3 or whole.startswith("0"):
        return [as_decimal]
    return [as_whole, as_decimal] if last == "," else [as_decimal, as_whole]
