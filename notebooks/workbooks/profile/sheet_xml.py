"""What a sheet's XML says beyond its values: formulas, errors, formats, merges, filters, hidden.

Read with expressions over the bytes, so that a sheet of a million cells costs no tree; only
what stands before and behind the cells is parsed as XML.

Source: ECMA-376 part 1, section 18.3 (worksheets).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..formats.addresses import address
from ..formats.scanning import holds
from . import cells
from .grid import Area, Formula
from .package import Styles, local, parse_xml
from .validations import add_validation

DETAILED_BYTES = 6_000_000
"""Cells are looked at one by one up to this size of the XML; beyond it, in its first part only."""
DETAILED_HEAD = 150_000
MAX_FORMULAS = 200_000
_CELL = re.compile(
    rb"<(?:\w+:)?c((?:\s+[\w:]+=(?:\"[^\"]*\"|'[^']*'))*)\s*(/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL
)
_ROW_TAG = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_ATTRIBUTE = re.compile(rb"([\w:]+)=(?:\"([^\"]*)\"|'([^']*)')")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?f>)", re.DOTALL)
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^>]*>([^<]+)</(?:\w+:)?v>")
_FORMULA_CELL = re.compile(
    rb"<(?:\w+:)?c\b([^>]*)>(<(?:\w+:)?f\b[^>]*?(?:/>|>[^<]*</(?:\w+:)?f>)(?:<(?:\w+:)?v\b[^>]*>[^<]*</(?:\w+:)?v>|<(?:\w+:)?v/>)?)"
)
_ERROR_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*\bt=[\"']e[\"'][^>]*)>(.*?)</(?:\w+:)?c>", re.DOTALL)
_VOLATILE = re.compile(
    r"\b(NOW|TODAY|RAND|RANDBETWEEN|RANDARRAY|OFFSET|INDIRECT|CELL|INFO)\(", re.I
)
_OTHER_SHEET = re.compile(r"(?<!#)(?<![\w.])(?:'((?:[^']|'')+)'|([\w.]+))!")


@dataclass
class SheetDetails:
    """What the XML of one sheet says.

    Attributes:
        formulas: (row, column) → formula.
        errors: (row, column) → error such as ``#N/A``.
        styles: (row, column) → style number.
        merged: Merged areas.
        hidden_rows: Numbers (from 0) of hidden rows.
        hidden_columns: Runs (first, last) of hidden columns.
        filters: The areas of filters.
        extent: The last row and column of a cell with a text, even of no characters.
        facts: What else the sheet has: name → count, address or true.
    """

    formulas: dict[tuple[int, int], Formula] = field(default_factory=dict)
    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    styles: dict[tuple[int, int], int] = field(default_factory=dict)
    merged: list[Area] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    filters: list[Area] = field(default_factory=list)
    extent: tuple[int, int] = (0, 0)
    facts: dict[str, Any] = field(default_factory=dict)


def read_sheet(content: bytes, *, from_1904: bool = False) -> SheetDetails:
    """Return what the XML of a sheet says; what can't be read is left out.

    Args:
        content: The part of the sheet.
        from_1904: The workbook counts days from 1904.
    """
    details = SheetDetails()
    start, end = content.find(b"sheetData"), content.rfind(b"sheetData>")
    end = end if end > start else start
    _read_cells(content, details)
    _read_hidden_rows(content, details)
    head, tail = content[: max(0, content.rfind(b"<", 0, start))], content[end:]
    tail = tail[tail.find(b">") + 1 :]
    root = parse_xml(head + tail)
    if root is not None:
        _read_frame(root, details, from_1904=from_1904)
    return details


def _attributes(raw: bytes) -> dict[bytes, bytes]:
    return {name: a or b for name, a, b in _ATTRIBUTE.findall(raw)}


def _place(raw: bytes) -> tuple[int, int] | None:
    area = cells.parse_range(raw.decode("ascii", "replace"))
    return (area[0], area[1]) if area else None


def _read_cells(content: bytes, details: SheetDetails) -> None:
    detailed = content
    if len(content) > DETAILED_BYTES:
        detailed = content[:DETAILED_HEAD]
        _read_special(content, details)
    row = column = -1
    last_row = 0
    for found in _CELL.finditer(detailed):
        attributes = _attributes(found[1])
        place = _place(attributes.get(b"r", b""))
        if place is None:  # cells without an address follow each other
            starts = content.rfind(b"<row", last_row, found.start())
            if starts > last_row:
                last_row, row, column = starts, row + 1, -1
            place = max(row, 0), column + 1
        row, column = place
        if style := attributes.get(b"s"):
            details.styles[place] = int(style) if style.isdigit() else 0
        body = found[3]
        if body and b"t" in attributes:
            last_row_seen, last_column = details.extent
            details.extent = max(last_row_seen, row), max(last_column, column)
        if body and len(content) <= DETAILED_BYTES:
            if attributes.get(b"t") == b"e":
                details.errors[place] = _text_of(_VALUE, body)
            if formula := _FORMULA.search(body):
                details.formulas[place] = Formula(
                    _unescaped(formula[2] or b""), _VALUE.search(body) is not None
                )


def _read_special(content: bytes, details: SheetDetails) -> None:
    """Read formulas and errors of a large sheet."""
    if holds(content, b"<f", 1) or b":f>" in content[:DETAILED_HEAD]:
        for found in _FORMULA_CELL.finditer(content):
            place = _place(_attributes(found[1]).get(b"r", b""))
            formula = _FORMULA.search(found[2])
            if place and formula:
                details.formulas[place] = Formula(
                    _unescaped(formula[2] or b""), _VALUE.search(found[2]) is not None
                )
            if len(details.formulas) >= MAX_FORMULAS:
                break
    if b"#" in content and (b't="e"' in content or b"t='e'" in content[:DETAILED_HEAD]):
        for found in _ERROR_CELL.finditer(content):
            if place := _place(_attributes(found[1]).get(b"r", b"")):
                details.errors[place] = _text_of(_VALUE, found[2])


def _text_of(pattern: re.Pattern[bytes], body: bytes) -> str:
    found = pattern.search(body)
    return _unescaped(found[1]) if found else ""


def _unescaped(raw: bytes) -> str:
    return html.unescape(raw.decode("utf-8", "replace"))


def _read_hidden_rows(content: bytes, details: SheetDetails) -> None:
    if not holds(content, b"hidden=", 0):
        return
    for raw in _ROW_TAG.findall(content):
        if b"hidden=" in raw:
            attributes = _attributes(raw)
            number = attributes.get(b"r", b"")
            if attributes.get(b"hidden") in (b"1", b"true") and number.isdigit():
                details.hidden_rows.append(int(number) - 1)


def _read_frame(root: Any, details: SheetDetails, *, from_1904: bool) -> None:
    """Read what stands around the cells."""
    facts = details.facts
    for element in root.iter():
        name = local(element.tag)
        if name == "mergeCell" and (area := cells.parse_range(element.get("ref", ""))):
            details.merged.append(area)
        elif name == "autoFilter" and (area := cells.parse_range(element.get("ref", ""))):
            details.filters.append(area)
            if len(element):
                facts["filtered"] = True
        elif name == "pane" and element.get("state", "").startswith("frozen"):
            if place := _place(element.get("topLeftCell", "").encode()):
                facts["frozen_at"] = address(*place)
        elif name == "col" and element.get("hidden") in ("1", "true"):
            low, high = element.get("min", ""), element.get("max", "")
            if low.isdigit() and high.isdigit():
                details.hidden_columns.append((int(low) - 1, int(high) - 1))
        elif name == "sheetProtection" and element.get("sheet", "1") in ("1", "true"):
            facts["protected"] = True
        elif name == "dataValidation":
            add_validation(element, facts, from_1904=from_1904)
        elif name == "cfRule":
            facts["conditional_formats"] = facts.get("conditional_formats", 0) + 1
        elif name == "sparkline":
            facts["sparklines"] = facts.get("sparklines", 0) + 1
        elif name == "hyperlink":
            facts["hyperlinks"] = facts.get("hyperlinks", 0) + 1


def formats_of(
    details: SheetDetails, styles: Styles
) -> tuple[dict[tuple[int, int], str], frozenset[tuple[int, int]]]:
    """Return (cell → number format code, the bold cells)."""
    codes, count = styles.codes, len(styles.codes)
    formats = {
        place: codes[style]
        for place, style in details.styles.items()
        if style < count and codes[style] != "General"
    }
    bold = frozenset(
        place for place, style in details.styles.items() if style < count and styles.bold[style]
    )
    return formats, bold


def formula_facts(formulas: Mapping[tuple[int, int], Formula]) -> dict[str, Any]:
    """Return what is notable of a sheet's formulas: counts, other sheets, other files, volatile."""
    if not formulas:
        return {}
    texts = {formula.text for formula in formulas.values() if formula.text}
    sheets = {a or b for text in texts for a, b in _OTHER_SHEET.findall(text)}
    external = sum(
        "[" in text and re.search(r"\[[^\]]+\][^!]*!", text) is not None for text in texts
    )
    found = {
        "formulas": len(formulas),
        "without_value": sum(not formula.has_value for formula in formulas.values()),
        "refers_to_sheets": sorted(s for s in sheets if "[" not in s and "]" not in s)[:20],
        "external": external,
        "volatile": sorted({v.upper() for text in texts for v in _VOLATILE.findall(text)}),
    }
    return {key: value for key, value in found.items() if value}
