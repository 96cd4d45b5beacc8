"""Find secrets, cards, accounts, identity numbers, addresses and telephone numbers in a text.

Digits alone prove little: one of ten order numbers passes the check of cards. So numbers without
marks are judged by column: the share of those of the same length that pass, the header, and the
words before them.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import comb

from agent.egress import check_digits, context
from agent.egress.context import Around, Column
from agent.egress.rules import Kind, Rules, Secret, entropy, rules

SHARE, ENOUGH = 0.8, 4
"""Share of valid numbers from which a column of at least so many is one of them."""
HALF, BY_CHANCE = 0.4, 0.005
"""Share, and chance, from which a column holds cards beside other numbers."""
MOST_WHOLE = 7
"""A number with that many digits before or behind a decimal comma has no card's digits, too."""
_DECIMALS = b"0123456789"
MOST_KEY_BLOCK = 16_000
MOST_IN_WORDS = 50
"""More numbers in one column are a table: its header names them, no word before each."""
_WORDS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
_LOCAL = _WORDS + b".%+-"
MOST_LOCAL = 64
_PLACEHOLDERS = tuple(
    """example xxxx **** your_ your- < ${ {{ changeme none null true false [redacted""".split()
)


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """Something that must perhaps not go out.

    Attributes:
        start: Its first byte.
        end: Behind its last byte.
        kind: What it is.
        rule: The rule that found it.
    """

    start: int
    end: int
    kind: Kind
    rule: str


@dataclass(frozen=True, slots=True)
class _Digits:
    """A number without marks, to be judged with its column.

    Attributes:
        start: Its first byte.
        end: Behind its last byte.
        text: The digits.
        column: See `Around.column`.
        by_comma: A comma touches it on one side, and may be a decimal one.
    """

    start: int
    end: int
    text: str
    column: tuple[int, Column]
    by_comma: bool


@dataclass(frozen=True, slots=True)
class _Claim:
    """A piece of the text that a rule takes, whatever else could be found in it."""

    start: int
    end: int
    found: Found


def scan(text: bytes) -> list[Found]:
    """Return what was found in *text*, UTF-8, in order; nothing overlaps."""
    known, around = rules(), Around(text)
    named = known.naming.search(text) is not None
    digits: list[_Digits] = []
    claims = [*_secrets(text, known), *_numbers(text, around, known, digits, named=named)]
    claims += _emails(text, known)
    claims += [_Claim(each.start, each.end, each) for each in _of_columns(digits, around)]
    found, last = [], 0
    # Of two at the same place, a secret comes first: it was found first.
    for claim in sorted(claims, key=lambda claim: claim.start):
        if claim.start >= last:
            found.append(claim.found)
            last = max(claim.end, claim.found.end)
    return found


def _secrets(text: bytes, known: Rules) -> Iterator[_Claim]:
    at = 0
    for anchor in known.anchors.finditer(text):
        start = anchor.start()
        if start < at:
            continue
        for secret in _rules_of(text[start : anchor.end()]):
            if secret.before:
                match = secret.pattern.search(text, max(0, start - secret.before))
                match = match if match is not None and match.start() <= start else None
            else:
                match = secret.pattern.match(text, start)
            if match is None:
                continue
            first, last = match.span(1) if match.re.groups else match.span()
            if (found := _secret(secret.name, secret.entropy, text, first, last)) is not None:
                at = max(match.end(), found.end)
                yield _Claim(match.start(), at, found)
                break


@functools.lru_cache(maxsize=4096)
def _rules_of(anchor: bytes) -> tuple[Secret, ...]:
    """Return the rules whose anchor *anchor* is."""
    return tuple(each for each in rules().secrets if each.anchor.fullmatch(anchor))


def _emails(text: bytes, known: Rules) -> Iterator[_Claim]:
    """Find e-mail addresses around each ``@``; what a long text has before it is not searched."""
    at = text.find(b"@")
    while at >= 0:
        local = text[max(0, at - MOST_LOCAL) : at]
        start = at - len(local) + len(local.rstrip(_LOCAL))
        match = known.email.match(text, start) if start < at else None
        if match is not None:
            yield _Claim(start, match.end(), Found(start, match.end(), "email", "email"))
        at = text.find(b"@", match.end() if match is not None else at + 1)


