"""Excel's functions, found by what one wants to do.

The functions are data (``functions.txt``). A question's words are compared with each function's
name, description and category by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance
Framework", 2009), with ``synonyms.txt`` for other words of the same meaning.
"""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.retrieval.words import folded, stem, words_of

DATA, SYNONYMS = (Path(__file__).with_name(n) for n in ("functions.txt", "synonyms.txt"))
FIRST_VERSION = "2007"
SYNONYM_WEIGHT = 0.6
OLDER_WEIGHT, USUAL_WEIGHT = 0.8, 1.25
MOST_CHARACTERS = 2000
"""How much of a question is read."""
SATURATION, LENGTH = 1.2, 0.5
"""BM25's k1 and b."""
USUAL = frozenset(
    """
    AND AVERAGE AVERAGEIF AVERAGEIFS CEILING CONCAT COUNT COUNTA COUNTBLANK COUNTIF COUNTIFS DATE
    DATEDIF DAYS EDATE EOMONTH FILTER FIND IF IFERROR IFS INDEX IRR ISBLANK ISNUMBER LEFT LEN LOWER
    MATCH MAX MAXIFS MEDIAN MID MIN MINIFS MOD MONTH NETWORKDAYS NPV OR PMT PROPER RANK.EQ RIGHT
    ROUND ROUNDDOWN ROUNDUP SEARCH SORT STDEV.S SUBSTITUTE SUBTOTAL SUM SUMIF SUMIFS SUMPRODUCT
    TEXT TEXTJOIN TODAY TRANSPOSE TRIM UNIQUE UPPER VALUE VLOOKUP WEEKDAY XIRR XLOOKUP YEAR
    """.split()
)
"""Functions that are asked for far more often than others."""
_OLDER = re.compile(r"the older form")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcelFunction:
    """One function of Excel.

    Attributes:
        name: Its English name.
        category: As in Excel's list of functions.
        syntax: The call; arguments in brackets may be left out.
        description: What it does.
        example: A formula.
        pandas: The same in pandas or numpy; ``""`` where there is no plain way.
        since: The version of Excel that brought it; 2007 for older ones.
    """

    name: str
    category: str
    syntax: str
    description: str
    example: str
    pandas: str
    since: str

    @property
    def arguments(self) -> tuple[str, ...]:
        """Its arguments in order; those in brackets may be left out."""
        inside = self.syntax.partition("(")[2].removesuffix(")")
        return tuple(re.findall(r"\[[^\]]*\]|[^,\s]+", inside))


@functools.cache
def excel_functions() -> Mapping[str, ExcelFunction]:
    """Return all functions by name."""
    found: dict[str, ExcelFunction] = {}
    category = ""
    for line in DATA.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            category = line.strip("[]")
        elif line and not line.startswith("#"):
            syntax, description, example, pandas, *since = (p.strip() for p in line.split(" ;; "))
            name = syntax.partition("(")[0]
            found[name] = ExcelFunction(
                name=name,
                category=category,
                syntax=syntax,
                description=description,
                example=example,
                pandas="" if pandas == "-" else pandas,
                since=since[0] if since else FIRST_VERSION,
            )
    return found


def find_functions(question: str, most: int = 5) -> list[ExcelFunction]:
    """Return the functions that fit *question* best, best first.

    Args:
        question: In plain words, or with a function's name.
        most: How many at most; none is returned that has no word of the question.
    """
    index = _index()
    named = [excel_functions()[n] for n in _named(question)]
    asked = _asked(question)
    scores = {name: score for name in index.words if (score := index.score(name, asked)) > 0}
    best = sorted(scores, key=lambda name: (-scores[name], name))
    found = [*named, *(excel_functions()[name] for name in best)]
    return list({f.name: f for f in found}.values())[:most]


def _named(question: str) -> list[str]:
    """Return the functions that *question* names, in capitals or with a bracket."""
    question = question[:MOST_CHARACTERS]
    words = re.findall(r"\b[A-Z][A-Z0-9.]*[A-Z0-9]\b|\b[A-Za-z0-9.]+(?=\()", question)
    shouting = question.upper() == question and len(question.split()) > 2
    return [] if shouting else [w.upper() for w in words if w.upper() in excel_functions()]


def _asked(question: str) -> Mapping[str, float]:
    """Return the stems to look for, each with its weight."""
    asked: dict[str, float] = {}
    for word in words_of(question[:MOST_CHARACTERS]):
        asked[word] = 1.0
        for other in _synonyms().get(word, ()):
            asked.setdefault(other, SYNONYM_WEIGHT)
    return asked


@functools.cache
def _synonyms() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in SYNONYMS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            group = {stem(word) for word in folded(line).split()}
            for word in group:
                found.setdefault(word, set()).update(group - {word})
    return {word: frozenset(others) for word, others in found.items()}


class _Index:
    """The words of all functions."""

    def __init__(self, functions: Sequence[ExcelFunction]) -> None:
        self.words = {f.name: _words(f) for f in functions}
        self._older = {f.name for f in functions if _OLDER.search(f.description)}
        self._lengths = {name: sum(words.values()) for name, words in self.words.items()}
        self._mean = sum(self._lengths.values()) / len(functions)
        having = Counter(word for words in self.words.values() for word in words)
        self._rarity = {
            word: math.log(1 + (len(functions) - n + 0.5) / (n + 0.5)) for word, n in having.items()
        }

    def score(self, name: str, asked: Mapping[str, float]) -> float:
        """Return how well function *name* fits the words *asked* for; 0 for not at all."""
        words = self.words[name]
        norm = SATURATION * (1 - LENGTH + LENGTH * self._lengths[name] / self._mean)
        total = sum(
            weight * self._rarity[word] * words[word] * (SATURATION + 1) / (words[word] + norm)
            for word, weight in asked.items()
            if word in words
        )
        usual = USUAL_WEIGHT if name in USUAL else 1.0
        return total * usual * (OLDER_WEIGHT if name in self._older else 1.0)


def _words(function: ExcelFunction) -> Counter[str]:
    counted = Counter(words_of(function.description))
    counted.update(words_of(function.category))
    counted.update(words_of(re.sub(r"[.]", " ", function.name)))
    return counted


@functools.cache
def _index() -> _Index:
    return _Index(list(excel_functions().values()))
