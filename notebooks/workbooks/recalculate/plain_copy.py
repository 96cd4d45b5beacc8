"""The copy of a workbook that LibreOffice opens: cells, names and tables; nothing else.

Number formats are left out, so that every number comes back as a number. Connections, links,
macros, pictures and charts are not copied: there is nothing in the copy that reaches outside.

Source: ECMA-376 part 1, sections 18.2 (workbook), 18.3 (worksheets), 18.5 (tables).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

from lxml import etree

from ..keep.opc import REFERENCE, EditablePackage, parse, serialize
from ..keep.sheet_markup import SheetMarkup, name_of
from ..keep.workbook_parts import workbook_part

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_KEPT_OF_BOOK = frozenset({"workbookPr", "sheets", "definedNames", "calcPr"})
_KEPT_OF_SHEET = frozenset(
    {"sheetPr", "dimension", "sheetFormatPr", "cols", "sheetData", "autoFilter", "tableParts"}
)
_GENERAL = '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
EMPTY_SHEET = f'<worksheet xmlns="{_MAIN}"><sheetData/></worksheet>'.encode()


def make_copy(
    package: EditablePackage, sheets: Sequence[str], contents: Mapping[str, bytes]
) -> bytes:
    """Return the copy.

    Args:
        package: The workbook.
        sheets: The parts of its sheets in order; empty for what is no worksheet.
        contents: The worksheet parts to copy, by name.
    """
    made = io.BytesIO()
    types = [("xl/workbook.xml", "sheet.main"), ("xl/styles.xml", "styles")]
    related = [("rIdS", "styles", "styles.xml")]
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        tables = 0
        for number, part in enumerate(sheets, 1):
            name = f"worksheets/sheet{number}.xml"
            types.append((f"xl/{name}", "worksheet"))
            related.append((f"rId{number}", "worksheet", name))
            content = contents.get(part)
            copy.writestr(f"xl/{name}", _sheet(content) if content else EMPTY_SHEET)
            own = []
            for each in package.relationships(part) if content else ():
                if each.kind == "table" and each.target in package:
                    tables += 1
                    table = f"tables/table{tables}.xml"
                    copy.writestr(f"xl/{table}", package.read(each.target))
                    types.append((f"xl/{table}", "table"))
                    own.append((each.id, "table", f"../{table}"))
            if own:
                copy.writestr(f"xl/worksheets/_rels/sheet{number}.xml.rels", _relations(own))
        if texts := _shared_strings(package):
            copy.writestr("xl/sharedStrings.xml", texts)
            types.append(("xl/sharedStrings.xml", "sharedStrings"))
            related.append(("rIdT", "sharedStrings", "sharedStrings.xml"))
        copy.writestr("xl/styles.xml", _styles(package))
        copy.writestr("xl/workbook.xml", _book(package))
        copy.writestr("xl/_rels/workbook.xml.rels", _relations(related))
        copy.writestr("_rels/.rels", _relations([("rId1", "officeDocument", "xl/workbook.xml")]))
        copy.writestr("[Content_Types].xml", _types(types))
    return made.getvalue()


def _sheet(content: bytes) -> bytes:
    markup = SheetMarkup.of(content)
    for child in list(markup.root):
        if name_of(child) not in _KEPT_OF_SHEET:
            markup.root.remove(child)
    return markup.content()


def _book(package: EditablePackage) -> bytes:
    root = parse(package.read(workbook_part(package)))
    for child in list(root):
        if name_of(child) not in _KEPT_OF_BOOK:
            root.remove(child)
    for number, sheet in enumerate(root.iter("{*}sheet"), 1):
        for name in [str(key) for key in sheet.attrib if str(key).endswith("}id")]:
            del sheet.attrib[name]
        sheet.set(f"{REFERENCE}id", f"rId{number}")
    return serialize(root)


def _styles(package: EditablePackage) -> bytes:
    """Return formats as many as the workbook has, all of them General."""
    count = 1
    for each in package.relationships(workbook_part(package)):
        if each.kind == "styles" and each.target in package:
            formats = next(parse(package.read(each.target)).iter("{*}cellXfs"), ())
            count = max(1, len(formats))
    return (
        f'<styleSheet xmlns="{_MAIN}"><fonts><font/></fonts><fills><fill/></fills><borders>'
        '<border/></borders><cellStyleXfs><xf numFmtId="0"/></cellStyleXfs>'
        f"<cellXfs>{_GENERAL * count}</cellXfs>"
        '<cellStyles><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ).encode()


def _shared_strings(package: EditablePackage) -> bytes:
    for each in package.relationships(workbook_part(package)):
        if each.kind == "sharedStrings" and each.target in package:
            return package.read(each.target)
    return b""


def _relations(related: Sequence[tuple[str, str, str]]) -> bytes:
    root = etree.Element(
        f"{{{_PACKAGE}/relationships}}Relationships", nsmap={None: f"{_PACKAGE}/relationships"}
    )
    for identity, kind, target in related:
        of = {"Id": identity, "Type": f"{_OFFICE}/{kind}", "Target": target}
        etree.SubElement(root, f"{{{_PACKAGE}/relationships}}Relationship", of)
    return serialize(root)


def _types(types: Sequence[tuple[str, str]]) -> bytes:
    space = f"{_PACKAGE}/content-types"
    root = etree.Element(f"{{{space}}}Types", nsmap={None: space})
    for ending, kind in (
        ("rels", "application/vnd.openxmlformats-package.relationships+xml"),
        ("xml", "application/xml"),
    ):
        etree.SubElement(root, f"{{{space}}}Default", {"Extension": ending, "ContentType": kind})
    for name, kind in types:
        etree.SubElement(
            root,
            f"{{{space}}}Override",
            {"PartName": f"/{name}", "ContentType": f"{_TYPE}.{kind}+xml"},
        )
    return serialize(root)
