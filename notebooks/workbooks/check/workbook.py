"""Everything that is checked of one file."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..keep.opc import EditablePackage, parse
from ..keep.parts import inventory, lost, said
from ..keep.sheet_markup import SheetMarkup
from ..keep.workbook_parts import sheet_parts, workbook_part
from ..read import Book, identify, open_book
from ..values import Unreadable
from .copied_sheets import copied_sheet_findings
from .finding import Finding, quoted
from .formulas import Formulas
from .left_behind import left_behind_findings
from .sources import source_findings
from .tables import table_findings

PACKAGES = frozenset({"xlsx", "xlsm", "xltx", "xltm"})
COMPARED_ROWS = 40
ALIKE = 0.6
"""Share of an original's first cells that a file made from it still has."""
MOST_NAME = 31


def check_file(
    path: Path, originals: Sequence[Path] = (), *, computed: bool = False
) -> list[Finding]:
    """Check a file that code has written.

    Args:
        path: The file.
        originals: Workbooks it may have been made from: what it lost of them is named.
        computed: Its formulas have been computed: a zero is a value.

    Returns:
        What is wrong with it; empty if nothing is.
    """
    try:
        found = identify(path)
        with open_book(path, found) as book:
            names = frozenset(info.name.casefold() for info in book.sheets)
            formulas = Formulas(names)
            findings = []
            if found.kind in PACKAGES:
                findings += _package_findings(path, book, formulas, computed=computed)
            findings += _ending(path, found.kind, found.description)
            if formulas.count == 0 and _is_empty(book) and not _has_objects(path, found.kind):
                message, hint = "The file holds no cell with a value.", "Save it after writing."
                findings.insert(0, Finding("file-empty", message, hint))
            if found.kind in PACKAGES:
                for original in originals:
                    findings += _original_findings(path, book, original)
            return findings
    except Unreadable as problem:
        hint = "Close the writer (use `with`), and write the file again."
        return [Finding("file-unreadable", f"The file can't be opened: {problem.message}", hint)]


def _is_empty(book: Book) -> bool:
    sheets = [info.name for info in book.sheets if info.kind == "worksheet"]
    return all(next(iter(book.filled(name)), None) is None for name in sheets)


def _has_objects(path: Path, kind: str) -> bool:
    """Whether a file without cells holds a chart, a text box or the like."""
    if kind not in PACKAGES:
        return False
    with EditablePackage(path) as package:
        return any(word not in ("sheet", "printer setting") for word, _ in +inventory(package))


def _ending(path: Path, kind: str, description: str) -> list[Finding]:
    """Compare a file's name with its content: Excel refuses or warns where they differ."""
    suffix = path.suffix.lower().removeprefix(".")
    if kind == suffix or suffix not in {*PACKAGES, "xls", "xlsb", "ods"}:
        return []
    return [
        Finding(
            "wrong-ending",
            f"The name ends with .{suffix}, but the content is another kind: {description}. Excel "
            "refuses to open it, or warns.",
            "Save it with the ending of its content (macros: keep_vba=True and .xlsm).",
        )
    ]


def _part_findings(package: EditablePackage) -> list[Finding]:
    """Name parts that are broken, or missing although others need them."""
    broken = []
    for name in package.names:
        if name.endswith(".rels") or name.startswith("[") or name.endswith("/"):
            continue
        related = package.relationships(name)
        broken += [r.target for r in related if not r.external and r.target not in package]
        if name.endswith(".xml") and "/worksheets/" not in name and "sharedStrings" not in name:
            try:
                parse(package.read(name))
            except Unreadable:
                broken.append(name)
    if not broken:
        return []
    text = f"Parts of the file are broken or missing: {quoted(broken[:5])}. Excel repairs it."
    return [Finding("parts-broken", text, "Write the file again.", len(broken))]


def _package_findings(
    path: Path, book: Book, formulas: Formulas, *, computed: bool
) -> list[Finding]:
    with EditablePackage(path) as package:
        findings = _part_findings(package)
        for sheet, part in sheet_parts(package).items():
            formulas.take_sheet(sheet, SheetMarkup.of(package.read(part)).cells)
            findings += table_findings(package, sheet, part, _row_of(book, sheet))
            if len(sheet) > MOST_NAME:
                findings.append(
                    Finding(
                        "sheet-name-too-long",
                        f"The name of sheet {sheet!r} has {len(sheet)} characters; Excel takes 31 "
                        "and repairs the file.",
                        "Shorten it.",
                    )
                )
        zeros = not computed and _computed_by_excel_only(package)
    return findings + formulas.findings(zeros_are_unknown=zeros)


def _row_of(book: Book, sheet: str) -> Any:
    def row(number: int) -> list[Any]:
        return next(iter(book.rows(sheet, first=number, count=1)), [])

    return row


def _computed_by_excel_only(package: EditablePackage) -> bool:
    """Whether the writer asks Excel to compute everything on opening, as xlsxwriter does."""
    book = parse(package.read(workbook_part(package)))
    settings = next(iter(book.iter("{*}calcPr")), None)
    return settings is not None and settings.get("fullCalcOnLoad") in ("1", "true")


def _original_findings(path: Path, book: Book, original: Path) -> list[Finding]:
    """Name what *path* lost or left behind of *original*, if it was made from it."""
    try:
        found = identify(original)
        if found.kind not in PACKAGES:
            return []
        with open_book(original, found) as other:
            pairs = _alike_sheets(book, other)
            left = left_behind_findings(path, book, original, other)
            if pairs:
                left += source_findings(path, book, other)
                ours, theirs = (
                    {
                        each.name: _first_cells(b, each.name)
                        for each in b.sheets
                        if each.kind == "worksheet"
                    }
                    for b in (book, other)
                )
                left += copied_sheet_findings(path, original, ours, theirs)
        missing = lost(original, path, pairs) if pairs else None
    except Unreadable:
        return []
    if not missing:
        return left
    return [
        *left,
        Finding(
            "parts-lost",
            f"Compared with {original.name!r} the file lost {said(missing)}.",
            "Load the workbook with openpyxl and save it in this session: its parts are kept then.",
            sum(missing.values()),
        ),
    ]


def _alike_sheets(ours: Book, theirs: Book) -> dict[str, str]:
    """Return the sheets of *theirs* that are in *ours* too, with mostly the same first cells."""
    pairs, names = {}, {info.name for info in ours.sheets}
    for name in (info.name for info in theirs.sheets if info.name in names):
        before, after = _first_cells(theirs, name), _first_cells(ours, name)
        same = sum(after.get(place) == value for place, value in before.items())
        if before and same >= ALIKE * len(before):
            pairs[name] = name
    return pairs


def _first_cells(book: Book, sheet: str) -> dict[tuple[int, int], Any]:
    rows = itertools.islice(book.rows(sheet, count=COMPARED_ROWS), COMPARED_ROWS)
    return {
        (row, column): value
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
        if value is not None
    }
