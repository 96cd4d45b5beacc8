"""`GRID` as OpenDocument, XML Spreadsheet 2003, binary and old workbooks, byte by byte."""

from __future__ import annotations

import datetime
import io
import struct
import zipfile
from pathlib import Path

GRID: list[list[object]] = [
    ["Item", "Amount", "Booked"],
    ["Rent", 1200, datetime.datetime(2024, 1, 31)],
    ["Café & Söhne", -17.25, datetime.datetime(2024, 2, 29)],
    ["007", 0.5, datetime.datetime(2023, 12, 31)],
]
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _iso(value: object) -> str:
    return value.strftime("%Y-%m-%d") if isinstance(value, datetime.datetime) else str(value)


def ods(path: Path, *, extra: str = "", last_value: str = "") -> None:
    """Write `GRID` as an OpenDocument spreadsheet that LibreOffice would write, with repeats.

    Args:
        path: The file to write.
        extra: Cells of a fifth row.
        last_value: What the cells hold that are repeated to the end of the sheet.
    """
    rows = []
    for values in GRID:
        cells = []
        for value in values:
            if isinstance(value, str):
                text = value.replace("&", "&amp;")
                cells.append(
                    '<table:table-cell office:value-type="string">'
                    "<office:annotation><text:p>a note</text:p></office:annotation>"
                    f"<text:p>{text}</text:p></table:table-cell>"
                )
            elif isinstance(value, datetime.datetime):
                cells.append(
                    f'<table:table-cell office:value-type="date" office:date-value="{_iso(value)}">'
                    "<text:p>shown</text:p></table:table-cell>"
                )
            else:
                cells.append(
                    f'<table:table-cell office:value-type="float" office:value="{value}">'
                    "<text:p>shown</text:p></table:table-cell>"
                )
        rows.append(
            "<table:table-row>" + "".join(cells)
            + '<table:table-cell table:number-columns-repeated="16381"/></table:table-row>'
        )  # fmt: skip
    if extra:
        rows.append(f"<table:table-row>{extra}</table:table-row>")
    filled = f'office:value-type="float" office:value="{last_value}" ' if last_value else ""
    rows.append(
        '<table:table-row table:number-rows-repeated="1048571">'
        f'<table:table-cell {filled}table:style-name="ce1" table:number-columns-repeated="16384"/>'
        "</table:table-row>"
    )
    names = "".join(
        f' xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for prefix, name in (("office", "office"), ("table", "table"), ("text", "text"))
    )
    content = (
        f"<?xml version='1.0' encoding='UTF-8'?><office:document-content{names}><office:body>"
        '<office:spreadsheet><table:table table:name="Data">'
        + "".join(rows)
        + "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", content)


def spreadsheet_2003(path: Path) -> None:
    """Write `GRID` as XML Spreadsheet 2003."""
    rows = []
    for values in GRID:
        cells = []
        for value in values:
            if isinstance(value, datetime.datetime):
                data = f'<Data ss:Type="DateTime">{_iso(value)}T00:00:00.000</Data>'
            elif isinstance(value, str):
                data = f'<Data ss:Type="String">{value.replace("&", "&amp;")}</Data>'
            else:
                data = f'<Data ss:Type="Number">{value}</Data>'
            note = '<Comment><Data ss:Type="String">a note</Data></Comment>'
            cells.append(f"<Cell>{data}{note}</Cell>")
        rows.append("<Row>" + "".join(cells) + "</Row>")
    path.write_text(
        '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="Data">'
        "<Table>" + "".join(rows) + "</Table></Worksheet></Workbook>"
    )


def _record(kind: int, content: bytes = b"") -> bytes:
    size, sized = len(content), b""
    while size > 127:
        sized += bytes([size & 127 | 128])
        size >>= 7
    number = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
    return number + sized + bytes([size]) + content


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(path: Path) -> None:
    """Write `GRID` as a binary workbook ([MS-XLSB])."""
    texts = [value for row in GRID for value in row if isinstance(value, str)]
    cells = b""
    for row, values in enumerate(GRID):
        cells += _record(0, struct.pack("<IIHBBB", row, 0, 300, 0, 0, 0))
        for column, value in enumerate(values):
            start = struct.pack("<II", column, isinstance(value, datetime.datetime))
            if isinstance(value, str):
                cells += _record(7, start + struct.pack("<I", texts.index(value)))
            elif isinstance(value, datetime.datetime):
                serial = (value - datetime.datetime(1899, 12, 30)).days
                cells += _record(2, start + struct.pack("<i", serial << 2 | 2))
            else:
                cells += _record(5, start + struct.pack("<d", value))
    sheet = _record(129) + _record(145) + cells + _record(146) + _record(130)
    workbook = _record(131) + _record(153, struct.pack("<II", 0, 0) + _wide(""))
    workbook += _record(156, struct.pack("<II", 0, 1) + _wide("rId1") + _wide("Data"))
    formats = _record(44, struct.pack("<H", 164) + _wide("dd/mm/yyyy"))
    formats += _record(617, struct.pack("<I", 2))
    formats += b"".join(_record(47, struct.pack("<HH", 0, f) + bytes(12)) for f in (0, 164))
    formats += _record(618)
    strings = _record(159, struct.pack("<II", len(texts), len(texts)))
    strings += b"".join(_record(19, b"\0" + _wide(text)) for text in texts) + _record(160)
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for n, kind, target in (
            (1, "worksheet", "worksheets/sheet1.bin"),
            (2, "styles", "styles.bin"),
            (3, "sharedStrings", "sharedStrings.bin"),
        )
    )
    office = f'<Relationship Id="rId1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.bin"/>'
    names = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    with zipfile.ZipFile(path, "w") as package:
        package.writestr(
            "[Content_Types].xml",
            '<Types><Override PartName="/xl/workbook.bin" ContentType='
            '"application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>',
        )
        package.writestr("_rels/.rels", f"<Relationships {names}>{office}</Relationships>")
        package.writestr("xl/workbook.bin", workbook)
        package.writestr(
            "xl/_rels/workbook.bin.rels", f"<Relationships {names}>{relations}</Relationships>"
        )
        package.writestr("xl/worksheets/sheet1.bin", sheet)
        package.writestr("xl/styles.bin", formats)
        package.writestr("xl/sharedStrings.bin", strings)


