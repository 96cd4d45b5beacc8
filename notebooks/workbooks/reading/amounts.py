"""Amounts that are kept as text in a frame, read with the signs of their file."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..formats.text_format import amount_pattern

SPACES = "\u00a0\u202f\u2009"


def read_amounts(
    frame: pd.DataFrame, decimal: str, thousands: str | None, *, stated: Any = None
) -> None:
    """Turn the columns of *frame* that hold such amounts only into numbers, in place.

    A column is left as it is if one text in it is no amount, its digits in groups of three.

    Args:
        frame: What was read.
        decimal: The decimal sign of the file.
        thousands: The sign between groups of digits, if any.
        stated: The ``dtype`` that the caller asked for; these columns stay as they are.
    """
    if decimal == "." and thousands is None:
        return
    if stated is not None and not isinstance(stated, dict):
        return
    pattern = amount_pattern(decimal, thousands)
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        if name in (stated or {}) or not pd.api.types.is_string_dtype(column.dtype):
            continue
        texts = column.dropna()
        if texts.empty or not all(
            isinstance(text, str) and pattern.fullmatch(text.strip()) for text in texts
        ):
            continue
        numbers = column.map(lambda text: _number(text, decimal, thousands), na_action="ignore")
        frame.isetitem(position, pd.to_numeric(numbers))


def _number(text: str, decimal: str, thousands: str | None) -> float | int:
    bare = text.strip()
    if thousands:
        for sign in (thousands, *(SPACES if thousands == " " or thousands in SPACES else ())):
            bare = bare.replace(sign, "")
        bare = bare.replace(" ", "") if thousands in SPACES else bare
    number = float(bare.replace(decimal, "."))
    return number if decimal in text or not number.is_integer() else int(number)
