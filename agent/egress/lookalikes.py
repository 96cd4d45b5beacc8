"""Text in plain signs: what a reader takes for a digit, a blank or a dash becomes that.

Excel, HTML and word processors write numbers with no-break blanks and typographic dashes; Asian
and Arabic files with their own digits; terminals colour them.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping
from functools import cache

_UNSEEN = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\ufeff"
_BLANKS = "\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63"
_REMOVED = re.compile(rf"\x1b\[[0-9;?]*[ -/]*[@-~]|[{_UNSEEN}]")
"""Colours and other terminal controls (ECMA-48, 5.4), and signs that take no room."""


@cache
def _table() -> Mapping[int, str]:
    """Return sign → plain sign: decimal digits of all scripts, wide letters, blanks, dashes."""
    table = {
        code: str(unicodedata.decimal(chr(code)))
        for code in range(128, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) == "Nd"
    }
    table |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys(map(ord, _BLANKS), " ")
    return table | dict.fromkeys(map(ord, _DASHES), "-")


class Plain:
    """A text in plain signs.

    Attributes:
        text: The plain text; the given one itself if nothing in it had to be changed.
    """

    def __init__(self, given: str) -> None:
        """Make *given* plain."""
        self._cut: list[int] = []
        self._moved = [0]
        if given.isascii() and "\x1b" not in given:
            self.text = given
            return
        parts, at, gone = [], 0, 0
        for removed in _REMOVED.finditer(given):
            parts.append(given[at : removed.start()])
            self._cut.append(removed.start() - gone)
            at, gone = removed.end(), gone + removed.end() - removed.start()
            self._moved.append(gone)
        parts.append(given[at:])
        self.text = "".join(parts).translate(_table())

    def given(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the given text the signs from *start* to *end* of the plain one stand."""
        first = start + self._moved[bisect_right(self._cut, start)]
        last = end - 1
        return first, last + self._moved[bisect_right(self._cut, last)] + 1
