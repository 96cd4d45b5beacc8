"""The profile of one sheet: its tables, facts, notes, objects, and small sheets whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

from ..formats.addresses import address, column_letters
from . import cells
from .column import Column, Hints, column_to_json
from .columns import describe_column
from .dates import order_of
from .grid import Grid
from .layout import Layout, Table
from .names import repeated_names, table_names
from .number_formats import read_format
from .other_rows import Sections
from .sheet_xml import SheetDetails, formula_facts
from .sum_columns import MOST_ROWS, SumColumn, sum_columns
from .totals import find_totals

SMALL_CELLS = 400
MAX_TABLES = 60
MAX_LISTED = 400
MAX_MERGED = 30
MAX_FACTS = 40
FORMAT_ROWS = 60
CURRENCY_ROWS = 5_000
DETAILED_COLUMNS = 400
FIRST_ROWS = 3
MAX_COMPARED_ROWS = 50_000
_ADDED_UP = ("number", "currency", "integer")


class Described:
    """A table with the descriptions of its columns."""

    def __init__(self, grid: Grid, table: Table, hints: Hints) -> None:
        self.grid, self.table = grid, table
        self.names, self.plain_names = table_names(grid, table)
        self.repeats = repeated_names(grid, table, self.names)
        self.columns = self._columns(hints)
        refined = self._refine_totals()
        if table.totals and not table.header_rows and not table.data_rows:
            table.totals = []  # rows that only look like totals are all there is
            refined = True
        if refined:
            self.columns = self._columns(hints)

    def _values(self) -> dict[int, Sequence[Any]]:
        """Return column (from 0) → its values in the rows of data."""
        table = self.table
        if table.body is None:
            return {}
        out = {row - table.body_top for row in table.left_out}
        if not out:
            return table.body.columns
        keep = [at not in out for at in range(table.body.count)]
        columns = dict(table.body.columns)
        if table.sections is not None:
            columns[table.sections.column] = self._carried(table.sections)
        return {c: list(compress(values, keep)) for c, values in columns.items()}

    def _carried(self, sections: Sections) -> list[Any]:
        """Return the column of section heads with each head in the rows below it."""
        heads, text, found = set(sections.rows), None, []
        for row, value in enumerate(
            self.grid.column(sections.column, *self._rows()), self._rows()[0]
        ):
            text = value if row in heads else text
            found.append(text)
        return found

    def _rows(self) -> tuple[int, int]:
        """Return the first and the last row of the body."""
        return self.table.body_top, self.table.area[2]

    def _columns(self, hints: Hints) -> list[Column]:
        _, left, _, right = self.table.area
        by_column = self._values()
        body = self.table.body
        types = body.types if body is not None and not self.table.left_out else {}
        found = []
        for at, column in enumerate(range(left, right + 1)):
            values = by_column.get(column, ())
            described = describe_column(
                self.names[at], values, self._formats(column), hints, types.get(column)
            )
            found.append(described)
        self._add_formulas(found)
        self._add_merged(found)
        return found

    def _formats(self, column: int) -> Counter[str]:
        top = self.table.body_top
        formats = self.grid.formats
        if not formats:
            return Counter()
        out, bottom = self.table.left_out, self.table.area[2]

        def seen_in(first: int, end: int) -> Counter[str]:
            rows = (row for row in range(first, min(bottom + 1, end)) if row not in out)
            return Counter(
                formats.get((row, column), "General")
                for row in rows
                if self.grid.filled(row, column)
            )

        seen = seen_in(top, top + FORMAT_ROWS)
        if any(read_format(code).currency for code in seen):  # there may be others further down
            seen += seen_in(top + FORMAT_ROWS, top + CURRENCY_ROWS)
        if len(seen) > 1 and seen.get("General", 0) <= 0.5 * seen.total():
            del seen["General"]
        return seen

    def _add_formulas(self, columns: list[Column]) -> None:
        _, left, bottom, right = self.table.area
        out = self.table.left_out
        rows: dict[int, list[int]] = {}
        for (row, column), formula in self.grid.formulas.items():
            if not (self.table.body_top <= row <= bottom and left <= column <= right) or row in out:
                continue
            found = columns[column - left]
            if not found.first_formula and formula.text:
                found.first_formula = f"{address(row, column)}: ={formula.text}"
            rows.setdefault(column, []).append(row)
            found.uncalculated += not formula.has_value
        for column, where in rows.items():
            found = columns[column - left]
            found.formulas = len(where)
            found.formula_range = cells.range_address(min(where), column, max(where), column)
            if found.uncalculated:
                found.blanks = max(0, found.blanks - found.uncalculated)
                if found.kind == "empty":
                    found.kind = "formula"

    def _add_merged(self, columns: list[Column]) -> None:
        """Count the cells below the first one of merged areas in the body, as meaning its value."""
        _, left, bottom, right = self.table.area
        covered: Counter[int] = Counter()
        for top, first, last, end in self.grid.merged:
            inside = left <= first == end <= right and self.table.body_top <= top < last <= bottom
            if inside and not self.table.left_out & set(range(top, last + 1)):
                covered[first - left] += last - top
        for at, count in covered.items():
            if columns[at].blanks == count:
                columns[at].merged_down, columns[at].blanks = count, 0

    def _refine_totals(self) -> bool:
        """Look for totals again in the columns that may be summed; return whether that differs."""
        table = self.table
        if table.excel_table is not None or table.body is None:
            return False
        additive = self._of_kinds(*_ADDED_UP, "formula", "mixed", "percent", "empty")
        if len(additive) == len(self.columns):
            return False
        totals = find_totals(table.body, additive=additive)
        out = {*table.repeated_headers, *table.rules}
        totals = [total for total in totals if total.row not in out]
        totals += [total for total in table.totals if total.row > table.area[2]]
        differs = [t.row for t in totals] != [t.row for t in table.totals]
        table.totals = totals
        return differs

    def _of_kinds(self, *kinds: str) -> list[int]:
        """Return the columns (from 0 in the sheet) of *kinds*."""
        left = self.table.area[1]
        return [left + at for at, column in enumerate(self.columns) if column.kind in kinds]

    def sum_columns(self) -> list[SumColumn]:
        """Return the columns that add up others, in the rows of data that were read."""
        body, left = self.table.body, self.table.area[1]
        if body is None:
            return []
        rows = [at for at in range(body.count) if body.top + at not in self.table.left_out]
        numbers = {
            column: [body.numbers[column][at] for at in rows[:MOST_ROWS]]
            for column in self._of_kinds(*_ADDED_UP)
            if column in body.numbers
        }
        return sum_columns(numbers, {column: self.names[column - left] for column in numbers})

    def key(self) -> list[Any]:
        """Return the names of the columns that look like the rows' key."""
        rows = self.table.data_rows - self.table.more_rows
        unique = [
            (at, column)
            for at, column in enumerate(self.columns)
            if rows >= 2 and column.distinct == rows and not column.blanks and not column.errors
        ]
        for kinds in (("identifier",), ("text", "integer"), ("date",)):
            for at, column in unique:
                if column.kind in kinds and (column.kind != "integer" or at == 0):
                    return [self.names[at]]
        return []

    def duplicates(self) -> int:
        """Return how many rows of data repeat an earlier one."""
        rows = self.table.data_rows - self.table.more_rows
        if rows > MAX_COMPARED_ROWS or any(c.distinct == rows for c in self.columns):
            return 0
        columns = list(self._values().values())
        return rows - len(set(zip(*columns, strict=True))) if columns else 0


