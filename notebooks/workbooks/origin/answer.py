"""Where a cell comes from, as plain JSON values: a tree along formulas, down to rows of files."""

from __future__ import annotations

import ast
import contextlib
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..formats.addresses import address
from ..values import Unreadable
from .across import across_rows
from .constants import written_constant
from .inputs import input_tables
from .replay import Capture, Replay
from .rows import row_numbers
from .search import FUNCTIONS, VALUE, Match, find, gives
from .target import Place, Target, WrittenFile
from .ties import same

MOST_CELLS, MOST_DEPTH, MOST_RANGES, MOST_COLUMNS = 60, 6, 200, 40
_FUNCTION = re.compile(
    r"\b(" + "|".join(FUNCTIONS) + r"|len|average|value_counts|crosstab|describe|round)\b"
)
_SYNONYMS = {"len": "size", "crosstab": "size", "average": "mean", "value_counts": "size"}
_ORDER = {"groupby": 0, "pivot": 0, "merge": 1, "concat": 2, "variable": 3, "written": 4}
Json = dict[str, Any]


@dataclass(slots=True)
class Code:
    """What the recorded code names.

    Attributes:
        hints: Functions, the last ones first.
        used: Columns: texts and attributes.
        constants: Number → cell and line where it stands.
    """

    hints: list[str]
    used: set[str]
    constants: dict[float, tuple[int, int]]