def _numbers(
    text: bytes, around: Around, known: Rules, digits: list[_Digits], *, named: bool
) -> Iterator[_Claim]:
    """Find numbers with marks; collect those without in *digits*."""
    pattern = known.numbers if named else known.long_numbers
    for match in pattern.finditer(text):
        start, end = match.span()
        piece = text[start:end]
        if not piece.isdigit():
            if (found := _judged(piece, start, text, around, known)) is not None:
                yield _Claim(start, end, found)
        elif _stands_alone(text, start, end):
            digits.append(
                _Digits(
                    start,
                    end,
                    piece.decode(),
                    around.column(start, end),
                    _by_comma(text, start, end),
                )
            )


def _stands_alone(text: bytes, start: int, end: int) -> bool:
    """Whether no decimal point touches it; the pattern sees to letters and digits."""
    if start and text[start - 1 : start] in (b".", b"-"):
        return False
    return not _goes_on(text, end, b".")


def _by_comma(text: bytes, start: int, end: int) -> bool:
    """Whether a comma on one side may be decimal: a few digits touch it, and no bracket follows."""
    before, after = text[start - 1 : start] == b",", _goes_on(text, end, b",")
    if before == after:
        return False
    other = text[end : end + 1] if before else text[start - 1 : start]
    if other and other in b"[](){}\"'":
        return False
    if before:
        near = text[max(0, start - 2 - MOST_WHOLE) : start - 1]
        rest = near.rstrip(_DECIMALS)
    else:
        near = text[end + 1 : end + 2 + MOST_WHOLE]
        rest = near.lstrip(_DECIMALS)
    return 0 < len(near) - len(rest) <= MOST_WHOLE


def _goes_on(text: bytes, end: int, mark: bytes) -> bool:
    """Whether *mark* and a digit follow."""
    return text[end : end + 1] == mark and text[end + 1 : end + 2].isdigit()


def _judged(piece: bytes, start: int, text: bytes, around: Around, known: Rules) -> Found | None:
    """Return what *piece* is proved to be, by its form."""
    end = start + len(piece)
    before, after = text[start - 1 : start], text[end : end + 1]
    if (after and after in _WORDS) or (before and before in _WORDS):
        return None
    if piece[:1].isupper() and known.iban.fullmatch(piece):
        return _iban(piece, start)
    plain = piece.translate(None, b" -./+()").decode()
    if known.card.fullmatch(piece) and check_digits.card(plain):
        return Found(start, end, "card", "card")
    for form, pattern in known.forms if known.any_form.fullmatch(piece) else ():
        if pattern.fullmatch(piece):
            # HETU's mark is part of it.
            whole = piece.decode() if form.name == "fi-hetu" else plain
            named = around.before(start) + b" " + around.header(start, end)
            if form.check(whole) and (form.alone or context.names_an_identity(named)):
                other = context.names_another_number(named)
                if not other or context.names_an_identity(named):
                    return Found(start, end, "national-id", form.name)
    return _phone(piece, start, text, around, known)


def _secret(name: str, bits: float, text: bytes, start: int, end: int) -> Found | None:
    value = text[start:end].decode("utf-8", "replace")
    if name == "private-key":
        return Found(start, _key_end(text, end), "secret", name)
    if bits and (entropy(value) < bits or any(e in value.lower() for e in _PLACEHOLDERS)):
        return None
    if name == "assigned" and not _is_a_value(value):
        return None
    return Found(start, end, "secret", name)


def _is_a_value(value: str) -> bool:
    """Whether what is assigned is written out: no call, no name of something, no plain word."""
    if "(" in value or value.startswith(("os.", "self.", "config.", "settings.", "$", "%", "[")):
        return False
    return not value.isalpha() or (
        value.lower() != value and value.upper() != value and value.title() != value
    )


