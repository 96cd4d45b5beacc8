"""Pivot tables and charts whose source has changed or has grown beyond the range they show.

Excel draws a chart from its range, and shows a pivot table as it was saved until somebody
refreshes it; openpyxl changes neither when rows are written below.

Sources: ECMA-376 part 1, sections 18.10.1.95 (worksheetSource) and 18.10.1.67
(pivotCacheDefinition, refreshOnLoad); 21.2.2.65 (f, of a chart's series).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..formats.addresses import column_index, column_letters
from ..keep.opc import EditablePackage, parse
from ..keep.workbook_parts import sheet_parts, workbook_part
from ..read import Book
from .finding import Finding, quoted, some

MOST_COMPARED_ROWS, MOST_ADDED, MOST_CHARTS, MOST_SERIES = 20_000, 1_000, 100, 200
_AREA = re.compile(
    r"(?:'(?P<quoted>(?:[^']|'')+)'!|(?P<plain>[^!'\[\](),]+)!)?"
    r"\$?(?P<left>[A-Z]{1,3})\$?(?P<top>\d{1,7}):\$?(?P<right>[A-Z]{1,3})\$?(?P<bottom>\d{1,7})\Z"
)


@dataclass(frozen=True, slots=True)
class Area:
    """A range of a sheet; rows and columns from 0, the last ones included."""

    sheet: str
    top: int
    left: int
    bottom: int
    right: int

    def __str__(self) -> str:
        """Return its address, without its sheet."""
        first = f"{column_letters(self.left)}{self.top + 1}"
        return f"{first}:{column_letters(self.right)}{self.bottom + 1}"


def area_of(text: str, sheet: str = "") -> Area | None:
    """Return the range that *text* is, on *sheet* unless it names one; ``None`` for others."""
    found = _AREA.match(text.strip().removeprefix("="))
    if found is None:
        return None
    named = (found["quoted"] or "").replace("''", "'") or found["plain"] or sheet
    rows, columns = (found["top"], found["bottom"]), (found["left"], found["right"])
    top, bottom = (int(row) - 1 for row in rows)
    left, right = (column_index(letters) for letters in columns)
    return Area(named, top, left, bottom, right) if top <= bottom and left <= right else None


def source_findings(path: Path, book: Book, original_book: Book) -> list[Finding]:
    """Name pivot tables and charts that do not show what code wrote into or below their source.

    Args:
        path: The workbook that was written, a package.
        book: The same, open.
        original_book: The workbook it was made from, open.
    """
    sheets = {info.name for info in book.sheets} & {info.name for info in original_book.sheets}
    with EditablePackage(path) as package:
        parts = sheet_parts(package)
        pivots = list(_pivots(package, parts, book, original_book, sheets))
        charts = list(_charts(package, parts, book, original_book, sheets))
    found = []
    if pivots:
        hint = (
            "Set pivot._pivots[0].cache: cacheSource.worksheetSource.ref to the whole range, and "
            "refreshOnLoad = True. Say that it shows the new figures once Excel has opened it."
        )
        found.append(Finding("pivot-behind", f"{'; '.join(pivots[:5])}.", hint, len(pivots)))
    if charts:
        hint = "Write the series' references to the end of the data, or say what is not shown."
        message = f"Data were added behind what charts show: {some(charts)}."
        found.append(Finding("chart-behind", message, hint, len(charts)))
    return found


def _pivots(
    package: EditablePackage, parts: dict[str, str], book: Book, original: Book, sheets: set[str]
) -> Iterator[str]:
    """Yield what is to be said of each pivot table."""
    for sheet, part in parts.items():
        for related in package.relationships(part):
            if related.kind != "pivotTable" or related.target not in package:
                continue
            caches = [r for r in package.relationships(related.target) if r.target in package]
            cache = next((r.target for r in caches if r.kind == "pivotCacheDefinition"), None)
            if cache is None:
                continue
            definition = parse(package.read(cache))
            area, grows = _pivot_source(package, definition, parts)
            if area is None or area.sheet not in sheets:
                continue
            refreshed = definition.get("refreshOnLoad") in ("1", "true")
            added = 0 if grows else _added_below(book, original, area)
            changed = not refreshed and (added or _changed(book, original, area))
            name = parse(package.read(related.target)).get("name", "?")
            said = f"Pivot {quoted([name])} on {quoted([sheet])}"
            source = f"its source {quoted([area.sheet])}!{area}"
            if changed:
                said += f" shows what it showed before, until Excel refreshes it ({source})"
            if added:
                said += f"{', and' if changed else ''} does not include {_rows(area, added)}"
                said += "" if changed else f" ({source})"
            if changed or added:
                yield said


def _pivot_source(
    package: EditablePackage, definition: Any, parts: dict[str, str]
) -> tuple[Area | None, bool]:
    """Return the range of a pivot's source, and whether it is a table, which grows by itself."""
    source = next(iter(definition.iter("{*}worksheetSource")), None)
    if source is None or any(str(key).endswith("}id") for key in source.attrib):
        return None, False  # another workbook's
    if ref := source.get("ref"):
        return area_of(ref, source.get("sheet", "")), False
    name = source.get("name", "")
    for sheet, part in parts.items():
        for related in package.relationships(part):
            if related.kind == "table" and related.target in package:
                table = parse(package.read(related.target))
                if name in (table.get("name"), table.get("displayName")):
                    return area_of(table.get("ref", ""), sheet), True
    book = parse(package.read(workbook_part(package)))
    for defined in book.iter("{*}definedName"):
        if defined.get("name") == name:
            return area_of(defined.text or ""), False
    return None, False


