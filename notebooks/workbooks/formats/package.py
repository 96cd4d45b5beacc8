"""The parts of an Office Open XML package (ECMA-376 part 2), read without trusting any of them."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..values import SheetInfo, Unreadable, damaged
from . import markup_stream

MAX_EXPANDED_BYTES = 6_000_000_000
MAX_RATIO, RATIO_FROM_BYTES = 400, 100_000_000
"""Cells of a large sheet compress up to some 50 times; only a bomb compresses more."""
MAX_SHEETS = 2_000
MAX_SMALL_PART_BYTES = 64_000_000
READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


class Package:
    """An open zip file whose directory has been checked.

    Attributes:
        names: Names of its parts by their lower-case form: part names ignore case.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            Unreadable: It is no zip file, cut off, a bomb, encrypted, or has unsafe part names.
        """
        self._zip = open_package(path)
        self.names = {name.replace("\\", "/").lower(): name for name in self._zip.namelist()}

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def has(self, name: str) -> bool:
        """Whether it has a part *name*."""
        return name.lower() in self.names

    def stream(self, name: str) -> IO[bytes]:
        """Open part *name* to be read from its start.

        Raises:
            Unreadable: There is no such part, or it is broken.
        """
        try:
            stream = self._zip.open(self.names[name.lower()])
            return io.BufferedReader(_Checked(stream), 256 * 1024)
        except KeyError:
            raise damaged(f"its part {name!r} is missing") from None
        except READ_ERRORS as error:
            raise damaged(f"its part {name!r} can't be read ({error})") from error

    def size(self, name: str) -> int:
        """Return how many bytes part *name* has, unpacked."""
        return self._zip.getinfo(self.names[name.lower()]).file_size

    def small(self, name: str) -> bytes:
        """Return a part that is small in every honest file.

        Raises:
            Unreadable: It is missing, broken or huge.
        """
        with self.stream(name) as stream:
            # No more is ever unpacked than the directory says.
            if self.size(name) > MAX_SMALL_PART_BYTES:
                raise _bomb(f"its part {name!r} expands to more than 64 MB")
            return stream.read()


class _Checked(io.RawIOBase):
    """A part's stream whose faults are said plainly."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        try:
            piece = self._stream.read(len(buffer))
        except READ_ERRORS as error:
            raise damaged(f"a part of it can't be unpacked ({error})") from error
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_package(path: Path | IO[bytes]) -> zipfile.ZipFile:
    """Open a package, and check the names and sizes of its parts before any is unpacked.

    Raises:
        Unreadable: It is no zip file, cut off, a bomb, encrypted, or has unsafe part names.
    """
    try:
        package = zipfile.ZipFile(path)
    except READ_ERRORS as error:
        raise damaged(f"its directory of parts can't be read ({error})") from error
    try:
        _check_directory(package.infolist())
    except Unreadable:
        package.close()
        raise
    return package