class Answers:
    """Answers where cells of one written file come from."""

    def __init__(
        self, directory: Path, file: WrittenFile, statements: Sequence[Mapping[str, Any]],
        names: Sequence[str], inputs: Sequence[str],
    ) -> None:  # fmt: skip
        """Run the recorded code again.

        Args:
            directory: The workspace.
            file: The written file.
            statements: The code that led to it (see `Replay.run`).
            names: Variables on the way.
            inputs: Files that were read.
        """
        self._directory, self._file, self._inputs = directory, file, inputs
        self._code, self._statements = _code(statements), statements
        self.replay = Replay()
        self.replay.run(statements, names)
        self._left = MOST_CELLS
        self._numbers: dict[int, tuple[Any, int] | None] = {}
        self._tables: list[tuple[str, str, pd.DataFrame, Any]] | None = None

    def answer(self, place: Place, depth: int = 0) -> Json:
        """Return where the cell at *place* comes from."""
        self._left -= 1
        target = self._file.target(place)
        # After a failure the code may set other cells than it did.
        setter = None if self.replay.failures else self.replay.setter(*place)
        node: Json = {
            "sheet": "" if self._file.text else place[0],
            "cell": address(place[1], place[2]),
            "value": plain(target.value),
            "formula": target.formula,
            "headers": [plain(label.value) for label in target.headers],
            "labels": [plain(label.value) for label in target.row_labels[:10]],
            "set_by": None if setter is None else {"cell": setter[0], "line": setter[1]},
        }
        if target.formula is not None:
            return node | self._of_formula(place, depth)
        if target.value is None:
            return node | {"kind": "empty", "reason": "The cell is empty."}
        if setter is not None and written_constant(self._statements, *setter, target.value):
            return node | _constant(*setter)
        return node | self._origin(target)

    def _of_formula(self, place: Place, depth: int) -> Json:
        areas = self._file.areas(place)
        if areas is None:
            return {"kind": "formula", "precedents": [],
                    "reason": "Which cells the formula reads can't be known."}  # fmt: skip
        precedents = []
        for sheet, (top, left, bottom, right) in areas[:20]:
            grid = self._file.grid(sheet)
            cells = [
                (sheet, row, column)
                for row in range(top, min(bottom + 1, len(grid)))
                for column in range(left, min(right + 1, len(grid[row])))
                if grid[row][column] is not None
            ]
            followed = [] if depth >= MOST_DEPTH else cells[: max(0, self._left)]
            span = address(top, left)
            span += "" if (top, left) == (bottom, right) else f":{address(bottom, right)}"
            nodes = []
            for cell in followed:
                if self._left <= 0:
                    break
                nodes.append(self.answer(cell, depth + 1))
            precedents.append({"sheet": sheet, "area": span, "filled": len(cells), "cells": nodes})
        reason = "" if areas else "The formula reads no cells."
        return {"kind": "formula", "precedents": precedents, "reason": reason}

    def _origin(self, target: Target) -> Json:
        for look in (self._by_position, self._by_labels, self._by_reduction, self._in_inputs):
            found = look(target)
            if found is not None:
                return found
        value = target.value
        if isinstance(value, int | float) and (at := self._code.constants.get(float(value))):
            return _constant(*at)
        return {"kind": "unknown", "reason": self._why()}

    def _why(self) -> str:
        if self.replay.failures:
            _, line, said = self.replay.failures[0]
            why = f"The recorded code could not be run again: line {line}: {said}."
        else:
            why = "No rows of what was read give this value as value, sum, mean, or count."
        return why + " So the rows are not known."

    def _by_position(self, target: Target) -> Json | None:
        """The row of the frame that was written there."""
        for capture in reversed(self.replay.captures):
            if capture.step != "written" or capture.file not in ("", self._file.name):
                continue
            if capture.sheet != ("" if self._file.text else target.place[0]):
                continue
            row = target.place[1] - capture.first_row - capture.header_rows
            column = target.place[2] - capture.first_column
            frame = capture.frame
            if not (0 <= row < len(frame) and 0 <= column < frame.shape[1]):
                continue
            if not same(frame.iloc[row, column], target.value) and plain(
                frame.iloc[row, column]
            ) != plain(target.value):
                continue
            tied = self.replay.ties.rows(frame)
            if tied is None:
                continue
            name = _name(frame.columns[column])
            match = Match(VALUE, name, np.array([row]), {}, ())
            return self._found(target, capture, match, tied)
        return None

    def _by_labels(self, target: Target) -> Json | None:
        captures = [c for c in reversed(self.replay.captures) if c.step != "written"]
        for capture in sorted(captures, key=lambda c: _ORDER.get(c.step, 9)):
            tied = self.replay.ties.rows(capture.frame)
            if tied is None:
                continue
            match = self._find(target, capture.frame)
            if match is not None:
                return self._found(target, capture, match, tied)
        return None

    def _find(self, target: Target, frame: pd.DataFrame) -> Match | None:
        flat = frame
        with contextlib.suppress(Exception):
            if not isinstance(frame.index, pd.RangeIndex) and any(frame.index.names):
                flat = frame.reset_index()
        try:
            return find(target, flat, self._code.hints, sorted(self._code.used))
        except (TypeError, ValueError, KeyError, AttributeError):
            return None  # columns of unusual kinds

    def _by_reduction(self, target: Target) -> Json | None:
        """A column that the code reduced to this very number."""
        value = target.value
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        fit: list[tuple[Capture, Match, Any]] = []
        for each in reversed(self.replay.reductions):
            if gives(each.result, float(value)) is None:
                continue
            frame = each.values.to_frame()
            frame.attrs.update(each.values.attrs)
            tied = self.replay.ties.rows(frame)
            if tied is not None:
                capture = Capture(frame, "reduced", each.cell, each.line)
                match = Match(each.how, _name(frame.columns[0]), np.arange(len(frame)), {}, ())
                fit.append((capture, match, tied))
        kinds = {(m.how, m.column, len(m.rows)) for _, m, _ in fit}
        if len(kinds) > 1:
            words = "; ".join(f"{how} of {name!r} over {n} rows" for how, name, n in sorted(kinds))
            return {"kind": "unknown", "reason": f"Several computations give this value: {words}."}
        return self._found(target, *fit[0]) if fit else None

    def _in_inputs(self, target: Target) -> Json | None:
        """Rows of the files themselves: code that read them without pandas."""
        for number, source in enumerate(self.replay.ties.sources):
            match = self._find(target, source.frame)
            if match is not None:
                capture = Capture(source.frame, "input", -1, 0)
                tied = {number: np.arange(len(source.frame))}
                return self._found(target, capture, match, tied)
        if self._tables is None:
            known = {source.file for source in self.replay.ties.sources}
            self._tables = input_tables(
                self._directory, [name for name in self._inputs if name not in known]
            )
        for name, sheet, frame, numbers in self._tables:
            match = self._find(target, frame)
            if match is not None:
                rows = self._source(name, sheet, frame, numbers[match.rows], match, target)
                rows["checked"] = True
                return {"kind": "rows", "computation": _computation(match, "input", -1, 0),
                        "sources": [rows]}  # fmt: skip
        return None

    def _found(self, target: Target, capture: Capture, match: Match, tied: Mapping[int, Any]
               ) -> Json:  # fmt: skip
        sources = []
        for number, rows in tied.items():
            own = rows[match.rows]
            own = own[own >= 0]
            if not len(own):
                continue
            read = self.replay.ties.sources[number]
            if number not in self._numbers:
                self._numbers[number] = self._row_numbers(read.file, read.sheet, read.frame)
            numbers = self._numbers[number]
            shown = None if numbers is None else numbers[0][own]
            source = self._source(read.file, read.sheet, read.frame, shown, match, target)
            source["count"] = len(np.unique(own))
            whole = len(own) == len(match.rows)
            source |= _checked(read.frame, own, match, target.value, whole=whole)
            sources.append(source)
        if not sources:
            return {"kind": "unknown", "reason": self._why()}
        _check_together(self.replay, tied, match, target.value, sources)
        made = _computation(match, capture.step, capture.cell, capture.line)
        if match.how == VALUE and not any(source["checked"] for source in sources):
            made["across"] = across_rows(self._statements, match.column)
        return {"kind": "rows", "computation": made, "sources": sources}

    def _row_numbers(self, file: str, sheet: str, frame: pd.DataFrame) -> Any:
        with contextlib.suppress(Unreadable, OSError, LookupError):
            return row_numbers(self._directory / file, sheet, frame)
        return None

    def _source(
        self, file: str, sheet: str, frame: pd.DataFrame, numbers: Any, match: Match, target: Target
    ) -> Json:
        columns = [_name(c) for c in frame.columns]
        known = self._code.used | set(match.where) | {match.column}
        return {
            "file": file,
            "sheet": sheet,
            "columns": [c for c in columns if c in known][:MOST_COLUMNS],
            "rows": None if numbers is None else ranges(numbers),
            "count": 0 if numbers is None else len(np.unique(numbers)),
            "checked": False,
        }


