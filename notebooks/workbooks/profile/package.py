"""The parts of an Office Open XML package: sheets, styles, names, tables, and objects.

Source: ECMA-376 parts 1 (SpreadsheetML) and 2 (Open Packaging Conventions). Both namespaces,
transitional and strict, are read: elements are told apart by their local names.
"""

from __future__ import annotations

import html
import posixpath
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .ahead import Ahead
from .borders import NONE, Lines, border_lines
from .cells import parse_range
from .grid import ExcelTable
from .number_formats import BUILT_IN

MAX_PART_BYTES = 64_000_000
MAX_NAMES = 200
_CONTROLS = frozenset(
    (b"Button", b"Checkbox", b"Radio", b"Drop", b"List", b"Spin", b"Scroll", b"Edit", b"Dialog")
)
MAX_TABLES = 200
_REFERENCE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def local(tag: str) -> str:
    """Return an element's name without its namespace."""
    return tag.rpartition("}")[2]


def parse_xml(content: bytes) -> ElementTree.Element | None:
    """Return the root element of *content*; ``None`` if it is no XML or declares entities."""
    if _REFERENCE.search(content[:4096]):
        return None
    try:
        return ElementTree.fromstring(content)  # noqa: S314 (no entities: refused above)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None


@dataclass(frozen=True)
class Relation:
    """A relationship of a part: its kind (last word of the type), target part, and mode."""

    kind: str
    target: str
    external: bool


@dataclass
class Styles:
    """The cell formats of a workbook by style number: number format code, bold type, lines."""

    codes: list[str] = field(default_factory=list)
    bold: list[bool] = field(default_factory=list)
    lines: list[Lines] = field(default_factory=list)


