"""What a cell reads and writes, noted in its kernel while pandas and openpyxl do it.

The notes are a claim: code in the kernel can change them. They say which sheet was read, from
which line, and how many rows a filter or a join had; files are measured outside (`measured`).
Nothing here changes what a cell gets, and a note that can't be made is left out.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd

from .tables import MOST_COLUMNS, MOST_NAME, column_name

ROOT = "/workspace/"
ELSEWHERE = ("/tmp/", "/dev/shm/")  # noqa: S108 (the kernel's own)
"""Where code can write too, and nobody finds it: gone with the kernel."""
MOST_NOTES = 100
MOST_SUMMED_ROWS, MOST_SUMMED_COLUMNS = 200_000, 20
"""Frames of an aggregation with more rows are counted, not summed: that would cost too much."""
Note = dict[str, Any]
_reads: list[Note] = []
_writes: list[Note] = []
_steps: dict[tuple[str, int, str], Note] = {}


def take() -> dict[str, list[Note]]:
    """Return what was noted since the last call, as plain JSON values, and forget it.

    Returns:
        ``reads`` and ``writes``: ``{"file", "sheet", "line", "rows", "columns"}``, where
        columns are ``{"name", "kind", "blanks", "sum"}``; a workbook that openpyxl opened or
        saved has no rows, and a file written to `ELSEWHERE` has its whole path. ``steps``:
        ``{"step", "line", "rows_in", "rows_out", …}``.
    """
    writes = [note for note in _writes if note["file"][0] != "/" or os.path.exists(note["file"])]
    noted = {"reads": _reads[:], "writes": writes, "steps": list(_steps.values())}
    _reads.clear()
    _writes.clear()
    _steps.clear()
    return noted


def _quietly(note: Callable[..., None]) -> Callable[..., None]:
    """Leave out a note that fails: the cell must not fail of it."""

    @functools.wraps(note)
    def noted(*given: Any) -> None:
        try:
            note(*given)
        except Exception:  # noqa: BLE001 (a column may hold objects that raise)
            return

    return noted


@_quietly
def note_read(file: Any, sheet: str, frame: Any) -> None:
    """Note that *frame* was read from *sheet* of *file*, a path or an open file."""
    _note(_reads, file, sheet, frame)


@_quietly
def note_written(file: Any, sheet: str, frame: Any) -> None:
    """Note that *frame* was written to *sheet* of *file*."""
    _note(_writes, file, sheet, frame)


@_quietly
def note_opened(file: Any) -> None:
    """Note that openpyxl opened *file*."""
    _note(_reads, file, "", None)


@_quietly
def note_saved(file: Any) -> None:
    """Note that openpyxl or xlsxwriter saved *file*."""
    _note(_writes, file, "", None)


def _note(notes: list[Note], file: Any, sheet: str, frame: Any) -> None:
    name = _name(file, ELSEWHERE if notes is _writes else ())
    if name is None or len(notes) >= MOST_NOTES:
        return
    note: Note = {"file": name, "sheet": str(sheet)[:MOST_NAME], "line": _line()}
    if isinstance(frame, pd.DataFrame):
        columns = [_column(frame, at) for at in range(min(frame.shape[1], MOST_COLUMNS))]
        note |= {"rows": len(frame), "columns": columns}
    notes.append(note)


def _name(file: Any, elsewhere: tuple[str, ...]) -> str | None:
    """Return the name of a file within the workspace, or its path in a directory *elsewhere*."""
    name = file if isinstance(file, str | os.PathLike) else getattr(file, "name", None)
    if not isinstance(name, str | os.PathLike):
        return None
    real = os.path.realpath(os.fsdecode(name))
    return real.removeprefix(ROOT)[:1000] if real.startswith((ROOT, *elsewhere)) else None


def _column(frame: pd.DataFrame, at: int) -> Note:
    values = frame.iloc[:, at]
    kind = values.dtype.kind
    found: Note = {
        "name": column_name(frame.columns[at])[:MOST_NAME],
        "kind": _KINDS.get(kind, "text"),
    }
    if kind in "iu":
        found |= {"blanks": 0, "sum": float(values.sum())}
    elif kind == "f":
        found |= _of_floats(values)
    elif kind == "b":
        found["blanks"] = 0
    elif len(values) <= MOST_SUMMED_ROWS:
        found["blanks"] = int(values.isna().sum())
    return found


_KINDS = {**dict.fromkeys("iuf", "number"), **dict.fromkeys("Mm", "date"), "b": "truth"}


def _of_floats(values: Any) -> Note:
    array = values.to_numpy()
    total = float(array.sum())
    if np.isfinite(total):
        return {"blanks": 0, "sum": total}
    total = float(np.nansum(array))
    blanks = int(np.count_nonzero(np.isnan(array)))
    return {"blanks": blanks, "sum": total if np.isfinite(total) else None}


def _line() -> int:
    """Return the line of the running cell that led here; 0 if none did."""
    frame: FrameType | None = sys._getframe(2)
    innermost = None
    while frame is not None:
        if frame.f_globals.get("__name__") == "__main__":
            innermost = innermost or frame
            if frame.f_code.co_name == "<module>":
                same = innermost.f_code.co_filename == frame.f_code.co_filename
                return innermost.f_lineno if same else frame.f_lineno
        frame = frame.f_back
    return 0


@_quietly
def _note_step(step: str, rows_in: int, rows_out: int, more: Note, repeated: int = 0) -> None:
    key = step, _line(), str(more)
    if (note := _steps.get(key)) is None:
        if len(_steps) >= MOST_NOTES:
            return
        note = {"step": step, "line": key[1], "rows_in": 0, "rows_out": 0, **more}
        _steps[key] = note
    note["rows_in"] += rows_in
    note["rows_out"] += rows_out
    if repeated:
        note["repeated"] = note.get("repeated", 0) + repeated


def install() -> None:
    """Note filters, joins, aggregations and CSV files that pandas writes, in this process."""
    from pandas.core import indexing

    if hasattr(indexing.check_bool_indexer, "__wrapped__"):
        return  # installed before
    _note_filters()
    _note_joins()
    _note_aggregations()
    _note_csv()


_FILTERS = frozenset({"_getitem_bool_array", "_getbool_axis"})


def _note_filters() -> None:
    """Every filter comes by here: a mask, ``query``, ``dropna``, ``drop_duplicates``."""
    from pandas.core import frame, indexing

    check = indexing.check_bool_indexer

    @functools.wraps(check)
    def check_and_note(index: Any, key: Any) -> Any:
        mask = check(index, key)
        caller = sys._getframe(1)
        if caller.f_code.co_name in _FILTERS and _filters_rows(caller.f_locals):
            _note_step("filter", len(index), int(np.count_nonzero(mask)), {})
        return mask

    indexing.check_bool_indexer = frame.check_bool_indexer = check_and_note


def _filters_rows(of: Any) -> bool:
    frame = of["self"] if "axis" not in of else of["self"].obj
    return of.get("axis", 0) == 0 and isinstance(frame, pd.DataFrame)


def _note_joins() -> None:
    """Every join comes by here once it is known which rows of both sides match."""
    from pandas.core.reshape.merge import _MergeOperation

    put_together = _MergeOperation._reindex_and_concat

    @functools.wraps(put_together)
    def note_and_put_together(self: Any, index: Any, left: Any, right: Any, *more: Any) -> Any:
        _note_join(self, len(index), left, right)
        return put_together(self, index, left, right, *more)

    _MergeOperation._reindex_and_concat = note_and_put_together


@_quietly
def _note_join(join: Any, rows: int, left: Any, right: Any) -> None:
    repeated = {
        "left": _repeated(left, len(join.left)),
        "right": _repeated(right, len(join.right)),
    }
    how = "cross" if type(join).__name__ == "_CrossMergeOperation" else str(join.how)
    # One side may repeat, as a price does for each sale; both must not.
    twice = repeated.get(how, min(repeated.values()))
    sizes = {"how": how, "right": len(join.right)}
    _note_step("join", len(join.left), rows, sizes, twice)


def _repeated(taken: Any, count: int) -> int:
    """Return how many rows of one side of a join came more than once.

    Args:
        taken: Numbers of its rows in the order of the result, -1 for none; ``None`` if each row
            came once.
        count: Its rows.
    """
    if taken is None:
        return 0
    there = taken[taken >= 0]
    return len(there) - int(np.count_nonzero(np.bincount(there, minlength=count)))


def _note_aggregations() -> None:
    from pandas.core.groupby.generic import DataFrameGroupBy, SeriesGroupBy

    def noting(get: Any) -> Any:
        @functools.wraps(get)
        def get_and_note(self: Any, *given: Any, **options: Any) -> Any:
            _note_aggregation(self, options.get("name"))
            return get(self, *given, **options)

        return get_and_note

    for grouped in (DataFrameGroupBy, SeriesGroupBy):
        grouped._get_data_to_aggregate = noting(grouped._get_data_to_aggregate)


@_quietly
def _note_aggregation(grouped: Any, how: Any) -> None:
    more: Note = {"how": how if isinstance(how, str) else ""}
    values = grouped._obj_with_exclusions
    if len(values) <= MOST_SUMMED_ROWS and how == "sum":
        frame = values if isinstance(values, pd.DataFrame) else None
        columns = [values] if frame is None else [frame.iloc[:, n] for n in range(_few(frame))]
        sums = {column_name(c.name)[:MOST_NAME]: _sum(c) for c in columns if c.dtype.kind in "iuf"}
        more["sums"] = {name: total for name, total in sums.items() if np.isfinite(total)}
    _note_step("aggregation", len(values), grouped.ngroups, more)


def _few(frame: pd.DataFrame) -> int:
    return min(len(frame.columns), MOST_SUMMED_COLUMNS)


def _sum(values: Any) -> float:
    return float(np.nansum(values.to_numpy()))


def _note_csv() -> None:
    from pandas.io.formats.csvs import CSVFormatter

    save = CSVFormatter.save

    @functools.wraps(save)
    def save_and_note(self: Any) -> None:
        save(self)
        note_written(self.filepath_or_buffer, "", self.obj)

    CSVFormatter.save = save_and_note