def _constant(cell: int, line: int) -> Json:
    reason = "The code has this value as a constant; it was not computed from a file."
    return {"kind": "constant", "reason": reason, "code": {"cell": cell, "line": line}}


def _checked(frame: pd.DataFrame, rows: Any, match: Match, value: Any, *, whole: bool) -> Json:
    """Compute the value from the file's rows; say with which column that succeeds."""
    if not whole:
        return {"checked": False}
    names = [c for c in frame.columns if _name(c) == match.column]
    rest = [c for c in frame.columns if _name(c) != match.column]
    for name in [*names, *(rest if not names else [])]:
        with contextlib.suppress(Exception):
            if _same_result(match, frame[name].iloc[rows], value):
                return {"checked": True, "column": _name(name)}
    return {"checked": False}


def _same_result(match: Match, column: pd.Series, value: Any) -> bool:
    if match.how == VALUE:
        return plain(column.iloc[0]) == plain(value) or same(column.iloc[0], value)
    return gives(float(FUNCTIONS[match.how](column)), float(value)) is not None


def _check_together(
    replay: Replay, tied: Mapping[int, Any], match: Match, value: Any, sources: list[Json]
) -> None:
    """Check rows of several files together: each has some of them."""
    if any(source["checked"] for source in sources) or len(sources) < 2:
        return
    pieces = []
    for number, rows in tied.items():
        own = rows[match.rows]
        frame = replay.ties.sources[number].frame
        if match.column in frame.columns:
            pieces.append(frame[match.column].iloc[own[own >= 0]])
    with contextlib.suppress(Exception):
        if sum(map(len, pieces)) == len(match.rows) and _same_result(
            match, pd.concat(pieces), value
        ):
            for source in sources:
                if match.column in source["columns"]:
                    source |= {"checked": True, "column": match.column, "together": True}


def _computation(match: Match, step: str, cell: int, line: int) -> Json:
    return {
        "how": match.how,
        "column": match.column,
        "rows": len(match.rows),
        "where": {name: plain(value) for name, value in match.where.items()},
        "unmatched": list(match.unmatched),
        "rounded": match.rounded,
        "others": list(match.others),
        "step": step,
        "cell": cell,
        "line": line,
    }


def ranges(numbers: Any) -> list[list[int]]:
    """Return row numbers as [first, last] pairs, ``[[2, 5], [9, 9]]``; of very many, the first."""
    found: list[list[int]] = []
    for number in np.unique(numbers):
        if number < 0:
            continue
        if found and found[-1][1] + 1 == number:
            found[-1][1] = int(number)
        elif len(found) >= MOST_RANGES:
            break
        else:
            found.append([int(number), int(number)])
    return found


def plain(value: Any) -> Any:
    """Return a cell's value as a JSON value."""
    if value is None or isinstance(value, bool | int | str):
        return value[:500] if isinstance(value, str) else value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, datetime.datetime):
        text = value.isoformat(sep=" ")
        return text.removesuffix(" 00:00:00")
    return str(value)[:500]


def _name(name: Any) -> str:
    return " ".join(str(part) for part in name) if isinstance(name, tuple) else str(name)


def _code(statements: Sequence[Mapping[str, Any]]) -> Code:
    code = Code([], set(), {})
    for statement in reversed(statements):
        text = str(statement["code"])
        found = [_SYNONYMS.get(name, name) for name in _FUNCTION.findall(text)]
        code.hints = list(dict.fromkeys([*code.hints, *reversed(found)]))
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                code.used.add(node.attr)
            elif isinstance(node, ast.Constant):
                _add_constant(code, node, statement)
    return code


def _add_constant(code: Code, node: ast.Constant, statement: Mapping[str, Any]) -> None:
    value = node.value
    if isinstance(value, str):
        code.used.update(re.findall(r"\w+", value) if len(value) < 2000 else ())
        code.used.add(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and value not in (0, 1):
        line = int(statement["line"]) + node.lineno - 1
        code.constants[float(value)] = int(statement["cell"]), line
