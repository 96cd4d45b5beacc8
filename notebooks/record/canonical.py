"""Canonical JSON: one text for one value, however its file was laid out.

Source: RFC 8785 (JSON Canonicalization Scheme), sections 3.2.2 and 3.2.3: keys in the order of
their UTF-16 code units, numbers as ECMAScript writes them, so that ``1.0`` and the ``1`` that a
browser makes of it are one value. Whole numbers are written exactly, however large: the RFC
would round them to 53 bits, and a changed digit would go unseen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

_WORDS = {None: "null", True: "true", False: "false"}
_SAME_FROM = 1e-4
"""From here on Python's shortest form is ECMAScript's, but for whole numbers and exponents."""
_FIXED_DIGITS, _SMALLEST_FIXED = 21, -6
"""ECMA-262, Number::toString: outside of 10^-6 to 10^21 a number has an exponent."""


def canonical_json(value: Any) -> bytes:
    """Render the JSON *value* canonically, in UTF-8; lone surrogates are encoded as they are."""
    if isinstance(value, str):
        return encode_basestring(value).encode("utf-8", "surrogatepass")
    parts: list[str] = []
    _write(value, parts.append)
    return "".join(parts).encode("utf-8", "surrogatepass")


def legacy_json(value: Any) -> bytes:
    """Render *value* as records of the chain's first version were hashed."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _write(value: Any, put: Callable[[str], None]) -> None:
    if isinstance(value, str):
        put(encode_basestring(value))
    elif value is None or isinstance(value, bool):
        put(_WORDS[value])
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, float):
        put(number_text(value))
    elif isinstance(value, Mapping):
        _write_object(value, put)
    elif isinstance(value, list | tuple):
        before = "["
        for item in value:
            put(before)
            _write(item, put)
            before = ","
        put("]" if value else "[]")
    else:
        raise TypeError(f"{type(value).__name__} is not a JSON value")


def _write_object(value: Mapping[str, Any], put: Callable[[str], None]) -> None:
    try:
        plain = "".join(value).isascii()
    except TypeError:  # a file has texts as keys, what is about to be written may not
        value, plain = json.loads(json.dumps(value)), False
    before = "{"
    for key in sorted(value) if plain else sorted(value, key=_utf16):
        put(before)
        put(encode_basestring(key))
        put(":")
        _write(value[key], put)
        before = ","
    put("}" if value else "{}")


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def number_text(value: float) -> str:
    """Return *value* as ECMAScript writes it: ``1``, ``0.00001``, ``1e-7``, ``1e+21``."""
    if not math.isfinite(value):
        return json.dumps(value)  # no JSON, but Python writes and reads it
    if value == 0:
        return "0"
    shortest = float.__repr__(value)
    if "e" not in shortest and not shortest.endswith(".0") and abs(value) >= _SAME_FROM:
        return shortest
    sign, digits, exponent = Decimal(shortest).as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    point = len(digits) + int(exponent)
    minus = "-" if sign else ""
    if _SMALLEST_FIXED < point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    if 0 < point <= _FIXED_DIGITS:
        whole, rest = text[:point].ljust(point, "0"), text[point:]
        return f"{minus}{whole}.{rest}" if rest else f"{minus}{whole}"
    fraction = f".{text[1:]}" if len(text) > 1 else ""
    return f"{minus}{text[0]}{fraction}e{point - 1:+d}"
