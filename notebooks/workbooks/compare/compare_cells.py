"""Values and formulas of a matched pair of sheets: what was edited, what was only computed anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..formats.addresses import address
from ..values import MAX_COLUMNS
from .cell_markup import CellMarkup, Formula
from .coded_cells import BLANK, CodedSheet, equal, shown
from .difference import Collector, Difference, clipped
from .formula_text import relative, shifted
from .layout import Layout, Layouts
from .match_columns import ColumnMatch
from .match_rows import RowMatch
from .ranges import said_columns, said_rows

SHOWN_CELLS = 6
RUN_LIST = 50_000


@dataclass(slots=True)
class SheetPair:
    """A sheet in both workbooks, with its cells matched.

    Attributes:
        name: Its name in the second workbook.
        name_before: Its name in the first.
        before: Its values in the first.
        after: Its values in the second.
        columns: How columns belong together.
        rows: How rows belong together.
        layout: The same in numbers of rows and columns.
        markup: Formulas and formats in both; ``None`` where they are not known.
    """

    name: str
    name_before: str
    before: CodedSheet
    after: CodedSheet
    columns: ColumnMatch
    rows: RowMatch
    layout: Layout
    markup: tuple[CellMarkup | None, CellMarkup | None] = (None, None)
    recomputed: list[tuple[int, int]] = field(default_factory=list)
    """Places, before and after, of formulas that stayed and whose values differ."""


def shape_differences(pair: SheetPair, texts: Sequence[str], found: Collector) -> None:
    """Add the rows and columns that only one sheet has, and what stands in another order."""
    rows, columns = pair.rows, pair.columns
    for sheet, positions, cause in (
        (pair.before, rows.removed, "removed"),
        (pair.after, rows.added, "added"),
    ):
        numbers = sheet.rows[positions]
        for at, run in enumerate(_runs(numbers)):
            position = int(positions[np.searchsorted(numbers, run[0])])
            said = _row_text(sheet, position, texts)
            found.add(
                Difference(
                    layer="values",
                    cause=cause,  # type: ignore[arg-type]
                    sheet=pair.name,
                    place=said_rows(range(run[0], run[1] + 1)),
                    what="rows",
                    before=said if cause == "removed" else None,
                    after=said if cause == "added" else None,
                    count=run[2],
                )
            )
            if at > RUN_LIST:
                break
    for sheet, numbers_, cause in (
        (pair.before, columns.removed, "removed"),
        (pair.after, columns.added, "added"),
    ):
        for number in numbers_:
            said = _column_text(sheet, number, columns.headers, cause == "added", texts)
            found.add(
                Difference(
                    layer="values",
                    cause=cause,  # type: ignore[arg-type]
                    sheet=pair.name,
                    place=said_columns([number]),
                    what="columns",
                    before=said if cause == "removed" else None,
                    after=said if cause == "added" else None,
                )
            )
    if rows.moved:
        text = f"{rows.moved:,} of {len(rows.before):,} rows are in another order"
        found.note(f"{pair.name}: {text}.")
    if not columns.in_order:
        found.note(f"{pair.name}: columns are in another order.")
    _blank_rows(pair, found)


def _runs(numbers: np.ndarray) -> list[tuple[int, int, int]]:
    """Return runs of rows (first, last, how many)."""
    if not len(numbers):
        return []
    breaks = np.flatnonzero(np.diff(numbers) > 1)
    starts = np.concatenate(([0], breaks + 1))
    ends = np.concatenate((breaks, [len(numbers) - 1]))
    return [
        (int(numbers[a]), int(numbers[b]), int(b - a + 1))
        for a, b in zip(starts, ends, strict=True)
    ]


def _blank_rows(pair: SheetPair, found: Collector) -> None:
    """Add blank rows that were inserted or deleted between rows with values."""
    before, after = pair.layout.rows, pair.layout.rows_after
    if not pair.layout.in_order or not len(before):
        return
    filled = np.searchsorted(pair.before.rows, before)
    filled_after = np.searchsorted(pair.after.rows, after)
    blank = (before - filled) - (after - filled_after)
    steps = np.diff(blank, prepend=0)
    for at in np.flatnonzero(steps)[:RUN_LIST]:
        count = int(abs(steps[at]))
        cause = "removed" if steps[at] > 0 else "added"
        last = int(before[at] if cause == "removed" else after[at]) - 1
        found.add(
            Difference(
                layer="values",
                cause=cause,  # type: ignore[arg-type]
                sheet=pair.name,
                place=said_rows(range(max(0, last - count + 1), last + 1)),
                what="blank rows",
                count=count,
            )
        )


def _row_text(sheet: CodedSheet, position: int, texts: Sequence[str]) -> str:
    values = []
    for each in sheet.columns:
        if each is not None and each[0][position] != BLANK:
            values.append(shown(int(each[0][position]), float(each[1][position]), texts) or "")
        if len(values) == SHOWN_CELLS:
            break
    return clipped(" | ".join(clipped(value) for value in values))


def _column_text(
    sheet: CodedSheet,
    column: int,
    headers: tuple[int, int] | None,
    of_after: bool,  # noqa: FBT001 (which of the two rows of names)
    texts: Sequence[str],
) -> str:
    kinds, values = sheet.column(column)
    filled = np.flatnonzero(kinds)
    position = headers[of_after] if headers else int(filled[0]) if len(filled) else 0
    return clipped(shown(int(kinds[position]), float(values[position]), texts) or "")


def cell_differences(
    pair: SheetPair, texts: Sequence[str], layouts: Layouts, tolerance: float, found: Collector
) -> None:
    """Add the cells whose constant or formula was changed; keep what was computed anew."""
    formulas = _changed_formulas(pair, layouts) if all(pair.markup) else {}
    _formula_differences(pair, formulas, texts, found)
    ones, others = pair.rows.before, pair.rows.after
    listed: list[tuple[int, int, int, int]] = []
    for column, column_after in pair.columns.pairs:
        kinds, values = pair.before.column(column)
        more_kinds, more = pair.after.column(column_after)
        same = equal(kinds[ones], values[ones], more_kinds[others], more[others], tolerance)
        at = np.flatnonzero(~same)
        if not len(at):
            continue
        left = _without_formulas(pair, column, column_after, ones[at], others[at], formulas)
        listed += ((b, column_after, a, column) for a, b in left)
    listed.sort()
    for number, (after, column_after, before, column) in enumerate(listed):
        if not found.lists("values"):
            found.count("values", "edited", len(listed) - number)
            break
        row, row_after = int(pair.before.rows[before]), int(pair.after.rows[after])
        place, was = address(row_after, column_after), address(row, column)
        found.add(
            Difference(
                layer="values",
                cause="edited",
                sheet=pair.name,
                place=place,
                what="cell",
                before=_value(pair.before, before, column, texts),
                after=_value(pair.after, after, column_after, texts),
                was="" if place == was else was,
                label=label_of(pair, after, column_after, texts),
            )
        )


def _value(sheet: CodedSheet, position: int, column: int, texts: Sequence[str]) -> str | None:
    kinds, values = sheet.column(column)
    said = shown(int(kinds[position]), float(values[position]), texts)
    return None if said is None else clipped(said)


def label_of(pair: SheetPair, position: int, column: int, texts: Sequence[str]) -> str:
    """Return the key of a row and the name of a column of the second sheet, where known."""
    words = []
    for key in pair.rows.keys:
        said = _value(pair.after, position, pair.columns.pairs[key][1], texts)
        if said is not None:
            words.append(said[:40])
    if pair.columns.headers is not None and position != pair.columns.headers[1]:
        header = _value(pair.after, pair.columns.headers[1], column, texts)
        if header is not None:
            words.append(header[:40])
    return " · ".join(words)


def _without_formulas(
    pair: SheetPair, column: int, column_after: int, ones: np.ndarray, others: np.ndarray,
    changed: Collection[int],
) -> list[tuple[int, int]]:  # fmt: skip
    """Return the differing cells without formulas; those with one are told apart here."""
    before, after = pair.markup
    if before is None or after is None or not (before.formulas or after.formulas):
        return list(zip(ones.tolist(), others.tolist(), strict=True))
    left = []
    rows, rows_after = pair.before.rows[ones], pair.after.rows[others]
    places = (rows * MAX_COLUMNS + column).tolist()
    places_after = (rows_after * MAX_COLUMNS + column_after).tolist()
    for a, b, place, there in zip(
        ones.tolist(), others.tolist(), places, places_after, strict=True
    ):
        if there in after.formulas and place in before.formulas:
            if there not in changed:
                pair.recomputed.append((place, there))
        elif there not in changed:
            left.append((a, b))
    return left


def _changed_formulas(
    pair: SheetPair, layouts: Layouts
) -> dict[int, tuple[int | None, Formula | None, Formula | None]]:
    """Return place after → (place before, formula before, formula after) where formulas differ."""
    before, after = pair.markup
    if before is None or after is None:
        return {}
    if pair.layout.unmoved and before.formulas == after.formulas:
        return {}
    changed: dict[int, tuple[int | None, Formula | None, Formula | None]] = {}
    places = np.fromiter(before.formulas, np.int64, len(before.formulas))
    rows, columns = np.divmod(places, MAX_COLUMNS)
    gone = _gone(pair)
    known_columns = {int(c): pair.layout.column(int(c)) for c in np.unique(columns)}
    rows_after = pair.layout.moved_rows(rows).tolist()
    met = set()
    for place, row, column, row_after in zip(
        places.tolist(), rows.tolist(), columns.tolist(), rows_after, strict=True
    ):
        if row in gone[0] or column in gone[1]:
            continue  # its row or column is gone, and counted so
        there = row_after * MAX_COLUMNS + known_columns[column]
        met.add(there)
        one, other = before.formulas[place], after.formulas.get(there)
        if other is None or not _same(one, other, place, there, pair.name_before, layouts):
            changed[there] = place, one, other
    for there, other in after.formulas.items():
        row, column = divmod(there, MAX_COLUMNS)
        if there not in met and row not in gone[2] and column not in gone[3]:
            changed[there] = None, None, other
    return changed


def _gone(pair: SheetPair) -> tuple[set[int], set[int], set[int], set[int]]:
    """Return rows and columns that only the first sheet has, and those only the second has."""
    return (
        set(pair.before.rows[pair.rows.removed].tolist()),
        set(pair.columns.removed),
        set(pair.after.rows[pair.rows.added].tolist()),
        set(pair.columns.added),
    )


def _same(
    one: Formula, other: Formula, place: int, there: int, sheet: str, layouts: Layouts
) -> bool:
    """Whether two formulas say the same, where they stand."""
    if one is other or (one == other and place == there):
        return True
    if relative(one.text, one.row, one.column) == relative(other.text, other.row, other.column):
        return True
    text, text_after = written(one, place), written(other, there)
    return text == text_after or layouts.formula(text, sheet) == text_after


def written(formula: Formula, place: int) -> str:
    """Return a formula as its cell shows it, without ``=``."""
    row, column = divmod(place, MAX_COLUMNS)
    return shifted(formula.text, row - formula.row, column - formula.column)


def _formula_differences(
    pair: SheetPair,
    changed: dict[int, tuple[int | None, Formula | None, Formula | None]],
    texts: Sequence[str],
    found: Collector,
) -> None:
    positions = {int(row): at for at, row in enumerate(pair.after.rows)} if changed else {}
    for number, there in enumerate(sorted(changed)):
        if not found.lists("formulas"):
            found.count("formulas", "edited", len(changed) - number)
            break
        place, one, other = changed[there]
        row, column = divmod(there, MAX_COLUMNS)
        at = positions.get(row)
        after: str | None
        if other is not None:
            after = _equals(written(other, there))
        else:
            after = None if at is None else _value(pair.after, at, column, texts)
        before = None if one is None or place is None else _equals(written(one, place))
        if one is None:
            before = _value_before(pair, row, column, texts)
        was = "" if place is None or place == there else address(*divmod(place, MAX_COLUMNS))
        found.add(
            Difference(
                layer="formulas",
                cause="edited",
                sheet=pair.name,
                place=address(row, column),
                what="cell" if other is not None else "formula replaced by a value",
                before=before,
                after=after,
                was=was,
                label="" if at is None else label_of(pair, at, column, texts),
            )
        )


def _equals(text: str) -> str:
    return clipped(text if text.startswith("{") else f"={text}")


def _value_before(pair: SheetPair, row: int, column: int, texts: Sequence[str]) -> str | None:
    """Return the first sheet's value of a cell of the second."""
    at = np.flatnonzero(pair.layout.rows_after == row)
    columns = [a for a, b in pair.columns.pairs if b == column]
    if not len(at) or not columns:
        return None
    position = int(np.searchsorted(pair.before.rows, pair.layout.rows[at[0]]))
    return _value(pair.before, position, columns[0], texts)
