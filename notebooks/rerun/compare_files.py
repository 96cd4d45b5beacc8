"""Compares a produced file with the recorded one, by value."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.worksheet.formula import ArrayFormula, DataTableFormula

from notebooks.rerun.compare import plain_text
from notebooks.rerun.tolerance import changed, close, lines_difference

WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm"})
TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".json", ".html", ".htm", ".md"})
CHUNK_BYTES = 1 << 20


def file_difference(one: Path, other: Path) -> str:
    """Return the first difference of two files, or ``""``.

    Workbooks are compared by sheets, values and formulas, text files line by line; both with a
    tolerance for numbers. Other files are compared byte by byte.
    """
    if _same_bytes(one, other):
        return ""
    suffix = one.suffix.lower()
    if suffix in WORKBOOK_SUFFIXES:
        return workbook_difference(one, other)
    if suffix in TEXT_SUFFIXES:
        try:
            difference = lines_difference(_lines(one), _lines(other))
        except UnicodeDecodeError:
            return "its bytes differ"
        return str(difference) if difference else ""
    return "its bytes differ"


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(CHUNK_BYTES):
            if chunk != second.read(CHUNK_BYTES):
                return False
    return True


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        for line in file:
            yield plain_text(line)


def workbook_difference(one: Path, other: Path) -> str:
    """Return the first difference of two workbooks' sheets, values and formulas, or ``""``."""
    try:
        with one.open("rb") as file, other.open("rb") as again:  # openpyxl leaves broken ones open
            books = [load_workbook(book, read_only=True) for book in (file, again)]
            return _book_difference(*books)
    except Exception as error:  # noqa: BLE001 (a broken file can make openpyxl raise anything)
        return f"a workbook can't be read ({type(error).__name__})"


def _book_difference(first: Any, second: Any) -> str:
    if first.sheetnames != second.sheetnames:
        return f"sheets {first.sheetnames} became {second.sheetnames}"
    for name in first.sheetnames:
        if difference := _sheet_difference(first[name], second[name]):
            return f"{name}!{difference}"
    return ""


def _sheet_difference(first: Any, second: Any) -> str:
    if not hasattr(first, "iter_rows") or not hasattr(second, "iter_rows"):
        return ""  # a chart sheet holds no cells
    for row_one, row_two in zip_longest(first.iter_rows(), second.iter_rows(), fillvalue=()):
        for a, b in zip_longest(row_one, row_two):
            if not _same_value(a, b):
                place = next(cell.coordinate for cell in (a, b) if _value(cell) is not None)
                return f"{place}: {changed(_shown(a), _shown(b))}"
    return ""


def _same_value(a: Any, b: Any) -> bool:
    one, other = _value(a), _value(b)
    if type(one) is not type(other) and bool in (type(one), type(other)):
        return False  # True == 1 in Python
    if isinstance(one, float | int) and isinstance(other, float | int):
        exact = isinstance(one, int) and isinstance(other, int)
        return one == other if exact else close(one, other)
    return bool(one == other) and _is_error(a) == _is_error(b)


def _value(cell: Any) -> Any:
    """Return a cell's value; for an array formula its range and text; ``None`` without a cell."""
    value = None if cell is None else cell.value
    if isinstance(value, ArrayFormula | DataTableFormula):
        return (value.ref, getattr(value, "text", None))
    return value


def _is_error(cell: Any) -> bool:
    return cell is not None and getattr(cell, "data_type", "") == "e"


def _shown(cell: Any) -> str:
    value = _value(cell)
    return "" if value is None else str(value)
