"""One of the two workbooks, read once: its cells, formulas, formats and objects, sheet by sheet."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from lxml.etree import LxmlError

from ..formats.package import Package, Workbook, read_workbook
from ..formats.xlsx import XlsxSource
from ..keep.opc import EditablePackage
from ..read import Book, identify, open_book
from ..values import SheetInfo, Unreadable, damaged
from .cell_formats import Looks, differential_looks, looks_of
from .cell_markup import CellMarkup, NotCompared, read_markup
from .coded_cells import (
    CodedSheet,
    Interner,
    TooLarge,
    blank_texts,
    code_sheet,
    code_windows,
    renumbered,
)
from .objects import Object, sheet_objects
from .package_objects import book_objects, other_parts

Read = TypeVar("Read")
PACKAGES = frozenset({"xlsx", "xlsm", "xltx", "xltm"})
FAULTS = (Unreadable, LxmlError, ValueError, LookupError, RecursionError)
"""What an object's part that is broken, or made to break a reader, can raise."""
ONE_TABLE = frozenset({"text", "parquet"})
"""Kinds of files with a single sheet that is named like the file."""


@dataclass(slots=True)
class SheetSide:
    """A sheet of one workbook.

    Attributes:
        info: Its name and state.
        cells: Its values; ``None`` if it is skipped or has too many.
        markup: Its formulas and formats; ``None`` if they are not known.
        objects: What lies on it.
        unknown: Why something of it is not compared.
        skipped: Its cells are the same in both files, byte by byte.
    """

    info: SheetInfo
    cells: CodedSheet | None = None
    markup: CellMarkup | None = None
    objects: list[Object] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    skipped: bool = False


@dataclass(slots=True)
class Side:
    """One workbook.

    Attributes:
        kind: What file it is, as `identify` says.
        sheets: Its sheets.
        texts: The texts of its cells, by number.
        looks: What its cell formats look like.
        objects: What belongs to the whole workbook.
        parts: A hash of each part that is neither cells nor objects.
    """

    kind: str
    sheets: list[SheetSide]
    texts: list[str] = field(default_factory=list)
    looks: list[Looks] = field(default_factory=list)
    objects: list[Object] = field(default_factory=list)
    parts: dict[str, str] = field(default_factory=dict)


def read_side(path: Path, same: frozenset[str], *, beyond_values: bool) -> Side:
    """Read a workbook.

    Args:
        path: The file.
        same: The parts of sheets whose cells need no comparison.
        beyond_values: Read formulas, formats and objects too.

    Raises:
        Unreadable: It is empty, encrypted, damaged, hostile, or has no table.
        OSError: It can't be opened.
    """
    found = identify(path)
    texts = Interner()
    package = Package(path) if found.kind in PACKAGES else None
    try:
        workbook = read_workbook(package) if package is not None else None
        with open_book(path, found) as book:
            side = Side(found.kind, [SheetSide(info) for info in book.sheets])
            for number, sheet in enumerate(side.sheets):
                sheet.skipped = workbook is not None and workbook.parts[number] in same
                if sheet.skipped:
                    continue
                try:
                    sheet.cells = _cells(book, number, texts)
                except TooLarge:
                    sheet.unknown.append("it has more cells than are compared")
        side.texts = list(texts)
        if package is not None and workbook is not None:
            _read_package(path, package, workbook, side, beyond_values=beyond_values)
        return side
    finally:
        if package is not None:
            package.close()


def _cells(book: Book, number: int, texts: Interner) -> CodedSheet:
    """Return the values of a sheet; its texts are numbered in *texts*."""
    if isinstance(book.source, XlsxSource):
        usual = book.source.typed_windows(number)
        if usual is not None:
            own, windows = usual
            with _ended(windows):
                cells = code_windows(windows, own)
            table = own.table().tolist()
            numbers = np.fromiter(map(texts.__getitem__, table), np.float64, len(table))
            if not np.array_equal(numbers, np.arange(len(table))):
                renumbered(cells, numbers)
            if "" in texts:
                blank_texts(cells, texts[""])
            return cells
    with _ended(book.filled(number)) as rows:
        return code_sheet(rows, texts, parsed=book.format.kind == "text")


@contextlib.contextmanager
def _ended(reading: Iterator[Read]) -> Iterator[Iterator[Read]]:
    """End a reading with the block: it holds its part open, whatever stops it."""
    try:
        yield reading
    finally:
        if isinstance(reading, Generator):
            reading.close()


def _read_package(
    path: Path, package: Package, workbook: Workbook, side: Side, *, beyond_values: bool
) -> None:
    differential: list[str] = []
    if workbook.styles:
        styles = package.small(workbook.styles)
        side.looks, differential = looks_of(styles), differential_looks(styles)
    with EditablePackage(path) as parts:
        for sheet, part in zip(side.sheets, workbook.parts, strict=True):
            if part and sheet.info.kind in ("worksheet", "macro"):
                _read_sheet(package, part, sheet)
            if beyond_values and part:
                around = sheet.markup.around if sheet.markup else b""
                if around or sheet.info.kind == "chart":
                    around = around or package.small(part)
                    try:
                        sheet.objects = sheet_objects(parts, part, around, differential)
                    except FAULTS as error:
                        sheet.unknown.append(f"its objects can't be read ({error})")
        if beyond_values:
            side.objects = book_objects(parts, [sheet.info.name for sheet in side.sheets])
            side.parts = other_parts(parts)


def _read_sheet(package: Package, part: str, sheet: SheetSide) -> None:
    try:
        sheet.markup = read_markup(lambda: package.stream(part), package.size(part))
    except NotCompared as problem:
        sheet.unknown.append(f"{problem}: its formulas, formats and objects are not compared")
        return
    if sheet.skipped:  # only what stands around its cells counts
        sheet.markup = CellMarkup(around=sheet.markup.around)


def same_sheets(before: Path, after: Path) -> frozenset[str]:
    """Return the names of the parts of sheets whose cells are the same in both, byte by byte.

    The texts and formats that cells name by number must be the same too.

    Raises:
        Unreadable: One of the two is no readable package.
    """
    with contextlib.closing(Package(before)) as one, contextlib.closing(Package(after)) as other:
        books = read_workbook(one), read_workbook(other)
        shared = [(book.shared_strings, book.styles, book.from_1904) for book in books]
        if shared[0] != shared[1]:
            return frozenset()
        if not all(_same_part(one, other, part) for part in shared[0][:2] if part):
            return frozenset()
        names = [
            {info.name: part for info, part in zip(book.sheets, book.parts, strict=True)}
            for book in books
        ]
        return frozenset(
            part
            for name, part in names[0].items()
            if part and names[1].get(name) == part and _same_part(one, other, part)
        )


def _same_part(one: Package, other: Package, part: str) -> bool:
    if one.size(part) != other.size(part):
        return False
    with one.stream(part) as first, other.stream(part) as second:
        while piece := first.read(io.DEFAULT_BUFFER_SIZE * 8):
            if piece != second.read(len(piece)):
                return False
    return True


def require_table(side: Side) -> None:
    """Refuse a file without a sheet.

    Raises:
        Unreadable: It has none.
    """
    if not side.sheets:
        raise damaged("it has no sheet")
