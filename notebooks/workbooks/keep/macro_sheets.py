"""Sheets of macros in the language of Excel 4 and of dialogs, which openpyxl makes worksheets of.

Source: [MS-XLSX] 2.1.31 (macro sheets); ECMA-376 part 1, sections 12.3.7 (dialogsheets) and
18.2.19 (sheet).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from .opc import EditablePackage, parse
from .sheet_markup import SheetMarkup
from .workbook_parts import sheet_parts, workbook_part

OF_MACROS = frozenset({"xlMacrosheet", "xlIntlMacrosheet"})
"""Relationships to sheets that a workbook without macros must not have."""
LEFT_OUT = OF_MACROS | {"dialogsheet"}
_STYLE = re.compile(rb'(<(?:c|row)\b[^>]*?)\ss="\d+"')
_SHARED = re.compile(rb'(<c\b[^>]*)\bt="s"([^>]*>)\s*<v>(\d{1,9})</v>')
_CELL = re.compile(rb'<c r="([A-Z]{1,3}\d{1,7})"[^>]*(?<!/)>(.*?)</c>', re.DOTALL)
_FORMULA = re.compile(rb"<f[^>]*>([^<]*)</f>")
_TEXT = re.compile(rb">([^<]+)<")


def carry_macro_sheets(
    source: EditablePackage,
    result: EditablePackage,
    sheets: Mapping[str, str],
    copied: dict[str, str],
    *,
    macros: bool,
) -> None:
    """Make macro and dialog sheets again of the worksheets that code did not change.

    Args:
        source: The package that was read.
        result: The one that was written; changed.
        sheets: The sheets that are in both: their new names by their old ones.
        copied: Parts copied so far (see `EditablePackage.copy`).
        macros: Whether the result may hold macros.
    """
    before, after = workbook_part(source), workbook_part(result)
    kinds = {each.target: each for each in source.relationships(before) if each.kind in LEFT_OUT}
    if not kinds:
        return
    written, texts = sheet_parts(result), _texts(source, before)
    for name, part in sheet_parts(source).items():
        wanted, now = kinds.get(part), written.get(sheets.get(name, ""))
        if wanted is None or now is None or (wanted.kind in OF_MACROS and not macros):
            continue
        own = _of_its_own(SheetMarkup.of(source.read(part)), texts)
        if _contents(own.cells) != _contents(SheetMarkup.of(result.read(now)).cells):
            continue  # as code wants it
        carried = result.copy(source, part, copied)
        result.write(carried, own.content())
        for each in result.relationships(after):
            if each.target == now:
                result.retarget(after, each.id, carried, kind=wanted.type)
        result.remove(now)


def _texts(package: EditablePackage, book: str) -> Mapping[int, bytes]:
    """Return the content of each shared text by its index."""
    for related in package.relationships(book):
        if related.kind == "sharedStrings" and related.target in package:
            items = enumerate(parse(package.read(related.target)))
            return {number: b"".join(_within(item)) for number, item in items}
    return {}


def _within(item: Any) -> list[bytes]:
    return [etree.tostring(each, with_tail=False) for each in item]


def _of_its_own(sheet: SheetMarkup, texts: Mapping[int, bytes]) -> SheetMarkup:
    """Return a sheet that refers to no format and no text of the workbook it was in."""

    def within(cell: re.Match[bytes]) -> bytes:
        text = texts.get(int(cell[3]), b"<t/>")
        return b'%st="inlineStr"%s<is>%s</is>' % (cell[1], cell[2], text)

    sheet.cells = _SHARED.sub(within, _STYLE.sub(rb"\1", sheet.cells))
    return sheet


def _contents(cells: bytes) -> dict[bytes, str]:
    """Return the formula of each cell, or its value, by the cell's name."""
    found = {}
    for cell in _CELL.finditer(cells):
        formula = _FORMULA.search(cell[2])
        content = formula[1] if formula is not None else b"".join(_TEXT.findall(cell[2]))
        found[cell[1]] = html.unescape(content.decode("utf-8", "replace"))
    return {name: content for name, content in found.items() if content.strip()}
