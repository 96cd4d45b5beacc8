"""A sheet's cells as arrays: a kind and a number for each, so that a million compare at once."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import numpy as np

from ..formats.numbered_texts import MARK, Texts
from ..values import CellError, Row, damaged

BLANK, NUMBER, DATE, TRUTH, TEXT, ERROR = range(6)
BATCH_ROWS = 20_000
MOST_DENSE_CELLS = 40_000_000
MOST_CELLS = 60_000_000
EPOCH = datetime.datetime(1899, 12, 30)
SHIFT_1904 = 1462
"""Days between the two date systems (ECMA-376 part 1, 18.17.4.1)."""
EXACT = 2.0**53
MILLISECOND = 0.6 / 86_400_000
_ERROR_MARK = f"{MARK}E"
_PLAIN_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d{0,14})(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")


class Interner(dict[str, int]):
    """Numbers of texts; a new text gets the next."""

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self)
        return number


class TooLarge(Exception):
    """A sheet has more cells than are compared."""


@dataclass(slots=True)
class CodedSheet:
    """The filled cells of a sheet.

    Attributes:
        rows: Numbers, from 0, of the rows that hold a value.
        columns: Kinds and numbers of each column, one of each for each row; a column without a
            value is ``None``. A date is its serial number, a text its number in the table of texts.
    """

    rows: np.ndarray
    columns: list[tuple[np.ndarray, np.ndarray] | None] = field(default_factory=list)

    @property
    def width(self) -> int:
        """How many columns there are, up to the last that holds a value."""
        return len(self.columns)

    def column(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return kinds and numbers of a column; blank ones beyond the last."""
        found = self.columns[number] if number < len(self.columns) else None
        if found is not None:
            return found
        return np.zeros(len(self.rows), np.uint8), np.zeros(len(self.rows), np.float64)


def code_sheet(rows: Iterable[Row], texts: Interner, *, parsed: bool = False) -> CodedSheet:
    """Return the cells of *rows* as arrays.

    Args:
        rows: Row number and values, as `Book.filled` yields them.
        texts: The table of texts; extended.
        parsed: Texts that are plain numbers count as numbers, as in a text file.

    Raises:
        TooLarge: There are more cells than are compared.
    """
    coder = _Coder(texts, parsed=parsed)
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            coder.take(batch)
            batch = []
    coder.take(batch)
    return coder.sheet()


Window = tuple[int, int, list[list[Any]]]
"""First row, first column, and the cells of a rectangle, as `XlsxSource.typed_windows` has them."""


def code_windows(windows: Iterable[Window], texts: Texts) -> CodedSheet:
    """Return the cells of a usual .xlsx sheet as arrays, faster than `code_sheet`.

    Args:
        windows: Its cells; texts and errors are marked.
        texts: Numbers the texts.

    Raises:
        TooLarge: There are more cells than are compared.
        Unreadable: Rows are out of order, or a cell names a text that is not there.
    """
    coder = _Coder(_Marked(texts))
    batch: list[list[Any]] = []
    start = begin = end = 0
    for row, column, rows in windows:
        if row < end:
            raise damaged(f"row {row + 1} stands behind row {end}")
        if not batch or row != end or column != start or len(rows[0]) != len(batch[0]):
            coder.take_rectangle(begin, start, batch)
            batch, begin, start = [], row, column
        batch += rows
        end = row + len(rows)
        # A row of names makes every column one of several kinds, which is slow: it comes first.
        if len(batch) >= BATCH_ROWS or not coder.begun:
            coder.take_rectangle(begin, start, batch)
            batch, begin = [], end
    coder.take_rectangle(begin, start, batch)
    return coder.sheet()


class _Marked(dict[str, int]):
    """Numbers of texts that may be marked; errors are texts like others."""

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self.texts = texts

    def __getitem__(self, text: str) -> int:
        if text[:2] == f"{MARK}E":
            return self.texts.other(text[2:])
        return self.texts.number(text)


