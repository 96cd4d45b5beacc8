"""Texts that openpyxl simplifies, put back where the text is still the same.

It reads a text with several formats, or with hints of how to pronounce it, as plain text, and
writes it so, within the cell. The escape of an escape (``_x005F_x000D_``, the text ``_x000D_``)
it takes away: Excel would show another text.

Source: ECMA-376 part 1, sections 18.4.8 (si), 18.4.4 (r), 18.4.6 (rPh), 18.4.3 (phoneticPr),
18.3.1.53 (is) and 22.9.2.19 (ST_Xstring).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from .opc import EditablePackage, parse
from .sheet_markup import copy_of, name_of
from .workbook_parts import workbook_part

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_SHARED = re.compile(rb'<c r="([A-Z]{1,3}\d{1,7})"[^>]*\bt="s"[^>]*>\s*<v>(\d{1,9})</v>')
_INLINE = re.compile(
    rb'<c r="([A-Z]{1,3}\d{1,7})"[^>]*\bt="inlineStr"[^>]*>\s*(<is>.*?</is>)', re.DOTALL
)
_WRITTEN = re.compile(
    rb'(<c r="([A-Z]{1,3}\d{1,7})"[^>]*\bt="inlineStr"[^>]*>)<is><t[^>]*>([^<]*)</t></is>'
)
_INLINE_RUN = re.compile(rb"<is>\s*<r[\s>]")
ESCAPED = "x005F_"
"""What openpyxl takes away, wherever it is in a text."""
_RUN = re.compile(rb"<(\w+:)?(r|rPh|phoneticPr)[\s>]|x005F_")


def rich_texts(package: EditablePackage) -> dict[int, Any]:
    """Return the shared texts that openpyxl simplifies, by their index.

    Raises:
        Unreadable: The table of texts is broken.
    """
    related = package.relationships(workbook_part(package))
    for part in (r.target for r in related if r.kind == "sharedStrings" and r.target in package):
        content = package.read(part)
        if _RUN.search(content):
            items = enumerate(parse(content))
            return {n: item for n, item in items if _is_simplified(item)}
    return {}


def has_formats(item: Any) -> bool:
    """Return whether a text has formats of its own within a cell."""
    return any(name_of(run) == "r" for run in item)


def has_hints(item: Any) -> bool:
    """Return whether a text has hints of how to pronounce it."""
    return any(name_of(run) == "rPh" for run in item)


def _is_simplified(item: Any) -> bool:
    names = {name_of(each) for each in item}
    return bool(names & {"r", "rPh", "phoneticPr"}) or ESCAPED in _text(item)


def rich_cells(shared: Mapping[int, Any], cells: bytes) -> dict[bytes, Any]:
    """Return the text of each cell whose text openpyxl simplifies, by the cell's name.

    Args:
        shared: `rich_texts` of the workbook.
        cells: The sheetData of one sheet.
    """
    found = {
        cell[1]: shared[int(cell[2])]
        for cell in (_SHARED.finditer(cells) if shared else ())
        if int(cell[2]) in shared
    }
    simplified = b"rPh" in cells or ESCAPED.encode() in cells or _INLINE_RUN.search(cells)
    for cell in _INLINE.finditer(cells) if simplified else ():
        if _RUN.search(cell[2]):
            namespace = b'<is xmlns="%s">' % MAIN[1:-1].encode()
            found[cell[1]] = parse(cell[2].replace(b"<is>", namespace, 1))
    return found


def with_rich_texts(shared: Mapping[int, Any], before: bytes, after: bytes) -> bytes:
    """Return the cells of a written sheet with the formats that their texts had.

    Args:
        shared: `rich_texts` of the workbook that was read.
        before: The sheetData that was read; its cells have the names that they have now.
        after: The sheetData that openpyxl has written.
    """
    wanted = rich_cells(shared, before)
    if not wanted:
        return after

    def formatted(cell: re.Match[bytes]) -> bytes:
        item = wanted.get(cell[2])
        text = html.unescape(cell[3].decode("utf-8", "replace"))
        return cell[1] + _inline(item) if item is not None and _plain(item) == text else cell[0]

    return _WRITTEN.sub(formatted, after)


def _plain(item: Any) -> str:
    """Return a text as openpyxl reads it."""
    return _text(item).replace(ESCAPED, "")


def _text(item: Any) -> str:
    """Return a text without its formats and hints."""
    texts = (text for child in item for text in ([child] if name_of(child) == "t" else child)
             if name_of(child) in ("t", "r") and name_of(text) == "t")  # fmt: skip
    return "".join(text.text or "" for text in texts)


def _inline(item: Any) -> bytes:
    known = ("t", "r", "rPh", "phoneticPr")
    runs = (_without_prefix(copy_of(run)) for run in item if name_of(run) in known)
    return b"<is>" + b"".join(runs) + b"</is>"


def _without_prefix(element: Any) -> bytes:
    content: bytes = etree.tostring(element)
    if not element.prefix:
        return content
    prefix = element.prefix.encode()
    content = content.replace(b"xmlns:%s=" % prefix, b"xmlns=", 1)
    return re.sub(rb"<(/?)%s:" % re.escape(prefix), rb"<\1", content)
