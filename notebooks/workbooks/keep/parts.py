"""What a workbook holds beside values and formats: charts, slicers, sparklines, macros and more.

`lost` compares two workbooks, so that nothing goes unnoticed when one was made from the other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from .filters import LISTS
from .names import names_of
from .opc import EditablePackage, parse
from .rich_text import has_formats, has_hints, rich_cells, rich_texts
from .sheet_markup import SheetMarkup, has_metadata, name_of
from .workbook_parts import sheet_parts, workbook_part

Feature = tuple[str, str]
"""What it is, in words, and the sheet it is on; an empty name for the whole workbook."""

OF_PARTS = {
    "chart": "chart", "chartEx": "chart", "image": "picture", "pivotTable": "pivot table",
    "slicer": "slicer", "timeline": "timeline", "table": "table", "tableSingleCells": "XML table",
    "threadedComment": "comment thread", "control": "ActiveX control",
    "oleObject": "embedded object", "package": "embedded object", "queryTable": "query table",
    "printerSettings": "printer setting", "diagramData": "SmartArt", "namedSheetView": "sheet view",
    "connections": "data connection", "vbaProject": "macro project", "customXml": "custom XML part",
    "externalLink": "external link", "xmlMaps": "XML map", "customProperty": "custom property",
    "attachedToolbars": "toolbar", "rdRichValue": "data type", "webExtension": "web extension",
    "volatileDependencies": "real-time data", "model": "data model", "customData": "custom data",
    "pivotCacheDefinition": "pivot cache", "xlMacrosheet": "macro sheet",
    "xlIntlMacrosheet": "macro sheet", "dialogsheet": "dialog sheet",
}  # fmt: skip
"""Kinds of relationship, and what their targets are to a user."""
OF_PACKAGE = {
    "origin": "digital signature", "thumbnail": "preview picture", "extensibility": "ribbon",
    "userCustomization": "toolbar", "classificationlabels": "sensitivity label",
    "custom-properties": "list of custom properties",
}  # fmt: skip
"""Kinds of relationship of the package."""
OF_WORKBOOK = {
    "workbookProtection": "workbook protection", "fileSharing": "write protection",
    "functionGroup": "function group", "customWorkbookView": "custom view of the workbook",
    "webPublishObject": "published object",
}  # fmt: skip
BUILT_IN = {
    "_xlnm.print_area": "print area", "_xlnm.print_titles": "list of print titles",
    "_xlnm._filterdatabase": "",  # follows from the filter
}  # fmt: skip
OF_ELEMENTS = {
    "sparkline": "sparkline", "scenario": "scenario", "customSheetView": "custom view",
    "cellWatch": "cell watch", "ignoredError": "ignored error", "sp": "shape", "cxnSp": "line",
    "protectedRange": "protected range", "legacyDrawingHF": "header picture",
    "picture": "background picture", "hyperlink": "hyperlink", "brk": "page break",
    "oddHeader": "page header", "evenHeader": "page header", "firstHeader": "page header",
    "oddFooter": "page footer", "evenFooter": "page footer", "firstFooter": "page footer",
    "sheetProtection": "sheet protection", "filterColumn": "filter", "sortCondition": "sort order",
    "mergeCell": "merged range", "pane": "divided view", "tabColor": "tab colour",
    "printOptions": "print option", "pageSetup": "page set-up", "customPr": "custom property",
    "webPublishItem": "published item", "dataRef": "consolidated range",
}  # fmt: skip
RICH = "text with several formats"
FOLLOWED = frozenset({"drawing", "chart", "table", "pivotCacheDefinition", "externalLink"})
_CONTROL = re.compile(rb'ObjectType="(\w+)"')
"""The kind of a shape in a legacy drawing. Source: ECMA-376 part 4, section 19.4.2.12."""
_METADATA = re.compile(rb'<c r="[^"]+"[^>]*\s(cm|vm)="\d+"')


def inventory(package: EditablePackage) -> Counter[Feature]:
    """Return how many of each feature a workbook has.

    Args:
        package: The workbook.

    Raises:
        Unreadable: A part is missing or broken.
    """
    found: Counter[Feature] = Counter()
    main = workbook_part(package)
    for related in package.relationships(main):
        if (word := OF_PARTS.get(related.kind)) and related.target in package:
            found[word, ""] += 1
    for related in package.relationships(""):
        if (word := OF_PACKAGE.get(related.kind)) and related.target in package:
            found[word, ""] += 1
    book = parse(package.read(main))
    for each in book.iter():
        word = OF_WORKBOOK.get(name_of(each))
        if word and (each.attrib or len(each)):  # openpyxl writes an empty workbookProtection
            found[word, ""] += 1
    for name, sheet in names_of(package, main, book):
        if word := BUILT_IN.get(name, "defined name"):
            found[word, sheet] += 1
    rich = rich_texts(package)
    for sheet, part in sheet_parts(package).items():
        found[("sheet", sheet)] += 1
        _count_sheet(package, part, sheet, rich, found)
    return found


def _count_sheet(
    package: EditablePackage,
    part: str,
    sheet: str,
    rich: Mapping[int, Any],
    found: Counter[Feature],
) -> None:
    markup = SheetMarkup.of(package.read(part))
    _count_elements(markup.root, sheet, found)
    for text in rich_cells(rich, markup.cells).values():
        found[RICH, sheet] += has_formats(text)
        found["phonetic hint", sheet] += has_hints(text)
    for kind in _METADATA.findall(markup.cells) if has_metadata(markup.cells) else ():
        found["dynamic array" if kind == b"cm" else "cell with a data type or picture", sheet] += 1
    seen, waiting = {part}, [part]
    while waiting:
        for related in package.relationships(waiting.pop()):
            if related.external or related.target in seen or related.target not in package:
                continue
            seen.add(related.target)
            if word := OF_PARTS.get(related.kind):
                listed = related.kind in LISTS  # several in one part
                found[word, sheet] += len(parse(package.read(related.target))) if listed else 1
            if related.kind == "drawing":
                _count_elements(parse(package.read(related.target)), sheet, found)
            elif related.kind == "vmlDrawing":
                drawn = set(_CONTROL.findall(package.read(related.target))) - {b"Note", b"Pict"}
                found["form control", sheet] += sum(
                    package.read(related.target).count(b'ObjectType="%s"' % kind) for kind in drawn
                )
            elif related.kind == "comments":
                comments = parse(package.read(related.target)).iter("{*}comment")
                for comment in comments:
                    found["comment", sheet] += 1
                    found["comment with formats", sheet] += comment.find("{*}text/{*}r") is not None
            if related.kind in FOLLOWED:
                waiting.append(related.target)


def _count_elements(root: Any, sheet: str, found: Counter[Feature]) -> None:
    for element in root.iter():
        name = name_of(element) if isinstance(element.tag, str) else ""
        if element.tag.__class__ is str and element.tag.endswith("}AlternateContent"):
            continue  # what it wraps is counted
        if word := OF_ELEMENTS.get(name):
            found[word, sheet] += 1
        elif name in ("dataValidation", "cfRule"):
            word = "drop-down or validation" if name == "dataValidation" else "conditional format"
            found[word, sheet] += 1


def lost(
    original: Path | IO[bytes], result: Path | IO[bytes], sheets: Mapping[str, str]
) -> Counter[Feature]:
    """Return how many of each feature of *original* are missing in *result*.

    Args:
        original: The workbook that was read.
        result: The one that was written from it.
        sheets: Names of the sheets in *result* by their names in *original*; the features of
            sheets that are not named don't count.

    Raises:
        Unreadable: One of the two is no readable package.
    """
    with (
        EditablePackage(original) as source,
        EditablePackage(result) as target,
        ThreadPoolExecutor(1) as beside,  # most of it is unpacking, which takes no lock
    ):
        reading = beside.submit(inventory, source)
        after = inventory(target)
        before = reading.result()
    missing: Counter[Feature] = Counter()
    for (word, sheet), count in before.items():
        if sheet and sheet not in sheets:
            continue
        gone = count - after[word, sheets.get(sheet, "")]
        if gone > 0:
            missing[word, sheet] = gone
    return missing


NOT_OF_COPIES = frozenset(
    {"sheet", "printer setting", "custom view", "defined name", "comment with formats"}
)


SETTINGS = frozenset(
    "page header, page footer, page set-up, divided view, page break, print option, filter".split(
        ", "
    )
)


def lost_of_copies(
    original: Path | IO[bytes], result: Path | IO[bytes], copies: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Counter[Feature]]:
    """Return what sheets have that copies of them lack, by the names of both.

    Args:
        original: The workbook with the sheets.
        result: The workbook with the copies.
        copies: The name of a sheet, and of its copy.

    Raises:
        Unreadable: One of the two is no readable package.
    """
    if not copies:
        return {}
    with EditablePackage(original) as source, EditablePackage(result) as target:
        had, has = inventory(source), inventory(target)
    missing: dict[tuple[str, str], Counter[Feature]] = {}
    for before, after in copies:
        for (word, sheet), count in had.items():
            gone = count - has[word, after]
            if word in SETTINGS and has[word, after]:  # the others are those of custom views
                continue
            if sheet == before and gone > 0 and word not in NOT_OF_COPIES:
                missing.setdefault((before, after), Counter())[word, ""] = gone
    return missing


def said(missing: Counter[Feature]) -> str:
    """Return *missing* in words: ``2 sparklines on 'Data', 1 macro project``."""
    words = []
    for (word, sheet), count in sorted(missing.items(), key=lambda each: (each[0][1], each[0][0])):
        unchanging = word.endswith(("data", "SmartArt", "formats"))
        plural = word if count == 1 or unchanging else _plural(word)
        words.append(f"{count} {plural}" + (f" on {sheet!r}" if sheet else ""))
    return ", ".join(words)


def _plural(word: str) -> str:
    noun, joint, rest = word.partition(" of ") if " of " in word else word.partition(" with ")
    return f"{noun}s{joint}{rest}"
