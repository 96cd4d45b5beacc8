"""How well profiles and recipes agree with the truth."""

from __future__ import annotations

import contextlib
import datetime
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from notebooks.workbooks.profile import profile_file
from notebooks.workbooks.reading import pandas_csv, pandas_reader
from tests.corpus.truth import Sheet, TrueTable

MANY_COLUMNS = 400


@dataclass
class Score:
    """Right and all answers by question, and what was wrong."""

    right: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, question: str, right: bool, what: str) -> None:
        """Count one answer."""
        self.asked[question] += 1
        self.right[question] += right
        if not right:
            self.wrong.append(f"{question}: {what}")

    def share(self, question: str) -> float:
        """Return the share of right answers."""
        return self.right[question] / max(1, self.asked[question])


def score_file(path: Path, sheets: Iterable[Sheet], score: Score) -> None:
    """Profile the file at *path* and add how well that agrees with *sheets*."""
    profile = profile_file(path)
    found = {sheet["name"]: sheet for sheet in profile["sheets"]}
    for sheet in sheets:
        told = found.get(sheet.sheet) or profile["sheets"][0]
        score_sheet(sheet, told, score)


def score_sheet(sheet: Sheet, told: Mapping[str, Any], score: Score) -> None:
    """Add how well what is *told* of a sheet agrees with the truth."""
    tables = {table["range"]: table for table in told["tables"]}
    for true in sheet.tables:
        table = tables.get(true.range)
        where = f"{sheet.name}: {true.range}, header {true.header_rows}"
        seen = [(t["range"], t["header_rows"]) for t in told["tables"]]
        right = table is not None and tuple(table["header_rows"]) == true.header_rows
        score.add("bounds", right and len(tables) == len(sheet.tables), f"{where}; told {seen}")
        nearest = table or (
            told["tables"][0]
            if told["tables"]
            else {"columns": [], "totals": [], "recipe": "frame = None"}
        )
        kinds = tuple(column["kind"] for column in nearest["columns"])
        if len(true.kinds) > MANY_COLUMNS:  # one answer, or they would outweigh all others
            score.add("kinds", kinds == true.kinds, where)
        for at, kind in enumerate(true.kinds if len(true.kinds) <= MANY_COLUMNS else ()):
            told_kind = kinds[at] if at < len(kinds) else ""
            score.add(
                "kinds",
                told_kind == kind,
                f"{where} column {true.names[at]!r}: {kind}, told {told_kind}",
            )
        totals = {total["row"] for total in nearest["totals"]}
        for row in sorted(set(true.totals) | totals):
            score.add(
                "totals",
                row in totals and row in true.totals,
                f"{where} row {row}, told {sorted(totals)}, true {true.totals}",
            )
        if true.rows:
            problem = frame_problem(true, nearest["recipe"])
            score.add("recipe", not problem, f"{where}: {problem}")


def run_recipe(recipe: str) -> pd.DataFrame:
    """Run *recipe* with pandas as kernels have it, and return its frame."""
    space: dict[str, Any] = {}
    with kernel_pandas():
        exec(recipe, space)
    return space["frame"]


@contextlib.contextmanager
def kernel_pandas() -> Iterator[None]:
    """Give pandas the readers that it has in a kernel."""
    before = pd.ExcelFile.__init__, pd.ExcelFile._engines, pd.read_csv
    pandas_reader.use_by_default()
    pandas_csv.use_by_default()
    try:
        yield
    finally:
        pd.ExcelFile.__init__, pd.ExcelFile._engines, pd.read_csv = before


def frame_problem(true: TrueTable, recipe: str) -> str:
    """Run *recipe* and return how its frame differs from the truth, ``""`` if it does not."""
    try:
        frame = run_recipe(recipe)
    except Exception as error:
        return f"{type(error).__name__}: {error}\n{recipe}"
    if not isinstance(frame, pd.DataFrame):
        return "no frame"
    if list(frame.columns) != list(true.names):
        return f"names {list(frame.columns)[:12]}, true {list(true.names)[:12]}"
    if len(frame) != len(true.rows):
        return f"{len(frame)} rows, true {len(true.rows)}"
    for at, (row, expected) in enumerate(
        zip(frame.itertuples(index=False), true.rows, strict=True)
    ):
        for column, (value, wanted) in enumerate(zip(row, expected, strict=True)):
            if not same(value, wanted):
                return f"row {at} {true.names[column]!r}: {value!r}, true {wanted!r}"
    return ""


def same(value: Any, wanted: Any) -> bool:
    """Return whether a frame's *value* is the one that is *wanted*."""
    if wanted is None:
        return bool(pd.isna(value))
    if isinstance(wanted, datetime.datetime):
        return isinstance(value, datetime.datetime) and value == wanted
    if isinstance(wanted, bool):
        return value == wanted and not isinstance(value, str)
    if isinstance(wanted, int | float):
        return not isinstance(value, str | bool) and math.isclose(
            value, wanted, rel_tol=1e-9, abs_tol=1e-9
        )
    return isinstance(value, str) and value == wanted