class Package:
    """An open .xlsx, .xlsm, .xltx or .xltm file; a context manager."""

    def __init__(self, path: Path, ahead: Ahead | None = None) -> None:
        """Open the package at *path*, a part of which *ahead* may have.

        Raises:
            zipfile.BadZipFile: It is no zip file.
        """
        self._zip, self._ahead = zipfile.ZipFile(path), ahead
        self.names = {name.lstrip("/"): name for name in self._zip.namelist()}
        self._folded = {name.lower(): name for name in self.names}

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, part: str, limit: int = MAX_PART_BYTES) -> bytes:
        """Return a part's content; empty if it is missing, damaged or over *limit* bytes."""
        name = self.names.get(part) or self.names.get(self._folded.get(part.lower(), ""))
        if name is None:
            return b""
        try:
            if self._zip.getinfo(name).file_size > limit:
                return b""
            content = self._ahead.take(name) if self._ahead is not None else b""
            content = content or self._zip.read(name)
        except (
            zipfile.BadZipFile,
            OSError,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ):
            return b""
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            content = content.decode("utf-16", "replace").encode()
            content = re.sub(rb'(<\?xml[^>]*?)encoding="[^"]*"', rb"\1", content, count=1)
        return content

    def size(self, part: str) -> int:
        """Return how many bytes a part says it has; 0 if it is missing."""
        name = self.names.get(part) or self.names.get(self._folded.get(part.lower(), ""))
        return self._zip.getinfo(name).file_size if name is not None else 0

    def tree(self, part: str) -> ElementTree.Element | None:
        """Return the root element of a part, ``None`` if it can't be had."""
        content = self.read(part, 32_000_000)
        return parse_xml(content) if content else None

    def relations(self, part: str) -> dict[str, Relation]:
        """Return the relationships of a part by their ids."""
        folder, name = posixpath.split(part)
        root = self.tree(f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels")
        found = {}
        for element in root if root is not None else ():
            target = element.get("Target", "")
            external = element.get("TargetMode") == "External"
            if not external:
                target = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
            kind = element.get("Type", "").rpartition("/")[2]
            found[element.get("Id", "")] = Relation(kind, target, external)
        return found

    @cached_property
    def workbook_part(self) -> str:
        """Return the name of the workbook part."""
        for relation in self.relations("").values():
            if relation.kind == "officeDocument":
                return relation.target
        return "xl/workbook.xml"

    @cached_property
    def workbook(self) -> ElementTree.Element:
        """Return the workbook part's root; an empty element if it can't be read."""
        root = self.tree(self.workbook_part)
        return root if root is not None else ElementTree.Element("workbook")

    @cached_property
    def workbook_relations(self) -> dict[str, Relation]:
        """Return the workbook part's relationships."""
        return self.relations(self.workbook_part)

    @cached_property
    def sheet_parts(self) -> dict[str, str]:
        """Return sheet name → part."""
        found = {}
        for element in self.elements(self.workbook, "sheet"):
            key = next((v for k, v in element.attrib.items() if local(k) == "id" and "}" in k), "")
            relation = self.workbook_relations.get(key)
            if relation is not None:
                found[element.get("name", "")] = relation.target
        return found

    @staticmethod
    def elements(root: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
        """Yield the descendants of *root* with the local *name*."""
        return (element for element in root.iter() if local(element.tag) == name)

    @cached_property
    def date_1904(self) -> bool:
        """Return whether dates count from 1904."""
        return any(
            element.get("date1904") in ("1", "true")
            for element in self.elements(self.workbook, "workbookPr")
        )

    def defined_names(self) -> list[dict[str, str]]:
        """Return the names with what they refer to, without Excel's own of filters."""
        sheets = list(self.sheet_parts)
        found = []
        for element in self.elements(self.workbook, "definedName"):
            name, scope = element.get("name", ""), element.get("localSheetId")
            if name.startswith("_xlnm._FilterDatabase"):
                continue
            entry = {"name": name[:80], "refers_to": (element.text or "")[:200]}
            if scope and scope.isdigit() and int(scope) < len(sheets):
                entry["sheet"] = sheets[int(scope)]
            if element.get("hidden") in ("1", "true"):
                entry["hidden"] = "true"
            found.append(entry)
        return found[:MAX_NAMES]

    @cached_property
    def styles(self) -> Styles:
        """Return the workbook's cell formats; none if it has no styles."""
        part = next(
            (r.target for r in self.workbook_relations.values() if r.kind == "styles"),
            "xl/styles.xml",
        )
        root = self.tree(part)
        if root is None:
            return Styles()
        codes = dict(BUILT_IN)
        for element in self.elements(root, "numFmt"):
            if (key := element.get("numFmtId", "")).isdigit():
                codes[int(key)] = element.get("formatCode", "")
        fonts: list[bool] = []
        lines: list[Lines] = []
        styles = Styles()
        for group in root:
            if local(group.tag) == "fonts":
                fonts = [
                    any(local(e.tag) == "b" and e.get("val") not in ("0", "false") for e in font)
                    for font in group
                ]
            elif local(group.tag) == "borders":
                lines = [border_lines(border) for border in group]
            elif local(group.tag) == "cellXfs":
                for xf in group:
                    number, font = xf.get("numFmtId", "0"), xf.get("fontId", "0")
                    styles.codes.append(
                        codes.get(int(number) if number.isdigit() else 0, "General")
                    )
                    at = int(font) if font.isdigit() else 0
                    styles.bold.append(fonts[at] if at < len(fonts) else False)
                    border = xf.get("borderId", "0")
                    at = int(border) if border.isdigit() else 0
                    styles.lines.append(lines[at] if at < len(lines) else NONE)
        return styles

    def excel_tables(self, sheet_part: str) -> list[ExcelTable]:
        """Return the Excel tables of a sheet."""
        found: list[ExcelTable] = []
        for relation in self.relations(sheet_part).values():
            if relation.kind != "table" or len(found) >= MAX_TABLES:
                continue
            root = self.tree(relation.target)
            area = parse_range(root.get("ref", "")) if root is not None else None
            if root is None or area is None:
                continue
            columns = tuple(e.get("name", "") for e in self.elements(root, "tableColumn"))
            rows = root.get("headerRowCount", "1"), root.get("totalsRowCount", "0")
            header, totals = (int(text) if text.isdigit() else 0 for text in rows)
            name = root.get("displayName") or root.get("name") or ""
            found.append(ExcelTable(name, area, header, totals, columns))
        return sorted(found, key=lambda table: table.area)

    def sheet_objects(self, sheet_part: str) -> dict[str, Any]:
        """Return what lies on a sheet beyond its cells: kind of object → count or names."""
        counts: Counter[str] = Counter()
        details: dict[str, Any] = {}
        drawn = 0
        for relation in self.relations(sheet_part).values():
            kind = relation.kind
            if kind == "drawing":
                counts.update(self._drawing(relation.target))
            elif kind == "comments":
                counts["comments"] += self.read(relation.target).count(b"<comment ")
            elif kind == "threadedComment":
                counts["threads"] += self.read(relation.target).count(b"<threadedComment ")
            elif kind == "pivotTable":
                root = self.tree(relation.target)
                counts["pivot_tables"] += 1
                if root is not None:
                    place = next((e.get("ref", "") for e in self.elements(root, "location")), "")
                    details.setdefault("pivot_ranges", []).append(f"{root.get('name', '')} {place}")
            elif kind == "vmlDrawing":
                shapes, macros = self._form_controls(relation.target)
                drawn += shapes
                details.setdefault("control_macros", []).extend(macros)
            elif kind in ("slicer", "timeline", "ctrlProp", "queryTable", "control", "oleObject"):
                name = {
                    "ctrlProp": "controls",
                    "control": "controls",
                    "oleObject": "embedded_objects",
                }
                counts[name.get(kind, _plural(kind))] += 1
        counts["controls"] = max(counts["controls"], drawn)  # newer files have both
        details = {name: found for name, found in details.items() if found}
        return {**{name: count for name, count in counts.items() if count}, **details}

    def _form_controls(self, part: str) -> tuple[int, list[str]]:
        """Return how many buttons, boxes and lists an old drawing has, and their macros."""
        content = self.read(part)
        kinds = re.findall(rb"ObjectType=[\"'](\w+)", content)
        macros = re.findall(rb"<x:FmlaMacro>([^<]{1,200})<", content)
        return sum(kind in _CONTROLS for kind in kinds), [
            html.unescape(macro.decode("utf-8", "replace")).removeprefix("[0]!")
            for macro in macros[:20]
        ]

    def _drawing(self, part: str) -> Counter[str]:
        """Count the charts, pictures, and shapes of a drawing."""
        counts: Counter[str] = Counter()
        content = self.read(part)
        for relation in self.relations(part).values():
            if relation.kind in ("chart", "chartEx"):
                counts["charts"] += 1
        counts["images"] += len(re.findall(rb"<(?:\w+:)?pic[ >]", content))
        counts["shapes"] += len(re.findall(rb"<(?:\w+:)?sp[ >]", content))
        counts["slicers"] += len(
            re.findall(rb"<(?:sle|sle15|sle16|tsle):(?:slicer|timeslicer)\b", content)
        )
        return counts

    def book_objects(self) -> dict[str, Any]:
        """Return what the workbook has beyond its sheets: kind → count, or true."""
        found: dict[str, Any] = {}
        kinds = Counter(relation.kind for relation in self.workbook_relations.values())
        for kind, name in (
            ("externalLink", "external_links"),
            ("pivotCacheDefinition", "pivot_caches"),
            ("slicerCache", "slicer_caches"),
            ("connections", "connections"),
            ("sheetMetadata", "dynamic_arrays_or_rich_values"),
            ("customXml", "custom_xml"),
        ):
            if kinds[kind]:
                found[name] = kinds[kind]
        if kinds["vbaProject"]:
            found["macros"] = True
        links = [r for r in self.workbook_relations.values() if r.kind == "externalLink"]
        targets = [t.target for link in links for t in self.relations(link.target).values()]
        if targets:
            found["external_files"] = [target[:200] for target in targets[:20]]
        protections = self.elements(self.workbook, "workbookProtection")
        if any(e.get("lockStructure") in ("1", "true") for e in protections):
            found["structure_protected"] = True
        return found


def _plural(kind: str) -> str:
    return {"queryTable": "query_tables"}.get(kind, kind + "s")
