"""A large sheet as typed columns: numbers, texts by number, dates, truths; never as single cells.

Windows of rows come in, each is taken apart by column at once, and kept in a few bytes a cell.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..formats.numbered_texts import MARK, Texts
from ..values import CellError, number_value

NUMBER, TEXT, PLAIN, DATE = "number", "text", "plain text", "date"
TRUTH, EMPTY, OBJECT = "truth", "empty", "object"
_ERROR = f"{MARK}E"
ENOUGH_TEXTS = 100_000
_FIRST_OF_1970 = datetime.date(1970, 1, 1).toordinal()
_DAYS = frozenset({datetime.date, datetime.datetime})


class TypedColumn:
    """One column, in pieces of one kind each."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._pieces: list[tuple[str, Any]] = []
        self._errors: list[int] = []
        self._numbered_texts = self._new_texts = 0
        self.length = 0

    @property
    def _all_differ(self) -> bool:
        """Whether numbering its texts would save nothing."""
        return self._numbered_texts > ENOUGH_TEXTS and 2 * self._new_texts > self._numbered_texts

    def skip(self, count: int) -> None:
        """Add *count* empty cells."""
        if count > 0:
            self._pieces.append((EMPTY, count))
            self.length += count

    def add(self, values: Sequence[Any]) -> None:
        """Add the cells of a window, as calamine gives them; an empty text is an empty cell."""
        self._pieces.append(self._piece(values))
        self.length += len(values)

    def _piece(self, values: Sequence[Any]) -> tuple[str, Any]:
        kinds = set(map(type, values))
        if kinds == {float}:
            return NUMBER, np.array(values, dtype=np.float64)
        if kinds == {bool}:
            return TRUTH, np.array(values, dtype=bool)
        empty = values.count("") if str in kinds else 0
        if empty == len(values):
            return EMPTY, empty
        if kinds == {str}:
            if self._all_differ and not any(v[:1] == MARK for v in values):
                return PLAIN, list(values)
            return TEXT, self._numbered(values, empty)
        if kinds <= {float, str, CellError} and all(
            type(v) is not str or v == "" or v[:2] == _ERROR for v in values
        ):
            self._note_errors(values)
            return NUMBER, np.array(
                [v if type(v) is float else math.nan for v in values], dtype=np.float64
            )
        if kinds == {datetime.date}:
            days = np.fromiter(map(datetime.date.toordinal, values), np.int64, len(values))
            return DATE, (days - _FIRST_OF_1970).astype("datetime64[D]").astype("datetime64[us]")
        if kinds <= {*_DAYS, str} and sum(type(v) is str for v in values) == empty:
            known = [None if v == "" else v for v in values]
            return DATE, np.array(known, dtype="datetime64[us]")
        return OBJECT, [self._object(v) for v in values]

    def _note_errors(self, values: Sequence[Any]) -> None:
        self._errors += (
            at
            for at, value in enumerate(values, self.length)
            if type(value) is CellError or (type(value) is str and value[:2] == _ERROR)
        )

    def _numbered(self, values: Sequence[str], empty: int) -> np.ndarray:
        filled = [v for v in values if v] if empty else values
        before = self._texts.count
        found = self._texts.numbers(filled)
        self._numbered_texts += len(filled)
        self._new_texts += self._texts.count - before
        if found is None:
            number = self._texts.number
            self._note_errors(values)
            found = np.array([-1 if v[:2] == _ERROR else number(v) for v in filled], np.int32)
        if not empty:
            return found
        made = np.full(len(values), -1, dtype=np.int32)
        made[[v != "" for v in values]] = found
        return made

    def _object(self, value: Any) -> Any:
        if type(value) is str and value and value[:2] != _ERROR:
            return _Numbered(self._texts.number(value))
        return self._texts.plain(value)

    def kinds(self) -> set[str]:
        """Return the kinds of its pieces, without the empty ones."""
        return {kind for kind, _ in self._pieces} - {EMPTY}

    @property
    def has_errors(self) -> bool:
        """Whether cells are errors."""
        return bool(self._errors)

    @property
    def has_gaps(self) -> bool:
        """Whether cells are empty or errors."""
        return any(
            kind == EMPTY
            or (kind == NUMBER and bool(np.isnan(piece).any()))
            or (kind == DATE and bool(np.isnat(piece).any()))
            for kind, piece in self._pieces
        )

    def numbers(self) -> np.ndarray:
        """Return a column of numbers, missing ones as NaN."""
        return self._joined(np.float64, math.nan)

    def days(self) -> np.ndarray:
        """Return a column of times, missing ones as NaT."""
        return self._joined("datetime64[us]", np.datetime64("NaT"))

    def text_numbers(self) -> np.ndarray:
        """Return the numbers of a column's texts, -1 for empty cells."""
        return self._joined(np.int32, -1)

    def truths(self) -> np.ndarray:
        """Return a column of truths without gaps."""
        return self._joined(bool, False)  # noqa: FBT003 (never used: nothing is empty)

    def _joined(self, kind: Any, missing: Any) -> np.ndarray:
        made = np.full(self.length, missing, dtype=kind)
        at = 0
        while self._pieces:
            of, piece = self._pieces.pop(0)
            size = piece if of == EMPTY else len(piece)
            if of != EMPTY:
                made[at : at + size] = piece
            at += size
        return made

    def objects(self, table: np.ndarray) -> list[Any]:
        """Return a column of any values; an empty cell is an empty text."""
        made: list[Any] = []
        for kind, piece in self._pieces:
            if kind == EMPTY:
                made += [""] * piece
            elif kind == TEXT:
                made += ["" if n < 0 else table[n] for n in piece.tolist()]
            elif kind == NUMBER:
                made += [number_value(n) if n == n else "" for n in piece.tolist()]
            elif kind == DATE:
                made += ["" if day is None else day for day in piece.tolist()]
            elif kind == TRUTH:
                made += piece.tolist()
            else:
                made += [table[v] if type(v) is _Numbered else v for v in piece]
        for at in self._errors:
            made[at] = math.nan
        return made


class _Numbered(int):
    """The number of a text among other values."""
