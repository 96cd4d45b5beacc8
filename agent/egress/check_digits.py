"""Check digits of payment cards, bank accounts and national identity numbers: pure functions.

Each takes the number without blanks and marks, and says whether it can be one. Sources: ISO/IEC
7812-1 (Luhn), ISO 13616 (IBAN), and the issuers' own rules named at each function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

IBAN_LENGTHS: Mapping[str, int] = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip

_VALUES = bytes((sign - 48) % 256 for sign in range(256))
_NUMBERED = {ord(sign): str(int(sign, 36)) for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
"""Letters of an IBAN as numbers, 10 to 35."""
_DOUBLED = bytes(2 * value - (9 if value > 4 else 0) for value in range(10)) + bytes(246)
"""Of a digit that is doubled, the sum of its digits."""


def luhn(digits: str) -> bool:
    """Whether *digits* pass the Luhn check."""
    values = digits.encode().translate(_VALUES)
    total = sum(values[::-2]) + sum(values[-2::-2].translate(_DOUBLED))
    return total % 10 == 0 and len(set(values)) > 1


def card(digits: str) -> bool:
    """Whether *digits* are a payment card of a known issuer."""
    size, two, four = len(digits), int(digits[:2]), int(digits[:4])
    known = (
        (digits[0] == "4" and size in (13, 16, 19))
        or ((51 <= two <= 55 or 2221 <= four <= 2720) and size == 16)
        or (two in (34, 37) and size == 15)
        or ((four == 6011 or two == 65 or 6440 <= four <= 6599) and size == 16)
        or (3528 <= four <= 3589 and size == 16)
        or ((two in (36, 38) or 3000 <= four <= 3059) and size == 14)
        or (two == 62 and size in (16, 19))
    )
    return known and luhn(digits)


def iban(text: str) -> bool:
    """Whether *text* is an IBAN: its country's length, and 1 modulo 97."""
    if IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    moved = (text[4:] + text[:4]).upper().translate(_NUMBERED)
    return moved.isdecimal() and int(moved) % 97 == 1


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def us_ssn(digits: str) -> bool:
    """Social security number of the USA; it has no check digit (SSA, areas never given)."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def de_tax_id(digits: str) -> bool:
    """German tax identification number (Bundeszentralamt für Steuern, ISO 7064 mod 11,10)."""
    counts = sorted(digits[:10].count(each) for each in set(digits[:10]))
    if digits[0] == "0" or counts[-1] not in (2, 3) or len(counts) not in (8, 9):
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def nl_bsn(digits: str) -> bool:
    """Dutch citizen service number ("elfproef")."""
    return digits != "0" * 9 and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def pl_pesel(digits: str) -> bool:
    """Polish PESEL."""
    month, day = int(digits[2:4]) % 20, int(digits[4:6])
    check = -_weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10
    return 1 <= month <= 12 and 1 <= day <= 31 and check == int(digits[10])


def br_cpf(digits: str) -> bool:
    """Brazilian CPF."""
    if len(set(digits)) == 1:
        return False
    first = _weighted(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = _weighted(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
    return digits[9:] == f"{first}{second}"


def fr_nir(digits: str) -> bool:
    """French social security number (INSEE, key 97 less the remainder)."""
    month = int(digits[3:5])
    valid = digits[0] in "12" and (1 <= month <= 12 or 20 <= month <= 42)
    return valid and 97 - int(digits[:13]) % 97 == int(digits[13:])


def be_national(digits: str) -> bool:
    """Belgian national register number; born from 2000 on, a 2 is put before it."""
    month, day, key = int(digits[2:4]), int(digits[4:6]), int(digits[9:])
    right = key in (97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97)
    return 0 <= month <= 12 and day <= 31 and right


def ch_ahv(digits: str) -> bool:
    """Swiss AHV number: EAN-13 that begins with 756."""
    return digits.startswith("756") and -_weighted(digits, (1, 3) * 6) % 10 == int(digits[12])


def in_aadhaar(digits: str) -> bool:
    """Indian Aadhaar number (Verhoeff)."""
    return digits[0] not in "01" and _verhoeff(digits) == 0


def _verhoeff(digits: str) -> int:
    turn = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = turn[value]
        check = _dihedral(check, value)
    return check


def _dihedral(one: int, other: int) -> int:
    """Multiply in the dihedral group of the pentagon."""
    if one < 5:
        return (one + other) % 5 + (0 if other < 5 else 5)
    return (one - other) % 5 + (5 if other < 5 else 0)


def cn_id(text: str) -> bool:
    """Chinese identity number (GB 11643, ISO 7064 mod 11-2)."""
    weights = [2**place % 11 for place in range(17, 0, -1)]
    month, day = int(text[10:12]), int(text[12:14])
    valid = text[6:8] in ("19", "20") and 1 <= month <= 12 and 1 <= day <= 31
    return valid and "10X98765432"[_weighted(text[:17], weights) % 11] == text[17].upper()


def es_dni(text: str) -> bool:
    """Spanish DNI, or NIE with its letter before."""
    number = text[:-1].upper().translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1].upper()


def it_fiscal_code(text: str) -> bool:
    """Italian codice fiscale."""
    odd = dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True))
    letters = (
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    )  # fmt: skip
    odd |= dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", letters, strict=True))
    code = text.upper()
    total = 0
    for place, sign in enumerate(code[:15]):
        even = int(sign) if sign.isdecimal() else ord(sign) - 65
        total += even if place % 2 else odd[sign]
    return chr(65 + total % 26) == code[15]


def fi_identity(text: str) -> bool:
    """Finnish personal identity code (HETU)."""
    digits = text[:6] + text[7:10]
    signs = "0123456789ABCDEFHJKLMNPRSTUVWXY"
    month, day = int(text[2:4]), int(text[:2])
    return 1 <= month <= 12 and 1 <= day <= 31 and signs[int(digits) % 31] == text[10].upper()


def uk_nino(text: str) -> bool:
    """National insurance number of the United Kingdom (HMRC, prefixes never given)."""
    prefix = text[:2].upper()
    return prefix not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ") and prefix[1] != "O"


BARE_DIGITS: Mapping[int, Sequence[tuple[str, Callable[[str], bool]]]] = {
    9: (("nl-bsn", nl_bsn), ("ca-sin", luhn), ("us-ssn", us_ssn)),
    10: (("se-personnummer", luhn),),
    11: (
        ("de-tax-id", de_tax_id), ("pl-pesel", pl_pesel), ("br-cpf", br_cpf),
        ("be-national-number", be_national),
    ),
    12: (("in-aadhaar", in_aadhaar),),
    13: (("ch-ahv", ch_ahv),),
    15: (("fr-nir", fr_nir),),
    18: (("cn-id", cn_id),),
}  # fmt: skip
"""By number of digits: the identity numbers that are digits only."""
