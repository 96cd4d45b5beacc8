"""Cells that are read as blank although they hold something: said where code reads them.

A formula that was never calculated has no value, and an error such as ``#N/A`` none to add up.
The sum of such cells is too small, or 0, and nothing else would say so.

Source: ECMA-376 part 1, section 18.3.1.4 (cells: ``f``, ``v``, ``t="e"``).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from ..formats.xlsx import XlsxSource
from ..read import Book

MOST_BYTES = 6_000_000
"""Larger sheets are not looked at again: that would cost more than reading them."""
MOST_NAMED = 3
_CELL = re.compile(
    rb"<(?:\w+:)?c\b([^>]*+)(?<!/)>((?:[^<]++|<(?!/?(?:\w+:)?c[\s>/]))*+)</(?:\w+:)?c>"
)
"""Possessive, so that cells which never end cost no more than others."""
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^>/]*>([^<]+)<")
_NO_VALUE = re.compile(rb"<(?:\w+:)?v\b")
_NAME = re.compile(rb"\br=[\"']([A-Z]{1,3}\d{1,7})[\"']")
_ERROR, _TEXT = re.compile(rb"\bt=[\"']e[\"']"), re.compile(rb"\bt=[\"']str[\"']")
_KINDS = re.compile(r"#[A-Z0-9/_]{1,20}[!?]?")


def say_blank_cells(book: Book, sheet: str, frame: Any) -> None:
    """Print how many formulas without a value and error cells *sheet* has, if any.

    Args:
        book: The open file; only Open XML is looked at.
        sheet: The name of the sheet.
        frame: What was read of it; nothing is said of one without missing values.
    """
    index = book.index(sheet)
    source = book.source
    if not isinstance(source, XlsxSource) or source.part_bytes(index) > MOST_BYTES:
        return
    if not frame.isna().to_numpy().any():
        return
    formulas, errors = _blank_cells(source.part_content(index))
    if formulas:
        count, more = len(formulas), len(formulas) - MOST_NAMED
        named = ", ".join(formulas[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
        print(  # noqa: T201 (for the reader of the cell's output)
            f"Sheet {sheet!r} has {count:,} formula(s) that were never calculated, read as blank "
            f"({named}): compute them from their inputs."
        )
    if errors:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(errors.items()))
        print(  # noqa: T201 (for the reader of the cell's output)
            f"Sheet {sheet!r} has {errors.total():,} error cell(s), read as blank ({kinds})."
        )


def _blank_cells(content: bytes) -> tuple[list[str], Counter[str]]:
    """Return the cells of formulas without a value, and how many error cells of which kind."""
    formulas: list[str] = []
    errors: Counter[str] = Counter()
    for found in _CELL.finditer(content):
        attributes, inner = found[1], found[2]
        if _ERROR.search(attributes):
            value = _VALUE.search(inner)
            kind = value[1].decode("ascii", "replace") if value else ""
            errors[kind if _KINDS.fullmatch(kind) else "#ERROR"] += 1
        elif _FORMULA.search(inner) and not _VALUE.search(inner):
            if _TEXT.search(attributes) and _NO_VALUE.search(inner):
                continue  # its value is a text of no characters
            name = _NAME.search(attributes)
            formulas.append(name[1].decode() if name else "?")
    return formulas, errors
