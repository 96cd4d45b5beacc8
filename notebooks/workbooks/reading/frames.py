"""Frames of large sheets, by column, with the meaning that pandas' own parser gives to cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pandas._libs.parsers import STR_NA_VALUES
from pandas.io.parsers import TextParser

from .typed_columns import DATE, NUMBER, PLAIN, TEXT, TRUTH, TypedColumn
from .typed_sheet import TypedSheet

MAX_EXACT = 2.0**53
_MISSING = frozenset({*STR_NA_VALUES, ""})
_WORDS = frozenset({"true", "false", "inf", "infinity", "nan"})
Head = Callable[[list[list[Any]]], pd.DataFrame]


def frame_of(sheet: TypedSheet, parse_head: Head, options: dict[str, Any]) -> pd.DataFrame:
    """Return the frame of a sheet that was read.

    Args:
        sheet: The sheet; its columns are used up.
        parse_head: Makes a frame of the head and one row below, as pandas does.
        options: Of ``pandas.read_excel``; types, index and missing values are followed here.
    """
    dtype, index_col = options.get("dtype"), options.get("index_col")
    missing = {
        name: options[name]
        for name, usual in (("na_values", None), ("keep_default_na", True))
        if options.get(name, usual) is not usual
    }
    labelled = head_frame(sheet.head, len(sheet.columns), parse_head)
    table = sheet.texts.table()
    made: dict[int, Any] = {}
    labels = [*([labelled.index.name] if index_col is not None else []), *labelled.columns]
    places = [*(labelled.index if index_col is not None else []), *labelled.iloc[0]]
    for label, place in zip(labels, map(int, places), strict=True):
        stated = dtype.get(label, dtype.get(place)) if isinstance(dtype, dict) else dtype
        column = sheet.columns[place]
        if column is None:
            raise LookupError(f"column {label!r} was not kept")
        made[len(made)] = _values(column, table, stated, missing)
    frame = pd.DataFrame(made, copy=False)
    if index_col is not None:
        frame = frame.set_index(0)
        frame.index.name = labelled.index.name
    frame.columns = labelled.columns
    return frame


def head_frame(head: list[list[Any]], width: int, parse_head: Head) -> pd.DataFrame:
    """Return a frame of one row that holds, under each label, the number of its column.

    Args:
        head: The rows of the head.
        width: How many columns the sheet has.
        parse_head: As in `frame_of`.
    """
    width = max([width, *map(len, head)])
    rows = [[*cells, *[""] * (width - len(cells))] for cells in head]
    return parse_head([*rows, list(range(width))])


def _values(column: TypedColumn, table: np.ndarray, stated: Any, missing: dict[str, Any]) -> Any:
    """Return the values of a column; *missing* says what counts as missing, if not the usual."""
    kinds = column.kinds()
    gaps = column.has_gaps
    if stated is None and (not missing or not (gaps or "na_values" in missing)):
        if kinds == {NUMBER}:
            return _whole_if_all_are(column.numbers())
        if kinds == {DATE}:
            return column.days()
        if kinds == {TRUTH} and not gaps:
            return column.truths()
    options = missing if stated is None else {**missing, "dtype": {0: stated}}
    if kinds == {TEXT} and not (missing and column.has_errors):
        numbers, different = pd.factorize(column.text_numbers())
        texts = ["" if n < 0 else table[n] for n in different]
        return _parsed(texts, options).take(numbers)
    return _parsed(column.objects(table), options, may_be_texts=kinds <= {TEXT, PLAIN})


def _whole_if_all_are(numbers: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        if (np.abs(numbers) < MAX_EXACT).all():
            whole = numbers.astype(np.int64)
            if (whole == numbers).all():
                return whole
    return numbers


def _texts(texts: list[str]) -> Any:
    """Return texts that pandas takes for texts, at once; ``None`` if its parser must judge."""
    sure = next((text for text in texts[:50] if text[:1].isalpha()), None)
    if sure is None or sure.lower() in _WORDS or sure in STR_NA_VALUES:
        return None
    return pd.array([np.nan if t in _MISSING else t for t in texts], dtype="str")


def _parsed(values: list[Any], options: dict[str, Any], *, may_be_texts: bool = True) -> Any:
    """Return the column that pandas' parser makes of *values*."""
    if not options and may_be_texts and (texts := _texts(values)) is not None:
        return texts
    parser = TextParser(
        [[value] for value in values], header=None, names=[0], skip_blank_lines=False, **options
    )
    return parser.read()[0].array
