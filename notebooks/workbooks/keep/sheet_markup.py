"""A worksheet part without its cells, to read or change what stands around them.

Source: ECMA-376 part 1, section 18.3.1.99 (worksheet); its children have a fixed order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ..formats.scanning import holds
from .opc import REFERENCE, STRICT_REFERENCE, parse, serialize

ORDER = (
    "sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection "
    "protectedRanges scenarios autoFilter sortState dataConsolidate customSheetViews mergeCells "
    "phoneticPr conditionalFormatting dataValidations hyperlinks printOptions pageMargins "
    "pageSetup headerFooter rowBreaks colBreaks customProperties cellWatches ignoredErrors "
    "smartTags drawing legacyDrawing legacyDrawingHF drawingHF picture oleObjects controls "
    "webPublishItems tableParts extLst"
).split()
_START = re.compile(rb"<(\w+:)?sheetData\b[^>]*?(/?)>")
_END = re.compile(rb"</(\w+:)?sheetData\s*>")
_CELLS = re.compile(rb"<(\w+:)?sheetData\b[^>]*?(/>|>.*</(\w+:)?sheetData\s*>)", re.DOTALL)
IGNORABLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Ignorable"
_PLACE = b"<sheetData/>"
_FIRST_CELL = re.compile(rb"<c\s+([^>]*)>")
_CELL_START = re.compile(rb"<c(\s[^>]*)>")
_NAME = re.compile(rb'\sr="([A-Z]{1,3}\d{1,7})"')


@dataclass(slots=True)
class SheetMarkup:
    """A worksheet part in two pieces.

    Attributes:
        root: The part's tree, with an empty sheetData.
        cells: The sheetData element as Excel writes it: names without a prefix, and the name of
            a cell as its first attribute.
    """

    root: Any
    cells: bytes

    @classmethod
    def of(cls, content: bytes) -> SheetMarkup:
        """Divide a worksheet (or chartsheet) part.

        Raises:
            Unreadable: It is no XML.
        """
        start = _START.search(content)
        end = _end_of_cells(content, start) if start is not None else 0
        if start is None or not end:
            return cls(parse(content), b"")
        place = _PLACE.replace(b"<", b"<" + (start[1] or b""))
        root = parse(content[: start.start()] + place + content[end:])
        return cls(root, _usual(content[start.start() : end], start[1] or b"", root))

    def content(self) -> bytes:
        """Return the whole part."""
        around = serialize(self.root)
        return _CELLS.sub(lambda _: self.cells, around, count=1) if self.cells else around

    def child(self, name: str) -> Any:
        """Return the first child named *name*, wrapped or not; ``None`` without one."""
        return next((each for each in self.root if name_of(each) == name), None)

    def children(self, name: str) -> list[Any]:
        """Return the children named *name*."""
        return [each for each in self.root if name_of(each) == name]

    def insert(self, element: Any) -> None:
        """Insert *element* where the schema wants it."""
        rank = _rank(element)
        later = [number for number, each in enumerate(self.root) if _rank(each) > rank]
        self.root.insert(later[0] if later else len(self.root), element)


def _usual(cells: bytes, prefix: bytes, root: Any) -> bytes:
    """Return cells written as Excel writes them; other writers use prefixes and other orders."""
    if prefix:
        namespace = root.tag.partition("}")[0][1:].encode()
        cells = re.sub(rb"<(/?)" + re.escape(prefix), rb"<\1", cells)
        cells = cells.replace(b"<sheetData", b'<sheetData xmlns="%s"' % namespace, 1)
    first = _FIRST_CELL.search(cells)
    if first is not None and not first[1].startswith(b'r="'):
        cells = _CELL_START.sub(_name_first, cells)
    return cells


def _name_first(cell: re.Match[bytes]) -> bytes:
    attributes = cell[1].replace(b"'", b'"')
    named = _NAME.search(attributes)
    if named is None:
        return cell[0]
    others = attributes[: named.start()] + attributes[named.end() :]
    return b'<c r="%s"%s>' % (named[1], others.rstrip())


def _end_of_cells(content: bytes, start: re.Match[bytes]) -> int:
    """Return where the sheetData element ends that begins with *start*; 0 if it never does."""
    if start[2]:
        return start.end()
    at = content.rfind(b"</", start.end(), content.rfind(b"sheetData") + 1)
    found = _END.match(content, at) if at >= 0 else None
    return found.end() if found is not None else 0


def has_metadata(cells: bytes) -> bool:
    """Return whether a cell may name its metadata (``cm``) or its value's (``vm``)."""
    return holds(cells, b'm="', 0) and (b' cm="' in cells or b' vm="' in cells)


def name_of(element: Any) -> str:
    """Return an element's name without its namespace; of a choice, that of what it wraps.

    Source: ECMA-376 part 3, section 7.6 (AlternateContent).
    """
    if not isinstance(element.tag, str):
        return ""
    name = element.tag.rpartition("}")[2]
    if name != "AlternateContent":
        return str(name)
    wrapped = next((inner for choice in element for inner in choice), None)
    return name_of(wrapped) if wrapped is not None else ""


def _rank(element: Any) -> int:
    name = name_of(element)
    return ORDER.index(name) if name in ORDER else len(ORDER)


def copy_of(element: Any) -> Any:
    """Return a copy of *element* for another part.

    It declares every prefix in scope, since a choice names the prefixes it requires in a text.
    Attributes that a reader may ignore are left out: the other part's root does not say which
    may be ignored.

    Source: ECMA-376 part 3, sections 7.2 (Ignorable) and 7.6 (AlternateContent).
    """
    copied = etree.fromstring(etree.tostring(element, with_tail=False))
    root = element.getroottree().getroot()
    ignorable = {root.nsmap.get(prefix) for prefix in str(root.get(IGNORABLE, "")).split()}
    for each in copied.iter():
        for name in list(each.attrib):
            if str(name).startswith("{") and str(name)[1:].partition("}")[0] in ignorable:
                del each.attrib[name]
    return copied


def references(element: Any) -> list[tuple[Any, str]]:
    """Return each attribute within *element* that names a relationship: element and attribute."""
    return [
        (each, name)
        for each in element.iter()
        for name in each.attrib
        if isinstance(name, str) and name.startswith((REFERENCE, STRICT_REFERENCE))
    ]