def _key_end(text: bytes, end: int) -> int:
    last = text.find(b"-----END", end, end + MOST_KEY_BLOCK)
    if last < 0:
        return min(len(text), end + MOST_KEY_BLOCK)
    stop = text.find(b"-----", last + 8, last + 80)
    return stop + 5 if stop >= 0 else last + 8


def _iban(piece: bytes, start: int) -> Found | None:
    """Return the IBAN that *piece* begins with: words behind it may look like its last group."""
    groups = piece.split(b" ")
    for count in range(len(groups), 0, -1):
        part = b" ".join(groups[:count])
        if check_digits.iban(part.replace(b" ", b"").decode()):
            return Found(start, start + len(part), "iban", "iban")
    return None


def _phone(piece: bytes, start: int, text: bytes, around: Around, known: Rules) -> Found | None:
    end = start + len(piece)
    if not known.phone.fullmatch(piece) or text[start - 1 : start] in (b".", b"-", b"/"):
        return None
    count = len(piece.translate(None, b" -./+()"))
    if not 9 <= count <= 15:
        return None
    named = around.before(start) + b" " + around.header(start, end)
    written = piece.startswith((b"+", b"("))
    if piece.startswith(b"+") and not any(sign in piece for sign in b" .-()") and count < 10:
        written = False
    if context.names_a_phone(named) or (written and not context.names_another_number(named)):
        return Found(start, end, "phone", "phone")
    return None


def _of_columns(digits: Iterable[_Digits], around: Around) -> Iterator[Found]:
    """Judge numbers without marks by their columns."""
    columns: dict[tuple[int, Column, int], list[_Digits]] = defaultdict(list)
    for each in digits:
        columns[*each.column, len(each.text)].append(each)
    for group in columns.values():
        yield from _cards(group, around)
        yield from _identities(group, around)
        yield from _phones(group, around)


def _cards(group: list[_Digits], around: Around) -> Iterator[Found]:
    if len(group[0].text) < 13:
        return
    valid = [each for each in group if check_digits.card(each.text)]
    if not valid:
        return
    first = valid[-1].start, valid[-1].end
    is_column = len(group) >= ENOUGH and _more_than_chance(len(valid), len(group))
    another = around.names_another(*first)
    if len(group) > MOST_IN_WORDS and (around.names_card(*first) or (is_column and not another)):
        yield from (Found(each.start, each.end, "card", "card") for each in valid)
        return
    for each in valid:
        if not around.names_card(each.start, each.end):
            doubtful = (each.by_comma or len(group) >= ENOUGH) and not is_column
            if doubtful or another or around.names_another(each.start, each.end):
                continue
        yield Found(each.start, each.end, "card", "card")


def _more_than_chance(valid: int, count: int) -> bool:
    """Whether *valid* of *count* numbers are cards: one of ten passes their check by chance."""
    if valid >= SHARE * count:
        return True
    if count > MOST_IN_WORDS:
        return valid >= HALF * count
    ways = (comb(count, k) * 0.1**k * 0.9 ** (count - k) for k in range(valid, count + 1))
    return sum(ways) < BY_CHANCE


def _identities(group: list[_Digits], around: Around) -> Iterator[Found]:
    checks = check_digits.BARE_DIGITS.get(len(group[0].text), ())
    if not checks:
        return
    header = around.header(group[-1].start, group[-1].end)
    by_header = context.names_an_identity(header)
    for each in group:
        named = b"" if by_header else around.before(each.start)
        if not by_header and not context.names_an_identity(named):
            continue
        if (rule := next((name for name, check in checks if check(each.text)), None)) is not None:
            yield Found(each.start, each.end, "national-id", rule)


def _phones(group: list[_Digits], around: Around) -> Iterator[Found]:
    if len(group[0].text) > 15:
        return
    by_header = context.names_a_phone(around.header(group[-1].start, group[-1].end))
    for each in group if by_header or len(group) <= MOST_IN_WORDS else ():
        if by_header or context.names_a_phone(around.before(each.start)):
            yield Found(each.start, each.end, "phone", "phone")
