"""The profile of one file, whatever its type: sheets with their tables, names, objects, recipes."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from ..read import Book, FileFormat, SheetInfo, TextFormat, identify, open_book
from ..recipe import recipe_of
from .ahead import Ahead
from .column import Hints
from .grid import Grid
from .layout import Layout
from .loading import load_sheet
from .package import Package
from .progress import Progress
from .sheet_xml import SheetDetails
from .sheets import Described, describe_tables, is_unclear, proven_hints, sheet_to_json
from .tables import find_tables, whole_table

MAX_SHEETS = 500
FIELD_SAMPLE = 100_000
TAIL_BYTES = 4_096
MOST_CELLS = 4_000_000
PACKAGES = frozenset({"xlsx", "xlsm", "xltx", "xltm"})


class _Sheet:
    """One sheet while its book is profiled."""

    def __init__(
        self,
        info: SheetInfo,
        grid: Grid,
        details: SheetDetails,
        strays: list[str],
        *,
        known_header: bool = False,
    ) -> None:
        self.info, self.grid, self.details, self.strays = info, grid, details, strays
        self.layout: Layout = whole_table(grid) if known_header else find_tables(grid)
        self.tables: list[Described] = []


def profile_file(
    path: Path,
    name: str | None = None,
    *,
    most_cells: int = MOST_CELLS,
    kept: list[Any] | None = None,
    ahead: Ahead | None = None,
    say: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Profile the file at *path*.

    Args:
        path: The file.
        name: How code names it, such as ``inputs/sales.xlsx``; *path* if not given.
        most_cells: Cells of a sheet that are looked at. Of the rows behind them only the last
            ones are, for totals; all are counted.
        ahead: Has a part of the file already.
        say: Called with the share of a large file that is read, from 0 to 1.
        kept: Takes the cells, for a process that ends then: to free millions takes time.

    Returns:
        ``{"format", "sheets": [...], "defined_names": [...], "objects", …}``, described in
        docs/api.md; row numbers are Excel's, from 1. What is not the case is left out.

    Raises:
        Unreadable: The file is empty, encrypted, damaged, too large, or no table.
    """
    found = identify(path)
    with ExitStack() as stack:
        book = stack.enter_context(open_book(path, found))
        package = _package(path, found, stack, ahead)
        profile: dict[str, Any] = {"format": _format(found), "sheet_count": len(book.sheets)}
        sheets = _read_sheets(path, book, package, found, most_cells, say)
        if kept is not None:
            kept.append(sheets)
        profile["sheets"] = [
            _sheet(sheet, path, name or str(path), found, book, package) for sheet in sheets
        ]
        if len(book.sheets) > MAX_SHEETS:
            profile["sheets_left_out"] = [sheet.name[:80] for sheet in book.sheets[MAX_SHEETS:]]
        profile["defined_names"] = package.defined_names() if package else []
        profile["excel_tables"] = _excel_tables(sheets)
        if package:
            profile["objects"] = package.book_objects()
            if package.date_1904:
                profile["date_system"] = 1904
    return {
        k: v for k, v in profile.items() if v not in ([], {}) or k in ("sheets", "defined_names")
    }


def _package(
    path: Path, found: FileFormat, stack: ExitStack, ahead: Ahead | None
) -> Package | None:
    if found.kind not in PACKAGES:
        return None
    try:
        return stack.enter_context(Package(path, ahead))
    except (zipfile.BadZipFile, OSError, ValueError):
        return None


def _format(found: FileFormat) -> dict[str, Any]:
    facts: dict[str, Any] = {"kind": found.kind, "description": found.description}
    if found.text is not None:
        facts |= {
            "encoding": found.text.encoding,
            "delimiter": found.text.delimiter,
            "decimal": found.text.decimal,
            "thousands": found.text.thousands or "",
            "skip_rows": found.text.skip_rows,
        }
    return {k: v for k, v in facts.items() if v not in ("", 0)}


