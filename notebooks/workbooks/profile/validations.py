"""Data validations in words: what a cell takes.

Source: ECMA-376 part 1, 18.3.1.32 (dataValidation), 18.18.20 and 18.18.21 (operators and types).
"""

from __future__ import annotations

import datetime
from typing import Any

from ..formats.number_formats import from_serial
from .package import local

MOST = 20
_OPERATORS = {
    "between": "between {} and {}",
    "notBetween": "not between {} and {}",
    "equal": "= {}",
    "notEqual": "<> {}",
    "lessThan": "< {}",
    "lessThanOrEqual": "<= {}",
    "greaterThan": "> {}",
    "greaterThanOrEqual": ">= {}",
}
_TYPES = {"whole": "whole number", "textLength": "length of text"}


def add_validation(element: Any, facts: dict[str, Any], *, from_1904: bool) -> None:
    """Add what a ``dataValidation`` *element* says to the *facts* of its sheet.

    Args:
        element: The element, of the sheet's own markup or of its extensions (x14).
        facts: What is known of the sheet; ``validations`` gets one more.
        from_1904: The workbook counts days from 1904.
    """
    places = element.get("sqref", "")
    formulas: dict[str, str] = {}
    inside = ""
    for child in element.iter():
        name, text = local(child.tag), (child.text or "").strip()
        if name == "sqref":
            places = text or places
        if name in ("formula1", "formula2"):
            inside = name
        if name in ("formula1", "formula2", "f") and text:
            formulas.setdefault(inside or "formula1", text)
    kind = element.get("type", "any")
    values = [
        _shown(formulas.get(n, ""), kind, from_1904=from_1904) for n in ("formula1", "formula2")
    ]
    if kind in ("list", "custom", "any", "none"):
        condition = values[0]
    else:
        operator = _OPERATORS.get(element.get("operator", "between"), "{} {}")
        condition = operator.format(*values)
    found = facts.setdefault("validations", [])
    if len(found) < MOST:
        found.append(f"{places[:60]}: {_TYPES.get(kind, kind)} {condition}".strip())


def _shown(formula: str, kind: str, *, from_1904: bool) -> str:
    """Return a limit as a person reads it: dates and times are serial numbers in the file."""
    formula = formula[:80]
    if kind not in ("date", "time"):
        return formula
    try:
        number = float(formula)
        value = from_serial(number, "date", from_1904=from_1904 and number >= 1)
    except ValueError:
        return formula
    if isinstance(value, datetime.datetime) and not any((value.hour, value.minute, value.second)):
        value = value.date()
    return str(value)
