"""A worksheet part without its cells, to read or change what stands around them.

Source: ECMA-376 part 1, section 18.3.1.99 (worksheet); its children have a fixed order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .opc import REFERENCE, STRICT_REFERENCE, parse, serialize

ORDER = (
    "sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection "
    "protectedRanges scenarios autoFilter sortState dataConsolidate customSheetViews mergeCells "
    "phoneticPr conditionalFormatting dataValidations hyperlinks printOptions pageMargins "
    "pageSetup headerFooter rowBreaks colBreaks customProperties cellWatches ignoredErrors "
    "smartTags drawing legacyDrawing legacyDrawingHF drawingHF picture oleObjects controls "
    "webPublishItems tableParts extLst"
).split()
_CELLS = re.compile(rb"<(\w+:)?sheetData\b[^>]*?(/>|>.*</(\w+:)?sheetData\s*>)", re.DOTALL)
_PLACE = b"<sheetData/>"


@dataclass(slots=True)
class SheetMarkup:
    """A worksheet part in two pieces.

    Attributes:
        root: The part's tree, with an empty sheetData.
        cells: The sheetData element as it was written.
    """

    root: Any
    cells: bytes

    @classmethod
    def of(cls, content: bytes) -> SheetMarkup:
        """Divide a worksheet (or chartsheet) part.

        Raises:
            Unreadable: It is no XML.
        """
        found = _CELLS.search(content)
        if found is None:
            return cls(parse(content), b"")
        prefix = found[1] or b""
        place = _PLACE.replace(b"<", b"<" + prefix)
        return cls(parse(content[: found.start()] + place + content[found.end() :]), found[0])

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


def references(element: Any) -> list[tuple[Any, str]]:
    """Return each attribute within *element* that names a relationship: element and attribute."""
    return [
        (each, name)
        for each in element.iter()
        for name in each.attrib
        if isinstance(name, str) and name.startswith((REFERENCE, STRICT_REFERENCE))
    ]
