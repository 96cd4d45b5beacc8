"""Amounts kept as text: which notation they are in, and what number each of them is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .number_formats import CODES, SYMBOLS, currency_of
from .signs import CREDITS, DEBITS, DOWNS, UPS, Side, is_short, meaning_of, narrow

BLANKS = " \t\u00a0\u202f\u2009\u2007"
APOSTROPHES = "'\u2019\u02bc`\u00b4"
MINUSES = "-\u2212\u2013\u2012"
_DIGITS = str.maketrans("012345678", "9" * 9)
_BEFORE_DIGITS = "-+( \t\u00a0"
DASHES = frozenset({*MINUSES, "\u2014", "--", "-.-", "-,-", "–.–"})
_UNITS = "|".join(re.escape(unit) for unit in sorted([*SYMBOLS, *CODES], key=len, reverse=True))
_SIDES = "|".join(sorted(map(re.escape, CREDITS | DEBITS), key=len, reverse=True))
_SIGN = rf"[-+−–{UPS}{DOWNS}]"
_AMOUNT = re.compile(
    rf"""^(?:(?P<front>{_SIDES})(?:[.:]\s*|\s+))?
    (?P<open>\()?\s*(?P<sign>{_SIGN})?\s*(?P<before>{_UNITS})?\s*(?P<open2>\()?\s*(?P<sign2>{_SIGN})?\s*
    (?P<digits>\d[\d.,{APOSTROPHES}{BLANKS}]*|[.,]\d+)\s*
    (?P<behind>[-−–+])?\s*(?P<percent>%)?\s*(?P<close>\))?\s*(?P<after>{_UNITS})?\s*(?P<close2>\))?
    \s*(?P<behind2>[-−–+])?\s*(?:(?P<side>{_SIDES})\.?)?$""",
    re.VERBOSE | re.IGNORECASE,
)
WHOLE = frozenset({"JPY", "KRW"})
"""Currencies without cents, of countries that part thousands by commas."""
_MONEY = re.compile(r"[.,]\d\d$")
SIDE = "debit or credit named"


@dataclass(frozen=True)
class Shape:
    """One amount as it is written.

    Attributes:
        digits: Its digits with their separators.
        negative: It has a minus before or behind, or stands in parentheses.
        marks: What is notable: ``parentheses``, ``minus behind``, ``percent``, ``currency``.
        currency: The ISO code of its currency sign, or ``""``.
        side: The word or triangle that stands for its sign, or ``""``.
    """

    digits: str
    negative: bool
    marks: frozenset[str]
    currency: str
    side: str = ""


@dataclass(frozen=True)
class Notation:
    """How the amounts of a column are written.

    Attributes:
        decimal: The decimal sign; ``""`` if none of them has decimals.
        thousands: The thousands sign; ``""`` if there is none.
        marks: As in `Shape`, of all amounts, with ``dash for zero``.
        currencies: ISO code → how many name it, the most frequent first.
        shares: Mark → share of the amounts that have it.
        ambiguous: ``1.250`` may be 1250 or 1.25: nothing in the column tells.
        unread: How many texts are no amounts.
        read: How many are.
        side: What the words or triangles mean that stand for signs.
    """

    decimal: str
    thousands: str
    marks: frozenset[str]
    currencies: Mapping[str, int]
    shares: Mapping[str, float]
    ambiguous: bool
    unread: int
    read: int
    side: Side = field(default_factory=Side)

    @property
    def currency(self) -> str:
        """Return the one ISO code that they name, ``""`` for none or several."""
        return next(iter(self.currencies)) if len(self.currencies) == 1 else ""

    @property
    def name(self) -> str:
        """Return the notation in words, such as ``1.234,56; minus behind``."""
        thousands, decimal = self.thousands, self.decimal or "."
        example = f"1{thousands}234{decimal}56" if self.decimal else f"1{thousands}234"
        if self.ambiguous:
            unclear = "sign" if self.side.unclear else "size"
            example = f"1{self.decimal or self.thousands}234, of unclear {unclear}"
        signs = [self.side.name] if self.side.name and not self.side.unclear else []
        return "; ".join([example, *sorted(self.marks - {SIDE} if signs else self.marks), *signs])

    @property
    def plain(self) -> bool:
        """Return whether a reader with a decimal and a thousands sign alone reads it right."""
        return not self.marks and not self.ambiguous and not self.unread


def read_shape(text: str) -> Shape | None:
    """Return how the amount *text* is written, ``None`` if it is none."""
    narrowed = narrow(text).strip(BLANKS)
    found = _AMOUNT.match(narrowed)
    if found is None:
        return None
    part = found.groupdict()
    blanks = any(sign in BLANKS for sign in part["digits"].strip(BLANKS))
    if blanks and (narrowed.startswith("+") or re.match(r"0\d", part["digits"])):
        return None  # a telephone number
    brackets = bool(part["open"] or part["open2"])
    if brackets != bool(part["close"] or part["close2"]):
        return None
    digits = part["digits"].strip(BLANKS)
    signs = {part["sign"], part["sign2"]} & {*UPS, *DOWNS}
    sides = [*signs, *filter(None, (part["front"], part["side"]))]
    if len(sides) > 1 or not all(_is_side(side, digits, part) for side in sides):
        return None
    behind = any(part[name] and part[name] in MINUSES for name in ("behind", "behind2"))
    minus = any(part[name] and part[name] in MINUSES for name in ("sign", "sign2"))
    unit = part["before"] or part["after"] or ""
    flags = {
        "parentheses": brackets,
        "minus behind": behind,
        "plus behind": "+" in (part["behind"], part["behind2"]),
        "odd minus sign": any(sign in text for sign in MINUSES[1:]),
        "percent": bool(part["percent"]),
        SIDE: bool(sides),
        "currency": bool(unit),
        "digits not of ASCII": narrowed != text.strip(BLANKS),
    }
    marks = frozenset(mark for mark, there in flags.items() if there)
    currency = SYMBOLS.get(unit) or currency_of(unit)
    return Shape(digits, brackets or behind or minus, marks, currency, "".join(sides))


def _is_side(side: str, digits: str, part: Mapping[str, str | None]) -> bool:
    """Return whether a word stands for a side: a letter does behind cents, not in ``12 S``."""
    if side in UPS + DOWNS:
        return True
    cents = _MONEY.search(digits) is not None
    if part["front"]:
        return cents and len(side) > 1  # else the number of a credit note
    return not is_short(side.casefold()) or (cents and side != side.lower())


def by_shape(texts: Counter[str]) -> Counter[str]:
    """Return one text for each way of writing among *texts*, with how many are written so.

    Digits are alike, but for a leading zero: a column of 100,000 amounts has few shapes.
    """
    counts: Counter[tuple[str, bool]] = Counter()
    example: dict[tuple[str, bool], str] = {}
    for text, count in texts.items():
        bare = narrow(text)
        shape = bare.translate(_DIGITS), bare.lstrip(_BEFORE_DIGITS)[:1] == "0"
        if shape not in example:
            example[shape] = text.strip(BLANKS)
        counts[shape] += count
    found: Counter[str] = Counter()
    for shape, count in counts.items():
        if example[shape]:
            found[example[shape]] += count
    return found


def read_notation(texts: Iterable[str] | Counter[str], *, decimal: str = "") -> Notation | None:
    """Return the notation of the amounts among *texts*, ``None`` if there are none.

    Args:
        texts: The texts of a column, or how often each occurs; blank ones count for nothing.
        decimal: The decimal sign that the rest of the file has shown, for what is unclear.
    """
    counts = by_shape(texts if isinstance(texts, Counter) else Counter(texts))
    shapes: list[tuple[Shape, int]] = []
    dashes = unread = 0
    for text, count in counts.items():
        if narrow(text) in DASHES:
            dashes += count
        elif shape := read_shape(text):
            shapes.append((shape, count))
        else:
            unread += count
    side = _side_of(shapes)
    unread += sum(count for shape, count in shapes if not _has_known_side(shape, side))
    shapes = [(shape, count) for shape, count in shapes if _has_known_side(shape, side)]
    eastern = any(
        set(shape.side) & {*UPS, *DOWNS} or shape.currency in WHOLE for shape, _ in shapes
    )
    decimal = decimal or ("." if eastern else "")
    signs = _signs([(shape.digits, count) for shape, count in shapes], decimal)
    if signs is None:
        return None
    point, thousands, ambiguous, misread = signs
    wrong = sum(count for shape, count in shapes if shape.digits in misread)
    total = sum(count for _, count in shapes)
    counted: Counter[str] = Counter()
    for shape, count in shapes:
        counted.update(dict.fromkeys(shape.marks, count))
    marks: frozenset[str] = frozenset().union(*(shape.marks for shape, _ in shapes))
    currencies: Counter[str] = Counter()
    for shape, count in shapes:
        currencies.update({shape.currency: count} if shape.currency else {})
    return Notation(
        decimal=point,
        thousands=thousands,
        marks=marks | ({"dash for zero"} if dashes else set()),
        currencies=dict(currencies.most_common()),
        shares={mark: count / total for mark, count in counted.items()},
        ambiguous=ambiguous or side.unclear,
        unread=unread + wrong,
        read=sum(count for _, count in shapes) - wrong + dashes,
        side=side,
    )


def _side_of(shapes: Sequence[tuple[Shape, int]]) -> Side:
    """Return what the words and triangles of amounts mean."""
    marks: Counter[str] = Counter()
    bare = signed = 0
    for shape, count in shapes:
        if shape.side:
            marks[shape.side] += count
            signed += count * shape.negative
        elif not shape.negative:
            bare += count
    return meaning_of(marks, bare, signed)


def _has_known_side(shape: Shape, side: Side) -> bool:
    return not shape.side or side.unclear or shape.side.casefold() in side.known


def _signs(digits: Sequence[tuple[str, int]], known: str) -> tuple[str, str, bool, set[str]] | None:
    """Return (decimal, thousands, ambiguous, texts that do not fit) of (digits, count)."""
    if not digits:
        return None
    used: Counter[str] = Counter()
    for text, count in digits:
        used.update({sign: count for sign in set(text) if not sign.isdigit()})
    blanks = {sign for sign in used if sign in BLANKS or sign in APOSTROPHES}
    decimal, ambiguous = _decimal_sign(digits, known)
    thousands = next((sign for sign in (",", ".") if sign in used and sign != decimal), "")
    if not thousands and blanks:
        thousands = max(blanks, key=used.__getitem__)
    misread = {text for text, _ in digits if not _fits(text, decimal)}
    return decimal, thousands, ambiguous, misread


def _decimal_sign(digits: Sequence[tuple[str, int]], known: str) -> tuple[str, bool]:
    votes: Counter[str] = Counter()
    unclear: Counter[str] = Counter()
    for text, count in digits:
        point, comma = text.rfind("."), text.rfind(",")
        if point >= 0 and comma >= 0:
            votes["." if point > comma else ","] += count
            continue
        sign = "." if point >= 0 else "," if comma >= 0 else ""
        if not sign:
            continue
        groups = text.split(sign)
        if len(groups) > 2:  # 1.234.567: a sign that repeats parts thousands
            votes["," if sign == "." else "."] += count
        elif len(groups[1]) != 3 or _has_thousands(groups[0]):
            votes[sign] += count
        else:
            unclear[sign] += count
    if votes:
        elected = votes.most_common(1)[0][0]
        return (elected if any(elected in text for text, _ in digits) else ""), False
    if not unclear:
        return "", False
    sign = unclear.most_common(1)[0][0]
    if known:
        return (known if known == sign else ""), False
    return "", True


def _has_thousands(whole: str) -> bool:
    """Return whether what stands before a sign can't be the first group of a large number."""
    return (
        len(whole) > 3
        or whole in ("", "0")
        or re.search(rf"[{APOSTROPHES}{BLANKS}]", whole) is not None
    )