class _Coder:
    """Takes rows in, batch by batch."""

    def __init__(self, texts: Interner | _Marked, *, parsed: bool = False) -> None:
        self._texts, self._parsed = texts, parsed
        self._epoch = np.datetime64(EPOCH, "us")
        self._numbers: list[int] = []
        self._pieces: dict[int, list[tuple[Any, np.ndarray, np.ndarray]]] = {}
        self._cells = 0

    @property
    def begun(self) -> bool:
        """Whether it has taken a row."""
        return bool(self._numbers)

    def take(self, batch: Sequence[Row]) -> None:
        """Take rows in; those of about the same width at once."""
        if not batch:
            return
        start = len(self._numbers)
        self._numbers += [number for number, _ in batch]
        widths = [len(values) for _, values in batch]
        self._cells += sum(widths)
        if self._cells > MOST_CELLS:
            raise TooLarge
        if max(widths) * len(batch) <= 2 * sum(widths) + 10_000:
            self._take_alike(batch, slice(start, start + len(batch)))
            return
        by_width: dict[int, list[int]] = {}
        for at, width in enumerate(widths):
            by_width.setdefault(width.bit_length(), []).append(at)
        for places in by_width.values():
            self._take_alike([batch[at] for at in places], np.array(places) + start)

    def _take_alike(self, batch: Sequence[Row], places: Any) -> None:
        width = max(len(values) for _, values in batch)
        padded = [
            values if len(values) == width else values + [None] * (width - len(values))
            for _, values in batch
        ]
        nothing = (None,) * len(batch)
        for column, values in enumerate(zip(*padded, strict=True)):
            if values[0] is None and values == nothing:
                continue
            kinds, numbers = self._codes(values)
            self._pieces.setdefault(column, []).append((places, kinds, numbers))

    def take_rectangle(self, row: int, column: int, rows: list[list[Any]]) -> None:
        """Take a rectangle of marked cells in; an empty text is an empty cell."""
        if not rows:
            return
        start, size = len(self._numbers), len(rows)
        self._cells += size * len(rows[0])
        if self._cells > MOST_CELLS:
            raise TooLarge
        coded = [self._marked_codes(values) for values in zip(*rows, strict=True)]
        filled = np.zeros(size, dtype=bool)
        for kinds, _ in coded:
            filled |= kinds != BLANK
        self._numbers += (np.flatnonzero(filled) + row).tolist()
        places = slice(start, len(self._numbers))
        for number, (kinds, numbers) in enumerate(coded, column):
            if kinds.any():
                self._pieces.setdefault(number, []).append((places, kinds[filled], numbers[filled]))

    def _marked_codes(self, values: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        types = set(map(type, values))
        if types == {str} and isinstance(self._texts, _Marked):
            size, empty = len(values), values.count("")
            if empty == size:
                return np.zeros(size, np.uint8), np.zeros(size)
            if not empty and (found := self._texts.texts.numbers(values)) is not None:
                return np.full(size, TEXT, np.uint8), found.astype(np.float64)
        if types == {datetime.date}:
            days = np.fromiter(map(datetime.date.toordinal, values), np.float64, len(values))
            return np.full(len(values), DATE, np.uint8), days - EPOCH.toordinal()
        return self._codes([None if value == "" else value for value in values])

    def _codes(self, values: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        types = set(map(type, values))
        size = len(values)
        if str in types and "" in values:  # shown as a blank cell is
            values = [None if value == "" else value for value in values]
            types = set(map(type, values))
        if types <= {int, float, NoneType}:
            try:
                if NoneType in types:
                    blank = np.array([value is None for value in values])
                    numbers = np.array([0.0 if value is None else value for value in values])
                    return np.where(blank, BLANK, NUMBER).astype(np.uint8), numbers.astype(float)
                return np.full(size, NUMBER, np.uint8), np.array(values, dtype=np.float64)
            except OverflowError:
                pass  # an integer of a text file, too large for any spreadsheet
        elif types == {str} and not self._parsed and isinstance(self._texts, Interner):
            numbers = np.fromiter(map(self._texts.__getitem__, values), np.float64, size)
            return np.full(size, TEXT, np.uint8), numbers
        elif types == {bool}:
            return np.full(size, TRUTH, np.uint8), np.array(values, dtype=np.float64)
        elif types <= {datetime.date, datetime.datetime} and all(
            getattr(v, "tzinfo", None) is None for v in values
        ):
            days = np.array(values, dtype="datetime64[us]") - self._epoch
            numbers = days.astype(np.int64) / 86_400_000_000
            return np.full(size, DATE, np.uint8), numbers
        codes = [self._code(value) for value in values]
        kinds, numbers_ = zip(*codes, strict=True)
        return np.array(kinds, dtype=np.uint8), np.array(numbers_, dtype=np.float64)

    def _code(self, value: Any) -> tuple[int, float]:
        kind = type(value)
        if value is None:
            return BLANK, 0.0
        if kind is str:
            if self._parsed and _PLAIN_NUMBER.fullmatch(value):
                return NUMBER, float(value)
            if value[:2] == _ERROR_MARK and isinstance(self._texts, _Marked):
                return ERROR, float(self._texts[value])
            return TEXT, float(self._texts[value])
        if kind is float:
            return NUMBER, value
        if kind is bool:
            return TRUTH, float(value)
        if kind is int:
            if abs(value) < EXACT:
                return NUMBER, float(value)
            return TEXT, float(self._texts[str(value)])
        if kind is CellError:
            return ERROR, float(self._texts[value.text])
        return self._time(value)

    def _time(self, value: Any) -> tuple[int, float]:
        if isinstance(value, datetime.datetime) and value.tzinfo is None:
            return DATE, (value - EPOCH) / datetime.timedelta(days=1)
        if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            return DATE, float((value - EPOCH.date()).days)
        if isinstance(value, datetime.timedelta):
            return DATE, value / datetime.timedelta(days=1)
        if isinstance(value, datetime.time):
            since = datetime.datetime.combine(EPOCH.date(), value.replace(tzinfo=None)) - EPOCH
            return DATE, since / datetime.timedelta(days=1)
        return TEXT, float(self._texts[str(value)])

    def sheet(self) -> CodedSheet:
        """Return all that was taken in."""
        count = len(self._numbers)
        if count * len(self._pieces) > MOST_DENSE_CELLS:
            raise TooLarge
        columns: list[tuple[np.ndarray, np.ndarray] | None] = []
        columns += [None] * (1 + max(self._pieces, default=-1))
        for column in list(self._pieces):
            kinds, numbers = np.zeros(count, np.uint8), np.zeros(count, np.float64)
            for places, some_kinds, some_numbers in self._pieces.pop(column):
                kinds[places], numbers[places] = some_kinds, some_numbers
            columns[column] = kinds, numbers
        return CodedSheet(np.array(self._numbers, dtype=np.int64), columns)


def renumbered(sheet: CodedSheet, numbers: np.ndarray) -> None:
    """Replace the numbers of texts by those of another table: *numbers* has the new by the old."""
    for each in sheet.columns:
        if each is not None:
            kinds, values = each
            named = (kinds == TEXT) | (kinds == ERROR)
            if named.any():
                values[named] = numbers[values[named].astype(np.int64)]


def blank_texts(sheet: CodedSheet, number: int) -> None:
    """Make the cells blank whose text is the empty one, which has *number*."""
    for each in sheet.columns:
        if each is not None:
            kinds, values = each
            kinds[(kinds == TEXT) & (values == number)] = BLANK


def equal(
    kinds: np.ndarray, values: np.ndarray, other_kinds: np.ndarray, others: np.ndarray,
    tolerance: float,
) -> np.ndarray:  # fmt: skip
    """Return for each pair of cells whether they are equal.

    Numbers are equal within the relative *tolerance*, whole numbers that a cell holds exactly only
    if they are the same: they may be account numbers. A date and a number are equal if that is the
    date's serial number in either date system: they differ in format only. Times are equal to the
    millisecond.
    """
    same: np.ndarray = (kinds == other_kinds) & (values == others)
    if same.all():
        return same
    at = np.flatnonzero(~same)
    a, b, x, y = kinds[at], other_kinds[at], values[at], others[at]
    both = ((a == NUMBER) | (a == DATE)) & ((b == NUMBER) | (b == DATE))
    dated = (a == DATE) | (b == DATE)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(x - y)
        whole = (x == np.floor(x)) & (y == np.floor(y)) & (np.abs(x) < EXACT)
        near = np.where(whole, apart == 0, apart <= tolerance * np.maximum(np.abs(x), np.abs(y)))
        shifted = np.where(a != b, np.abs(apart - SHIFT_1904), apart)
        near = np.where(dated, np.minimum(apart, shifted) <= MILLISECOND, near)
    same[at] = both & (near | ((x != x) & (y != y)))
    return same


def shown(kind: int, value: float, texts: Sequence[str]) -> str | None:
    """Return a cell's value as text; ``None`` for a blank one."""
    if kind == BLANK:
        return None
    if kind in (TEXT, ERROR):
        return texts[int(value)]
    if kind == TRUTH:
        return str(bool(value))
    if kind == DATE:
        return _shown_date(value)
    whole = abs(value) < EXACT and value == np.floor(value)
    return str(int(value)) if whole else f"{value:.15g}"


def _shown_date(serial: float) -> str:
    try:
        moment = EPOCH + datetime.timedelta(milliseconds=round(serial * 86_400_000))
    except (OverflowError, ValueError):
        return repr(serial)
    if 0 <= serial < 1:
        return str(moment.time())
    return str(moment if serial % 1 else moment.date())
