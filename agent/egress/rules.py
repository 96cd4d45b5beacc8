"""What the guard looks for: candidates by a few patterns, then proof by check digits and context.

RE2 finds the candidates: its time is linear in the text whatever hostile code prints. A pattern
over all of a text has no long repetitions, for which RE2 would be a hundred times slower: a secret
is found by how it begins (its anchor), and only there by its whole form.
"""

from __future__ import annotations

import functools
import math
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

import re2

from agent.egress import check_digits, context

Kind = Literal["secret", "card", "iban", "national-id", "email", "phone"]
KINDS: tuple[Kind, ...] = ("secret", "card", "iban", "national-id", "email", "phone")
_MEMORY = 256 * 1024 * 1024
_EMAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,190})\.[A-Za-z]{2,24}"
_IBAN = r"[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)"
_GROUPED_CARD = r"[0-9]{4}(?:-[0-9]{4}){3}|[0-9]{4}(?: [0-9]{4}){3}|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}|3[47][0-9]{2}(?: [0-9]{4}){2} [0-9]{3}"
_WRITTEN_PHONE = (
    r"\+[0-9]{1,3}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9]{1,4}(?:[ .-]?[0-9]{2,4}){1,5}"
    r"|\([0-9]{3}\) ?[0-9]{3}[-. ][0-9]{4}"
)
_PLAIN_PHONE = r"[0-9]{3}[-.][0-9]{3}[-.][0-9]{4}|0[0-9]{1,5}[ /-][0-9]{3,9}(?:[ -][0-9]{2,6}){0,3}"
_CARD_DIGITS = r"[2-6][0-9]{12,18}\b"
_DIGITS = r"[0-9]{9,19}\b"


@dataclass(frozen=True, slots=True)
class Form:
    """An identity number that is recognised by its form.

    Attributes:
        name: The rule's name.
        pattern: Its form, in RE2.
        check: Whether the number without marks can be one.
        alone: Its form is proof enough; else a header or a word beside it must name it.
    """

    name: str
    pattern: str
    check: Callable[[str], bool]
    alone: bool = True


FORMS = (
    Form("us-ssn", r"[0-9]{3}-[0-9]{2}-[0-9]{4}", check_digits.us_ssn),
    Form("br-cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", check_digits.br_cpf),
    Form("ch-ahv", r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", check_digits.ch_ahv),
    Form("be-national-number", r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", check_digits.be_national),
    Form("fr-nir", r"[12] [0-9]{2} [0-9]{2} [0-9]{2} [0-9]{3} [0-9]{3} [0-9]{2}", check_digits.fr_nir),
    Form("se-personnummer", r"[0-9]{6}[-+][0-9]{4}", check_digits.luhn),
    Form("fi-hetu", r"[0-9]{6}[-+A][0-9]{3}[0-9A-FHJ-NPR-Y]", check_digits.fi_identity),
    Form("it-codice-fiscale", r"[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]", check_digits.it_fiscal_code),
    Form("es-dni", r"(?:[0-9]{8}|[XYZ][0-9]{7})-?[A-HJ-NP-TV-Z]", check_digits.es_dni),
    Form("uk-nino", r"[A-CEGHJ-PR-TW-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", check_digits.uk_nino),
    Form("cn-id", r"[1-9][0-9]{16}[0-9X]", check_digits.cn_id),
    Form("in-aadhaar", r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}", check_digits.in_aadhaar, alone=False),
    Form("ca-sin", r"[1-9][0-9]{2}[ -][0-9]{3}[ -][0-9]{3}", check_digits.luhn, alone=False),
    Form("de-tax-id", r"[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}", check_digits.de_tax_id, alone=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that is recognised by its form (see secrets.toml).

    Attributes:
        name: The rule's name.
        anchor: How it begins, or what stands in it, compiled; short.
        before: How many bytes of it may stand before its anchor.
        pattern: Its whole form, compiled.
        entropy: The least bits each character must hold.
    """

    name: str
    anchor: Any
    before: int
    pattern: Any
    entropy: float


@dataclass(frozen=True, slots=True)
class Rules:
    """All patterns, compiled.

    Attributes:
        anchors: Matches where a secret may begin.
        secrets: The secrets' rules.
        numbers: Matches whatever may be a card, an account, an identity number or a phone.
        long_numbers: The same without numbers of fewer digits than a card's that have no marks,
            which count only beside a word that names them.
        naming: Matches such a word.
        forms: Identity numbers by form, compiled.
        any_form: All of those in one pattern.
        email, iban, card, phone: One pattern each.
    """

    anchors: Any
    secrets: tuple[Secret, ...]
    numbers: Any
    long_numbers: Any
    naming: Any
    forms: tuple[tuple[Form, Any], ...]
    any_form: Any
    email: Any
    iban: Any
    card: Any
    phone: Any


@functools.cache
def rules() -> Rules:
    """Return the rules, compiled once."""
    text = (resources.files("agent.egress") / "secrets.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text)["secret"]
    marked = [_IBAN, _GROUPED_CARD, *(form.pattern for form in FORMS), _PLAIN_PHONE]
    return Rules(
        anchors=_compiled("|".join(each["anchor"] for each in listed)),
        secrets=tuple(
            Secret(
                e["name"],
                _compiled(e["anchor"]),
                int(e.get("before", 0)),
                _compiled(e["pattern"]),
                float(e.get("entropy", 0)),
            )
            for e in listed
        ),
        numbers=_compiled(_numbers([*marked, _DIGITS])),
        long_numbers=_compiled(_numbers([*marked, _CARD_DIGITS])),
        naming=_compiled(f"(?i){context.NAMING}"),
        forms=tuple((form, _compiled(form.pattern)) for form in FORMS),
        any_form=_compiled("|".join(form.pattern for form in FORMS)),
        email=_compiled(_EMAIL),
        iban=_compiled(_IBAN),
        card=_compiled(_GROUPED_CARD),
        phone=_compiled(f"{_WRITTEN_PHONE}|{_PLAIN_PHONE}"),
    )


def _numbers(patterns: list[str]) -> str:
    """Return a pattern of all *patterns*, which begin at the begin of a word."""
    return f"\\b(?:{'|'.join(f'(?:{each})' for each in patterns)})|{_WRITTEN_PHONE}"


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.longest_match = False
    return re2.compile(pattern.encode(), options)


def entropy(text: str) -> float:
    """Return the bits that a character of *text* holds (Shannon)."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0
