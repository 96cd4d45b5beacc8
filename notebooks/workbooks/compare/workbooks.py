"""Two workbooks compared, layer by layer."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..read import identify
from ..values import Unreadable
from .coded_cells import CodedSheet, Interner, renumbered
from .compare_cells import SheetPair, cell_differences, shape_differences
from .compare_formats import format_differences
from .compare_objects import part_differences, sheet_object_differences
from .content import content_of, with_formula_rows
from .difference import (
    LAYERS,
    MOST_LISTED,
    Collector,
    Comparison,
    Problem,
    SheetMatch,
    clipped,
)
from .layout import Layout, Layouts
from .match_columns import codes_of, match_columns
from .match_rows import match_rows
from .match_sheets import match_sheets
from .recomputed import recomputed_differences
from .side import PACKAGES, SheetSide, Side, read_side, same_sheets

TOLERANCE = 1e-9
"""Relative tolerance: two numbers are equal if they differ by at most this part of the larger."""
LARGE_BYTES = 1_000_000


def compare_workbooks(
    before: Path,
    after: Path,
    *,
    tolerance: float = TOLERANCE,
    layers: Iterable[str] = LAYERS,
    most: int = MOST_LISTED,
    at_once: bool = False,
) -> Comparison:
    """Compare two workbooks, or other files with tables.

    Args:
        before: The first file.
        after: The second file.
        tolerance: Relative tolerance of numbers; whole numbers are compared exactly.
        layers: The layers to compare, of `LAYERS`; formulas, formats, objects and parts are known
            of .xlsx, .xlsm, .xltx and .xltm only.
        most: How many differences of each layer are listed; all are counted.
        at_once: Read both at the same time, the first in a process of its own. Only for a program
            without threads.

    Returns:
        What differs; ``problem`` says why nothing could be compared.

    Raises:
        OSError: A file can't be opened.
    """
    wanted = frozenset(layers)
    found = Collector(wanted, most)
    names: dict[str, Any] = {"before": before.name, "after": after.name, "tolerance": tolerance}
    kinds = []
    for which, path in (("before", before), ("after", after)):
        try:
            kinds.append(identify(path).kind)
        except Unreadable as error:
            return found.result(**names, problem=_problem(which, error))
    packages = all(kind in PACKAGES for kind in kinds)
    beyond = packages and bool(wanted & {"objects", "parts"})
    try:
        same = same_sheets(before, after) if packages else frozenset()
    except Unreadable:
        same = frozenset()  # reading names the file
    large = min(before.stat().st_size, after.stat().st_size) > LARGE_BYTES
    sides = _read(before, after, same, beyond=beyond, apart=at_once and large)
    for which, side in zip(("before", "after"), sides, strict=True):
        if isinstance(side, Unreadable):
            return found.result(**names, problem=_problem(which, side))
    if not packages and wanted & {"formulas", "formats", "objects", "parts"}:
        found.note("Only sheets and values are compared: one of the files is no .xlsx or .xlsm.")
    sheets = _compare(sides[0], sides[1], tolerance, found)
    return found.result(**names, sheets=tuple(sheets))


def _problem(which: str, error: Unreadable) -> Problem:
    return Problem(file=which, code=error.code, message=error.message, hint=error.hint)


def _read(
    before: Path,
    after: Path,
    same: frozenset[str],
    *,
    beyond: bool,
    apart: bool,
) -> list[Any]:
    """Return both sides; where one can't be read, the reason."""
    if not apart:
        return [_try(path, same, beyond=beyond) for path in (before, after)]
    coming, going = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(coming)
            with os.fdopen(going, "wb") as pipe:
                pickle.dump(_try(before, same, beyond=beyond), pipe, pickle.HIGHEST_PROTOCOL)
        except BaseException:  # noqa: BLE001 (the parent reads the file itself then)
            os._exit(1)
        os._exit(0)
    os.close(going)
    try:
        second = _try(after, same, beyond=beyond)
        with os.fdopen(coming, "rb") as pipe:
            try:
                first = pickle.load(pipe)  # noqa: S301 (from the process that was started above)
            except (EOFError, pickle.UnpicklingError):
                first = None
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.waitpid(child, 0)
    return [_try(before, same, beyond=beyond) if first is None else first, second]