def describe_tables(grid: Grid, layout: Layout, hints: Hints) -> list[Described]:
    """Return the sheet's tables with their columns described."""
    return [Described(grid, table, hints) for table in layout.tables[:MAX_TABLES]]


def proven_hints(tables: Sequence[Described], hints: Hints) -> Hints:
    """Return *hints* with what the columns of *tables* prove of dates and decimal signs."""
    orders = Counter(
        order
        for t in tables
        for c in t.columns
        if c.date and (order := order_of(c.date)) and c.date.separator != "."
    )
    signs = Counter(
        c.notation.decimal for t in tables for c in t.columns if c.notation and c.notation.decimal
    )
    order = next(iter(orders)) if len(orders) == 1 else ""
    decimal = next(iter(signs)) if len(signs) == 1 else ""
    return replace(hints, order=hints.order or order, decimal=hints.decimal or decimal)


def is_unclear(tables: Sequence[Described]) -> bool:
    """Return whether a column's dates or amounts can be read in two ways."""
    return any(
        (c.date and not c.date.proven) or (c.notation and c.notation.ambiguous)
        for t in tables
        for c in t.columns
    )


def sheet_to_json(
    grid: Grid, details: SheetDetails, layout: Layout, tables: Sequence[Described]
) -> dict[str, Any]:
    """Return what is known of a sheet's cells."""
    used = range_of(grid)
    found: dict[str, Any] = {
        "range": used,
        "rows": (grid.beyond.last if grid.beyond else grid.bottom) + 1 if grid.rows else 0,
        "columns_used": grid.right + 1 if grid.rows else 0,
        "tables": [table_to_json(described) for described in tables],
        "tables_count": len(layout.tables),
        "facts": [
            {
                "at": address(f.row, f.column),
                "label": f.label,
                "value": cells.to_json(f.value),
            }
            for f in layout.facts[:MAX_FACTS]
        ],
        "notes": [
            {"at": address(n.row, n.column), "text": cells.shown(n.text)}
            for n in layout.notes[:MAX_FACTS]
        ],
        "merged": [cells.range_address(*area) for area in details.merged[:MAX_MERGED]],
        "merged_count": len(details.merged),
        "hidden_rows": row_runs(details.hidden_rows),
        "hidden_columns": [
            f"{column_letters(a)}:{column_letters(b)}" for a, b in details.hidden_columns
        ],
        "filters": [cells.range_address(*area) for area in details.filters],
        "formulas": formula_facts(details.formulas),
        **details.facts,
    }
    first = next((t for t in found["tables"] if t["header_rows"]), None)
    found["header_row"] = first["header_rows"][-1] if first else None
    found["data_rows"] = sum(t["data_rows"] for t in found["tables"])
    if grid.rows and len(grid.rows) * (grid.right + 1) <= SMALL_CELLS:
        found["whole"] = whole_sheet(grid)
    keep = (
        "range",
        "rows",
        "columns_used",
        "tables",
        "header_row",
        "data_rows",
        "merged",
        "merged_count",
    )
    return {k: v for k, v in found.items() if k in keep or v not in (None, [], {}, "", 0)}


