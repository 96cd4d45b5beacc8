"""Run recorded code again, and keep the frames on the way to a file that was written.

Nothing is written: the workspace can't be, and what pandas, openpyxl and xlsxwriter would write
is caught. A statement that fails is left out and said; the statements behind it still run.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import os
import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from .. import pandas_defaults
from ..tie_out import journal
from .caught import CaughtWriter
from .ties import TIE, Ties

MOST_CAPTURES, MOST_REDUCTIONS, MOST_FAILURES, MOST_SET = 200, 2000, 20, 300_000
ROOT = "/workspace/"
_MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)
Step = str
"""``groupby``, ``pivot``, ``concat``, ``merge``, ``written``, ``variable``."""


@dataclass(slots=True)
class Capture:
    """A frame that the code had on its way.

    Attributes:
        frame: The frame, as it was.
        step: What was done with it.
        cell: Number of the cell, from 0.
        line: Line in it.
        sheet: Where it was written; empty if it was not.
        file: The last part of that file's name; empty if it is not known.
        first_row: The row of its first header there, from 0.
        name: The variable, where it is one.
    """

    frame: pd.DataFrame
    step: Step
    cell: int
    line: int
    sheet: str = ""
    file: str = ""
    first_row: int = 0
    header_rows: int = 1
    first_column: int = 0
    name: str = ""


@dataclass(slots=True)
class Reduction:
    """A column that the code reduced to one number."""

    values: Any
    how: str
    result: float
    cell: int
    line: int


@dataclass(slots=True)
class Replay:
    """What a replay found.

    Attributes:
        ties: Ties frames to files.
        captures: Frames on the way, oldest first.
        reductions: Columns that became one number, oldest first.
        failures: Cell, line and reason of each statement that failed.
        set_cells: Cells that openpyxl set: id of the sheet, row and column from 1 → the sheet,
            and the cell and line that set it last.
    """

    ties: Ties = field(default_factory=Ties)
    captures: list[Capture] = field(default_factory=list)
    reductions: list[Reduction] = field(default_factory=list)
    failures: list[tuple[int, int, str]] = field(default_factory=list)
    set_cells: dict[tuple[int, int, int], tuple[Any, int, int]] = field(default_factory=dict)
    _cell: int = 0

    def run(self, statements: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
        """Run *statements* in order.

        Args:
            statements: ``cell`` (number, from 0), ``line``, ``code`` of each.
            names: Variables whose frames are kept at the end.
        """
        pandas_defaults.apply()
        pd.set_option("io.excel.xlsx.writer", "xlsxwriter")
        _Hooks(self).install()
        space = _namespace()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for statement in statements:
                self._cell = int(statement["cell"])
                self._run(space, str(statement["code"]), int(statement["line"]))
        for name in names:
            value = space.get(name)
            if isinstance(value, pd.Series):
                value = _framed(value)
            if isinstance(value, pd.DataFrame):
                self.capture(value, "variable", name=name)

    def _run(self, space: dict[str, Any], code: str, line: int) -> None:
        try:
            tree = ast.parse(_MAGIC.sub(r"\1pass", code))
            ast.increment_lineno(tree, line - 1)
            exec(compile(tree, f"<cell {self._cell}>", "exec"), space)  # noqa: S102 (sandboxed)
        except BaseException as error:  # noqa: BLE001 (recorded code may raise anything)
            if len(self.failures) < MOST_FAILURES:
                said = f"{type(error).__name__}: {error}"
                self.failures.append((self._cell, line, " ".join(said.split())[:200]))

    def line(self) -> int:
        """Return the line of the recorded code that runs now."""
        frame: types.FrameType | None = sys._getframe(1)
        line = 0
        while frame is not None:
            if frame.f_code.co_filename.startswith("<cell "):
                line = frame.f_lineno
            frame = frame.f_back
        return line

    def capture(self, frame: pd.DataFrame, step: Step, **more: Any) -> None:
        """Keep *frame*, which is not changed later by the code."""
        if len(self.captures) < MOST_CAPTURES:
            kept = frame.copy(deep=False)  # pandas copies on write
            line = 0 if step == "variable" else self.line()
            self.captures.append(Capture(kept, step, self._cell, line, **more))

    def cell_set(self, cell: Any) -> None:
        """Keep where in the code openpyxl set *cell*."""
        if len(self.set_cells) < MOST_SET and (line := self.line()):
            key = id(cell.parent), cell.row, cell.column
            self.set_cells[key] = cell.parent, self._cell, line

    def setter(self, sheet: str, row: int, column: int) -> tuple[int, int] | None:
        """Return cell and line that set a cell of *sheet*, counted from 0; ``None`` if none did."""
        found = [
            (cell, line)
            for (_, at, across), (on, cell, line) in self.set_cells.items()
            if (at, across) == (row + 1, column + 1) and on.title == sheet
        ]
        return max(found, default=None)

    def reduced(self, values: Any, how: str, result: Any) -> None:
        """Keep a column that became one number."""
        if len(self.reductions) < MOST_REDUCTIONS and isinstance(
            result, int | float | np.number
        ) and not isinstance(result, bool):  # fmt: skip
            self.reductions.append(Reduction(values, how, float(result), self._cell, self.line()))


def _framed(values: Any) -> pd.DataFrame:
    frame = values.to_frame()
    frame.attrs.update(values.attrs)
    return frame


def _namespace() -> dict[str, Any]:
    def ignore(*_: Any, **__: Any) -> None:
        return None

    shell = types.SimpleNamespace(run_line_magic=ignore, run_cell_magic=ignore, system=ignore)
    return {"__name__": "__main__", "display": ignore, "get_ipython": lambda: shell}


class _Hooks:
    """What is changed in pandas, openpyxl and xlsxwriter for a replay."""

    def __init__(self, replay: Replay) -> None:
        self.replay, self.ties = replay, replay.ties
        self._inside = 0

    def install(self) -> None:
        self._reads()
        self._labels()
        self._joins()
        self._groups()
        self._reductions()
        self._writes()

    def _wrap(self, owner: Any, name: str, after: Callable[..., None]) -> None:
        """Call *after* with the result of ``owner.name`` and what it was given."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapped(*given: Any, **options: Any) -> Any:
            self._inside += 1
            try:
                result = original(*given, **options)
            finally:
                self._inside -= 1
            with contextlib.suppress(Exception):
                after(result, *given, **options)
            return result

        setattr(owner, name, wrapped)

    def _reads(self) -> None:
        def noted(file: Any, sheet: Any, frame: Any) -> None:
            name = journal._name(file, ())
            if name is not None and isinstance(frame, pd.DataFrame):
                self.ties.read(name, str(sheet), frame)

        from ..reading import pandas_csv, pandas_reader

        for module in (pandas_reader, pandas_csv):
            setattr(module, "note_read", noted)  # noqa: B010 (mypy sees no re-export)

    def _labels(self) -> None:
        for name in ("reset_index", "set_index"):

            def moved(result: Any, before: Any, *_: Any, **options: Any) -> None:
                if isinstance(result, pd.DataFrame) and isinstance(before, pd.DataFrame):
                    self.ties.moved(result, before)

            self._wrap(pd.DataFrame, name, moved)

    def _joins(self) -> None:
        def stacked(result: Any, parts: Any, *_: Any, **options: Any) -> None:
            given = list(parts.values() if isinstance(parts, Mapping) else parts)
            if isinstance(result, pd.DataFrame) and options.get("axis", 0) in (0, "index"):
                self.ties.stacked(result, given)
                self.replay.capture(result, "concat")

        def concat(parts: Any, *given: Any, **options: Any) -> Any:
            if not isinstance(parts, Mapping | pd.DataFrame | pd.Series):
                parts = list(parts)  # a generator can be read once
            return inner(parts, *given, **options)

        original = pd.concat
        self._wrap(pd, "concat", stacked)
        inner = pd.concat
        pd.concat = functools.wraps(original)(concat)
        from pandas.core.reshape import merge

        join = merge._MergeOperation.get_result

        def join_and_tie(operation: Any, *given: Any, **options: Any) -> Any:
            result = join(operation, *given, **options)
            with contextlib.suppress(Exception):
                _, left, right = operation._get_join_info()
                sides = [
                    (side, np.arange(len(result)) if at is None else np.asarray(at))
                    for side, at in ((operation.orig_left, left), (operation.orig_right, right))
                ]
                self.ties.joined(result, sides)
                self.replay.capture(result, "merge")
            return result

        merge._MergeOperation.get_result = join_and_tie

    def _groups(self) -> None:
        def grouped(result: Any, frame: Any, by: Any = None, *_: Any, **options: Any) -> None:
            if self._inside:
                return
            self.replay.capture(_with_keys(frame, by), "groupby")

        def grouped_column(_: Any, values: Any, by: Any = None, *__: Any, **___: Any) -> None:
            if not self._inside:
                self.replay.capture(_with_keys(_framed(values), by), "groupby")

        self._wrap(pd.DataFrame, "groupby", grouped)
        self._wrap(pd.Series, "groupby", grouped_column)

        def pivoted(_: Any, frame: Any, *__: Any, **___: Any) -> None:
            self.replay.capture(frame, "pivot")

        for owner, name in ((pd.DataFrame, "pivot_table"), (pd, "pivot_table"),
                            (pd.DataFrame, "pivot"), (pd, "pivot")):  # fmt: skip
            self._wrap(owner, name, pivoted)

        def crossed(_: Any, index: Any, columns: Any, values: Any = None, *__: Any, **___: Any
                    ) -> None:  # fmt: skip
            series = [each for part in (index, columns, values) if part is not None
                      for each in (part if isinstance(part, list | tuple) else [part])]  # fmt: skip
            frame = pd.concat([each for each in series if isinstance(each, pd.Series)], axis=1)
            frame.attrs.update(next(each.attrs for each in series))
            self.replay.capture(frame, "pivot")

        self._wrap(pd, "crosstab", crossed)
        finalize = pd.DataFrame.__finalize__

        def finalized(result: Any, other: Any, method: Any = None, **options: Any) -> Any:
            done = finalize(result, other, method, **options)
            if method == "groupby":
                done.attrs.pop(TIE, None)  # its labels are keys, not rows
            return done

        pd.core.generic.NDFrame.__finalize__ = finalized
        from pandas.core.groupby import ops

        for kind in (ops.FrameSplitter, ops.SeriesSplitter):
            self._wrap(kind, "_chop", _tied_part)

    def _reductions(self) -> None:
        original = pd.Series._reduce

        def reduce(values: Any, op: Any, name: str = "", *given: Any, **options: Any) -> Any:
            result = original(values, op, name, *given, **options)
            if not self._inside:
                with contextlib.suppress(Exception):
                    self.replay.reduced(values, name, result)
            return result

        pd.Series._reduce = functools.wraps(original)(reduce)

    def _writes(self) -> None:
        import openpyxl
        import xlsxwriter

        replay = self.replay

        def to_excel(frame: Any, target: Any = None, sheet_name: Any = "Sheet1", *_: Any,
                     **options: Any) -> None:  # fmt: skip
            frame = frame.to_frame() if isinstance(frame, pd.Series) else frame
            _capture_written(replay, frame, str(sheet_name), target, options)

        def to_csv(frame: Any, *given: Any, **options: Any) -> Any:
            if not given and options.get("path_or_buf") is None:
                return csv(frame, *given, **options)
            frame = frame.to_frame() if isinstance(frame, pd.Series) else frame
            path = given[0] if given else options["path_or_buf"]
            _capture_written(replay, frame, "", path, options)
            return None

        csv = pd.DataFrame.to_csv
        for kind in (pd.DataFrame, pd.Series):
            kind.to_excel, kind.to_csv = to_excel, to_csv
        pd.ExcelWriter = CaughtWriter
        self._set_cells(openpyxl.cell.cell.Cell)
        openpyxl.Workbook.save = lambda *_: None
        xlsxwriter.Workbook.close = lambda *_: None
        os.makedirs = lambda *_, **__: None

    def _set_cells(self, kind: Any) -> None:
        replay, bind = self.replay, kind._bind_value

        def bind_and_keep(cell: Any, value: Any) -> None:
            bind(cell, value)
            if value is not None:
                replay.cell_set(cell)

        kind._bind_value = bind_and_keep


