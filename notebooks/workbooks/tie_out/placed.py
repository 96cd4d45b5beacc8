"""A frame as it lies in the sheet that it was written to.

The profile finds tables as a reader would; where a frame was written, its names and its number
of rows say where to look, so that odd headers, titles and blank rows are no riddle.
"""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..read import Book, open_book
from .finding import close
from .tables import Column, Table, column_name

MOST_HEAD_ROWS = 200
MOST_LABELS = 1
"""Cells of text that a total row below a frame has."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the kernel says of a frame that it wrote.

    Attributes:
        sheet: The sheet.
        rows: Its rows.
        names: Its columns.
    """

    sheet: str
    rows: int
    names: Sequence[str]


def frames_from_json(value: object) -> list[Frame]:
    """Return the frames in *value*; what is not valid is left out."""
    found = []
    for each in value if isinstance(value, list) else ():
        if isinstance(each, Mapping) and isinstance(each.get("names"), list):
            names = [str(name) for name in each["names"]]
            found.append(Frame(str(each.get("sheet")), int(each.get("rows", 0)), names))
    return found


def placed_tables(
    path: Path, name: str, frames: Sequence[Frame], totals: Mapping[str, set[int]]
) -> list[Table]:
    """Return the tables that *frames* are in the file at *path*; those not found are left out.

    Args:
        path: The file.
        name: Its name within the workspace.
        frames: What was written.
        totals: The numbers of total rows by sheet, as Excel counts.
    """
    found = []
    with open_book(path) as book:
        sheets = {info.name for info in book.sheets if info.kind == "worksheet"}
        for frame in frames:
            if frame.sheet in sheets and frame.names:
                table = _placed(book, name, frame, totals.get(frame.sheet, set()))
                found += [table] if table is not None else []
    return found


def _placed(book: Book, name: str, frame: Frame, totals: set[int]) -> Table | None:
    rows = book.filled(frame.sheet)
    head = _head(rows, frame)
    if head is None:
        return None
    number, places = head
    end, last = number + frame.rows, number
    values: dict[str, list[Any]] = {title: [] for title in places}
    of_totals: dict[str, float] = dict.fromkeys(places, 0.0)
    total_rows = []
    for at, cells in rows:
        if at > end:
            if at > last + 1:
                break  # a blank row ends what follows
            end = at
        row = {title: _at(cells, place) for title, place in places.items()}
        if all(value is None for value in row.values()) and not any(v is not None for v in cells):
            continue
        if at + 1 in totals:
            total_rows.append(at + 1)
            for title, value in row.items():
                of_totals[title] += value if _is_number(value) else 0.0
        else:
            for title, value in row.items():
                values[title].append(value)
        last = at
    if not total_rows and _ends_in_total(values, written_besides=last > number + frame.rows):
        total_rows = [last + 1]
        lasts = {title: each.pop() for title, each in values.items()}
        of_totals = {title: each if _is_number(each) else 0.0 for title, each in lasts.items()}
    count = last - number - len(total_rows)
    columns = tuple(_column(title, each, count, of_totals[title]) for title, each in values.items())
    return Table(
        file=name, sheet=frame.sheet, rows=count, totals=tuple(total_rows), columns=columns,
        measured=True,
    )  # fmt: skip


def _ends_in_total(values: Mapping[str, list[Any]], *, written_besides: bool) -> bool:
    """Whether the last row has the sum of those above in each column of numbers, as a pivot's.

    Args:
        values: The columns.
        written_besides: The last row is none of the frame's: it needs the sums of some only.
    """
    columns = [
        column
        for column in values.values()
        if len(column) > 2 and all(_is_number(value) or value is None for value in column)
    ]
    if written_besides:
        beside = [column[-1] for column in values.values() if column and column not in columns]
        if sum(value is not None for value in beside) > MOST_LABELS:
            return False
        columns = [column for column in columns if column[-1] is not None]
    present = [[float(value or 0.0) for value in column] for column in columns]
    return bool(present) and all(c[-1] and close(math.fsum(c[:-1]), c[-1]) for c in present)


def _head(rows: Any, frame: Frame) -> tuple[int, dict[str, int]] | None:
    """Return the row that holds the frame's names, and their columns."""
    wanted = set(frame.names)
    for number, cells in itertools.islice(rows, MOST_HEAD_ROWS):
        places: dict[str, int] = {}
        for place, value in enumerate(cells):
            if value is not None and (title := column_name(value)) in wanted:
                places.setdefault(title, place)
        if len(places) * 2 >= len(wanted):
            others = {
                column_name(value): place
                for place, value in enumerate(cells)
                if value is not None and place not in places.values()
            }  # the index
            return number, {**{k: v for k, v in others.items() if k not in places}, **places}
    return None


def _column(name: str, values: list[Any], count: int, of_totals: float) -> Column:
    present = [value for value in values if value is not None and value != ""]
    blanks = count - len(present)
    numbers = [float(value) for value in present if _is_number(value)]
    days = [value for value in present if isinstance(value, datetime.date)]
    if not present:
        return Column(name=name, kind="empty", blanks=blanks)
    if len(numbers) == len(present):
        total = math.fsum(numbers)
        return Column(
            name=name, kind="number", blanks=blanks, sum=total, lowest=min(numbers),
            of_totals=of_totals,
        )  # fmt: skip
    if len(days) == len(present):
        return Column(name=name, kind="date", blanks=blanks, first_day=min(map(str, days)))
    texts = sum(isinstance(value, str) for value in present)
    return Column(name=name, kind="text" if texts == len(present) else "mixed", blanks=blanks)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _at(values: Sequence[Any], column: int) -> Any:
    return values[column] if column < len(values) else None
