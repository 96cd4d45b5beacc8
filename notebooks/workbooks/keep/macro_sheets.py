"""Sheets of macros in the language of Excel 4 and of dialogs, which openpyxl leaves out.

Source: [MS-XLSX] 2.1.31 (macro sheets); ECMA-376 part 1, sections 12.3.7 (dialogsheets) and
18.2.19 (sheet).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from .opc import REFERENCE, EditablePackage, parse
from .sheet_markup import SheetMarkup, name_of
from .workbook_parts import workbook_part

OF_MACROS = frozenset({"xlMacrosheet", "xlIntlMacrosheet"})
"""Relationships to sheets that a workbook without macros must not have."""
LEFT_OUT = OF_MACROS | {"dialogsheet"}
_STYLE = re.compile(rb'(<(?:c|row)\b[^>]*?)\ss="\d+"')
_SHARED = re.compile(rb'(<c\b[^>]*)\bt="s"([^>]*>)\s*<v>(\d{1,9})</v>')


def carry_macro_sheets(
    source: EditablePackage,
    result: EditablePackage,
    book: Any,
    copied: dict[str, str],
    macros: bool,  # noqa: FBT001
) -> list[str]:
    """Put macro and dialog sheets behind the others.

    Args:
        source: The package that was read.
        result: The one that was written; changed.
        book: The tree of its workbook part; changed.
        copied: Parts copied so far (see `EditablePackage.copy`).
        macros: Whether the result may hold macros.

    Returns:
        The names of the sheets that were carried.
    """
    before, after = workbook_part(source), workbook_part(result)
    related = {each.id: each for each in source.relationships(before)}
    listed = next(each for each in book if name_of(each) == "sheets")
    taken = {each.get("name", "").lower() for each in listed}
    carried = []
    for sheet in parse(source.read(before)).iter("{*}sheet"):
        wanted = related.get(next((v for k, v in sheet.attrib.items() if k.endswith("}id")), ""))
        if wanted is None or wanted.kind not in LEFT_OUT or wanted.target not in source:
            continue
        name = sheet.get("name", "")
        if name.lower() in taken or (wanted.kind in OF_MACROS and not macros):
            continue
        part = result.copy(source, wanted.target, copied)
        result.write(part, _of_its_own(SheetMarkup.of(result.read(part)), _texts(source, before)))
        number = max((int(each.get("sheetId") or 0) for each in listed), default=0) + 1
        new = etree.SubElement(listed, f"{listed.tag[:-1]}", name=name, sheetId=str(number))
        if state := sheet.get("state"):
            new.set("state", state)
        new.set(f"{REFERENCE}id", result.relate(after, wanted.type, part))
        carried.append(name)
    return carried


def _texts(package: EditablePackage, book: str) -> Mapping[int, bytes]:
    """Return the content of each shared text by its index."""
    for related in package.relationships(book):
        if related.kind == "sharedStrings" and related.target in package:
            items = enumerate(parse(package.read(related.target)))
            return {number: b"".join(map(etree.tostring, item)) for number, item in items}
    return {}


def _of_its_own(sheet: SheetMarkup, texts: Mapping[int, bytes]) -> bytes:
    """Return a sheet that refers to no format and no text of the workbook it was in."""

    def within(cell: re.Match[bytes]) -> bytes:
        text = texts.get(int(cell[3]), b"<t/>")
        return b'%st="inlineStr"%s<is>%s</is>' % (cell[1], cell[2], text)

    sheet.cells = _SHARED.sub(within, _STYLE.sub(rb"\1", sheet.cells))
    return sheet.content()