def _read_sheets(
    path: Path,
    book: Book,
    package: Package | None,
    found: FileFormat,
    most_cells: int,
    say: Callable[[float], None] | None,
) -> list[_Sheet]:
    progress = Progress(say, _sizes(path, book, package))
    hints = Hints(from_text=found.kind == "text")
    if found.text is not None:
        hints = Hints(from_text=True, decimal=_known_decimal(found.text))
    sheets: list[_Sheet] = []
    for index, info in enumerate(book.sheets[:MAX_SHEETS]):
        if info.kind != "worksheet":
            sheets.append(_Sheet(info, Grid(), SheetDetails(), []))
            continue
        progress.begin(index)
        grid, details, strays = load_sheet(book, index, package, most_cells, progress)
        grid.from_text = hints.from_text
        if found.text is not None:
            grid.fields = _most_fields(path, found.text)
            if _ends_blank(path, found.text):
                grid.extent = grid.bottom + 1, 0
        records = found.kind in ("json", "parquet")
        sheet = _Sheet(info, grid, details, strays, known_header=records)
        sheet.tables = describe_tables(grid, sheet.layout, hints)
        progress.at(1.0)
        sheets.append(sheet)
    every = [table for sheet in sheets for table in sheet.tables]
    if is_unclear(every):
        proven = proven_hints(every, hints)
        if proven != hints:
            for sheet in sheets:
                if is_unclear(sheet.tables):
                    sheet.tables = describe_tables(sheet.grid, sheet.layout, proven)
    return sheets


def _sizes(path: Path, book: Book, package: Package | None) -> list[int]:
    """Return about how many bytes each sheet has."""
    if package is None:
        return [path.stat().st_size // max(1, len(book.sheets))] * len(book.sheets)
    parts = package.sheet_parts
    return [package.size(parts.get(sheet.name, "")) for sheet in book.sheets]


def _known_decimal(form: TextFormat) -> str:
    """Return the decimal sign that a text file shows; a point may only be the default."""
    if form.decimal == ",":
        return ","
    return "." if form.delimiter == "," else ""


def _most_fields(path: Path, form: TextFormat) -> int:
    """Return the number of fields of the widest of a text file's first records."""
    with path.open(encoding=form.encoding, errors="replace", newline="") as file:
        sample = file.read(FIELD_SAMPLE)
    records = csv.reader(
        io.StringIO(sample), delimiter=form.delimiter, quotechar=form.quotechar or None
    )
    try:
        return max((len(record) for record in islice(records, 200)), default=0)
    except csv.Error:
        return 0


def _ends_blank(path: Path, form: TextFormat) -> bool:
    """Return whether a text file's last record holds nothing."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES) // 4 * 4)
        lines = file.read().decode(form.encoding, "replace").splitlines()
    return bool(lines) and not lines[-1].strip(f" \t{form.delimiter}{form.quotechar}")


def _sheet(
    sheet: _Sheet, path: Path, name: str, found: FileFormat, book: Book, package: Package | None
) -> dict[str, Any]:
    info = sheet.info
    visible = "visible" if info.visible else "very hidden" if info.very_hidden else "hidden"
    facts: dict[str, Any] = {"name": info.name, "kind": info.kind, "visible": visible}
    if info.kind != "worksheet":
        return facts
    facts |= sheet_to_json(sheet.grid, sheet.details, sheet.layout, sheet.tables)
    json_code = book.source.code(book.index(info)) if found.kind == "json" else None
    from_1904 = package is not None and package.date_1904
    for described, table in zip(sheet.tables, facts["tables"], strict=True):
        table["recipe"] = recipe_of(
            described,
            name,
            found,
            info.name,
            len(book.sheets),
            from_1904=from_1904,
            json_code=json_code,
        )
    if sheet.strays:
        facts["far_outside"] = sheet.strays
    if package is not None and (part := package.sheet_parts.get(info.name)):
        objects = package.sheet_objects(part)
        if objects:
            facts["objects"] = objects
    return facts


def _excel_tables(sheets: list[_Sheet]) -> list[dict[str, Any]]:
    return [
        {"name": table.name, "sheet": sheet.info.name, "columns": list(table.columns)[:200]}
        for sheet in sheets
        for table in sheet.grid.excel_tables
    ]
