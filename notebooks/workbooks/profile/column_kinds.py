"""Of which kind a column is: identifier, number, currency, percent, date, text, mixed."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import cells
from .amounts import DASHES, SIDE, by_shape, read_amount, read_amounts, read_notation
from .column import SAMPLE_TEXT, Column, Hints
from .dates import DateText, are_compact, are_serials, names_a_date, read_dates
from .eras import read_era_dates
from .mixed_dates import read_mixed_dates
from .number_formats import NumberFormat, currency_of
from .placeholders import PLACEHOLDERS
from .signs import narrow, sides_of

SAMPLED_TEXTS = 500
_PLACEHOLDERS_AS_WRITTEN = {
    blank + written + blank
    for text in PLACEHOLDERS
    for written in (text, text.upper(), text.capitalize())
    for blank in ("", " ")
}
_IDENTIFIER_NAME = re.compile(
    r"\b(id|no|nr|num|code|konto|account|acct|iban|zip|plz|postcode|postal|sku|ean|gtin|isbn|phone|tel|"
    r"cost ?cent(er|re)|kostenstelle|kst|vat|customer|kunde|kundennr|vendor|invoice|ref|reference|"
    r"compte|cuenta|rekening|матрикул|инн|счет)\b|number$|nummer$|№",
    re.IGNORECASE,
)
_QUANTITY_NAME = re.compile(
    r"\b(amount|sum|total|price|cost|sales|revenue|qty|quantity|units|count|volume|weight|balance|"
    r"value|budget|hours|betrag|summe|menge|preis|umsatz|anzahl|stück|wert|montant|prix|importe|"
    r"cantidad|importo|prezzo|kwota|ilość|cena|сумма|цена|金額|数量|金额)\b",
    re.IGNORECASE,
)
_CURRENCY_IN_NAME = re.compile(r"(?:\(|\[|\bin |, |\s|^)([A-Z]{3}|[€$£¥₹])(?:\)|\]|$|\s)")
_TRUTH = frozenset({"true", "false"})


def of_numbers(column: Column, name: Any, numbers: Sequence[float], shape: NumberFormat) -> None:
    """Decide on a column of *numbers* whose format says *shape*."""
    whole = all(map(float.is_integer, map(float, numbers)))
    column.currency = shape.currency or _currency_of_name(name)
    if shape.kind == "digits" and whole:
        column.kind, column.digits, column.stored = "identifier", shape.digits, "number"
        column.needs_text = shape.digits > 0
    elif shape.kind == "currency":
        column.kind = "currency"
    elif shape.kind == "percent":
        column.kind = "percent"
    elif whole and shape.kind != "date" and _plain_dates(column, numbers, name):
        pass
    elif column.currency and (not whole or not _is_identifier_name(name)):
        column.kind = "currency"
    else:
        column.kind = "integer" if whole else "number"
        column.currency = ""


def only_numbers(values: Sequence[Any], types: Iterable[type]) -> Sequence[float]:
    """Return the numbers among *values*, which are of *types*."""
    if set(types) <= {int, float}:
        return values
    return [v for v in values if type(v) in (int, float)]


def _plain_dates(column: Column, numbers: Sequence[float], name: Any) -> bool:
    distinct = set(numbers)
    if are_serials(distinct, name):
        column.kind, column.stored = "date", "serial"
        return True
    if names_a_date(name) and are_compact(distinct, name):
        column.kind, column.stored = "date", "number"
        column.date = DateText("%Y%m%d", proven=True)
        return True
    return False


def _is_identifier_name(name: Any) -> bool:
    return isinstance(name, str) and bool(_IDENTIFIER_NAME.search(name.replace("_", " ")))


def _currency_of_name(name: Any) -> str:
    if not isinstance(name, str):
        return ""
    return next((iso for w in _CURRENCY_IN_NAME.findall(name) if (iso := currency_of(w))), "")


def of_texts(column: Column, name: Any, texts: Counter[str], hints: Hints) -> None:
    """Decide on a column of *texts* only."""
    strays = {t: texts[t] for t in _PLACEHOLDERS_AS_WRITTEN & texts.keys()}
    real = Counter({t: n for t, n in texts.items() if t not in strays}) if strays else texts
    if not real:
        column.kind = "text"
        return
    digits = _all_digits(real)
    are_days = not hints.from_text and names_a_date(name) and are_compact(set(digits), name)
    if digits and _are_identifiers(digits, name, hints) and not are_days:
        column.kind, column.stored, column.strays = "identifier", "text", strays
        column.needs_text = _need_text([t.strip() for t in digits])
        return
    if digits and are_compact({t.strip() for t in digits}, name):
        column.kind, column.stored, column.strays = "date", "text", strays
        column.date = DateText("%Y%m%d", proven=True)
        return
    if hints.from_text and {t.strip().lower() for t in texts} <= _TRUTH:
        column.kind = "boolean"
        return
    if len(texts) > 4 * SAMPLED_TEXTS and not _promising(texts, hints):
        column.kind = "text"
        return
    if (dates := read_dates(list(real), order=hints.order)) and dates.unread <= 0.1 * len(real):
        column.kind, column.stored, column.date, column.strays = "date", "text", dates, strays
        return
    if eras := read_era_dates(real, name):
        column.kind, column.stored, column.date, column.strays = "date", "text", eras, strays
        return
    dashes = {t: n for t, n in strays.items() if t.strip() in DASHES}
    if _amounts(column, name, real + Counter(dashes) if dashes else real, hints):
        column.strays |= {t: n for t, n in strays.items() if t not in dashes}
        return
    column.kind = "text"
    column.sides = sides_of(real, name)


def _all_digits(texts: Counter[str]) -> Sequence[str]:
    """Return the texts if all of them are digits, else none."""
    stripped = [narrow(t.strip()) for t in texts]
    return stripped if "".join(stripped).isascii() and all(map(str.isdigit, stripped)) else ()


def _promising(texts: Counter[str], hints: Hints) -> bool:
    """Return whether a sample of many *texts* may be dates or amounts."""
    step = max(1, len(texts) // SAMPLED_TEXTS)
    sample = [t for t in list(texts)[::step] if t.strip().lower() not in PLACEHOLDERS]
    dates = read_dates(sample, order=hints.order)
    notation = read_notation(sample, decimal=hints.decimal)
    return dates is not None or (notation is not None and notation.read >= 0.7 * len(sample))


def _are_identifiers(digits: Sequence[str], name: Any, hints: Hints) -> bool:
    """Return whether texts of digits only are names rather than numbers."""
    stripped = [t.strip() for t in digits]
    if _need_text(stripped):
        return True
    if hints.from_text:
        return False
    # somebody kept them as text in a workbook
    if isinstance(name, str) and _QUANTITY_NAME.search(name.replace("_", " ")):
        return False
    return _is_identifier_name(name) or (
        len({len(t) for t in stripped}) == 1 and len(stripped[0]) >= 3
    )


def _need_text(digits: Sequence[str]) -> bool:
    """Return whether numbers would lose leading zeros, or digits behind the fifteenth."""
    return any((len(t) > 1 and t[0] == "0") or len(t) > 15 for t in digits)


def _amounts(column: Column, name: Any, texts: Counter[str], hints: Hints) -> bool:
    shapes = by_shape(texts)
    notation = read_notation(shapes, decimal=hints.decimal)
    total = texts.total()
    if notation is None or notation.read < 0.9 * total:
        return False
    letters = sum(n for t, n in shapes.items() if any(sign.isalpha() for sign in t))
    if letters > notation.unread and not notation.marks & {"currency", SIDE}:
        return False
    column.notation = notation
    column.stored = "text"
    column.currency = notation.currency or _currency_of_name(name)
    if notation.unread:
        unread = {t: n for t, n in texts.items() if read_amount(t, notation) is None}
        column.strays = dict(Counter(unread).most_common(5))
    values = read_amounts(texts, notation)
    if notation.shares.get("percent", 0) > 0.5:
        column.kind = "percent"
    elif column.currency or notation.shares.get("currency", 0) > 0.5:
        column.kind = "currency"
    elif hints.from_text and not notation.decimal and not notation.marks:
        column.kind = "integer"
    elif hints.from_text or notation.decimal or notation.marks or notation.thousands:
        column.kind = "number"
    else:
        column.kind = "integer"
    if hints.from_text:
        column.stored = "" if notation.plain else "text"
    if len(notation.currencies) > 1:
        name_several(column, notation.currencies)
        return True
    read = [v for v in values if v is not None]
    column.minimum, column.maximum = (min(read), max(read)) if read else (None, None)
    column.sum = (
        None
        if notation.ambiguous
        else math.fsum(v * n for v, n in zip(values, texts.values(), strict=True) if v is not None)
    )
    return True


def name_several(column: Column, currencies: Mapping[str, int]) -> None:
    """Note that *column* has amounts in several currencies, whose sum means nothing."""
    column.kind, column.currency = "currency", ""
    column.currencies = dict(Counter(currencies).most_common())


def of_both(
    column: Column,
    name: Any,
    values: Sequence[Any],
    texts: Counter[str],
    hints: Hints,
    shape: NumberFormat,
) -> None:
    """Decide on a column of numbers and texts."""
    numbers = [v for v in values if type(v) in (int, float)]
    share = texts.total() / (texts.total() + len(numbers))
    digits = all(t.strip().isdigit() for t in texts)
    if digits and all(float(v).is_integer() for v in numbers):
        column.kind, column.stored = "identifier", "mixed"
        column.digits = (
            max(len(t.strip()) for t in texts) if any(t.startswith("0") for t in texts) else 0
        )
        column.needs_text = _need_text([t.strip() for t in texts])
        return
    dashes = all(t.strip() in DASHES for t in texts)
    if dashes and share <= 0.5:
        of_numbers(column, name, numbers, shape)
        column.notation, column.stored = read_notation(["0", "-"]), "mixed"
        return
    placeholders = all(t.strip().lower() in PLACEHOLDERS for t in texts)
    if placeholders or share <= 0.1:
        of_numbers(column, name, numbers, shape)
        column.strays = dict(texts.most_common(5))
        return
    notation = read_notation(texts, decimal=hints.decimal)
    if notation and not notation.unread and not notation.ambiguous:
        of_numbers(column, name, numbers, shape)
        column.notation, column.stored = notation, "mixed"
        several = Counter(notation.currencies)
        several.update({shape.currency: len(numbers)} if shape.currency else {})
        if len(several) > 1:
            name_several(column, several)
            return
        column.currency = column.currency or notation.currency
        column.kind = (
            "currency" if column.currency else "number" if column.kind == "integer" else column.kind
        )
        return
    if (len(numbers) / (texts.total() + len(numbers))) <= 0.1:
        column.kind, column.strays = "text", {}
        return
    column.kind = "mixed"


def of_many(
    column: Column, values: Sequence[Any], counts: Counter[str], texts: Counter[str], hints: Hints
) -> None:
    """Decide on a column of other mixtures; *counts* has its classes."""
    if cells.DATE in counts and set(counts) <= {cells.DATE, cells.TEXT, cells.NUMBER}:
        found = read_mixed_dates(values, texts, column.format, hints.order)
        if found is not None:
            column.kind, column.stored, column.date = "date", "mixed", found.texts
            column.serials, column.swapped, column.strays = (
                found.serials,
                found.swapped,
                found.strays,
            )
            return
    total = counts.total()
    main, count = counts.most_common(1)[0]
    others = [v for v in values if cells.class_of(v) not in (main, cells.BLANK, cells.ERROR)]
    placeholders = all(isinstance(v, str) and v.strip().lower() in PLACEHOLDERS for v in others)
    if main in (cells.DATE, cells.TIME, cells.BOOLEAN) and (placeholders or count >= 0.9 * total):
        column.kind = main
        column.strays = dict(Counter(cells.shown(v, SAMPLE_TEXT) for v in others).most_common(5))
    else:
        column.kind = "mixed"
