"""What stands around a candidate: its column of a table, its header, the words before it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

NEAR = 48
"""Bytes before a candidate in which a word names it."""
MOST_HEADER, LONGEST_HEADER = 4_000, 40
_SPLITTERS = (b"\t", b"|", b";", b",")
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


@dataclass(slots=True)
class Around:
    """Finds lines, headers and columns in one text; candidates are asked for in order.

    Attributes:
        text: The text, UTF-8.
    """

    text: bytes
    _block: tuple[int, int] = (0, -1)
    _headers: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def line_start(self, at: int) -> int:
        """Return where the line of offset *at* begins."""
        return self.text.rfind(b"\n", max(0, at - MOST_HEADER), at) + 1

    def before(self, at: int) -> bytes:
        """Return what stands right before *at* in its line."""
        return self.text[max(self.line_start(at), at - NEAR) : at]

    def column(self, start: int, end: int) -> tuple[int, int]:
        """Return a key of the block and the column of what is from *start* to *end*.

        A block is what is between empty lines; a column is the number of a field, or where the
        text ends in its line if blanks part the fields.
        """
        block, line = self._block_of(start), self.line_start(start)
        before = self.text[line:start]
        for number, splitter in enumerate(_SPLITTERS):
            if splitter in before or self.text[end : end + 1] == splitter:
                return block, 10_000 * (number + 1) + before.count(splitter)
        return block, len(self.text[line:end].decode("utf-8", "replace"))

    def _block_of(self, at: int) -> int:
        start, looked = self._block
        if looked > at:
            start, looked = 0, 0
        found = self.text.rfind(b"\n\n", max(looked, 0), at)
        start = found + 2 if found >= 0 else start
        self._block = start, at
        return start

    def header(self, start: int, end: int) -> bytes:
        """Return the header of something's column; empty in its block's first line."""
        block, column = key = self.column(start, end)
        line = self.line_start(start)
        if line <= block:
            return b""
        if key not in self._headers:
            first = self.text[block : block + MOST_HEADER].partition(b"\n")[0]
            cell = self._cell(first, column, start - line, end - line)
            # What is long or has digits is data, or a sentence.
            plain = len(cell) <= LONGEST_HEADER and not re.search(rb"\d{3}", cell)
            self._headers[key] = cell if plain else b""
        return self._headers[key]

    def _cell(self, first: bytes, column: int, start: int, end: int) -> bytes:
        if column >= 10_000:
            splitter = _SPLITTERS[column // 10_000 - 1]
            fields = first.split(splitter)
            number = column % 10_000
            return fields[number].strip() if number < len(fields) else b""
        words = [(m.start(), m.end()) for m in re.finditer(rb"\S+(?: \S+)*", first)]
        if not words:
            return b""
        place = bisect_right([word[0] for word in words], end - 1) - 1
        word = words[max(place, 0)]
        return first[word[0] : word[1]] if word[1] > start - 2 else b""


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
