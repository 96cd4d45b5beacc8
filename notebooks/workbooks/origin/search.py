"""The rows of a frame whose value, sum, mean or count is the value of a cell.

The labels of the cell's row and column choose the rows (the keys of a group, the columns of a
pivot); arithmetic decides: rows are only returned if they give the cell's value.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .target import Label, Target, number_in

VALUE = "value"
_COUNTS = frozenset({"count", "size", "nunique"})
FUNCTIONS: Mapping[str, Callable[[pd.Series], Any]] = {
    "sum": lambda s: s.sum(),
    "mean": lambda s: s.mean(),
    "median": lambda s: s.median(),
    "min": lambda s: s.min(),
    "max": lambda s: s.max(),
    "std": lambda s: s.std(),
    "var": lambda s: s.var(),
    "first": lambda s: s.iloc[0],
    "last": lambda s: s.iloc[-1],
    "count": lambda s: s.count(),
    "nunique": lambda s: s.nunique(),
    "size": len,
}
MOST_COLUMNS = 60


@dataclass(frozen=True, slots=True)
class Match:
    """Rows that give a cell's value.

    Attributes:
        how: ``value``, ``sum``, ``mean``, …
        column: The column of the frame; ``""`` if rows are counted.
        rows: Positions of the rows in the frame.
        where: The labels that chose them: column → value.
        unmatched: Labels of the row that are in no column, such as ``Total``.
        rounded: To how many digits the value is rounded; ``None`` if it is not.
        others: Other columns and functions that give the same value.
    """

    how: str
    column: str
    rows: Any
    where: Mapping[str, Any]
    unmatched: tuple[str, ...]
    rounded: int | None = None
    others: tuple[str, ...] = ()


def find(
    target: Target, frame: pd.DataFrame, hints: Sequence[str], used: Sequence[str]
) -> Match | None:
    """Return the rows of *frame* that give the target's value; ``None`` if there are none.

    Args:
        target: The cell.
        frame: Where to look.
        hints: Functions that the code names (``sum``, ``mean``), most likely first.
        used: Columns that the code names.
    """
    if not len(frame) or not frame.columns.is_unique:
        return None
    frame = frame.iloc[:, :MOST_COLUMNS]
    for labels in _label_sets(target):
        chosen = _choose(frame, labels, target)
        if chosen is None:
            continue
        rows, where, unmatched = chosen
        if len(rows) and (found := _computed(target, frame, rows, hints, used, where)):
            how, column, digits, others = found
            return Match(how, column, rows, where, unmatched, digits, others)
        if len(rows) > 1 and (single := _single(target, frame, rows)) is not None:
            return Match(VALUE, single[0], rows[single[1] : single[1] + 1], where, unmatched)
    return None


def _single(target: Target, frame: pd.DataFrame, rows: Any) -> tuple[str, int] | None:
    """Return the column of the cell's header, and the only one of *rows* with the very value."""
    headers = {str(label.value).strip().casefold() for label in target.headers}
    named = [name for name in frame.columns if str(name).strip().casefold() in headers]
    for name in named[:1]:
        at = np.flatnonzero(_equal(frame[name].iloc[rows], target.value))
        if len(at) == 1:
            return str(name), int(at[0])
    return None


def _label_sets(target: Target) -> Iterator[list[Label]]:
    """Yield the row's labels with and without the numbers among them, which may be figures."""
    labels = list(target.row_labels)
    plain = [label for label in labels if not _is_number(label.value)]
    yield labels
    left = [each for each in labels if not _is_number(each.value) or each is labels[0]]
    if left != labels and left != plain:
        yield left
    if plain != labels:
        yield plain


def _choose(
    frame: pd.DataFrame, labels: Sequence[Label], target: Target
) -> tuple[Any, dict[str, Any], tuple[str, ...]] | None:
    mask = np.ones(len(frame), dtype=bool)
    where: dict[str, Any] = {}
    unmatched = []
    names = {str(name).strip().casefold() for name in frame.columns}
    above = [Label(label.value) for label in target.headers]
    for label in [*labels, *above]:
        if isinstance(label.value, str) and label.value.strip().casefold() in names:
            continue  # it names the column
        found = _having(frame, label, where)
        if found is not None:
            name, own = found
            mask &= own
            where[name] = label.value
        elif label in labels and isinstance(label.value, str):
            unmatched.append(label.value)
    return np.flatnonzero(mask), where, tuple(unmatched[:5])


