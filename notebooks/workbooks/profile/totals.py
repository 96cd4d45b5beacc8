"""Total and subtotal rows: by word in the usual languages, by arithmetic, and by formula."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import cells
from .body import MAX_ARITHMETIC_ROWS, Body
from .grid import Formula
from .other_rows import lone_words
from .parents import parent_rows
from .sums import Sums
from .top_total import sums_all_below

_WORDS = """total totals totale totales totaal eindtotaal totalt totalsumme totalsumma totaux
totali grand\\s+total overall\\s+total sub-?\\s?totals? sous-?\\s?total subtotale subtotales
subtotaal total\\s+g[eé]n[eé]ral sum sums summe summa zwischensumme endsumme gesamt gesamtsumme
gesamtbetrag mindösszesen slutsumma loppusumma gesamtergebnis gesamttotal insgesamt suma sumy
razem ogółem łącznie celkem součet mezisoučet spolu medzisúčet összesen összeg végösszeg
részösszeg итого всего подытог общий\\s+итог усього разом підсумок toplam genel\\s+toplam
ara\\s+toplam somme montant\\s+total somma soma i\\s+alt samlet sammenlagt delsumma delsum
yhteensä välisumma kokonaissumma σύνολο γενικό\\s+σύνολο μερικό\\s+σύνολο ukupno sveukupno
međuzbroj skupaj vsota общо всичко kokku vahesumma kopā pavisam iš\\s+viso viso jumlah subjumlah
tổng tổng\\s+cộng cộng รวม รวมทั้งหมด कुल योग 合計 小計 総計 合计 小计 总计 總計
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
    r"grand|eindtotaal|mindösszesen|slutsumma|loppusumma|general|général|genel|gesamtergebnis|"
    r"gesamtsumme|endsumme|kokonais|総計|总计|總計|총계|"
    r"total(es|e|i)?\s+gen|celkem|végösszeg|всего|общий|sveukupno|pavisam",
    re.IGNORECASE,
)
_SUB = re.compile(
    r"sub|zwischen|sous|mezi|medzi|rész|подытог|ara\s|delsum|väli|μερικό|vahe|小計|小计|소계|među",
    re.IGNORECASE,
)
_LETTER = re.compile(r"[^\W\d_]|\*")
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


def find_totals(body: Body, *, additive: Iterable[int] | None = None) -> list[Total]:
    """Return the total rows in a table's *body*, top to bottom.

    Args:
        body: The table's rows below its header.
        additive: The columns (from 0) whose numbers may be summed; all numeric ones if not given.
    """
    if body.worded is None:
        body.worded = _by_word(body)
    worded = body.worded
    formulas = _by_formula(body.grid.formulas, body)
    summed = body.numbers if additive is None else list(additive)
    candidates: Sequence[int] = range(body.count)
    if body.count > MAX_ARITHMETIC_ROWS:
        last = [at for at in range(body.count - 5, body.count) if body.is_bare(at)]
        candidates = sorted({*worded, *formulas, *last})
    found = _found(body, summed, candidates, formulas, frozenset())
    parents = parent_rows(body, summed)
    # Net sales is what was sold above it, or costs and profit below it: more totals decide.
    if parents.rows and (parents.named or len(parents.rows) > len(found)):
        found = _found(body, summed, candidates, formulas, frozenset(parents.rows))
    if sums_all_below(body, summed, [total.row - body.top for total in found]):
        found.insert(0, Total(body.top, body.label(0), "total", "arithmetic", ties=True))
    known = {total.row for total in found}
    found += [
        Total(body.top + at, text, "total", "word", ties=None)
        for at, text in lone_words(body)
        if _ALONE.match(text) and body.top + at not in known
    ]
    return _levels(sorted(found, key=lambda total: total.row), body)


def _found(
    body: Body, summed: Iterable[int], candidates: Sequence[int], formulas: set[int],
    parents: frozenset[int],
) -> list[Total]:  # fmt: skip
    """Return the totals of rows above them, and *parents*, which sum rows below them."""
    sums, found = Sums(body, summed), []
    worded = body.worded or {}
    for at in candidates:
        total: Total | None
        if at in parents:
            total = Total(body.top + at, body.label(at), "subtotal", "arithmetic", ties=True)
        else:
            total = _total(body, sums, at, worded, summing=at in formulas)
        if total is not None:
            found.append(total)
            sums.add_total(at)
    return found


def _total(
    body: Body, sums: Sums, at: int, worded: Mapping[int, tuple[str, int]], *, summing: bool
) -> Total | None:
    """Return the total that row *at* is; ``None`` if it is data."""
    label, strength = worded.get(at, ("", 0))
    if not (at in worded or summing or sums.convincing(at)):
        return None
    tie, level = sums.test(at)
    if not tie and at in worded and sums.covers_following(at, worded):
        tie = True
    reasons = []
    if strength == 2 or (strength == 1 and (tie or summing)):
        reasons.append("word")
    if tie and (reasons or summing or sums.convincing(at)):
        reasons.append("arithmetic")
    if summing and (reasons or body.is_bare(at) or at == body.count - 1):
        reasons.append("formula")
    if not reasons:
        return None
    return Total(body.top + at, label or body.label(at), level, "+".join(reasons), tie)


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
    if not _LETTER.search(joined):
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
