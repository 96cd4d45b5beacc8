"""What a number format says of a number: currency, percent, date, or digits to be shown in full.

Source: ECMA-376 part 1, section 18.8.30 (numFmt) and its list of built-in ids.
"""

from __future__ import annotations

import re
from typing import NamedTuple

BUILT_IN = {
    0: "General",
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: '"$"#,##0',
    6: '"$"#,##0',
    7: '"$"#,##0.00',
    8: '"$"#,##0.00',
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "mm-dd-yy",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "m/d/yy h:mm",
    37: "#,##0 ;(#,##0)",
    38: "#,##0 ;[Red](#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;[Red](#,##0.00)",
    41: '_(* #,##0_);_(* \\(#,##0\\);_(* "-"_);_(@_)',
    42: '_("$"* #,##0_);_("$"* \\(#,##0\\);_("$"* "-"_);_(@_)',
    43: '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)',
    44: '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\);_("$"* "-"??_);_(@_)',
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mmss.0",
    48: "##0.0E+0",
    49: "@",
}
SYMBOLS = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "￥": "JPY",
    "₹": "INR",
    "₽": "RUB",
    "₩": "KRW",
    "₪": "ILS",
    "₺": "TRY",
    "₴": "UAH",
    "₫": "VND",
    "฿": "THB",
    "₦": "NGN",
    "zł": "PLN",
    "Kč": "CZK",
    "Ft": "HUF",
    "R$": "BRL",
    "US$": "USD",
    "A$": "AUD",
    "C$": "CAD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "NT$": "TWD",
    "Fr.": "CHF",
    "SFr.": "CHF",
    "元": "CNY",
    "円": "JPY",
    "лв": "BGN",
    "руб.": "RUB",
}
CODES = frozenset(
    """AED ARS AUD BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY
    KES KRW KWD MAD MXN MYR NGN NOK NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD
    UAH USD VND ZAR""".split()
)
_SCALE = re.compile(r"(?<=[0#?])(,+)(?![0#?,])")
"""Commas behind the last digit of a number, or before its decimal point: each divides by 1,000."""
_BRACKETS = re.compile(r"\[\$([^\]-]*)(?:-[0-9A-Fa-f]+)?\]")
_QUOTED = re.compile(r'"([^"]*)"|\\(.)|_.|\*.')
_CODE = re.compile(r"\b([A-Z]{3})\b")


class NumberFormat(NamedTuple):
    """What a format says.

    Attributes:
        kind: ``number``, ``currency``, ``percent``, ``date``, ``time``, ``text`` or ``digits``.
        currency: The currency's ISO code, if it names one; ``$`` alone counts as USD.
        digits: For ``digits`` (a format such as ``00000``): how many are shown.
    """

    kind: str
    currency: str = ""
    digits: int = 0


def read_format(code: str) -> NumberFormat:
    """Return what the format *code* says; its first section decides."""
    section = _first_section(code)
    currency = _currency(section)
    if currency:
        return NumberFormat("currency", currency)
    bare = re.sub(r"\[[^\]]*\]", "", _QUOTED.sub("", section))
    if re.fullmatch(r"0{3,}", bare.strip()) or re.fullmatch(r"0+([-/ ]0+)+", bare.strip()):
        return NumberFormat("digits", digits=bare.count("0"))
    if "%" in bare:
        return NumberFormat("percent")
    if bare.strip() == "@":
        return NumberFormat("text")
    plain = re.sub(r"(?i)general|standard|am/pm|a/p", "", bare)
    if re.search(r"(?i)[yd]|m{3,}|(?<![0#?])m+[-/. ]", plain) and not re.search("[0#]", plain):
        return NumberFormat("date")
    if re.search(r"(?i)[hs]|\[[hms]+\]", plain + section) and re.search(r"(?i)[hms]:?", plain):
        return NumberFormat("time")
    return NumberFormat("number")


def scale_of(code: str) -> int:
    """Return what a format *code* divides a number by to show it: 1, 1,000 or 1,000,000.

    Of formats that divide large numbers more than small ones, what its first section does counts.
    """
    section = re.sub(r"\[[^\]]*\]", "", _QUOTED.sub("", _first_section(code)))
    found = _SCALE.search(section)
    return 1_000 ** len(found[1]) if found else 1


def _first_section(code: str) -> str:
    quoted = False
    for at, sign in enumerate(code):
        if sign == '"':
            quoted = not quoted
        elif sign == ";" and not quoted and (at == 0 or code[at - 1] != "\\"):
            return code[:at]
    return code


def currency_of(text: str) -> str:
    """Return the ISO code that a symbol or code names (``€``, ``Kč``, ``CHF``), or ``""``."""
    text = text.strip()
    return SYMBOLS.get(text) or (text.upper() if text.upper() in CODES else "")


def _currency(section: str) -> str:
    for symbol in _BRACKETS.findall(section):
        if found := currency_of(symbol):
            return found
        if re.fullmatch(r"[^\W\d_]{1,4}\.?|[^\w\s]{1,2}", symbol.strip()):
            return str(symbol.strip())
    words = " ".join(a or b for a, b in _QUOTED.findall(section))
    bare = _BRACKETS.sub("", section)
    for word in [*words.split(), *_CODE.findall(re.sub(r"\[[^\]]*\]", "", bare))]:
        if found := currency_of(word):
            return found
    unquoted = re.sub(r"\[[^\]]*\]", "", _QUOTED.sub("", section))
    return next((iso for sign, iso in SYMBOLS.items() if len(sign) == 1 and sign in unquoted), "")
