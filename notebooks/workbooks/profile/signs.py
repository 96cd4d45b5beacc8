"""Signs and words of an amount other than minus: debit and credit, triangles, wide characters.

Ledgers mark the side behind the amount (``1,250.00 Cr``, ``1.250,00 H``), Japanese tables put a
triangle before a negative one (``△1,250``), and digits come in other widths and scripts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

CREDITS = frozenset(
    "cr credit crédit credito crédito haben haber avere kredit h c k a ma кт к-т 貸 贷".split()
)
DEBITS = frozenset("dr db debit débit debito débito soll debe dare debet d s wn дт д-т 借".split())
UPS, DOWNS = "△▲", "▽▼"
_SIDE_NAME = re.compile(
    r"soll|haben|debit|credit|\bs/h\b|\b[cd]/[cd]\b|\b[cd]r\b|side|sign|kennz|dare|avere|debe|haber",
    re.IGNORECASE,
)
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3000: " ", 0x066B: ".", 0x066C: ",", 0x066A: "%",
}  # fmt: skip


def narrow(text: str) -> str:
    """Return *text* with digits of every script, and wide signs, as ASCII has them."""
    if text.isascii():
        return text
    digits = (str(unicodedata.decimal(sign, sign)) for sign in text)
    return "".join(digits).translate(_WIDE)


@dataclass(frozen=True)
class Side:
    """What the words and triangles of a column's amounts mean.

    Attributes:
        minus: Those that make an amount negative, as written.
        plus: Those that leave it positive.
        unclear: Nothing in the column tells which they are.
    """

    minus: tuple[str, ...] = ()
    plus: tuple[str, ...] = ()
    unclear: bool = False

    @property
    def known(self) -> frozenset[str]:
        """Return the words and triangles, in lower case."""
        return frozenset(word.casefold() for word in (*self.minus, *self.plus))

    @property
    def name(self) -> str:
        """Return what they mean, as in ``Cr is minus, Dr is plus``."""
        parts = [
            f"{', '.join(words)} {'is' if len(words) == 1 else 'are'} {meaning}"
            for words, meaning in ((self.minus, "minus"), (self.plus, "plus"))
            if words
        ]
        return ", ".join(parts)


def is_short(word: str) -> bool:
    """Return whether a side is a mere letter or two, which means nothing without its partner."""
    return len(word) == 1 or word in ("ma", "wn", "кт", "дт")


def meaning_of(marks: Counter[str], bare: int, signed: int) -> Side:
    """Return what the *marks* of a column's amounts mean; credit is taken as minus.

    Args:
        marks: Word or triangle, as written → how many amounts have it.
        bare: How many have neither, nor a minus.
        signed: How many have one beside a minus.
    """
    if not marks:
        return Side()
    triangles = {mark for mark in marks if mark in UPS + DOWNS}
    if triangles:
        if len(triangles) < len(marks):
            return Side(unclear=True)
        return _of_triangles(triangles, bare=bare > 0, signed=signed > 0)
    credit, debit = _as_written(marks, CREDITS), _as_written(marks, DEBITS)
    if any(is_short(word.casefold()) for word in marks):
        most = marks.total() >= 0.9 * (marks.total() + bare)
        if not (credit and debit and most):
            return Side()
    unclear = signed > 0 or (bool(debit) and not credit and bare > 0)
    return Side(credit, debit, unclear)


def sides_of(texts: Counter[str], name: object) -> str:
    """Return what the texts of a column mean that has the sides of amounts beside it, else ``""``.

    Two letters may be anything, unless they are the usual ones or the *name* of the column says so.
    """
    marks = Counter({text.strip(): count for text, count in texts.items()})
    words = {mark.casefold().rstrip(".") for mark in marks}
    if len(words) != 2 or not all(words & side for side in (CREDITS, DEBITS)):
        return ""
    usual = words in ({"s", "h"}, {"d", "c"}) or not any(len(word) == 1 for word in words)
    said = isinstance(name, str) and _SIDE_NAME.search(name) is not None
    side = Side(_as_written(marks, CREDITS), _as_written(marks, DEBITS))
    return side.name if usual or said else ""


def _as_written(marks: Counter[str], words: Collection[str]) -> tuple[str, ...]:
    return tuple(word for word, _ in marks.most_common() if word.casefold().rstrip(".") in words)


def _of_triangles(found: Collection[str], *, bare: bool, signed: bool) -> Side:
    """Up and down show a change; one that only some amounts have is the minus of Japan."""
    ups = tuple(sorted(sign for sign in found if sign in UPS))
    downs = tuple(sorted(sign for sign in found if sign in DOWNS))
    if downs:
        return Side(downs, ups, signed)
    return Side(ups, (), signed or not bare)
