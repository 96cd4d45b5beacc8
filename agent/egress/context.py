"""What stands around a candidate: its column of a table, its header, the words before it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.egress import layout

NEAR = 48
"""Bytes before a candidate in which a word names it."""
MOST_HEADER = 4_000
MOST_LOOKED, LOOKED_FOR_EACH = 5_000, 3
"""Lines that are searched for names in one text, and for each value more: ragged text, of which no
two lines have a column in common, must not take long."""
MOST_SERIES_CELLS = 3
Column = int | bytes
_LETTER = re.compile(rb"[A-Za-z\x80-\xff]")
_KEY = re.compile(rb"""([^,;|\t{}\[\]()<>:="'\n]{1,40})["']?\s{0,8}[:=]\s{0,8}[("']{0,2}\Z""")
"""A key and its value: JSON, ``repr`` of a dict or a tuple with names, YAML, ``name = value``."""
_LIST_KEY = re.compile(rb"""([^,;|\t{}\[\]()<>:="'\n]{1,40})["']?\s{0,8}[:=]?\s{0,8}\Z""")
_MARKS = re.compile(rb"""["'\[\](){}:=]""")
_OWN = re.compile(rb"  |[\t|;<>]|,(?! )|\d{3}")
"""What parts the words right before a value from others."""
_CARD = re.compile(rb"card|visa|master|amex|\bpan\b|kredit|karte|carte|tarjeta|carta", re.I)
_OTHER = re.compile(
    rb"order|invoice|track|ref|transaction|trx|txn|batch|sku|ean|gtin|barcode|isbn|upc|serial|item|"
    rb"material|article|artikel|auftrag|rechnung|beleg|buchung|document|belegnr|time|stamp|hash|"
    rb"amount|total|balance|betrag|sum|price|qty|quantity|container|meter|device|imei",
    re.I,
)
_IDENTITY_WORDS = (
    r"ssn|social.?sec|bsn|burgerservice|steuer.?(?:id|nr|ident)|idnr|tax.?(?:id|no|number|payer)|tin\b|"
    r"pesel|cpf|national|identi|personnummer|personnr|rijksregister|nir\b|insee|s\S{1,2}curit|aadhaar|"
    r"ahv|avs|sozialvers|insurance|nino|codice|dni|nie\b|hetu|henkil|\bsin\b|passport|citizen|\bssnr?\b"
)
_PHONE_WORDS = r"phone|tel|mobil|cell|fax|handy|call|contact|whatsapp|t\S{1,2}l\S{1,2}p"
NAMING = f"{_IDENTITY_WORDS}|{_PHONE_WORDS}"
"""Words that say that an identity number or a telephone number follows."""
_IDENTITY = re.compile(_IDENTITY_WORDS.encode(), re.I)
_PHONE = re.compile(_PHONE_WORDS.encode(), re.I)
_SECRET = re.compile(rb"pass(?:word|wort|wd)|secret|api.?key|token|kennwort|pin\b", re.I)


@dataclass(frozen=True, slots=True)
class Header:
    """What the lines above say of a column.

    Attributes:
        at: Where its table begins: the line of its names, or the first one without such.
        name: Its name; empty if no line surely has one, or words among its values may be one.
        words: All that may be its name.
        doubtful: There are such words.
    """

    at: int
    name: bytes = b""
    words: bytes = b""
    doubtful: bool = False


@dataclass(slots=True)
class Around:
    """Finds lines, headers and columns in one text; candidates are asked for in order.

    Attributes:
        text: The text, UTF-8.
    """

    text: bytes
    _block: tuple[int, int] = (0, -1)
    _headers: dict[tuple[int, Column], Header] = field(default_factory=dict)
    """By the begin of a line and the column in it."""
    _last: dict[tuple[int, Column], int] = field(default_factory=dict)
    """The last line that was looked from, by block and column."""
    _series: list[tuple[int, int, bytes]] | None = None
    _left: int = MOST_LOOKED

    def line_start(self, at: int) -> int:
        """Return where the line of offset *at* begins; of a long one, a place in it."""
        low = max(0, at - MOST_HEADER)
        return self.text.rfind(b"\n", low, at) + 1 or low

    def line_end(self, at: int) -> int:
        """Return where the line of offset *at* ends."""
        end = self.text.find(b"\n", at, at + MOST_HEADER)
        return end if end >= 0 else min(len(self.text), at + MOST_HEADER)

    def before(self, at: int) -> bytes:
        """Return what stands right before *at* in its line."""
        return self.text[max(self.line_start(at), at - NEAR) : at]

    def key(self, start: int) -> bytes:
        """Return the key of a value: ``card`` of ``"card": ["4111…``; empty if it has none."""
        found = _KEY.search(self.before(start))
        if found is not None and _LETTER.search(found[1]):
            return found[1]
        low = max(self.line_start(start), start - MOST_HEADER)
        opened = max(self.text.rfind(sign, low, start) for sign in (b"[", b"{"))
        if opened < 0 or any(self.text.find(sign, opened, start) >= 0 for sign in (b"]", b"}")):
            return b""
        found = _LIST_KEY.search(self.text[max(low, opened - NEAR) : opened])
        return found[1] if found is not None and _LETTER.search(found[1]) else b""

    def column(self, start: int, end: int) -> tuple[int, Column]:
        """Return a key of the table and the column of what is from *start* to *end*.

        A table begins at an empty line, or at a line of names below others; its columns are
        fields, or end at the same place where blanks part them. Values with keys of their own
        (JSON, ``repr``) are columns by these.
        """
        if key := self.key(start):
            return self._block_of(start), key
        return self._header(start, end).at, self._column(start, end)

    def _column(self, start: int, end: int) -> Column:
        line = self.line_start(start)
        before = self.text[line:start]
        parted = layout.splitter_of(before, self.text[end : end + 2])
        if parted is not None:
            return 10_000 * (parted[0] + 1) + parted[1]
        return len(self.text[line:end].decode("utf-8", "replace"))

    def _block_of(self, at: int) -> int:
        start, looked = self._block
        if looked > at:
            start, looked = 0, 0
        found = self.text.rfind(b"\n\n", max(looked, 0), at)
        start = found + 2 if found >= 0 else start
        self._block = start, at
        return start

    def header(self, start: int, end: int) -> bytes:
        """Return all words that may name something: its key, or else its column's names."""
        if key := self.key(start):
            return key
        return self._header(start, end).words + b" " + self._series_name(start, end)[1]

    def names_another(self, start: int, end: int) -> bool:
        """Whether what stands around surely says that this is no card.

        Where names contradict each other, or words among the values may be names, it is not sure.
        """
        if key := self.key(start):
            return names_another_number(key)
        header, (is_series, series) = self._header(start, end), self._series_name(start, end)
        own = _OWN.split(self.before(start))[-1]
        names = [header.name] if header.name else []
        names += [series] if is_series and layout.is_name(series) else []
        if names_another_number(own):
            return not names_a_card(header.words + b" " + series)
        if header.doubtful or names:
            return not header.doubtful and all(map(names_another_number, names))
        line = self.line_start(start)
        label = next(iter(layout.cells(self.text[line:start])), b"")
        return layout.is_name(label) and not _MARKS.search(label) and names_another_number(label)

    def names_card(self, start: int, end: int) -> bool:
        """Whether anything around says that this is a payment card."""
        if names_a_card(key := self.key(start)):
            return True
        if key and names_another_number(key):
            return False
        return names_a_card(self.before(start)) or names_a_card(self.header(start, end))

    def _series_name(self, start: int, end: int) -> tuple[bool, bytes]:
        """Return whether the value is in a printed Series, and the name behind that."""
        if self._series is None:
            self._series = list(self._all_series())
        place = bisect_right(self._series, start, key=lambda each: each[1])
        if place == len(self._series) or self._series[place][0] > start:
            return False, b""
        line = self.line_start(start)
        last = not self.text[end : self.line_end(end)].strip(b" \r")
        few = len(layout.cells(self.text[line:end])) <= MOST_SERIES_CELLS
        return (True, self._series[place][2]) if last and few else (False, b"")

    def _all_series(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield begin, end and name of each printed Series."""
        last, at = 0, self.text.find(b"dtype: ")
        while at >= 0:
            line, end = self.line_start(at), self.line_end(at)
            name = layout.series_end(self.text[line:end])
            if name is not None:
                empty = self.text.rfind(b"\n\n", last, line)
                yield (empty + 2 if empty >= 0 else last), line, name
                last = end
            at = self.text.find(b"dtype: ", end)

    def _header(self, start: int, end: int) -> Header:
        line, column = self.line_start(start), self._column(start, end)
        if (known := self._headers.get((line, column))) is not None:
            return known
        self._left += LOOKED_FOR_EACH
        block = self._block_of(start)
        looked = max(self._last.get((block, column), block), block)
        known = self._headers.get((looked, column)) if looked < line else None
        looked = looked if looked < line else block
        found = self._look_up(line, start - line, end - line, looked, known)
        self._headers[line, column] = found
        self._last[block, column] = line
        return found

    def _look_up(
        self, line: int, start: int, end: int, looked: int, known: Header | None
    ) -> Header:
        """Search the lines above *line*, up to *looked*, for the names of a column.

        Args:
            line: Where the line of a value begins.
            start: Where the value begins in it.
            end: Where it ends.
            looked: Where the first line begins that is searched.
            known: What lines above that say; ``None`` if there are none.
        """
        own = self.text[line : self.line_end(line)]
        few = len(layout.cells(own)) <= 2
        name, words, doubtful, names_at = b"", [], False, -1
        at = line
        while at > looked and self._left > 0:
            self._left -= 1
            low = max(looked, at - 1 - MOST_HEADER)
            above_at = self.text.rfind(b"\n", low, at - 1) + 1 or low
            above = self.text[above_at : at - 1]
            if layout.series_end(above) is not None:
                known = None
                break
            if names_at < 0 and above[start:end].isdigit():
                at = above_at
                continue
            is_names = above_at == looked == self._block[0] or self._is_header(above, own)
            if names_at >= 0 and not is_names:
                break
            cell = layout.cell_over(above, own, start, end)
            if layout.is_name(cell):
                words.append(cell)
                if not is_names:
                    doubtful = True
                elif not name and (few or len(layout.cells(above)) > 1):
                    name = cell
            if is_names:
                names_at = above_at
            at = above_at
        if names_at < 0 and known is not None:
            return Header(
                known.at if known.words else self._restart(looked, line, known.at),
                b"" if doubtful else known.name,
                b" ".join([*words, known.words]),
                doubtful or known.doubtful,
            )
        at = names_at if names_at >= 0 else self._restart(at, line, at)
        return Header(at, b"" if doubtful else name, b" ".join(words), doubtful)

    def _is_header(self, above: bytes, own: bytes) -> bool:
        """Whether *above* has names only; rows of an index begin at the margin, names do not."""
        block = self._block[0]
        indexed = self.text[block : block + 1] == b" " and own[:1] not in (b" ", b"\t")
        return not (indexed and above[:1] != b" " and len(layout.cells(above)) > 1) and (
            layout.is_header(above)
        )

    def _restart(self, first: int, line: int, usual: int) -> int:
        """Return the last line from *first* to *line* that has the index 0, or *usual*."""
        found = self.text.rfind(b"\n0 ", first, line + 2)
        return found + 1 if found >= 0 else usual


def names_a_card(text: bytes) -> bool:
    """Whether *text* says that a payment card follows."""
    return bool(_CARD.search(text))


def names_another_number(text: bytes) -> bool:
    """Whether *text* says that something else follows: an order, an amount, a time."""
    return bool(_OTHER.search(text))


def names_an_identity(text: bytes) -> bool:
    """Whether *text* says that an identity number follows."""
    return bool(_IDENTITY.search(text))


def names_a_phone(text: bytes) -> bool:
    """Whether *text* says that a telephone number follows."""
    return bool(_PHONE.search(text))


def names_a_secret(text: bytes) -> bool:
    """Whether *text* says that a password or key follows."""
    return bool(_SECRET.search(text))
