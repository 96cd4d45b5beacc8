"""What the guard looks for: candidates by one pattern, then proof by check digits and context.

RE2 finds the candidates: its time is linear in the text whatever hostile code prints.
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

from agent.egress import check_digits

Kind = Literal["secret", "card", "iban", "national-id", "email", "phone"]
KINDS: tuple[Kind, ...] = ("secret", "card", "iban", "national-id", "email", "phone")
_MEMORY = 256 * 1024 * 1024
_EMAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,190})\.[A-Za-z]{2,24}"
_IBAN = r"[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)"
_GROUPED_CARD = r"[0-9]{4}(?:-[0-9]{4}){3}|[0-9]{4}(?: [0-9]{4}){3}|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}|3[47][0-9]{2}(?: [0-9]{4}){2} [0-9]{3}"
_PHONE = (
    r"\+[0-9]{1,3}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9]{1,4}(?:[ .-]?[0-9]{2,4}){1,5}"
    r"|\([0-9]{3}\) ?[0-9]{3}[-. ][0-9]{4}|[0-9]{3}[-.][0-9]{3}[-.][0-9]{4}"
    r"|0[0-9]{1,5}[ /-][0-9]{3,9}(?:[ -][0-9]{2,6}){0,3}"
)
_DIGITS = r"[0-9]{9,19}"


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
        pattern: Compiled.
        entropy: The least bits each character must hold.
    """

    name: str
    pattern: Any
    entropy: float


@dataclass(frozen=True, slots=True)
class Rules:
    """All patterns, compiled.

    Attributes:
        candidates: Matches whatever may be something.
        secrets: The secrets' rules.
        forms: Identity numbers by form, compiled.
        email, iban, card, phone, digits: One pattern each.
    """

    candidates: Any
    secrets: tuple[Secret, ...]
    forms: tuple[tuple[Form, Any], ...]
    email: Any
    iban: Any
    card: Any
    phone: Any
    digits: Any


@functools.cache
def rules() -> Rules:
    """Return the rules, compiled once."""
    text = (resources.files("agent.egress") / "secrets.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text)["secret"]
    secrets = [each["pattern"] for each in listed]
    forms = [form.pattern for form in FORMS]
    every = [*secrets, _EMAIL, _IBAN, _GROUPED_CARD, *forms, _PHONE, _DIGITS]
    return Rules(
        candidates=_compiled("|".join(f"(?:{_without_groups(each)})" for each in every)),
        secrets=tuple(
            Secret(e["name"], _compiled(e["pattern"]), float(e.get("entropy", 0))) for e in listed
        ),
        forms=tuple((form, _compiled(form.pattern)) for form in FORMS),
        email=_compiled(_EMAIL),
        iban=_compiled(_IBAN),
        card=_compiled(_GROUPED_CARD),
        phone=_compiled(_PHONE),
        digits=_compiled(_DIGITS),
    )


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.longest_match = False
    return re2.compile(pattern.encode(), options)


def _without_groups(pattern: str) -> str:
    """Return *pattern* with its one capturing group made a plain one: captures cost time."""
    return pattern.replace("([^", "(?:[^")


def entropy(text: str) -> float:
    """Return the bits that a character of *text* holds (Shannon)."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0
