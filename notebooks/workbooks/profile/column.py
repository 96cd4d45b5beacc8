"""What is known of a column, as a value and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import cells
from .amounts import Notation
from .dates import DateText

SAMPLE_TEXT = 80


@dataclass
class Column:
    """What is known of a column.

    Attributes:
        kind: identifier, integer, number, currency, percent, date, time, text, boolean, mixed,
            formula (none of them calculated) or empty.
        stored: How values of that kind are kept, if not as themselves: ``text``, ``serial``,
            ``number`` or ``mixed``.
        classes: Class → count of the values; more than one where they differ.
        digits: How many digits an identifier shows, where its format pads it.
        currency: ISO code, or ``""``.
        currencies: ISO code → how many amounts name it, where they name several.
        notation: How amounts kept as text are written.
        date: How dates kept as text or as numbers are written.
        serials: How many dates are kept as Excel's day number.
        swapped: Day and month of the true dates may have changed places: all have days up to 12,
            and all texts days beyond.
        format: The number format of most cells.
        scale: What that format divides the numbers by to show them.
        needs_text: Whether an identifier would lose digits as a number: leading zeros, or more
            than 15 digits.
        blanks: Count of blank cells.
        errors: Error → count.
        formulas: Count of formulas; *formula_range* goes from the first to the last of them, and
            *first_formula* is the first one with its address.
        uncalculated: Count of formulas without a stored value.
        distinct: Count of different values, ``None`` if they were not counted.
        samples: Some values, as shown.
        strays: Values that are not of the column's kind → count.
        merged_down: Count of cells that a merged cell above them covers, if no other cell is
            blank: they mean its value.
        sides: What its letters mean that stand for the signs of amounts beside it.
        looks_missing: It has texts that pandas takes for missing values, such as ``NA``.
    """

    kind: str = "empty"
    stored: str = ""
    classes: dict[str, int] = field(default_factory=dict)
    digits: int = 0
    currency: str = ""
    currencies: dict[str, int] = field(default_factory=dict)
    notation: Notation | None = None
    date: DateText | None = None
    serials: int = 0
    swapped: bool = False
    format: str = ""
    scale: int = 1
    needs_text: bool = False
    blanks: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    formulas: int = 0
    uncalculated: int = 0
    first_formula: str = ""
    formula_range: str = ""
    distinct: int | None = None
    samples: list[Any] = field(default_factory=list)
    strays: dict[str, int] = field(default_factory=dict)
    looks_missing: bool = False
    sides: str = ""
    merged_down: int = 0
    minimum: Any = None
    maximum: Any = None
    sum: float | None = None


@dataclass(frozen=True)
class Hints:
    """What the rest of the workbook says about unclear texts.

    Attributes:
        order: ``dmy`` or ``mdy``, of dates.
        decimal: The decimal sign.
        from_text: The file holds text only, so that texts may be numbers.
    """

    order: str = ""
    decimal: str = ""
    from_text: bool = False


def column_to_json(column: Column) -> Mapping[str, Any]:
    """Return what is known of *column*, without what is not the case."""
    notation, date = column.notation, column.date
    found = {
        "kind": column.kind,
        "stored_as": column.stored,
        "counts": column.classes if len(column.classes) > 1 else None,
        "digits": column.digits,
        "needs_text": column.needs_text,
        "currency": column.currency,
        "currencies": column.currencies,
        "notation": notation.name if notation and column.stored else "",
        "decimal": notation.decimal if notation and column.stored else "",
        "ambiguous": bool(notation and notation.ambiguous)
        or bool(date and not date.proven)
        or column.swapped,
        "unread": notation.unread if notation else 0,
        "serials": column.serials,
        "swapped": column.swapped,
        "sides": column.sides,
        "date_format": date.format if date else "",
        "shown_divided_by": 0 if column.scale == 1 else column.scale,
        "format": "" if column.format in ("General", "@") else column.format,
        "blanks": column.blanks,
        "merged_down": column.merged_down,
        "errors": column.errors,
        "formulas": column.formulas,
        "formula_range": column.formula_range,
        "first_formula": column.first_formula,
        "uncalculated": column.uncalculated,
        "distinct": column.distinct,
        "min": cells.to_json(column.minimum),
        "max": cells.to_json(column.maximum),
        "sum": None if column.sum is None else cells.to_json(float(f"{column.sum:.15g}")),
        "strays": {cells.shown(k, SAMPLE_TEXT): n for k, n in column.strays.items()},
        "samples": [
            cells.to_json(v if not isinstance(v, str) else cells.shown(v, SAMPLE_TEXT))
            for v in column.samples
        ],
    }
    numbers = ("min", "max", "sum")
    return {
        key: value
        for key, value in found.items()
        if (value is not None if key in numbers else value not in (None, "", 0, False, {}, []))
    }
