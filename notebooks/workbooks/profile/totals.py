"""Total and subtotal rows: by word in the usual languages, by arithmetic, and by formula."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from . import cells
from .amounts import read_amount, read_notation
from .grid import Area, Formula, Grid

MAX_ARITHMETIC_ROWS = 20_000
MAX_SUMMED_COLUMNS = 60
_WORDS = """total totals totale totales totaal totalt totalsumme totalsumma totaux totali
grand\\s+total overall\\s+total sub-?\\s?totals? sous-?\\s?total subtotale subtotales subtotaal
total\\s+g[eé]n[eé]ral sum sums summe summa zwischensumme endsumme gesamt gesamtsumme gesamtbetrag
gesamtergebnis gesamttotal insgesamt suma sumy razem ogółem łącznie celkem součet mezisoučet spolu
medzisúčet összesen összeg végösszeg részösszeg итого всего подытог общий\\s+итог усього разом
підсумок toplam genel\\s+toplam ara\\s+toplam somme montant\\s+total somma soma i\\s+alt samlet
sammenlagt delsumma delsum yhteensä välisumma kokonaissumma σύνολο γενικό\\s+σύνολο μερικό\\s+σύνολο
ukupno sveukupno međuzbroj skupaj vsota общо всичко kokku vahesumma kopā pavisam iš\\s+viso viso
jumlah subjumlah tổng tổng\\s+cộng cộng รวม รวมทั้งหมด कुल योग 合計 小計 総計 合计 小计 总计 總計
합계 소계 총계 إجمالي الإجمالي المجموع مجموع סך\\s+הכל סה["״]כ סהכ samtals""".split("\n")
_WORD = "|".join(
    sorted({word for line in _WORDS for word in line.split(" ") if word}, key=len, reverse=True)
)
_PLAIN_WORDS = {
    word.replace("\\s+", " ").replace("-?", "").replace("\\s?", "").replace("[eé]", "é").casefold()
    for word in _WORD.split("|")
} | {"total"}
_ALONE = re.compile(rf"^\W*({_WORD})\W*$", re.IGNORECASE)
_FIRST = re.compile(rf"^\W*({_WORD})(\b|(?<=\W))", re.IGNORECASE)
_LAST = re.compile(rf"(^|\s|[-–_:(])({_WORD})\W*$", re.IGNORECASE)
_CJK = re.compile(r"(合計|小計|総計|合计|小计|总计|總計|합계|소계|총계)")
_GRAND = re.compile(
    r"grand|general|général|genel|gesamtergebnis|gesamtsumme|endsumme|kokonais|総計|总计|總計|총계|"
    r"total(es|e|i)?\s+gen|celkem|végösszeg|всего|общий|sveukupno|pavisam",
    re.IGNORECASE,
)
_SUB = re.compile(
    r"sub|zwischen|sous|mezi|medzi|rész|подытог|ara\s|delsum|väli|μερικό|vahe|小計|小计|소계|među",
    re.IGNORECASE,
)
_STARS = re.compile(r"^\s*\*{1,4}\s*$")
"""How SAP marks total rows."""
_SUMS = re.compile(r"^\+?(SUBTOTAL|SUM|AGGREGATE)\(", re.IGNORECASE)


@dataclass(frozen=True)
class Total:
    """A row that sums other rows.

    Attributes:
        row: Its number, from 0 in the sheet.
        label: The text that names it, or ``""``.
        level: ``subtotal`` or ``total``.
        by: What shows it: ``word``, ``arithmetic``, ``formula``, joined by ``+``.
        ties: Whether its numbers are the sums of other rows; ``None`` where that is unknown.
    """

    row: int
    label: str
    level: str
    by: str
    ties: bool | None


class Body:
    """A table's body with its numeric columns as numbers."""

    def __init__(self, grid: Grid, area: Area) -> None:
        self.grid = grid
        self.top, self.left, self.bottom, self.right = area
        rows = grid.rows[self.top - grid.top : self.bottom - grid.top + 1]
        by_column: Sequence[Sequence[Any]] = list(zip(*rows, strict=True))
        self.columns = {c: by_column[c - grid.left] for c in range(self.left, self.right + 1)}
        self.texts: dict[int, Sequence[Any]] = {}
        self.numbers: dict[int, Sequence[float | None]] = {}
        self.types = {c: Counter(map(type, values)) for c, values in self.columns.items()}
        for c, values in self.columns.items():
            numbers = _numbers(values, set(self.types[c]))
            if numbers is not None:
                self.numbers[c] = numbers
            if str in self.types[c]:
                self.texts[c] = values
        self.worded = _by_word(self)
        self.summed = _by_formula(grid.formulas, self)

    @property
    def count(self) -> int:
        """Return how many rows there are."""
        return self.bottom - self.top + 1

    def label(self, at: int) -> str:
        """Return the first text of the row at *at* (from 0 in the body)."""
        values = (self.columns[c][at] for c in range(self.left, self.right + 1))
        return next((v.strip() for v in values if isinstance(v, str) and v.strip()), "")


def _numbers(values: Sequence[Any], types: set[type]) -> Sequence[float | None] | None:
    """Return a column's values as numbers, ``None`` if it is none of numbers."""
    if not types & {int, float}:
        texts = [v for v in values if type(v) is str and v.strip()]
        if not texts or len(values) > MAX_ARITHMETIC_ROWS:
            return None
        notation = read_notation(texts)
        if notation is None or notation.read < 0.7 * len(texts) or notation.ambiguous:
            return None
        return [read_amount(v, notation) if type(v) is str else None for v in values]
    if types <= {int, float}:
        return values
    return [v if type(v) in (int, float) else None for v in values]


def find_totals(body: Body, *, additive: Iterable[int] | None = None) -> list[Total]:
    """Return the total rows in a table's *body*, top to bottom.

    Args:
        body: The table's rows below its header.
        additive: The columns (from 0) whose numbers may be summed; all numeric ones if not given.
    """
    if additive is not None:
        keep = set(additive)
        body.numbers = {c: numbers for c, numbers in body.numbers.items() if c in keep}
    worded, formulas = body.worded, body.summed
    sums = _Sums(body)
    found: list[Total] = []
    candidates: Sequence[int] = range(body.count)
    if body.count > MAX_ARITHMETIC_ROWS:
        last = [at for at in range(body.count - 5, body.count) if _bare(body, at)]
        candidates = sorted({*worded, *formulas, *last})
    last_total = -1
    for at in candidates:
        label, strength = worded.get(at, ("", 0))
        tie, level = sums.test(at, [t.row - body.top for t in found])
        if not tie and at in worded and sums.covers_following(at, worded):
            tie = True
        reasons = []
        if strength == 2 or (strength == 1 and (tie or at in formulas)):
            reasons.append("word")
        if tie and (reasons or at in formulas or sums.convincing(at, last_total)):
            reasons.append("arithmetic")
        if at in formulas and (reasons or _bare(body, at) or _is_last(body, at)):
            reasons.append("formula")
        if not reasons:
            continue
        label = label or body.label(at)
        found.append(Total(body.top + at, label, level, "+".join(reasons), tie))
        last_total = at
    return _levels(found, body)


def _by_word(body: Body) -> dict[int, tuple[str, int]]:
    """Return row → (label, strength) of rows with a word for total; 2 needs no proof by numbers."""
    found: dict[int, tuple[str, int]] = {}
    for column, values in body.texts.items():
        distinct = set(values)
        if len(body.types[column]) > 1:
            distinct = {v for v in distinct if type(v) is str}
        words = {v for v in _candidates(distinct) if len(v) <= 80 and _names_a_total(v)}
        if not words or len(words) > 0.6 * max(4, len(distinct)) + 1:
            continue
        others = {other.strip().casefold() for other in distinct}
        for at, value in enumerate(values):
            if type(value) is str and value in words and _has_number(body, at):
                strength = 2 if _strong(value, others, body, at) else 1
                if strength > found.get(at, ("", 0))[1]:
                    found[at] = (value.strip(), strength)
    return found


def _candidates(texts: set[str]) -> Iterable[str]:
    """Return those of many *texts* that hold a word for total anywhere."""
    if len(texts) < 500:
        return texts
    joined = "\n".join(texts).casefold()
    if joined.isascii() and joined.replace("\n", "").isdigit():
        return ()
    there = [word for word in _PLAIN_WORDS if word in joined]
    return (
        [text for text in texts if any(word in text.casefold() for word in there)] if there else ()
    )


def _names_a_total(text: str) -> bool:
    return bool(
        _STARS.match(text)
        or _ALONE.match(text)
        or _FIRST.match(text)
        or _LAST.search(text)
        or _CJK.search(text)
    )


def _strong(value: str, others: set[str], body: Body, at: int) -> bool:
    """Return whether *value* is a total's label beyond doubt: the word alone, or with a group."""
    if _ALONE.match(value):
        return True
    rest = _LAST.sub("", value) if _LAST.search(value) else _FIRST.sub("", value)
    rest = _CJK.sub("", rest).strip(" -–:_()")
    if not rest:
        return False
    return rest.casefold() in others or any(
        isinstance(v, str) and v.strip().casefold() == rest.casefold()
        for values in body.texts.values()
        for v in values[max(0, at - 300) : at]
    )


def _has_number(body: Body, at: int) -> bool:
    row = body.top + at
    return any(numbers[at] is not None for numbers in body.numbers.values()) or any(
        (row, c) in body.grid.formulas for c in range(body.left, body.right + 1)
    )


def _bare(body: Body, at: int) -> bool:
    """Return whether the row has no label where the rows around it have one."""
    return not body.label(at) and any(body.label(row) for row in (at - 1, at - 2) if row >= 0)


def _is_last(body: Body, at: int) -> bool:
    return at == body.count - 1


def _by_formula(formulas: Mapping[tuple[int, int], Formula], body: Body) -> set[int]:
    """Return the rows whose formulas sum cells of other rows of their own column."""
    found = set()
    for (row, column), formula in formulas.items():
        at = row - body.top
        if not (0 <= at < body.count and body.left <= column <= body.right):
            continue
        if not _SUMS.match(formula.text):
            continue
        inside = formula.text[formula.text.index("(") + 1 :]
        area = cells.parse_range(inside.split(")")[0].split(",")[-1])
        if area and area[1] <= column <= area[3] and area[3] - area[1] == 0 and area[2] > area[0]:
            found.add(at)
    return found


class _Sums:
    """Tests whether rows are sums of the rows before them."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._running: dict[int, Sequence[float]] = {}

    def running(self, column: int) -> Sequence[float]:
        """Return the running sums of a column, 0 first."""
        if column not in self._running:
            plain = (number or 0.0 for number in self.body.numbers[column])
            self._running[column] = list(accumulate(plain, initial=0.0))
        return self._running[column]

    def test(self, at: int, totals: Sequence[int]) -> tuple[bool | None, str]:
        """Return (whether row *at* is a sum of others, its level), given the *totals* before it."""
        filled: dict[int, float] = {}
        for column, numbers in self.body.numbers.items():
            if (number := numbers[at]) is not None:
                filled[column] = number
            if len(filled) == MAX_SUMMED_COLUMNS:
                break
        if not filled:
            return None, "subtotal" if at < self.body.count - 1 else "total"
        since = totals[-1] + 1 if totals else 0
        if self._equal(filled, at, since, at) and at - since >= 2:
            return True, "subtotal"
        if self._equal(filled, at, 0, at, without=totals) and at - len(totals) >= 2:
            return True, "total"
        if len(totals) >= 2 and self._of_rows(filled, totals):
            return True, "total"
        for start in self._starts(at, totals):
            if self._equal(filled, at, start, at, without=totals):
                return True, "subtotal"
        if self._equal(filled, at, at + 1, self.body.count) and at + 2 < self.body.count:
            return True, "total"
        return False, "subtotal" if at < self.body.count - 1 else "total"

    def covers_following(self, at: int, worded: Iterable[int]) -> bool:
        """Return whether row *at* is the sum of the rows up to the next row with a word."""
        end = min((row for row in worded if row > at), default=self.body.count)
        numbers = self.body.numbers.items()
        filled = {c: n for c, values in numbers if (n := values[at]) is not None}
        return end - at > 2 and self._equal(filled, at, at + 1, end)

    def _starts(self, at: int, totals: Sequence[int]) -> list[int]:
        """Return further rows a sum may begin at: behind each of the last totals, or a group's."""
        starts = [t + 1 for t in totals[-12:]]
        for values in self.body.texts.values():
            first = at - 1
            while first > 0 and at - first < 500 and values[first - 1] == values[at - 1]:
                first -= 1
            if at - first >= 2 and (not starts or first not in starts):
                starts.append(first)
        return starts

    def _equal(
        self,
        filled: Mapping[int, float],
        at: int,
        start: int,
        end: int,
        without: Sequence[int] = (),
    ) -> bool:
        """Return whether the row's numbers are the sums of rows *start* to before *end*."""
        hits = misses = 0
        for column, number in filled.items():
            sums = self.running(column)
            total = sums[end] - sums[start]
            numbers = self.body.numbers[column]
            total -= sum(numbers[t] or 0.0 for t in without if start <= t < end)
            if _same(total, number):
                hits += number != 0
            else:
                misses += 1
        return hits > 0 and hits >= 2 * misses

    def _of_rows(self, filled: Mapping[int, float], rows: Sequence[int]) -> bool:
        hits = misses = 0
        for column, number in filled.items():
            total = sum(self.body.numbers[column][row] or 0.0 for row in rows)
            hits += _same(total, number) and number != 0
            misses += not _same(total, number)
        return hits > 0 and hits >= 2 * misses

    def convincing(self, at: int, last_total: int) -> bool:
        """Return whether a sum without a word for it is more than chance."""
        numbers = {
            column: values[at]
            for column, values in self.body.numbers.items()
            if values[at] not in (None, 0)
        }
        weighty = [c for c, n in numbers.items() if n is not None and (abs(n) > 20 or n % 1)]
        addends = at - last_total - 1
        if _bare(self.body, at):
            return addends >= 2 and (len(weighty) >= 2 or (len(weighty) == 1 and addends >= 3))
        if len(weighty) < 2 or not self._independent(weighty, last_total + 1, at):
            return False
        return addends >= (2 if self._bold(at) else 3) and addends < 400

    def _independent(self, columns: Sequence[int], start: int, end: int) -> bool:
        """Return whether two of the *columns* are not multiples of each other in those rows."""
        for column in columns[1:]:
            pairs = zip(
                self.body.numbers[columns[0]][start:end],
                self.body.numbers[column][start:end],
                strict=True,
            )
            ratios = [b / a for a, b in pairs if a and b is not None]
            if len(ratios) >= 2 and max(ratios) - min(ratios) > 1e-6 * abs(max(ratios)):
                return True
        return False

    def _bold(self, at: int) -> bool:
        row, grid = self.body.top + at, self.body.grid
        columns = list(self.body.numbers)
        return bool(grid.bold) and any(
            (row, c) in grid.bold and (row - 1, c) not in grid.bold for c in columns
        )


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=0.006)


def _levels(found: list[Total], body: Body) -> list[Total]:
    """Return the totals with the last of several named ``total`` where it covers the others."""
    if not found:
        return found
    result = []
    for at, total in enumerate(found):
        level = total.level
        if _GRAND.search(total.label):
            level = "total"
        elif _SUB.search(total.label):
            level = "subtotal"
        elif len(found) == 1:
            level = "total" if total.row in (body.top, body.bottom) else level
        elif at < len(found) - 1 and total.row != body.top:
            level = "subtotal"
        elif at == len(found) - 1 and total.ties is not True:
            level = "total" if _ALONE.match(total.label) else level
        result.append(Total(total.row, total.label, level, total.by, total.ties))
    return result
