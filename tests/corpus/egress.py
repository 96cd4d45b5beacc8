"""A labelled corpus of what kernels print: values that must be found, and numbers that are none.

Everything is made: numbers have right check digits by construction, and belong to nobody.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.egress import check_digits


@dataclass(frozen=True)
class Text:
    """A printed text and the values in it that are to be found, as (kind, value)."""

    text: str
    values: tuple[tuple[str, str], ...] = ()


def digits(chance: random.Random, count: int) -> str:
    return str(chance.randint(1, 9)) + "".join(chance.choices(string.digits, k=count - 1))


def until(make: Callable[[], str], check: Callable[[str], bool]) -> str:
    while not check(value := make()):
        pass
    return value


def card(chance):
    prefix, size = chance.choice(
        [("4", 16), ("51", 16), ("55", 16), ("2223", 16), ("37", 15), ("6011", 16)]
    )
    return until(lambda: prefix + digits(chance, size - len(prefix)), check_digits.card)


def iban(chance):
    country = chance.choice(["DE", "GB", "FR", "NL", "AT", "CH", "ES", "IT", "BE", "PL"])
    size = check_digits.IBAN_LENGTHS[country] - 4
    body = digits(chance, size)
    if country in ("GB", "NL"):
        body = "".join(chance.choices(string.ascii_uppercase, k=4)) + body[4:]
    rest = int("".join(str(int(sign, 36)) for sign in f"{body}{country}00")) % 97
    return f"{country}{98 - rest:02d}{body}"


def grouped(value):
    return " ".join(value[n : n + 4] for n in range(0, len(value), 4))


def ssn(chance):
    d = until(lambda: digits(chance, 9), check_digits.us_ssn)
    return f"{d[:3]}-{d[3:5]}-{d[5:]}"


def cpf(chance):
    d = until(lambda: digits(chance, 11), check_digits.br_cpf)
    return f"{d[:3]}.{d[3:6]}.{d[6:9]}-{d[9:]}"


def ahv(chance):
    d = until(lambda: "756" + digits(chance, 10), check_digits.ch_ahv)
    return f"{d[:3]}.{d[3:7]}.{d[7:11]}.{d[11:]}"


def dni(chance):
    return until(
        lambda: digits(chance, 8) + chance.choice("TRWAGMYFPDXBNJZSQVHLCKE"), check_digits.es_dni
    )


def nino(chance):
    return (
        f"{chance.choice(['AB', 'CE', 'JK', 'PR', 'SX'])}{digits(chance, 6)}{chance.choice('ABCD')}"
    )


def fiscal(chance):
    def make():
        letters = "".join(chance.choices(string.ascii_uppercase, k=6))
        middle = f"{chance.randint(10, 99)}{chance.choice('ABCDEHLMPRST')}{chance.randint(10, 28)}"
        last = "".join(chance.choices(string.ascii_uppercase, k=1))
        return f"{letters}{middle}{chance.choice('ABCDEFGHL')}{chance.randint(100, 999)}{last}"

    return until(make, check_digits.it_fiscal_code)


def bare_identity(chance):
    """Return a header and a number without marks."""
    header, size, check = chance.choice([
        ("BSN", 9, check_digits.nl_bsn), ("Steuer-ID", 11, check_digits.de_tax_id),
        ("PESEL", 11, check_digits.pl_pesel), ("Aadhaar", 12, check_digits.in_aadhaar),
        ("SSN", 9, check_digits.us_ssn), ("Social insurance (SIN)", 9, check_digits.luhn),
    ])  # fmt: skip
    return header, until(lambda: digits(chance, size), check)


def formed_identity(chance):
    return chance.choice([ssn, cpf, ahv, dni, nino, fiscal])(chance)


def email(chance):
    first, last = (
        chance.choice(["anna", "j", "omar", "li"]),
        chance.choice(["berg", "smith", "rossi"]),
    )
    return f"{first}.{last}{chance.randint(1, 999)}@{chance.choice(['example.com', 'mail.example.co.uk', 'firma.example.de'])}"


def phone(chance):
    return chance.choice([
        f"+49 {chance.randint(30, 89)} {digits(chance, 7)}",
        f"+44 20 {digits(chance, 4)} {digits(chance, 4)}",
        f"({chance.randint(201, 989)}) {digits(chance, 3)}-{digits(chance, 4)}",
        f"+1-{chance.randint(201, 989)}-{digits(chance, 3)}-{digits(chance, 4)}",
    ])  # fmt: skip


def letters(chance, count):
    return "".join(chance.choices(string.ascii_letters + string.digits, k=count))


def secret(chance):
    return chance.choice([
        lambda: "AKIA" + "".join(chance.choices(string.ascii_uppercase + "234567", k=16)),
        lambda: "ghp_" + letters(chance, 36),
        lambda: f"xoxb-{digits(chance, 12)}-{letters(chance, 24)}",
        lambda: "sk_live_" + letters(chance, 24),
        lambda: "AIza" + letters(chance, 35),
        lambda: f"eyJ{letters(chance, 30)}.eyJ{letters(chance, 60)}.{letters(chance, 43)}",
        lambda: "glpat-" + letters(chance, 20),
        lambda: "sk-proj-" + letters(chance, 48),
    ])()  # fmt: skip


def table(header: list[str], rows: list[list[str]], chance) -> str:
    """Return a table as pandas prints it, or as CSV."""
    if chance.random() < 0.3:
        splitter = chance.choice([",", ";", "\t"])
        return "\n".join(splitter.join(row) for row in [header, *rows]) + "\n"
    width = [max(len(row[n]) for row in [header, *rows]) for n in range(len(header))]
    lines = [["", *header], *([str(n), *row] for n, row in enumerate(rows))]
    return "\n".join(
        "  ".join([line[0].ljust(4), *(v.rjust(w) for v, w in zip(line[1:], width, strict=True))])
        for line in lines
    ) + "\n"  # fmt: skip


def amount(chance):
    return f"{chance.uniform(-5e5, 2e6):.2f}"


def day(chance):
    return f"{chance.randint(2019, 2026)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"


SENSITIVE = {
    "card": [
        ("Card", card),
        ("Kreditkarte", lambda c: grouped(card(c)) if c.random() < 0 else card(c)),
        ("payment", card),
    ],
    "iban": [("IBAN", iban), ("Bankverbindung", lambda c: grouped(iban(c)))],
    "national-id": [("Tax code", formed_identity)],
    "email": [("E-mail", email), ("contact", email)],
    "phone": [("Phone", phone), ("Mobile", phone)],
    "secret": [("note", secret)],
}
HARMLESS = [
    ("Order", lambda c: digits(c, 16)), ("Invoice no", lambda c: digits(c, 10)),
    ("EAN", lambda c: digits(c, 13)), ("reference", lambda c: digits(c, 18)),
    ("material", lambda c: digits(c, 11)), ("account", lambda c: digits(c, 9)),
    ("id", lambda c: digits(c, 16)), ("key", lambda c: f"{c.getrandbits(128):032x}"),
    ("guid", lambda c: f"{c.getrandbits(32):08x}-{c.getrandbits(16):04x}-{c.getrandbits(16):04x}-{c.getrandbits(16):04x}-{c.getrandbits(48):012x}"),
    ("time", lambda c: str(c.randint(1_500_000_000_000, 1_800_000_000_000))),
    ("code", lambda c: f"{c.choice(['DE', 'GB', 'AA'])}{digits(c, 8)}"), ("amount", amount), ("date", day),
    ("share", lambda c: f"{c.random():.16f}"), ("big", lambda c: f"{c.uniform(1e12, 1e16):.2f}"),
    ("range", lambda c: f"{digits(c, 4)}-{digits(c, 4)}"), ("part", lambda c: f"{digits(c, 3)}-{digits(c, 4)}-{digits(c, 2)}"),
]  # fmt: skip


def tables(chance, count) -> Iterator[Text]:
    for _ in range(count):
        columns = [("Name", lambda c: c.choice(["ACME Ltd", "Müller", "Rossi"]), "")]
        columns += [(*c, "") for c in chance.sample(HARMLESS, 3)]
        if chance.random() < 0.6:
            kind = chance.choice(list(SENSITIVE))
            columns.append((*chance.choice(SENSITIVE[kind]), kind))
        if chance.random() < 0.15:
            header, _ = bare_identity(chance)
            columns.append((header, lambda c, h=header: until_header(c, h), "national-id"))
        chance.shuffle(columns)
        rows = [[str(make(chance)) for _, make, _ in columns] for _ in range(chance.randint(5, 40))]
        values = tuple(
            (columns[n][2], row[n]) for row in rows for n in range(len(row)) if columns[n][2]
        )
        yield Text(table([name for name, *_ in columns], rows, chance), values)


def until_header(chance, header):
    while (made := bare_identity(chance))[0] != header:
        pass
    return made[1]


SENTENCES = [
    ("card", "The customer paid with card {} on Monday.", card), ("card", "Visa {} declined", lambda c: grouped(card(c))),
    ("card", "{'pan': '{}', 'amount': 12.5}", card), ("iban", "Please pay to {} within 30 days.", lambda c: grouped(iban(c))),
    ("iban", "Konto: {}.", iban), ("national-id", "SSN {} on file", ssn), ("national-id", "CPF: {}", cpf),
    ("national-id", "NINO {}", nino), ("national-id", "AHV-Nr. {}", ahv), ("email", "Write to {}, please.", email),
    ("email", "<{}>", email), ("phone", "Tel. {}", phone), ("phone", "Call me: {}", phone),
    ("secret", "token={}", secret), ("secret", "Authorization: {}", secret), ("secret", "{'key': '{}'}", secret),
    ("secret", "password = '{}'", lambda c: letters(c, 12) + "9!"), ("secret", "DB: postgres://app:{}@db/ledger", lambda c: letters(c, 14) + "7"),
    ("secret", "api_key: {}", lambda c: letters(c, 32)),
]  # fmt: skip
PLAIN = [
    "Order {} was shipped.", "Invoice {} is open.", "Total {} in thousand", "rows {}", "Buchungsnummer {} vom 12.03.2024",
    "tracking number {}", "ISBN 978-3-{}", "0x{}", "sha256 {}", "loaded in {} ms", "see section {}",
]  # fmt: skip
HARMLESS_LINES = [
    "password: (not set)", "The API key is read from the environment.", "secret = os.environ['KEY']",
    "token = get_token()", "user@host:/data (ssh)", "mean 1234567.891 std 987654.321", "2024-01-01 - 2024-12-31",
    "A1:D200 -> outputs/result.xlsx", "range 1000-2000, step 50", "10.0.0.12:8080", "v3.11.7-20241201",
    "[1000000000, 2000000000, 3000000000]", "1,234,567,890,123.45", "Passwort: ******", "api_key=<your key here>",
    "net 4 111 111 111 111 111 EUR", "2024 2025 2026 2027", "1111 2222 3333 4444",
]  # fmt: skip


def lines(chance, count) -> Iterator[Text]:
    for _ in range(count):
        draw = chance.random()
        if draw < 0.5:
            kind, form, make = chance.choice(SENTENCES)
            value = make(chance)
            yield Text(form.replace("{}", value, 1) if "{}" in form else form, ((kind, value),))
        elif draw < 0.8:
            yield Text(chance.choice(PLAIN).replace("{}", digits(chance, chance.randint(5, 18))))
        else:
            yield Text(chance.choice(HARMLESS_LINES))


def corpus(seed: int = 7, size: int = 600) -> list[Text]:
    """Return *size* tables and twice as many lines."""
    chance = random.Random(seed)
    return [*tables(chance, size), *lines(chance, 2 * size)]


def numeric_sheet(chance: random.Random, rows: int) -> str:
    """Return a printed sheet of amounts, counts and dates, without anything to be found."""
    made = [
        f"{n:8d}  {chance.choice(['North', 'South', 'East'])}  {chance.uniform(0, 1e6):12.2f}  "
        f"{chance.randint(0, 10**7):9d}  {day(chance)}  ACME Ltd  {chance.random():.4f}"
        for n in range(rows)
    ]
    return "\n".join(made)
