"""Words of a text for searching: folded, without endings and without words that say nothing."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+(?:[.'][^\W_]+)*")
STOP = frozenset(
    """
    a an and are as at be by can do does each for from get give has have how i if in into is it its
    me my of on one or our please show some than that the their them there these this those to use
    using want was we what when where which while will with within without you your cell cells
    excel formula function
    """.split()
)
_ENDINGS = (
    "ations",
    "ation",
    "ings",
    "ing",
    "ies",
    "ied",
    "ers",
    "er",
    "ed",
    "es",
    "s",
    "ly",
    "y",
    "e",
)


def folded(text: str) -> str:
    """Return *text* in lower case and without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def stem(word: str) -> str:
    """Return *word* without an English ending, so that forms of a word meet."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def words_of(text: str) -> list[str]:
    """Return the stems of the words of *text*, in order, without words that say nothing."""
    found = _WORD.findall(folded(text).replace("'s ", " "))
    return [stem(word) for word in found if word not in STOP]