def _try(path: Path, same: frozenset[str], *, beyond: bool) -> Side | Unreadable:
    try:
        return read_side(path, same, beyond_values=beyond)
    except Unreadable as error:
        return error


def _compare(before: Side, after: Side, tolerance: float, found: Collector) -> list[SheetMatch]:
    texts = _join_texts(before, after)
    match = match_sheets(before, after, found)
    layouts = Layouts()
    pairs = []
    known = Interner()
    for one, other in match:
        for each in (one, other):
            for reason in each.unknown:
                found.note(f"Sheet {each.info.name!r}: {reason}.")
        pair = _pair(one, other, known, tolerance)
        if pair is not None:
            pairs.append(pair)
            layouts.add(pair.name_before, pair.name, pair.layout)
        elif one.skipped:
            layouts.names[one.info.name.lower()] = other.info.name
    for pair in pairs:
        shape_differences(pair, texts, found)
        cell_differences(pair, texts, layouts, tolerance, found)
        format_differences(pair, (before.looks, after.looks), found)
    paired = {id(other) for _, other in match}
    new = {
        side.info.name: side.markup
        for side in after.sheets
        if id(side) not in paired and side.markup is not None
    }
    recomputed_differences(pairs, new, texts, found)
    by_name = {pair.name: pair for pair in pairs}
    for one, other in match:
        name = other.info.name
        sheet_object_differences(
            by_name.get(name), one.objects, other.objects, name, layouts, found
        )
    sheet_object_differences(None, before.objects, after.objects, "", layouts, found)
    part_differences(before.parts, after.parts, found)
    return [_said(pair, texts) for pair in pairs]


def _join_texts(before: Side, after: Side) -> list[str]:
    """Number the texts of both alike; return them."""
    known = Interner()
    for text in before.texts:
        known[text]
    numbers = np.array([known[text] for text in after.texts], dtype=np.float64)
    for sheet in after.sheets:
        if sheet.cells is not None and len(numbers):
            renumbered(sheet.cells, numbers)
    return list(known)


def _pair(one: SheetSide, other: SheetSide, known: Interner, tolerance: float) -> SheetPair | None:
    if one.cells is None or other.cells is None:
        return None
    before = with_formula_rows(one.cells, one.markup)
    after = with_formula_rows(other.cells, other.markup)
    contents = content_of(before, one.markup, known), content_of(after, other.markup, known)
    columns = match_columns(*contents)
    firsts, seconds = [a for a, _ in columns.pairs], [b for _, b in columns.pairs]
    rows = match_rows(
        codes_of(contents[0], firsts),
        codes_of(contents[1], seconds),
        (len(before.rows), len(after.rows)),
        columns.headers,
        tolerance,
    )
    layout = Layout(
        before.rows[rows.before],
        after.rows[rows.after],
        np.array(firsts, dtype=np.int64),
        np.array(seconds, dtype=np.int64),
    )
    return SheetPair(
        other.info.name,
        one.info.name,
        before,
        after,
        columns,
        rows,
        layout,
        (one.markup, other.markup),
    )


def _said(pair: SheetPair, texts: Sequence[str]) -> SheetMatch:
    by = "position" if pair.rows.by_position else "content"
    if pair.rows.keys:
        names = []
        for key in pair.rows.keys:
            column = pair.columns.pairs[key][1]
            header = pair.columns.headers
            names.append(_header(pair.after, column, header[1] if header else None, texts))
        by = "key " + ", ".join(names)
    return SheetMatch(
        name=clipped(pair.name),
        name_before=clipped(pair.name_before),
        rows=len(pair.rows.before),
        rows_before=len(pair.before.rows),
        by=by,
    )


def _header(sheet: CodedSheet, column: int, position: int | None, texts: Sequence[str]) -> str:
    from .coded_cells import shown
    from .ranges import said_columns

    if position is not None:
        kinds, values = sheet.column(column)
        said = shown(int(kinds[position]), float(values[position]), texts)
        if said is not None:
            return repr(said[:40])
    return f"column {said_columns([column]).partition(':')[0]}"