def xls(path: Path) -> None:
    """Write `GRID` as a BIFF2 worksheet, the oldest kind that readers of .xls still take."""
    out = io.BytesIO()

    def record(kind: int, content: bytes) -> None:
        out.write(struct.pack("<HH", kind, len(content)) + content)

    record(0x0009, struct.pack("<HH", 2, 0x10))  # BOF of a worksheet
    record(0x0042, struct.pack("<H", 1252))  # CODEPAGE
    for code in (b"General", b"dd/mm/yyyy"):
        record(0x001E, bytes([len(code)]) + code)  # FORMAT
    for row, values in enumerate(GRID):
        for column, value in enumerate(values):
            format_number = 1 if isinstance(value, datetime.datetime) else 0
            start = struct.pack("<HH", row, column) + bytes([0, format_number, 0])
            if isinstance(value, str):
                text = value.encode("cp1252")
                record(0x0004, start + bytes([len(text)]) + text)  # LABEL
                continue
            if isinstance(value, datetime.datetime):
                value = (value - datetime.datetime(1899, 12, 30)).days
            record(0x0003, start + struct.pack("<d", value))  # NUMBER
    record(0x000A, b"")
    path.write_bytes(out.getvalue())


def _biff8(texts_said: int) -> bytes:
    """Return the records of a workbook of Excel 97 ([MS-XLS]) that holds `GRID`."""

    def record(kind: int, content: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def text(value: str) -> bytes:
        return struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")

    def start(what: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, what, 0x0DBB, 0x07CC, 0, 6))

    texts = [value for row in GRID for value in row if isinstance(value, str)]
    head = start(0x0005) + record(0x0042, struct.pack("<H", 1200))
    head += record(0x041E, struct.pack("<H", 164) + text("dd/mm/yyyy"))
    for code in (0, 164):
        head += record(0x00E0, struct.pack("<HHHBBBB", 0, code, 0, 0x20, 0, 0, 0) + bytes(10))
    counts = struct.pack("<II", texts_said, texts_said)
    tail = record(0x00FC, counts + b"".join(map(text, texts))) + record(0x000A)
    name = struct.pack("<BB", 4, 0) + b"Data"
    where = len(head) + 4 + 6 + len(name) + len(tail)
    head += record(0x0085, struct.pack("<IBB", where, 0, 0) + name)
    cells = start(0x0010)
    for row, values in enumerate(GRID):
        for column, value in enumerate(values):
            place = struct.pack("<HHH", row, column, isinstance(value, datetime.datetime))
            if isinstance(value, str):
                cells += record(0x00FD, place + struct.pack("<I", texts.index(value)))
                continue
            if isinstance(value, datetime.datetime):
                value = (value - datetime.datetime(1899, 12, 30)).days
            cells += record(0x0203, place + struct.pack("<d", value))
    return head + tail + cells + record(0x000A)


def xls_97(path: Path, *, texts_said: int | None = None) -> None:
    """Write `GRID` as Excel 97 does, in a compound file ([MS-CFB] 2).

    Args:
        path: The file to write.
        texts_said: How many texts the table of texts claims to have.
    """
    texts = sum(isinstance(value, str) for row in GRID for value in row)
    stream = _biff8(texts if texts_said is None else texts_said)
    stream += bytes(max(4096, -(-len(stream) // 512) * 512) - len(stream))
    end, free, none = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF
    sectors = len(stream) // 512
    chain = [0xFFFFFFFD, end, *range(3, 2 + sectors), end]
    table = struct.pack("<128I", *chain, *[free] * (128 - len(chain)))

    def entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
        made = name.encode("utf-16-le").ljust(64, b"\0")
        made += struct.pack("<HBB", 2 * len(name) + 2 if name else 0, kind, 1)
        made += struct.pack("<III", none, none, child) + bytes(16 + 4 + 16)
        return made + struct.pack("<IQ", first, size)

    directory = entry("Root Entry", 5, 1, end, 0)
    directory += entry("Workbook", 2, none, 2, len(stream)) + 2 * entry("", 0, none, 0, 0)
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", 0, *[free] * 108)
    path.write_bytes(header + table + directory + stream)