def range_of(grid: Grid) -> str:
    """Return the used range such as ``A1:F20``, ``""`` if there is none."""
    last = grid.beyond.last if grid.beyond else grid.bottom
    return cells.range_address(grid.top, grid.left, last, grid.right) if grid.rows else ""


def column_runs(columns: Sequence[int]) -> list[str]:
    """Return columns (from 0) by their letters, in runs such as ``B:D``."""
    return [
        f"{column_letters(first)}:{column_letters(last)}" if last > first else column_letters(first)
        for first, last in _runs(columns)
    ]


def row_runs(rows: Sequence[int]) -> list[str]:
    """Return rows (from 0) as Excel counts them, in runs such as ``5-9``."""
    return [str(a + 1) if a == b else f"{a + 1}-{b + 1}" for a, b in _runs(rows)[:100]]


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """Return first and last of each run of *numbers*."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def whole_sheet(grid: Grid) -> dict[str, Any]:
    """Return all cells of a small sheet, row by row, blanks kept in place."""
    rows = []
    for row in range(grid.top, grid.bottom + 1):
        values = []
        for column in range(grid.right + 1):
            value = cells.to_json(grid.value(row, column))
            formula = grid.formulas.get((row, column))
            if formula is not None:
                value = {"formula": f"={formula.text}", "value": value}
            values.append(value)
        rows.append(values)
    return {"first_row": grid.top + 1, "rows": rows}


def table_to_json(described: Described) -> dict[str, Any]:
    """Return what is known of a table."""
    table, grid = described.table, described.grid
    top, left, bottom, right = table.area
    found: dict[str, Any] = {
        "range": cells.range_address(top, left, table.end, right),
        "header_rows": [row + 1 for row in table.header_rows],
        "first_data_row": table.body_top + 1,
        "last_row": table.end + 1,
        "rows_looked_at": table.data_rows - table.more_rows if table.more_rows else 0,
        "data_rows": table.data_rows,
        "titles": table.titles[:5],
        "excel_table": table.excel_table.name if table.excel_table else "",
        "totals": [
            {
                "row": total.row + 1,
                "label": cells.shown(total.label, 80),
                "level": total.level,
                "by": total.by,
                **({} if total.ties is None else {"ties": total.ties}),
            }
            for total in table.totals[:MAX_LISTED]
        ],
        "sum_columns": [
            {
                "letter": column_letters(each.column),
                "name": cells.literal(described.names[each.column - left]),
                "of": column_runs(each.of),
            }
            for each in described.sum_columns()[:MAX_LISTED]
        ],
        "blank_rows": row_runs(table.blank_rows),
        "rules": row_runs(table.rules),
        "section_heads": row_runs(table.sections.rows) if table.sections else [],
        "section_column": (
            cells.literal(described.names[table.sections.column - left]) if table.sections else ""
        ),
        "repeated_headers": [row + 1 for row in table.repeated_headers[:MAX_LISTED]],
        "columns": [_column(described, at) for at in range(right - left + 1)],
        "key": [cells.literal(name) for name in described.key()],
        "duplicate_rows": described.duplicates(),
        "first_rows": [
            [cells.to_json(v) for v in grid.row(row, left, min(right, left + 30))]
            for row in range(table.body_top, min(bottom, table.body_top + FIRST_ROWS - 1) + 1)
        ],
    }
    keep = ("range", "header_rows", "data_rows", "columns", "totals")
    return {k: v for k, v in found.items() if k in keep or v not in (None, [], {}, "", 0)}


def _column(described: Described, at: int) -> dict[str, Any]:
    column, name = described.columns[at], described.names[at]
    found = {
        "name": cells.literal(name),
        "letter": column_letters(described.table.area[1] + at),
    }
    if at in described.repeats:
        found["repeats"] = cells.literal(described.repeats[at])
    if at >= DETAILED_COLUMNS:
        return {**found, "kind": column.kind}
    return {**found, **column_to_json(column)}
