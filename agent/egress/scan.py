"""Find secrets, cards, accounts, identity numbers, addresses and telephone numbers in a text.

Digits alone prove little: one of ten order numbers passes the check of cards. So numbers without
marks are judged by column: the share of those of the same length that pass, the header, and the
words before them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.egress import check_digits, context
from agent.egress.context import Around
from agent.egress.rules import Kind, Rules, entropy, rules

SHARE, ENOUGH = 0.8, 4
"""Share of valid numbers from which a column of at least so many is one of them."""
MOST_KEY_BLOCK = 16_000
MOST_IN_WORDS = 50
"""More numbers in one column are a table: its header names them, no word before each."""
_WORDS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
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
    """A number without marks, to be judged with its column."""

    start: int
    end: int
    text: str
    column: tuple[int, int]


def scan(text: bytes) -> list[Found]:
    """Return what was found in *text*, UTF-8, in order; nothing overlaps."""
    known, around = rules(), Around(text)
    found: list[Found] = []
    digits: list[_Digits] = []
    for match in known.candidates.finditer(text):
        start, end = match.span()
        piece = text[start:end]
        if piece.isdigit():
            if _stands_alone(text, start, end):
                decoded = piece.decode()
                digits.append(_Digits(start, end, decoded, around.column(start, end)))
            continue
        if (one := _judged(piece, start, text, around, known)) is not None:
            found.append(one)
    found += _of_columns(digits, text)
    return sorted(found)


def _stands_alone(text: bytes, start: int, end: int) -> bool:
    """Whether no letter, digit or decimal point touches it."""
    before, after = text[start - 1 : start], text[end : end + 2]
    if before and (before in _WORDS or before in b".,-"):
        return False
    if after[:1] and after[:1] in _WORDS:
        return False
    return not (after[:1] in (b".", b",") and after[1:2].isdigit())


def _judged(piece: bytes, start: int, text: bytes, around: Around, known: Rules) -> Found | None:
    """Return what *piece* is proved to be, by its form."""
    end = start + len(piece)
    if b"@" in piece and known.email.fullmatch(piece):
        return Found(start, end, "email", "email")
    for secret in known.secrets if not piece[:1].isdigit() or b":" in piece else ():
        if match := secret.pattern.fullmatch(piece):
            first, last = match.span(1) if match.re.groups else match.span()
            return _secret(secret.name, secret.entropy, text, start + first, start + last)
    touched = text[end : end + 1] in _WORDS if text[end : end + 1] else False
    before = text[start - 1 : start]
    if touched or (before and before in _WORDS):
        return None
    if known.iban.fullmatch(piece):
        return _iban(piece, start)
    plain = piece.decode().translate({ord(sign): None for sign in " -./+()"})
    if known.card.fullmatch(piece) and check_digits.card(plain):
        return Found(start, end, "card", "card")
    for form, pattern in known.forms:
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
    count = sum(chr(sign).isdigit() for sign in piece)
    if not 9 <= count <= 15:
        return None
    named = around.before(start) + b" " + around.header(start, end)
    written = piece.startswith((b"+", b"("))
    if piece.startswith(b"+") and not any(sign in piece for sign in b" .-()") and count < 10:
        written = False
    if context.names_a_phone(named) or (written and not context.names_another_number(named)):
        return Found(start, end, "phone", "phone")
    return None


def _of_columns(digits: Iterable[_Digits], text: bytes) -> Iterator[Found]:
    """Judge numbers without marks by their columns."""
    columns: dict[tuple[int, int, int], list[_Digits]] = defaultdict(list)
    for each in digits:
        columns[*each.column, len(each.text)].append(each)
    around = Around(text)
    for group in columns.values():
        yield from _cards(group, around)
        yield from _identities(group, around)
        yield from _phones(group, around)


def _named(each: _Digits, around: Around) -> bytes:
    return around.before(each.start) + b" " + around.header(each.start, each.end)


def _cards(group: list[_Digits], around: Around) -> Iterator[Found]:
    if len(group[0].text) < 13:
        return
    valid = [each for each in group if check_digits.card(each.text)]
    if not valid:
        return
    is_column = len(group) >= ENOUGH and len(valid) >= SHARE * len(group)
    for each in valid:
        named = _named(each, around)
        if context.names_a_card(named):
            pass
        elif context.names_another_number(named) or (len(group) >= ENOUGH and not is_column):
            continue
        yield Found(each.start, each.end, "card", "card")


def _identities(group: list[_Digits], around: Around) -> Iterator[Found]:
    checks = check_digits.BARE_DIGITS.get(len(group[0].text), ())
    for each in group if checks else ():
        named = _named(each, around)
        if not context.names_an_identity(named):
            continue
        if (rule := next((name for name, check in checks if check(each.text)), None)) is not None:
            yield Found(each.start, each.end, "national-id", rule)


def _phones(group: list[_Digits], around: Around) -> Iterator[Found]:
    if len(group[0].text) > 15:
        return
    by_header = context.names_a_phone(around.header(group[0].start, group[0].end))
    for each in group if by_header or len(group) <= MOST_IN_WORDS else ():
        if by_header or context.names_a_phone(around.before(each.start)):
            yield Found(each.start, each.end, "phone", "phone")