def _charts(
    package: EditablePackage, parts: dict[str, str], book: Book, original: Book, sheets: set[str]
) -> Iterator[str]:
    """Yield the range of each chart that data were added behind."""
    seen: set[tuple[str, Area]] = set()
    for sheet, part in parts.items():
        drawings = [r.target for r in package.relationships(part) if r.kind == "drawing"]
        related = [r for each in drawings if each in package for r in package.relationships(each)]
        charts = [r.target for r in related if r.kind == "chart" and r.target in package]
        for chart in charts[:MOST_CHARTS]:
            for series in parse(package.read(chart)).iter("{*}f"):
                area = area_of(series.text or "")
                if area is None or area.sheet not in sheets or (sheet, area) in seen:
                    continue
                if area.bottom > MOST_COMPARED_ROWS or len(seen) >= MOST_SERIES:
                    continue
                seen.add((sheet, area))
                if behind := _behind_series(book, original, area):
                    yield f"on {quoted([sheet])} {quoted([area.sheet])}!{area}, not {behind}"


def _behind_series(book: Book, original: Book, area: Area) -> str:
    if area.left == area.right and area.bottom > area.top:
        added = _added_below(book, original, area)
        return _rows(area, added) if added else ""
    if area.top == area.bottom and area.right > area.left:
        before, after = (_row(each, area.sheet, area.top) for each in (original, book))
        place = area.right + 1
        if _at(before, place) is None and _at(after, place) is not None:
            return f"column {column_letters(place)}"
    return ""


def _rows(area: Area, added: int) -> str:
    first = area.bottom + 2
    return f"row {first}" if added == 1 else f"rows {first} to {first + added - 1}"


def _added_below(book: Book, original: Book, area: Area) -> int:
    """Return how many rows were added right below *area*, which were blank before."""
    first = area.bottom + 1
    if any(_filled(row, area) for row in original.rows(area.sheet, first=first, count=1)):
        return 0
    rows = book.rows(area.sheet, first=first, count=MOST_ADDED)
    return sum(1 for _ in itertools.takewhile(lambda row: _filled(row, area), rows))


def _filled(row: Any, area: Area) -> bool:
    """Whether a row has values in most columns of *area*: a note below has not."""
    values = [_at(row, column) for column in range(area.left, area.right + 1)]
    return 2 * sum(value is not None for value in values) > len(values)


def _changed(book: Book, original: Book, area: Area) -> bool:
    """Whether a value within *area* is another one; what is not calculated is no value."""
    count = min(area.bottom - area.top + 1, MOST_COMPARED_ROWS)
    pairs = itertools.zip_longest(
        original.rows(area.sheet, first=area.top, count=count),
        book.rows(area.sheet, first=area.top, count=count),
        fillvalue=(),
    )
    return any(
        new is not None and new != old
        for before, after in pairs
        for column in range(area.left, area.right + 1)
        for old, new in [(_at(before, column), _at(after, column))]
    )


def _row(book: Book, sheet: str, number: int) -> Any:
    return next(iter(book.rows(sheet, first=number, count=1)), ())


def _at(row: Any, column: int) -> Any:
    return row[column] if column < len(row) else None
