"""Office Open XML workbooks: .xlsx, .xlsm, .xltx, .xltm, transitional and strict."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from ..values import Row
from . import markup_stream, sheet_windows
from .number_formats import Kind, kind_of_id
from .numbered_texts import Texts
from .package import Package, read_workbook
from .shared_strings import NotPlain, read_any, read_plain
from .sheet_part import Meanings
from .sheet_windows import Window


class _Styles:
    """Handlers that collect the number format of each cell format."""

    def __init__(self) -> None:
        self.codes: dict[int, str] = {}
        self.ids: list[int] = []
        self._in_formats = self._in_codes = False

    def start(self, name: str, of: dict[str, str]) -> None:
        if name == "numFmts":
            self._in_codes = True  # conditional formats have codes of their own
        elif name == "numFmt" and self._in_codes and of.get("numFmtId", "").isdecimal():
            self.codes[int(of["numFmtId"])] = of.get("formatCode", "")
        elif name == "cellXfs":
            self._in_formats = True
        elif name == "xf" and self._in_formats:
            number = of.get("numFmtId", "0")
            self.ids.append(int(number) if number.isdecimal() else 0)

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self._in_formats = False
        elif name == "numFmts":
            self._in_codes = False

    def text(self, data: str) -> None: ...


class XlsxSource:
    """An open workbook."""

    def __init__(self, package: Package) -> None:
        """Read the list of sheets.

        Raises:
            Unreadable: The workbook part is missing or broken, or has too many sheets.
        """
        self._package = package
        self._workbook = read_workbook(package)
        self.sheets = self._workbook.sheets

    @cached_property
    def _meanings(self) -> Meanings:
        strings: list[str] = []
        if part := self._workbook.shared_strings:
            try:
                with self._package.stream(part) as stream:
                    strings = read_plain(stream)
            except NotPlain:
                with self._package.stream(part) as stream:
                    strings = read_any(stream)
        return Meanings(strings, self._kinds(), self._workbook.from_1904)

    def _kinds(self) -> list[Kind]:
        if not self._workbook.styles:
            return []
        styles = _Styles()
        with self._package.stream(self._workbook.styles) as stream:
            for _ in markup_stream.events(stream, styles):
                pass
        return [kind_of_id(number, styles.codes) for number in styles.ids]

    def filled(self, index: int) -> Iterator[Row]:
        """Yield the rows of sheet *index* that have a filled cell, in order.

        Raises:
            Unreadable: Its part is malformed, cut off or hostile.
        """
        part = self._workbook.parts[index]
        if part and self.sheets[index].kind in ("worksheet", "macro"):
            yield from sheet_windows.filled_rows_of(
                lambda: self._package.stream(part), self._meanings
            )

    def part_bytes(self, index: int) -> int:
        """Return the size of sheet *index*, unpacked; 0 if it has no cells."""
        part = self._workbook.parts[index]
        return self._package.size(part) if part else 0

    def part_content(self, index: int) -> bytes:
        """Return the XML of sheet *index*; nothing if it has no cells.

        Raises:
            Unreadable: The part can't be unpacked.
        """
        part = self._workbook.parts[index]
        if not part:
            return b""
        with self._package.stream(part) as stream:
            return stream.read()

    @property
    def text_bytes(self) -> int:
        """The size of the part of texts, unpacked; 0 if there is none."""
        part = self._workbook.shared_strings
        return self._package.size(part) if part else 0

    def typed_windows(self, index: int) -> tuple[Texts, Iterator[Window]] | None:
        """Return texts and windows of sheet *index* for `typed_sheet`, if it is a usual one."""
        part = self._workbook.parts[index]
        texts = Texts(self._meanings.strings)
        windows = sheet_windows.typed_windows(
            lambda: self._package.stream(part), self._meanings, texts
        )
        return None if windows is None else (texts, windows)

    def close(self) -> None:
        """Close the file."""
        self._package.close()
