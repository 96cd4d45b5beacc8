"""What a column holds: its kind, blanks, errors, different values, extremes and sum."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from . import cells
from .column import Column, Hints
from .column_kinds import name_several, of_both, of_many, of_numbers, of_texts, only_numbers
from .number_formats import NumberFormat, read_format, scale_of

MISSING = frozenset(
    """#N/A #NA -1.#IND -1.#QNAN -NaN -nan 1.#IND 1.#QNAN <NA> N/A NA NULL NaN None n/a nan
    null""".split()
) | {"#N/A N/A"}
"""Texts that pandas takes for missing values (pandas.read_csv, ``na_values``)."""
MAX_SAMPLES = 3
MAX_COUNTED_NUMBERS = 20_000
"""Different numbers are counted in columns of up to so many values."""


def describe_column(
    name: Any,
    values: Sequence[Any],
    formats: Counter[str],
    hints: Hints,
    types: Counter[type] | None = None,
) -> Column:
    """Return what the column *name* holds.

    Args:
        name: Its name, which may say what unclear numbers are.
        values: Its cells below the header, without total rows.
        formats: Number format code → count, of those cells that were looked at.
        hints: What the rest of the workbook says.
        types: Type → count of *values*, where that is known.
    """
    types = cells.types_of(values) if types is None else types
    texts = _texts(values, types)
    counts = _classes(types, texts)
    column = Column(blanks=counts.pop(cells.BLANK, 0))
    if counts.pop(cells.ERROR, 0):
        column.errors = dict(
            Counter(cells.error_name(v) for v in values if cells.is_error(v)).most_common()
        )
    column.classes = dict(counts.most_common())
    column.format = formats.most_common(1)[0][0] if formats else ""
    column.samples = _samples(values)
    if not counts:
        return column
    shape = read_format(column.format) if column.format else NumberFormat("number")
    main = max(counts, key=counts.__getitem__)
    if set(counts) == {cells.NUMBER}:
        of_numbers(column, name, only_numbers(values, types), shape)
    elif set(counts) == {cells.TEXT}:
        of_texts(column, name, texts, hints)
    elif cells.TEXT in counts and cells.NUMBER in counts and len(counts) == 2:
        of_both(column, name, values, texts, hints, shape)
    elif len(counts) == 1:
        column.kind = main
    else:
        of_many(column, values, counts, texts, hints)
    if column.kind == "currency" and not column.stored and len(formats) > 1:
        _name_currencies(column, formats)
    if cells.NUMBER in counts and column.format:
        column.scale = scale_of(column.format)
    column.looks_missing = not MISSING.isdisjoint(texts)
    _statistics(column, values, texts, types)
    return column


def _texts(values: Sequence[Any], types: Counter[type]) -> Counter[str]:
    """Return text → count, blank ones left out."""
    if str not in types:
        return Counter()
    counts = Counter(values if len(types) == 1 else (v for v in values if type(v) is str))
    for text in [text for text in counts if not text.strip()]:
        del counts[text]
    return counts


def _classes(types: Counter[type], texts: Counter[str]) -> Counter[str]:
    """Return class → count."""
    counts: Counter[str] = Counter()
    for kind, count in types.items():
        found = cells.CLASS_OF_TYPE.get(kind)
        if found is not None:
            counts[found] += count
        elif kind is str:
            counts[cells.TEXT] = texts.total()
            counts[cells.BLANK] += count - texts.total()
        else:
            counts[cells.ERROR] += count
    return +counts


def _samples(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values[:2000]:
        if not cells.is_blank(value) and value not in found:
            found.append(value)
            if len(found) == MAX_SAMPLES:
                break
    return found


def _name_currencies(column: Column, formats: Counter[str]) -> None:
    """Note the currencies that the number formats of a column name, if they are several."""
    named: Counter[str] = Counter()
    for code, count in formats.items():
        if currency := read_format(code).currency:
            named[currency] += count
    if len(named) > 1:
        name_several(column, named)


def _statistics(
    column: Column, values: Sequence[Any], texts: Counter[str], types: Counter[type]
) -> None:
    """Add the count of different values, and smallest, largest and sum."""
    if set(column.classes) == {cells.TEXT}:
        column.distinct = len(texts)
        return
    if column.currencies:
        return
    numeric = set(column.classes) <= {cells.NUMBER, cells.TEXT} and cells.NUMBER in column.classes
    if not numeric or column.kind == "identifier" or len(values) <= MAX_COUNTED_NUMBERS:
        distinct = set(values)
        blank = sum(cells.is_blank(v) for v in distinct) if column.blanks else 0
        column.distinct = len(distinct) - blank - len(column.errors)
    if numeric and column.kind not in ("identifier", "mixed") and column.stored != "mixed":
        numbers = only_numbers(values, types)
        column.minimum, column.maximum = min(numbers), max(numbers)
        if column.kind != "date":
            column.sum = math.fsum(numbers)
    elif column.kind == "date" and column.stored != "mixed":
        days = [v for v in set(values) if isinstance(v, datetime.date)]
        if days:
            column.minimum = min(days, key=_as_datetime)
            column.maximum = max(days, key=_as_datetime)


def _as_datetime(day: Any) -> datetime.datetime:
    if isinstance(day, datetime.datetime):
        return day
    return datetime.datetime(day.year, day.month, day.day)
