"""A template with much that openpyxl does not write: made by xlsxwriter, then parts are added."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import xlsxwriter

X14 = (
    b'<ext uri="{CCE6A557-97BC-4b89-ADB6-D9C93CAAB3DF}" xmlns:x14="http://schemas.microsoft.com/'
    b'office/spreadsheetml/2009/9/main"><x14:dataValidations xmlns:xm="http://schemas.microsoft.com'
    b'/office/excel/2006/main" count="1"><x14:dataValidation type="list" allowBlank="1">'
    b"<x14:formula1><xm:f>Lists!$A$1:$A$2</xm:f></x14:formula1><xm:sqref>F2:F5</xm:sqref>"
    b"</x14:dataValidation></x14:dataValidations></ext>"
)
THREAD = (
    b'<ThreadedComments xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/'
    b'threadedcomments"><threadedComment ref="A2" dT="2024-01-01T00:00:00" '
    b'personId="{11111111-1111-1111-1111-111111111111}" '
    b'id="{22222222-2222-2222-2222-222222222222}"><text>please check</text></threadedComment>'
    b"</ThreadedComments>"
)
PERSONS = (
    b'<personList xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments">'
    b'<person displayName="Ann" id="{11111111-1111-1111-1111-111111111111}" userId="Ann" '
    b'providerId="None"/></personList>'
)
MICROSOFT = "http://schemas.microsoft.com/office/2017/10/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def picture() -> bytes:
    """Return a PNG of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
        + chunk(b"IEND", b"")
    )


def make_template(path: Path, *, macros: bool = False) -> None:
    """Write the template to *path*, with a macro project if *macros*."""
    book = xlsxwriter.Workbook(str(path))
    model, lists = book.add_worksheet("Model"), book.add_worksheet("Lists")
    model.write_row(0, 0, ["Line", 1, 2, 3, "Trend"])
    lists.write_column(0, 0, ["low", "high"])
    for row in range(1, 5):
        model.write_row(row, 0, [f"row {row}", row, row * 2, row * 3])
        model.add_sparkline(row, 4, {"range": f"Model!B{row + 1}:D{row + 1}"})
    chart = book.add_chart({"type": "column"})
    fill = {"pattern": "wide_upward_diagonal", "fg_color": "red"}
    chart.add_series({"values": "=Model!$B$2:$B$5", "pattern": fill})
    model.insert_chart("G2", chart)
    model.insert_image("G20", "logo.png", {"image_data": io.BytesIO(picture())})
    model.insert_textbox("K2", "Reviewed by controlling")
    model.insert_button("M2", {"macro": "Refresh", "caption": "Refresh"})
    model.write_comment("A2", "please check", {"x_scale": 3})
    model.conditional_format("D2:D5", {"type": "data_bar", "data_bar_2010": True})
    model.set_header("&L&G", {"image_left": "logo.png", "image_data_left": io.BytesIO(picture())})
    model.write_dynamic_array_formula("N2", "=SORT(B2:B5)", None, 1)
    model.embed_image("P2", "logo.png", {"image_data": io.BytesIO(picture())})
    book.define_name("Rate", "=Lists!$B$1")
    book.close()
    _add_parts(path, macros=macros)


def _add_parts(path: Path, *, macros: bool) -> None:
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    before, list_start, behind = parts[sheet].rpartition(b"<extLst>")  # the sheet's, not a rule's
    settings = b'<pageSetup orientation="portrait" r:id="rId98"/><headerFooter>'
    parts[sheet] = (before + list_start + X14 + behind).replace(b"<headerFooter>", settings)
    _add(
        parts,
        sheet,
        "rId98",
        f"{OFFICE}/printerSettings",
        "xl/printerSettings/printerSettings1.bin",
        b"printer",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.printerSettings",
    )
    _add(
        parts,
        sheet,
        "rId99",
        f"{MICROSOFT}/threadedComment",
        "xl/threadedComments/threadedComment1.xml",
        THREAD,
        "application/vnd.ms-excel.threadedcomments+xml",
    )
    book = "xl/workbook.xml"
    _add(
        parts,
        book,
        "rId90",
        f"{MICROSOFT}/person",
        "xl/persons/person.xml",
        PERSONS,
        "application/vnd.ms-excel.person+xml",
    )
    _add(parts, book, "rId91", f"{OFFICE}/customXml", "customXml/item1.xml", b"<a/>", "")
    if macros:
        _add(
            parts,
            book,
            "rId92",
            "http://schemas.microsoft.com/office/2006/relationships/vbaProject",
            "xl/vbaProject.bin",
            b"macros",
            "application/vnd.ms-office.vbaProject",
        )
        types = parts["[Content_Types].xml"]
        parts["[Content_Types].xml"] = types.replace(
            b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
            b"application/vnd.ms-excel.sheet.macroEnabled.main+xml",
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)


def _add(
    parts: dict[str, bytes], owner: str, identity: str, kind: str, name: str, content: bytes,
    content_type: str,
) -> None:  # fmt: skip
    directory, _, file = owner.rpartition("/")
    described = f"{directory}/_rels/{file}.rels"
    relation = f'<Relationship Id="{identity}" Type="{kind}" Target="/{name}"/></Relationships>'
    parts[described] = parts[described].replace(b"</Relationships>", relation.encode())
    if content_type:
        override = f'<Override PartName="/{name}" ContentType="{content_type}"/></Types>'
        types = "[Content_Types].xml"
        parts[types] = parts[types].replace(b"</Types>", override.encode())
    parts[name] = content
