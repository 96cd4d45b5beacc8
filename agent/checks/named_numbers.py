"""Numbers that an answer names, and whether results, files or the user gave them.

A number is found if it is one of theirs, rounded as it is said, in thousands or millions, or
with another sign; or simple arithmetic of two of them that a reader can follow: both named in the
answer, or printed together with few others. Years, dates, names, places in a sheet and small
whole numbers are not looked for.
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agent.checks.number_text import Written, numbers_in
from agent.checks.printed_lines import (
    Printed,
    by_name,
    by_place,
    exact_amounts,
    exact_products,
    printed,
)

SMALL = 20
"""Whole numbers up to this count things in a sentence; some output nearly always has them."""
MOST_NUMBERS = 200_000
MOST_RATIO = 20.0
"""Above that a number without ``%`` is hardly the quotient of two."""
_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[A-ZÄÖÜ])|\n")
FEW = 24
"""Numbers of one output whose sums and differences count as found."""
MOST_NAMED = 300
KNOWN = frozenset(
    {1_048_576.0, 65_536.0, 16_384.0, 32_767.0, 255.0, 256.0, 100.0, 1000.0, 360.0, 365.0}
)
"""Limits of Excel, the whole of a percentage, days of a year."""
_SKIPPED = re.compile(
    r"""```.*?(?:```|\Z)|`[^`\n]*[A-Za-z_=\\/][^`\n]*`|https?://\S+|<[^>\n]{1,80}>
    |\b[\w./-]+\.(?:xlsx?|xlsm|xlsb|csv|tsv|ods|png|pdf|json|txt|parquet|html?|ipynb|py)\b
    |\b\d{4}-\d{1,2}(?:-\d{1,2})?(?:[T ]\d{1,2}:\d{2}(?::\d{2})?)?\b|\b\d{1,2}:\d{2}(?::\d{2})?\b
    |\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|\b(?:19|20)\d\d\s?[/–-]\s?(?:\d\d|(?:19|20)\d\d)\b
    |\b\d{1,2}(?:st|nd|rd|th)?\.?\s(?:of\s)?(?:Jan|Feb|M[aä]r|Apr|Ma[iy]|Jun|Jul|Aug|Sep|O[ck]t|Nov|De[cz])[a-zä]*
    (?:,?\s\d{4})?
    |\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s\d{1,2}(?:st|nd|rd|th)?\b
    |\b(?:rows?|lines?|cells?|columns?|cols?|sheets?|pages?|steps?|cell|account|invoice|order|id|no|nr|version|sections?|chapters?|tables?|figures?|python|zeilen?|spalten?)
    [\s.:#]+(?:number\s|no\.?\s)?\d[\d,.]*(?:\s?(?:[-–]|to|and|bis|und)\s?\d[\d,.]*)*
    |\#\d+|^\s*\d{1,3}[.)]\s|\b(?:for\sexample|e\.g\.|such\sas|z\.\s?B\.)[^.\n]*""",
    re.X | re.S | re.M | re.I,
)
_IN_UNITS = (
    (re.compile(r"\b(?:in|of|figures in) (?:\w{3} )?(?:thousands|tsd|tausend|k\b)|[$€£]\s?000|\bk€|\bT€", re.I), 1e3),
    (re.compile(r"\b(?:in|of|figures in) (?:\w{3} )?(?:millions|mio|millionen|m\b)|\bm€", re.I), 1e6),
)  # fmt: skip
_ABOUT = re.compile(
    r"(?:about|around|roughly|approx\w*\.?|some|circa|ca\.?|nearly|almost|over|under|more than|"
    r"less than|just|above|below|at least|up to|rund|etwa|knapp|~|≈|±|>|<)\s*(?:\w{3}\s|[$€£¥]\s?)?$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Sources:
    """What numbers may come from.

    Attributes:
        results: Texts of outputs, files' facts and tie-outs, one for each cell or file.
        words: The user's requests, and the code that ran: what they name is named by somebody.
    """

    results: Sequence[str]
    words: Sequence[str] = ()


def text_of_facts(facts: Any) -> str:
    r"""Return *facts*, JSON values, as text in which only their own digits stand.

    The escapes of other alphabets (``\u5e74``) would be read as numbers.
    """
    return json.dumps(facts, default=str, ensure_ascii=False)


def not_from_a_result(answer: str, sources: Sources) -> list[str]:
    """Return the numbers of *answer* that were found nowhere, as they are written, each once."""
    visible = _SKIPPED.sub(lambda found: " " * len(found[0]), answer)
    named = [each for each in numbers_in(visible) if _is_looked_for(each)][:MOST_NAMED]
    if not named:
        return []
    outputs = [list(_values(text)) for text in sources.results]
    known = sorted(
        {value for each in outputs for value in each} | set(_values(*sources.words)) | KNOWN
    )
    hedged = [bool(_ABOUT.search(visible[max(0, each.start - 24) : each.start])) for each in named]
    units = tuple(unit for pattern, unit in _IN_UNITS if pattern.search(visible))
    found = [
        _is_in(each, known, about=about, units=units)
        for each, about in zip(named, hedged, strict=True)
    ]
    given = [each.value for each, is_found in zip(named, found, strict=True) if is_found]
    given += [each.value for text in sources.words[:1] for each in numbers_in(text)]
    open_ones = [n for n, is_found in enumerate(found) if not is_found]
    if not open_ones:
        return []
    derived = sorted(_derived(given, outputs))
    shares = sorted(_shares(given, outputs))
    columns = _columns(visible)
    few = [lines for text in sources.results if (lines := printed(text, FEW))]
    rates = [
        e.value / 100
        for text in (visible, *sources.words[:1])
        for e in numbers_in(text)
        if e.percent
    ]
    missing: list[Written] = []
    for number in open_ones:
        each = named[number]
        sums = sorted(_run_sums(named, number, columns))
        follows = sorted(_followed(each, few, rates, _sentence(visible, each.start)))
        places = (derived, shares, sums, follows)
        if not any(_is_in(each, values, about=hedged[number]) for values in places):
            missing.append(each)
    unknown = [number for number in missing if not _is_used(number, named, few)]
    return list(dict.fromkeys(number.text for number in unknown))


def _is_used(rate: Written, named: Sequence[Written], few: Sequence[Printed]) -> bool:
    """Whether an amount of the answer is a printed number times *rate*: a rate that it names."""
    if not rate.percent:
        return False
    return any(
        _is_in(each, sorted(exact_products(given, each, [rate.value / 100])), about=False)
        for given in few
        for each in named
    )


def _sentence(text: str, at: int) -> str:
    """Return the sentence or the line around *at*."""
    start = max(
        (m.end() for m in _SENTENCE.finditer(text, max(0, at - 300), at)), default=max(0, at - 300)
    )
    end = _SENTENCE.search(text, at)
    return text[start : end.start() if end else len(text)]


def _followed(
    each: Written, few: Sequence[Printed], rates: Sequence[float], sentence: str
) -> Iterator[float]:
    """Yield what follows from few printed numbers, as far as *each* may be that."""
    ratio = each.percent or each.value < MOST_RATIO or "index" in sentence.lower()
    for given in few:
        yield from exact_amounts(given, each, rates, sentence)
        found = [*by_place(given), *by_name(given, sentence)] if ratio else []
        yield from found if each.percent else (v for v in found if v < MOST_RATIO)
        if "index" in sentence.lower():
            yield from (100 * value for value in found)


def _is_looked_for(each: Written) -> bool:
    value = each.readings[0][0]
    if each.plain and (value <= SMALL or 1900 <= value <= 2100):
        return False
    return value != 0 and not (each.percent and value in (0.0, 100.0))


def _values(*texts: str) -> Iterator[float]:
    count = 0
    for text in texts:
        for each in numbers_in(text, output=True):
            for value, _ in each.readings:
                yield value * each.unit
            count += 1
            if count >= MOST_NUMBERS:
                return


def _is_in(
    each: Written, known: Sequence[float], *, about: bool, units: Sequence[float] = ()
) -> bool:
    """Whether one of *known* is *each*, as exactly as it is said, perhaps in *units*."""
    for value, place in each.readings:
        exact = _place(value, place, about=about)
        scales = {1.0, each.unit, *units}
        if each.percent:
            scales.add(0.01)
        if any(_near(value * scale, exact * scale, known) for scale in scales):
            return True
    return False


def _place(value: float, place: float, *, about: bool) -> float:
    """Return how far off a number may be: half its last place; of a rounded one, its last digit."""
    if place < 1 or value == 0 or value % 10:
        return (1.0 if about else 0.5) * place
    digits = f"{value:.0f}".rstrip("0")
    zeros = 10.0 ** (len(f"{value:.0f}") - len(digits))
    if about:
        return zeros
    # 285,000 may be 284,683 rounded; 300,000 without "about" is said to be exact.
    return 0.5 * (zeros if len(digits) >= 3 else 10.0 ** max(0, len(f"{value:.0f}") - 3))


def _near(value: float, off: float, known: Sequence[float]) -> bool:
    off += 1e-9 * max(1.0, value)
    place = bisect.bisect_left(known, value - off)
    return place < len(known) and known[place] <= value + off


def _derived(given: Sequence[float], outputs: Iterable[Sequence[float]]) -> Iterator[float]:
    """Yield sums, differences, products and averages that a reader can follow."""
    groups = [list(dict.fromkeys(given))[:60]]
    groups += [list(dict.fromkeys(each)) for each in outputs if len(set(each)) <= FEW]
    for number, group in enumerate(groups):
        for place, one in enumerate(group):
            for other in group[place + 1 :]:
                yield abs(one - other)
                yield one + other
                if number == 0:
                    yield one * other
            total, count = one, 1
            for other in group[place + 1 :] if number else ():
                total, count = total + other, count + 1
                if count > 2:
                    yield total
                    yield total / count


def _shares(given: Sequence[float], outputs: Iterable[Sequence[float]]) -> Iterator[float]:
    """Yield ratios and changes: of two numbers in the answer, or one of it and one beside it."""
    named = list(dict.fromkeys(given))[:60]
    partners = set(named)
    for each in outputs:
        if len(set(each)) <= FEW:
            partners |= set(each)
    for one in named:
        for other in partners:
            for above, below in ((one, other), (other, one)):
                if below and above != below:
                    yield abs(above / below)
                    yield abs(above / below - 1)


def _columns(visible: str) -> dict[int, tuple[int, int]]:
    """Return for each offset in a Markdown table's cell its table and column."""
    found: dict[int, tuple[int, int]] = {}
    table, offset, inside = 0, 0, False
    for line in visible.split("\n"):
        if line.lstrip().startswith("|"):
            table += not inside
            inside, column = True, 0
            for place, sign in enumerate(line):
                column += sign == "|"
                found[offset + place] = table, column
        else:
            inside = False
        offset += len(line) + 1
    return found


def _run_sums(
    named: Sequence[Written], number: int, columns: dict[int, tuple[int, int]]
) -> Iterator[float]:
    """Yield sums of the numbers right before or behind one, or in its column of a table."""
    if (place := columns.get(named[number].start)) is not None:
        yield sum(
            e.value for n, e in enumerate(named) if n != number and columns.get(e.start) == place
        )
    for run in (named[:number][::-1], named[number + 1 :]):
        total = signed = 0.0
        for each in run[:12]:
            total += each.value
            signed += -each.value if each.text[0] in "-−" else each.value
            yield total
            yield abs(signed)
