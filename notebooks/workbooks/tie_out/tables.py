"""The facts of a table that are tied out, of a file or of a frame, as values and as JSON."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_COLUMNS, MOST_NAME = 300, 200
JOIN = " / "


def column_name(label: object) -> str:
    """Return the name of a column as text, the same for a frame and for the sheet it lies in.

    Args:
        label: The label of a data frame's column, or the value of a header cell. The levels of
            several header rows, a tuple, are joined as in a profile; dates are written as
            ISO 8601, whole numbers without a point.
    """
    if isinstance(label, tuple):
        parts: list[str] = []
        for level in map(column_name, label):
            if level and not level.startswith("Unnamed:") and level not in parts[-1:]:
                parts.append(level)
        return JOIN.join(parts)
    if isinstance(label, datetime.datetime):
        midnight = label.time() == datetime.time()
        return str(label.date() if midnight else label)
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        name: Its name as text.
        kind: ``number``, ``identifier``, ``date``, ``text``, ``mixed``, ``empty`` or ``other``.
        blanks: Cells without a value, in rows of data; ``None`` if they were not counted.
        sum: Of its numbers, total rows left out; ``None`` if they can't be added up.
        of_totals: What its total rows add to that.
        lowest: Its smallest number; ``None`` if it is not known.
        first_day: Its first date, as ISO 8601; empty if it has none.
        errors: Its error cells, such as ``#N/A``.
        uncalculated: Its formulas without a stored value.
        needs_text: Its digits would be lost as numbers: leading zeros, or more than 15 digits.
        read_as_blank: Other cells that reading it made blank, such as the text ``NA``.
    """

    name: str
    kind: str = "other"
    blanks: int | None = 0
    sum: float | None = None
    of_totals: float = 0.0
    lowest: float | None = None
    first_day: str = ""
    errors: int = 0
    uncalculated: int = 0
    needs_text: bool = False
    read_as_blank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a file, or a frame.

    Attributes:
        file: The file within the workspace.
        sheet: Its sheet; empty for a text file.
        rows: Rows of data, total rows left out; ``None`` if they were not counted.
        totals: Numbers of its total rows, as Excel counts.
        columns: Its columns, at most `MOST_COLUMNS`.
        line: Line of the cell that read or wrote it; 0 if that is not known.
        measured: Whether it was measured outside the kernel; else the kernel says so.
    """

    file: str
    sheet: str = ""
    rows: int | None = None
    totals: Sequence[int] = ()
    columns: Sequence[Column] = field(default_factory=tuple)
    line: int = 0
    measured: bool = False

    def column(self, name: str) -> Column | None:
        """Return the column *name*; ``None`` if there is none."""
        return next((column for column in self.columns if column.name == name), None)


def table_to_json(table: Table) -> dict[str, Any]:
    """Render *table* as plain JSON values, without what is not the case."""
    found: dict[str, Any] = {
        "file": table.file, "sheet": table.sheet, "rows": table.rows, "line": table.line,
        "totals": list(table.totals), "measured": table.measured,
        "columns": [_column_to_json(column) for column in table.columns[:MOST_COLUMNS]],
    }  # fmt: skip
    return {k: v for k, v in found.items() if v not in (None, "", 0, [], False) or k == "file"}


def _column_to_json(column: Column) -> dict[str, Any]:
    found = {name: getattr(column, name) for name in Column.__slots__}
    kept = ("name", "sum", "blanks")
    return {k: v for k, v in found.items() if v not in (None, "", 0, 0.0) or k in kept}


def table_from_json(value: object) -> Table | None:
    """Return the table in *value*, which may come from a kernel; ``None`` if it is none."""
    if not isinstance(value, Mapping) or not isinstance(value.get("file"), str):
        return None
    columns = value.get("columns")
    totals = value.get("totals")
    found = [_column_from_json(each) for each in columns] if isinstance(columns, list) else []
    return Table(
        file=value["file"][:1000],
        sheet=_text(value.get("sheet")),
        rows=_count(value.get("rows")),
        totals=_counts(totals),
        columns=tuple(column for column in found[:MOST_COLUMNS] if column is not None),
        line=_count(value.get("line")) or 0,
        measured=value.get("measured") is True,
    )


def _column_from_json(value: object) -> Column | None:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        return None
    return Column(
        name=_text(value["name"]),
        kind=_text(value.get("kind")) or "other",
        blanks=_count(value.get("blanks")),
        sum=_number(value.get("sum")),
        of_totals=_number(value.get("of_totals")) or 0.0,
        lowest=_number(value.get("lowest")),
        first_day=_text(value.get("first_day")),
        errors=_count(value.get("errors")) or 0,
        uncalculated=_count(value.get("uncalculated")) or 0,
        needs_text=value.get("needs_text") is True,
    )


def _text(value: object) -> str:
    return value[:MOST_NAME] if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None


def _counts(value: object) -> tuple[int, ...]:
    given = value if isinstance(value, list) else ()
    return tuple(count for count in map(_count, given) if count is not None)


def _number(value: object) -> float | None:
    """Return a finite number: a kernel may send any."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