def _fits(text: str, decimal: str) -> bool:
    """Return whether *text* is well-formed: groups of 2 or 3 digits, the last of 3."""
    whole, _, rest = text.partition(decimal) if decimal else (text, "", "")
    if rest and not rest.isdigit():
        return False
    groups = re.split(rf"[.,{APOSTROPHES}{BLANKS}]", whole)
    if len(groups) == 1:
        return True
    return (
        len(groups[-1]) == 3 and all(2 <= len(g) <= 3 for g in groups[1:]) and len(groups[0]) <= 3
    )


def read_amount(text: str, notation: Notation) -> float | None:
    """Return the number that *text* stands for in *notation*, ``None`` if it is no amount."""
    text = text.strip(BLANKS)
    if narrow(text) in DASHES:
        return 0.0
    shape = read_shape(text)
    if shape is None or not _fits(shape.digits, notation.decimal):
        return None
    if not _has_known_side(shape, notation.side):
        return None
    whole, _, rest = (
        shape.digits.partition(notation.decimal) if notation.decimal else (shape.digits, "", "")
    )
    number = float(f"{re.sub(r'[^0-9]', '', whole) or '0'}.{rest or '0'}")
    number = number / 100 if "percent" in shape.marks else number
    minus = shape.side.casefold() in {word.casefold() for word in notation.side.minus}
    return -number if shape.negative or minus else number


def read_amounts(texts: Iterable[str], notation: Notation) -> list[float | None]:
    """Return the numbers that *texts* stand for in *notation*; fast where they are plain."""
    if notation.decimal == ".":
        return [float(t) if _POINT.match(t) else read_amount(t, notation) for t in texts]
    if notation.decimal == ",":
        return [
            float(t.replace(",", ".")) if _COMMA.match(t) else read_amount(t, notation)
            for t in texts
        ]
    return [float(t) if _WHOLE.match(t) else read_amount(t, notation) for t in texts]


_POINT = re.compile(r"-?\d+(?:\.\d+)?$")
_COMMA = re.compile(r"-?\d+(?:,\d+)?$")
_WHOLE = re.compile(r"-?\d+$")
