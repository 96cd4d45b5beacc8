"""Formulas that stayed while their values changed: recalculated, volatile, or not computed."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np

from ..formats.addresses import address
from ..values import MAX_COLUMNS
from .cell_markup import CellMarkup
from .coded_cells import CodedSheet, shown
from .compare_cells import SheetPair, written
from .difference import Cause, Collector, Difference, clipped
from .formula_text import is_volatile, references

MOST_FOLLOWED = 20_000
"""Recomputed cells whose references are followed to volatile ones; beyond it they count as
recalculated."""
PASSES = 30


class _Points:
    """Cells by sheet and column, to ask whether an area holds one."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[int, list[int]]] = {}

    def add(self, sheet: str, places: Sequence[int]) -> None:
        columns = self._rows.setdefault(sheet.lower(), {})
        for place in places:
            row, column = divmod(place, MAX_COLUMNS)
            columns.setdefault(column, []).append(row)
        for rows in columns.values():
            rows.sort()

    def touched(self, sheet: str, area: tuple[int, int, int, int]) -> bool:
        top, left, bottom, right = area
        columns = self._rows.get(sheet.lower(), {})
        if right - left > len(columns):
            chosen = [rows for column, rows in columns.items() if left <= column <= right]
        else:
            chosen = [columns[c] for c in range(left, right + 1) if c in columns]
        return any(_within(rows, top, bottom) for rows in chosen)


def _within(rows: Sequence[int], top: int, bottom: int) -> bool:
    at = bisect.bisect_left(rows, top)
    return at < len(rows) and rows[at] <= bottom


def recomputed_differences(
    pairs: Sequence[SheetPair],
    others: dict[str, CellMarkup],
    texts: Sequence[str],
    found: Collector,
) -> None:
    """Add the cells whose formula stayed and whose value is another one, with the reason.

    Args:
        pairs: The sheets in both workbooks.
        others: Formulas of the sheets that only the second workbook has, by name.
        texts: Texts by number.
        found: Takes the differences in.
    """
    causes = _causes(pairs, others)
    for pair in pairs:
        columns = {b: a for a, b in pair.columns.pairs}
        listed = sorted(pair.recomputed, key=lambda places: places[1])
        for number, (place, there) in enumerate(listed):
            cause = causes[pair.name, there]
            if not found.lists("values"):
                for _, rest in listed[number:]:
                    found.count("values", causes[pair.name, rest], 1)
                break
            row, column = divmod(there, MAX_COLUMNS)
            before = _value(pair.before, place // MAX_COLUMNS, columns.get(column, column), texts)
            after = _value(pair.after, row, column, texts)
            formula = pair.markup[1].formulas[there] if pair.markup[1] else None
            was = "" if place == there else address(*divmod(place, MAX_COLUMNS))
            found.add(
                Difference(
                    layer="values", cause=cause, sheet=pair.name, place=address(row, column),
                    what="cell", before=before, after=after, was=was,
                    label="" if formula is None else clipped(f"={written(formula, there)}"),
                )
            )  # fmt: skip


def _value(sheet: CodedSheet, row: int, column: int, texts: Sequence[str]) -> str | None:
    at = int(np.searchsorted(sheet.rows, row))
    if at >= len(sheet.rows) or sheet.rows[at] != row:
        return None
    kinds, values = sheet.column(column)
    said = shown(int(kinds[at]), float(values[at]), texts)
    return None if said is None else clipped(said)


def _causes(
    pairs: Sequence[SheetPair], others: dict[str, CellMarkup]
) -> dict[tuple[str, int], Cause]:
    causes: dict[tuple[str, int], Cause] = {}
    waiting: list[tuple[str, int, list[tuple[str, tuple[int, int, int, int]]]]] = []
    volatile = _Points()
    for name, markup in others.items():
        volatile.add(name, _volatile_places(markup))
    for pair in pairs:
        before, after = pair.markup
        if after is None or before is None:
            continue
        own = _volatile_places(after) if pair.recomputed else []
        volatile.add(pair.name, own)
        own_set = set(own)
        for place, there in pair.recomputed:
            if place in before.without_value or there in after.without_value:
                causes[pair.name, there] = "not computed"
            elif there in own_set:
                causes[pair.name, there] = "volatile"
            else:
                causes[pair.name, there] = "recalculated"
                if len(waiting) < MOST_FOLLOWED:
                    text = written(after.formulas[there], there)
                    areas = [(r.sheet or pair.name, r.area) for r in references(text)]
                    waiting.append((pair.name, there, areas))
    for _ in range(PASSES):
        reached = [
            each
            for each in waiting
            if any(volatile.touched(sheet, area) for sheet, area in each[2])
        ]
        if not reached:
            break
        chosen = {(name, there) for name, there, _ in reached}
        waiting = [each for each in waiting if (each[0], each[1]) not in chosen]
        by_sheet: dict[str, list[int]] = {}
        for name, there in chosen:
            causes[name, there] = "volatile"
            by_sheet.setdefault(name, []).append(there)
        for name, places in by_sheet.items():
            volatile.add(name, places)
    return causes


def _volatile_places(markup: CellMarkup) -> list[int]:
    known: dict[int, bool] = {}
    found = []
    for place, formula in markup.formulas.items():
        identity = id(formula)
        if identity not in known:
            known[identity] = is_volatile(formula.text)
        if known[identity]:
            found.append(place)
    return found