def _having(frame: pd.DataFrame, label: Label, taken: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Return a column that has the label's value, and in which rows it does."""
    named = [name for name in frame.columns if str(name).strip() == label.header.strip()]
    if named and label.header and named[0] not in taken:
        own = _equal(frame[named[0]], label.value)
        if own.any():
            return str(named[0]), own
    if _is_number(label.value) and label.header and label.header.strip():
        candidates = [n for n in frame.columns if str(n).strip() == label.header.strip()]
    else:
        candidates = [name for name in frame.columns if str(name) not in taken]
    for name in candidates:
        own = _equal(frame[name], label.value)
        if own.any():
            return str(name), own
    return None


def _equal(column: pd.Series, value: Any) -> Any:
    """Return in which rows *column* has *value*, as a workbook would show it."""
    if isinstance(value, str):
        if column.dtype.kind in "iufbM":
            if column.dtype.kind == "M":
                return _dates(column, value)
            number = number_in(value.strip())  # in a text file, numbers are texts too
            if isinstance(number, str):
                return np.zeros(len(column), dtype=bool)
            return _equal(column, number)
        return (column.astype("string").str.strip() == value.strip()).fillna(False).to_numpy(bool)  # noqa: FBT003
    if isinstance(value, datetime.datetime | datetime.date):
        if column.dtype.kind == "M":
            return (column == pd.Timestamp(value)).to_numpy()
        if isinstance(column.dtype, pd.PeriodDtype):
            return (column == pd.Period(value, freq=column.dtype.freq)).to_numpy()
        return (column.astype("string") == str(value)[:10]).fillna(False).to_numpy(bool)  # noqa: FBT003
    if _is_number(value) or isinstance(value, bool):
        if column.dtype.kind in "iufb":
            return np.isclose(column.to_numpy(dtype=float), float(value), rtol=1e-12, atol=0)
        text = str(int(value)) if float(value).is_integer() else str(value)
        if column.dtype.kind == "M":
            return np.zeros(len(column), dtype=bool)
        return (column.astype("string").str.strip() == text).fillna(False).to_numpy(bool)  # noqa: FBT003
    return np.zeros(len(column), dtype=bool)


def _dates(column: pd.Series, text: str) -> Any:
    """Return which dates *text* names: ``2024-03-15``, ``2024-03``."""
    shown = column.dt.strftime("%Y-%m-%d").astype("string")
    fits = text.strip()[:10]
    if len(fits) not in (7, 10):
        return np.zeros(len(column), dtype=bool)
    return (shown.str.slice(0, len(fits)) == fits).fillna(False).to_numpy(bool)  # noqa: FBT003


def _computed(
    target: Target,
    frame: pd.DataFrame,
    rows: Any,
    hints: Sequence[str],
    used: Sequence[str],
    where: Mapping[str, Any],
) -> tuple[str, str, int | None, tuple[str, ...]] | None:
    value = target.value
    subset = frame.iloc[rows]
    for tier in _tiers(target, frame, used, where):
        found = []
        for name in tier:
            column = subset[name]
            for how in _functions(hints, len(rows)):
                digits = _gives(how, column, value)
                if digits is not None:
                    found.append((how, str(name), digits if digits >= 0 else None))
                    break
        if found:
            how, name, digits = found[0]
            others = tuple(f"{h} of {n}" for h, n, _ in found[1:6])
            return how, "" if how == "size" else name, digits, others
    return None


def _tiers(
    target: Target, frame: pd.DataFrame, used: Sequence[str], where: Mapping[str, Any]
) -> Iterator[list[Any]]:
    """Yield columns that may hold the value: the one of that name first."""
    texts = [str(label.value).strip().casefold() for label in (*target.headers, *target.row_labels)]
    names = list(frame.columns)
    exact = [n for n in names if str(n).strip().casefold() in texts]
    yield exact
    alike = [
        n for n in names
        if n not in exact and len(str(n)) > 1 and any(str(n).strip().casefold() in t for t in texts)
    ]  # fmt: skip
    yield alike
    rest = [n for n in names if n not in exact and n not in alike and str(n) not in where]
    yield [n for n in rest if str(n) in used]
    yield [n for n in rest if str(n) not in used]


def _functions(hints: Sequence[str], count: int) -> list[str]:
    known = [hint for hint in hints if hint in FUNCTIONS]
    if "count" in known:  # of a column without blanks it is the number of rows: said as that
        known.insert(known.index("count"), "size")
    # What the code does not name would fit by chance; sums and means are also computed by hand.
    unnamed = FUNCTIONS if "describe" in hints else ("sum", "mean")
    rest = [name for name in unnamed if name not in known and name not in _COUNTS]
    if count == 1:
        return list(dict.fromkeys([VALUE, *known]))
    return list(dict.fromkeys([*known, *rest]))


def _gives(how: str, column: pd.Series, value: Any) -> int | None:
    """Return -1 if the column's rows give *value*, digits if rounded, ``None`` if they don't."""
    if how == VALUE:
        own = column.iloc[0]
        if isinstance(value, str):
            return -1 if str(own).strip() == value.strip() else None
        if isinstance(value, datetime.datetime | datetime.date):
            return -1 if str(own)[:10] == str(value)[:10] else None
        if not _is_number(value) or not _is_number(own):
            return None
        return gives(float(own), float(value))
    if not _is_number(value):
        return None
    if how not in _COUNTS and column.dtype.kind not in "iuf":
        return None
    try:
        result = float(FUNCTIONS[how](column))
    except (TypeError, ValueError):
        return None
    return gives(result, float(value))


def gives(result: float, value: float) -> int | None:
    """Return -1 if *result* is *value*, or the digits (0 to 4) to which it is rounded."""
    if not math.isfinite(result):
        return None
    if abs(result - value) <= 1e-9 * max(abs(result), abs(value)):
        return -1
    return next((d for d in range(5) if value and round(result, d) == value), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)