def _check_directory(entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        if ".." in re.split(r"[/\\]", entry.filename) or entry.filename.startswith(("/", "\\")):
            raise Unreadable(
                "hostile-package",
                f"The file holds a part named {entry.filename[:80]!r}, which points outside it.",
                "Don't use it; ask its sender for a file saved by a spreadsheet program.",
            )
        if entry.flag_bits & 1:
            raise encrypted()
        if entry.file_size > RATIO_FROM_BYTES and entry.file_size > MAX_RATIO * entry.compress_size:
            raise _bomb(
                f"{entry.filename!r} expands from {entry.compress_size:,} to "
                f"{entry.file_size:,} bytes"
            )
    expanded = sum(entry.file_size for entry in entries)
    if expanded > MAX_EXPANDED_BYTES:
        raise _bomb(f"its parts expand to {expanded:,} bytes")


def _bomb(what: str) -> Unreadable:
    return Unreadable(
        "zip-bomb", f"The file is packed too tightly to be read safely: {what}.",
        "Save it again in a spreadsheet program, or as CSV.",
    )  # fmt: skip


def encrypted() -> Unreadable:
    """Return the reason for a file that has a password."""
    return Unreadable(
        "encrypted",
        "The file is protected by a password to open.",
        "Open it in Excel, remove the password (File > Info > Protect Workbook), and save it.",
    )


@dataclass(frozen=True, slots=True)
class Workbook:
    """What the workbook part says.

    Attributes:
        sheets: The sheets in the order of their tabs.
        parts: The part of each sheet; empty if the file has none.
        shared_strings: The part that holds the texts; empty if there is none.
        styles: The part that holds the formats; empty if there is none.
        from_1904: Dates count from 1904-01-01.
    """

    sheets: list[SheetInfo]
    parts: list[str]
    shared_strings: str
    styles: str
    from_1904: bool


KINDS = {
    "worksheet": "worksheet", "chartsheet": "chart", "dialogsheet": "dialog",
    "xlMacrosheet": "macro", "xlIntlMacrosheet": "macro",
}  # fmt: skip


class _Relationships:
    """Handlers that collect (id, type, target) of a relationships part."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, str]] = []

    def start(self, name: str, of: dict[str, str]) -> None:
        if name == "Relationship" and of.get("TargetMode") != "External":
            kind = of.get("Type", "").rpartition("/")[2]
            self.found.append((of.get("Id", ""), kind, of.get("Target", "")))

    def end(self, name: str) -> None: ...

    def text(self, data: str) -> None: ...


class _WorkbookPart:
    """Handlers that collect sheets and the date system of a workbook part."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, str]] = []
        self.from_1904 = False

    def start(self, name: str, of: dict[str, str]) -> None:
        if name == "sheet":
            identity = next((of[key] for key in of if key.endswith(":id")), "")
            self.sheets.append((of.get("name", ""), of.get("state", "visible"), identity))
        elif name == "workbookPr":
            self.from_1904 = of.get("date1904", "0") in ("1", "true", "on")

    def end(self, name: str) -> None: ...

    def text(self, data: str) -> None: ...


def relationships(package: Package, part: str) -> list[tuple[str, str, str]]:
    """Return (id, last word of the type, part) of the relationships of *part*; none if broken off.

    Args:
        package: The package.
        part: A part's name, or an empty text for the package's own relationships.
    """
    directory, name = posixpath.split(part)
    described = posixpath.join(directory, "_rels", f"{name}.rels")
    if not package.has(described):
        return []
    found = _Relationships()
    for _ in markup_stream.events(io.BytesIO(package.small(described)), found):
        pass
    return [(identity, kind, resolve(directory, target)) for identity, kind, target in found.found]


def resolve(directory: str, target: str) -> str:
    """Return the name of the part that *target* means, seen from *directory*."""
    return posixpath.normpath(posixpath.join("/", directory, target)).lstrip("/")


def main_part(package: Package) -> str:
    """Return the name of the workbook part.

    Raises:
        Unreadable: There is none.
    """
    for _, kind, part in relationships(package, ""):
        if kind == "officeDocument" and package.has(part):
            return part
    for usual in ("xl/workbook.xml", "xl/workbook.bin"):
        if package.has(usual):
            return usual
    raise damaged("its workbook part is missing")


def sheet_infos(found: list[tuple[str, str, str]]) -> list[SheetInfo]:
    """Return the sheets of (name, kind, state); refuse what no person made.

    Raises:
        Unreadable: There are more sheets than `MAX_SHEETS`.
    """
    if len(found) > MAX_SHEETS:
        raise Unreadable(
            "too-many-sheets",
            f"The file has {len(found):,} sheets; up to {MAX_SHEETS:,} are read.",
            "Split it into several files.",
        )
    return [
        SheetInfo(name, kind, state == "visible", state == "veryHidden")
        for name, kind, state in found
    ]


def read_workbook(package: Package) -> Workbook:
    """Return what the workbook part of *package* says.

    Raises:
        Unreadable: It is missing or broken, or has too many sheets.
    """
    main = main_part(package)
    part = _WorkbookPart()
    for _ in markup_stream.events(io.BytesIO(package.small(main)), part):
        pass
    related = relationships(package, main)
    by_id = {identity: (kind, target) for identity, kind, target in related}
    by_kind = {kind: target for _, kind, target in related if package.has(target)}
    kinds = [by_id.get(identity, ("worksheet", "")) for _, _, identity in part.sheets]
    infos = sheet_infos(
        [
            (name, KINDS.get(kind, "worksheet"), state)
            for (name, state, _), (kind, _) in zip(part.sheets, kinds, strict=True)
        ]
    )
    parts = [target if package.has(target) else "" for _, target in kinds]
    return Workbook(
        infos,
        parts,
        by_kind.get("sharedStrings", ""),
        by_kind.get("styles", ""),
        part.from_1904,
    )
