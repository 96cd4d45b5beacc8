"""The cells of one column of a large frame, as the text of a worksheet part.

Source: ECMA-376 part 1, 18.3.1.4 (c), 18.18.11 (cell types), 18.17.4.1 (dates).
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd
from xlsxwriter.worksheet import (
    CellBooleanTuple,
    CellDatetimeTuple,
    CellNumberTuple,
    CellRichStringTuple,
)

from ..formats.addresses import address
from .cell_limits import MAX_EXACT, Changes

MAX_REMEMBERED_TEXTS = 20_000
_LITERAL_ESCAPE = re.compile(r"(_x[0-9a-fA-F]{4}_)")
_PLAIN_KINDS = frozenset(
    {str, int, float, bool, decimal.Decimal, type(None), type(pd.NA), type(pd.NaT)}
    | {np.float64, np.float32, np.int64, np.int32, np.bool_}
)
_DAY = pd.Timedelta(days=1)


class NotStreamable(Exception):
    """A column holds values that pandas' own writer must write."""


class ColumnCells:
    """Writes the cells of one column.

    Attributes:
        number_format: The format its cells need; ``None`` for the column's own.
    """

    def __init__(self, column: pd.Series, formatter: Any, writer: Any, changes: Changes) -> None:
        """Look through the values once, and count what will be changed in *changes*.

        Raises:
            NotStreamable: The column holds values of other kinds.
        """
        self.number_format: str | None = None
        self._column = column
        self._float_format = formatter.float_format
        self._missing = _text(formatter.na_rep) if formatter.na_rep else ""
        self._infinite = {
            math.inf: _text(formatter.inf_rep),
            -math.inf: _text(f"-{formatter.inf_rep}"),
        }
        self._uncounted = Changes()
        self._remembered: dict[str, str] = {}
        self._end = self._choose(writer, changes)
        self._start = self._style = ""

    def settle(self, number: int, style: int | None) -> None:
        """Say where the column stands, and with which format: then cells can be written.

        Args:
            number: The column on its sheet, from 0.
            style: The index of its cell format; ``None`` for the default.
        """
        self._start = f'<c r="{address(0, number)[:-1]}'
        self._style = '"' if style is None else f'" s="{style}"'

    def cells(self, at: int, numbers: range) -> list[str]:
        """Return the cells of some rows; an empty text for an empty cell.

        Args:
            at: The first of them, from 0, in the column.
            numbers: Their numbers on the sheet, from 1.
        """
        part = self._column.iloc[at : at + len(numbers)]
        start, style, end = self._start, self._style, self._end
        ends = [end(value) for value in self._values(part)]
        return [
            f"{start}{number}{style}{text}" if text else ""
            for number, text in zip(numbers, ends, strict=True)
        ]

    def measured(self, count: int) -> list[Any]:
        """Return its first cells as xlsxwriter's own, for their widths; ``None`` if empty."""
        if self._values is not _serials:
            return [_measured(value) for value in self._values(self._column.iloc[:count])]
        return [
            None if missing else CellDatetimeTuple(0, None)
            for missing in self._column.iloc[:count].isna()
        ]

    def _choose(self, writer: Any, changes: Changes) -> Callable[[Any], str]:
        """Return what makes the end of a cell of a value."""
        column, kind = self._column, self._column.dtype
        self._values: Callable[[pd.Series], list[Any]] = pd.Series.to_list
        code = kind.kind if isinstance(kind, np.dtype | pd.DatetimeTZDtype) else ""
        if code == "M":
            if (column.dt.year < 1900).any():
                raise NotStreamable
            if isinstance(kind, pd.DatetimeTZDtype):
                changes.zones.add(str(kind.tz))
            self.number_format = writer._datetime_format
            self._values = _serials
            return self._serial
        if code == "m":
            self.number_format = "0"
            self._values = _days
            return self._serial
        if code == "b":
            return _truth
        if code == "f" and self._float_format is None:
            changes.counts["infinite"] += int(np.isinf(column.to_numpy()).sum())
            return self._float
        if code in ("i", "u") and -MAX_EXACT < column.min() <= column.max() < MAX_EXACT:
            return _integer
        self._count(column, changes)
        return self._any

    @staticmethod
    def _count(column: pd.Series, changes: Changes) -> None:
        fitting = changes.fitting
        for value in column.to_list():
            if type(value) not in _PLAIN_KINDS:
                raise NotStreamable
            if value is not None:
                fitting(value)

    def _float(self, value: float) -> str:
        if value - value == 0:
            return f"><v>{value!r}</v></c>"
        return self._infinite.get(value, self._missing)

    def _serial(self, value: float) -> str:
        return f"><v>{value:.15g}</v></c>" if value == value else self._missing

    def _any(self, value: Any) -> str:
        if type(value) is str:
            return self._remembered.get(value) or self._new_text(value)
        if value is None or value is pd.NA or value != value:
            return self._missing
        fitting = self._uncounted.fitting(value)
        if isinstance(fitting, str):
            return _text(fitting)
        if isinstance(fitting, bool | np.bool_):
            return _truth(fitting)
        number = float(fitting) if isinstance(fitting, decimal.Decimal) else fitting
        if isinstance(number, float | np.floating):
            if self._float_format is not None and math.isfinite(number):
                number = float(self._float_format % number)
            return self._float(float(number))
        return _integer(number)

    def _new_text(self, value: str) -> str:
        if not value:
            return ""
        text = _text(self._uncounted.fitting_text(value))
        if len(self._remembered) >= MAX_REMEMBERED_TEXTS:
            self._remembered.clear()
        self._remembered[value] = text
        return text


def _measured(value: Any) -> Any:
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, bool | np.bool_):
        return CellBooleanTuple(bool(value), None)
    if isinstance(value, str):
        return CellRichStringTuple("", None, value)
    return CellNumberTuple(value, None)


def _text(text: str) -> str:
    """Return the end of a cell that holds *text*."""
    fitting = _LITERAL_ESCAPE.sub(r"_x005F\1", text) if "_x" in text else text
    space = ' xml:space="preserve"' if text[:1].isspace() or text[-1:].isspace() else ""
    return f' t="inlineStr"><is><t{space}>{escape(fitting)}</t></is></c>'


def _integer(value: Any) -> str:
    return f"><v>{value}</v></c>"


def _truth(value: Any) -> str:
    return f' t="b"><v>{value:d}</v></c>'


def _serials(part: pd.Series) -> list[Any]:
    """Return local times as Excel counts them, in days, with the 29 February 1900."""
    local = part.dt.tz_localize(None) if part.dt.tz is not None else part
    days = (local - pd.Timestamp(1899, 12, 30)) / _DAY
    return list(days.where(~(days < 61), days - 1).to_list())


def _days(part: pd.Series) -> list[Any]:
    return list((part / _DAY).to_list())
