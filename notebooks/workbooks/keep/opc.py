"""An Office Open XML package to change: its parts, their types and relationships.

Source: ECMA-376 part 2 (Open Packaging Conventions), sections 7 to 9.
"""

from __future__ import annotations

import posixpath
import time
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from lxml import etree

from ..formats.package import READ_ERRORS, open_package, resolve
from ..values import damaged

TYPES_PART = "[Content_Types].xml"
TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
RELATIONSHIPS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
RELATIONSHIPS_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
REFERENCE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
"""Namespace of the attributes that name a relationship of the part they are in."""
STRICT_REFERENCE = "{http://purl.oclc.org/ooxml/officeDocument/relationships}"
NEVER_COPIED = frozenset({"officeDocument", "worksheet", "chartsheet"})
"""Relationships of a part back to the workbook it is in."""
LARGE_BYTES = 2_000_000
HEADER_BYTES = 30
"""Size of a local file header before its name. Source: APPNOTE.TXT, section 4.3.7."""


def parse(content: bytes) -> Any:
    """Parse a part's XML; entities are not expanded and nothing is fetched.

    Raises:
        Unreadable: It is no XML.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise damaged(f"a part of it is no XML ({error})") from error


def serialize(tree: Any) -> bytes:
    """Return a part's content."""
    content: bytes = etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True)
    return content


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship of a part.

    Attributes:
        id: Its id, unique in its part.
        type: Its type, a URI.
        target: A part's name, or an address outside the package.
        external: The target is no part: it is outside the package, or a place (``#Sheet1!A1``).
    """

    id: str
    type: str
    target: str
    external: bool

    @property
    def kind(self) -> str:
        """The last word of the type, such as ``drawing``."""
        return self.type.rpartition("/")[2]


class EditablePackage:
    """A package whose parts can be read, replaced, added and removed; `save` writes it."""

    def __init__(self, path: Path | IO[bytes]) -> None:
        """Open the file, named or open already.

        Raises:
            Unreadable: It is no zip file, cut off, a bomb, encrypted, or has unsafe part names.
        """
        self._zip = open_package(path)
        self._old = {info.filename: info for info in self._zip.infolist()}
        self._new: dict[str, bytes] = {}
        self._spelled = {name.lower(): name for name in self._old}
        """The spelling of part names, which are the same in upper and lower case."""
        self._relationships: dict[str, list[Relationship]] = {}
        self._types: Any = None
        self._last: tuple[str, bytes] = "", b""
        """The part that was read last: a large sheet is read several times in a row."""

    def __enter__(self) -> EditablePackage:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """The names of its parts."""
        return [*self._old, *(name for name in self._new if name not in self._old)]

    @property
    def changed(self) -> bool:
        """Whether any part was replaced, added or removed."""
        return bool(self._new) or len(self._old) != len(self._zip.infolist())

    def __contains__(self, name: str) -> bool:
        return name in self._new or name in self._old

    def read(self, name: str) -> bytes:
        """Return the content of part *name*.

        Raises:
            Unreadable: It is missing or broken.
        """
        if name in self._new:
            return self._new[name]
        if self._last[0] == name:
            return self._last[1]
        try:
            self._last = name, self._zip.read(self._old[name])
            return self._last[1]
        except KeyError:
            raise damaged(f"its part {name!r} is missing") from None
        except READ_ERRORS as error:
            raise damaged(f"its part {name!r} can't be read ({error})") from error

    def size(self, name: str) -> int:
        """Return how many bytes part *name* has; 0 if it is missing."""
        if name in self._new:
            return len(self._new[name])
        return self._old[name].file_size if name in self._old else 0

    def write(self, name: str, content: bytes) -> None:
        """Replace or add part *name*."""
        self._new[name] = content

    def remove(self, name: str) -> None:
        """Remove part *name*, with its type and relationships."""
        for each in (name, relationships_part(name)):
            self._new.pop(each, None)
            self._old.pop(each, None)
        self._relationships.pop(name, None)
        if self._last[0] == name:
            self._last = "", b""
        for override in self._type_elements(name):
            override.getparent().remove(override)
            self._store_types()

    # types

    def _content_types(self) -> Any:
        if self._types is None:
            self._types = parse(self.read(TYPES_PART))
        return self._types

    def _type_elements(self, name: str) -> list[Any]:
        wanted = f"/{name}".lower()
        overrides = self._content_types().iterfind(f"{TYPES}Override")
        return [each for each in overrides if each.get("PartName", "").lower() == wanted]

    def content_type(self, name: str) -> str:
        """Return the content type of part *name*; empty if none is stated."""
        for override in self._type_elements(name):
            return str(override.get("ContentType", ""))
        extension = name.rpartition(".")[2].lower()
        for default in self._content_types().iterfind(f"{TYPES}Default"):
            if default.get("Extension", "").lower() == extension:
                return str(default.get("ContentType", ""))
        return ""

    def set_content_type(self, name: str, content_type: str) -> None:
        """State the content type of part *name*."""
        if self.content_type(name) == content_type:
            return
        for override in self._type_elements(name):
            override.set("ContentType", content_type)
            break
        else:
            attributes = {"PartName": f"/{name}", "ContentType": content_type}
            etree.SubElement(self._content_types(), f"{TYPES}Override", attributes)
        self._store_types()

    def _store_types(self) -> None:
        self.write(TYPES_PART, serialize(self._content_types()))

    # relationships

    def relationships(self, part: str) -> list[Relationship]:
        """Return the relationships of *part*; of the package itself if it is empty."""
        if part not in self._relationships:
            self._relationships[part] = list(self._read_relationships(part))
        return self._relationships[part]

    def _read_relationships(self, part: str) -> Iterator[Relationship]:
        described = self._as_spelled(relationships_part(part))
        if described not in self:
            return
        for each in parse(self.read(described)).iterfind(f"{RELATIONSHIPS}Relationship"):
            target = each.get("Target", "")
            external = each.get("TargetMode") == "External" or target.startswith("#")
            yield Relationship(
                each.get("Id", ""),
                each.get("Type", ""),
                target if external else self._as_spelled(resolve(posixpath.dirname(part), target)),
                external,
            )

    def _as_spelled(self, name: str) -> str:
        return name if name in self else self._spelled.get(name.lower(), name)

    def relate(self, part: str, kind: str, target: str, *, external: bool = False) -> str:
        """Add a relationship of type *kind* (a URI) to *part*; return its id."""
        related = self.relationships(part)
        taken = {each.id for each in related}
        free = next(f"rId{n}" for n in range(1, len(taken) + 2) if f"rId{n}" not in taken)
        related.append(Relationship(free, kind, target, external))
        self._store_relationships(part)
        return free

    def unrelate(self, part: str, identity: str) -> None:
        """Remove a relationship of *part*."""
        kept = [each for each in self.relationships(part) if each.id != identity]
        self._relationships[part] = kept
        self._store_relationships(part)

    def retarget(self, part: str, identity: str, target: str, *, kind: str = "") -> None:
        """Let a relationship of *part* lead to another part, which may be of another *kind*."""
        self._relationships[part] = [
            replace(each, target=target, type=kind or each.type) if each.id == identity else each
            for each in self.relationships(part)
        ]
        self._store_relationships(part)

    def _store_relationships(self, part: str) -> None:
        root = etree.Element(f"{RELATIONSHIPS}Relationships", nsmap={None: RELATIONSHIPS[1:-1]})
        for each in self.relationships(part):
            target = each.target if each.external else f"/{each.target}"
            described = {"Id": each.id, "Type": each.type, "Target": target}
            if each.external and not each.target.startswith("#"):
                described["TargetMode"] = "External"
            etree.SubElement(root, f"{RELATIONSHIPS}Relationship", described)
        name = relationships_part(part)
        self.write(name, serialize(root))
        if not self.content_type(name):
            self.set_content_type(name, RELATIONSHIPS_TYPE)

    # copies

    def copy(self, source: EditablePackage, part: str, copied: dict[str, str]) -> str:
        """Copy *part* of another package, and all it is related to, under free names.

        Args:
            source: The other package.
            part: Its part.
            copied: The names of parts copied so far and of their copies; extended.

        Returns:
            The name of the copy. Relationship ids stay, so its content needs no change.
        """
        if part in copied:
            return copied[part]
        name = copied[part] = self._free_name(part)
        self.write(name, source.read(part))
        if content_type := source.content_type(part):
            self.set_content_type(name, content_type)
        related = [
            Relationship(
                each.id,
                each.type,
                each.target if each.external else self.copy(source, each.target, copied),
                each.external,
            )
            for each in source.relationships(part)
            if each.kind not in NEVER_COPIED and (each.external or each.target in source)
        ]
        if related:
            self._relationships[name] = related
            self._store_relationships(name)
        return name

    def _free_name(self, part: str) -> str:
        taken = {name.lower() for name in self.names}
        if part.lower() not in taken:
            return part
        stem, dot, extension = part.rpartition(".")
        stem = stem.rstrip("0123456789")
        numbered = (f"{stem}{number}{dot}{extension}" for number in range(1, len(taken) + 2))
        return next(name for name in numbered if name.lower() not in taken)

    def save(self, path: Path | IO[bytes]) -> None:
        """Write the package to *path*; unchanged parts are copied as they are, still compressed."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for name in self.names:
                if name in self._new:
                    content = self._new[name]
                    if len(content) > LARGE_BYTES:
                        _write_large(name, content, target)
                    else:
                        target.writestr(name, content)
                else:
                    _copy_compressed(self._zip, self._old[name], target)


def _write_large(name: str, content: bytes, target: zipfile.ZipFile) -> None:
    """Compress and write a large part: fast, and each half in a thread of its own.

    A flushed stream ends at a byte, so that one follows the other. Source: RFC 1951, section 3.2.4
    (an empty stored block); zlib's Z_SYNC_FLUSH.
    """
    info = zipfile.ZipInfo(name, time.localtime()[:6])
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
    middle, whole = len(content) // 2, memoryview(content)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(_deflated, whole[:middle], zlib.Z_SYNC_FLUSH)
        second = threads.submit(_deflated, whole[middle:], zlib.Z_FINISH)
        info.CRC, info.file_size = zlib.crc32(content), len(content)
        compressed = first.result() + second.result()
    info.compress_size = len(compressed)
    _put(target, info, compressed)


def _deflated(content: memoryview, end: int) -> bytes:
    making = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return making.compress(content) + making.flush(end)


def relationships_part(part: str) -> str:
    """Return the name of the part that holds the relationships of *part*."""
    directory, name = posixpath.split(part)
    return posixpath.join(directory, "_rels", f"{name}.rels")


def _copy_compressed(
    source: zipfile.ZipFile, info: zipfile.ZipInfo, target: zipfile.ZipFile
) -> None:
    """Copy an entry without unpacking it, as zipfile itself can't."""
    reading: Any = source.fp
    reading.seek(info.header_offset)
    header = reading.read(HEADER_BYTES)
    extra = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    reading.seek(extra, 1)
    content = reading.read(info.compress_size)
    copy = zipfile.ZipInfo(info.filename, info.date_time)
    copy.compress_type, copy.external_attr = info.compress_type, info.external_attr
    copy.CRC, copy.file_size, copy.compress_size = info.CRC, info.file_size, info.compress_size
    _put(target, copy, content)


def _put(target: zipfile.ZipFile, info: zipfile.ZipInfo, compressed: bytes) -> None:
    """Write an entry that is compressed already, as zipfile itself can't."""
    writing: Any = target.fp
    writing.seek(target.start_dir)
    info.header_offset = writing.tell()
    writing.write(info.FileHeader())
    writing.write(compressed)
    target.start_dir = writing.tell()
    target.filelist.append(info)
    target.NameToInfo[info.filename] = info
    target._didModify = True  # type: ignore[attr-defined]  # else `close` writes no directory