def _capture_written(
    replay: Replay, frame: pd.DataFrame, sheet: str, target: Any, options: Mapping[str, Any]
) -> None:
    path = getattr(target, "path", target)
    index = options.get("index", True) is not False
    headers = options.get("header", True) is not False
    replay.capture(
        frame, "written", sheet=sheet,
        file=os.path.basename(path) if isinstance(path, str | os.PathLike) else "",
        first_row=int(options.get("startrow", 0)),
        header_rows=(frame.columns.nlevels + (frame.columns.nlevels > 1 and index)) * headers,
        first_column=int(options.get("startcol", 0)) + (frame.index.nlevels if index else 0),
    )  # fmt: skip


def _tied_part(result: Any, _: Any, whole: Any, *__: Any) -> None:
    """Tie the rows of one group, which a loop over the groups gets: its labels are rows."""
    if TIE in whole.attrs:
        result.attrs[TIE] = whole.attrs[TIE]


def _with_keys(frame: pd.DataFrame, by: Any) -> pd.DataFrame:
    """Return *frame* with the columns it is grouped by that are not its own."""
    keys = by if isinstance(by, list | tuple) else [by]
    added = {}
    for key in keys:
        if isinstance(key, pd.Series) and len(key) == len(frame):
            added[str(key.name)] = key.to_numpy()
        elif isinstance(key, pd.Grouper) and key.key in frame and key.freq is not None:
            dates = frame[key.key]
            added[f"{key.key} "] = dates.dt.to_period(key.freq.rule_code.replace("ME", "M")[:1])
    kept = frame.copy(deep=False)
    for name, values in added.items():
        if name not in kept.columns or not same_column(kept[name], values):
            kept[name if name not in kept.columns else f"{name} (key)"] = values
    return kept


def same_column(column: Any, values: Any) -> bool:
    """Whether *values* are those of *column*."""
    with contextlib.suppress(Exception):
        return bool((pd.Series(column).to_numpy() == np.asarray(values)).all())
    return False
