"""Small table files of every kind and oddity that programs write, made on the spot.

Each maker writes one file. Those in `TABLES` all hold `GRID`, so that one test reads them all.
"""

from __future__ import annotations

import datetime
import functools
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import xlsxwriter

GRID: list[list[object]] = [
    ["Item", "Amount", "Booked"],
    ["Rent", 1200, datetime.datetime(2024, 1, 31)],
    ["Café & Söhne", -17.25, datetime.datetime(2024, 2, 29)],
    ["007", 0.5, datetime.datetime(2023, 12, 31)],
]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_RELATIONS = "http://purl.oclc.org/ooxml/officeDocument/relationships"


def usual(path: Path, *, from_1904: bool = False) -> None:
    """Write `GRID` as the usual programs do."""
    book = xlsxwriter.Workbook(str(path), {"date_1904": from_1904})
    sheet = book.add_worksheet("Data")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for row, values in enumerate(GRID):
        for column, value in enumerate(values):
            if isinstance(value, datetime.datetime):
                sheet.write_datetime(row, column, value, day)
            elif isinstance(value, str):
                sheet.write_string(row, column, value)
            else:
                sheet.write(row, column, value)
    book.close()


def changed(path: Path, change: Callable[[dict[str, bytes]], None], **options: bool) -> None:
    """Write the usual file with its parts changed.

    Args:
        path: The file to write.
        change: Changes the parts, by name, in place.
        options: As `usual`.
    """
    usual(path, **options)
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)


SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def _replace(name: str, *pairs: tuple[bytes, bytes]) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        for old, new in pairs:
            if old not in parts[name]:
                raise AssertionError(f"{old!r} is not in {name}")
            parts[name] = parts[name].replace(old, new)

    return change


def strict(parts: dict[str, bytes]) -> None:
    """Use the namespaces of strict Open XML."""
    for name, content in parts.items():
        content = content.replace(MAIN.encode(), STRICT.encode())
        parts[name] = content.replace(RELATIONS.encode(), STRICT_RELATIONS.encode())


def prefixed(parts: dict[str, bytes]) -> None:
    """Use a namespace prefix, as some report servers do."""
    for name in (SHEET, STRINGS):
        content = parts[name].replace(b'xmlns="', b'xmlns:x="')
        content = re.sub(rb"<(/?)([a-zA-Z])", rb"<\1x:\2", content)
        parts[name] = content.replace(b"<x:?", b"<?")


def without_positions(parts: dict[str, bytes]) -> None:
    """Leave the names of rows and cells out: each follows the one before."""
    parts[SHEET] = re.sub(rb' r="[A-Z]*[0-9]+"', b"", parts[SHEET])


def in_utf16(parts: dict[str, bytes]) -> None:
    """Write sheet and texts in UTF-16."""
    for name in (SHEET, STRINGS):
        text = parts[name].decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')
        parts[name] = text.encode("utf-16")


def rich_and_inline(parts: dict[str, bytes]) -> None:
    """Write one text in pieces with a phonetic reading, and another into its cell."""
    rich = b"<si><r><t>Caf</t></r><r><rPr><b/></rPr><t>\xc3\xa9 &amp; S\xc3\xb6hne</t></r>"
    rich += b"<rPh sb='0' eb='1'><t>reading</t></rPh></si>"
    parts[STRINGS] = re.sub(
        rb"<si><t>Caf\xc3\xa9 &amp; S\xc3\xb6hne</t></si>", lambda _: rich, parts[STRINGS]
    )
    parts[SHEET] = re.sub(
        rb'<c r="A4" t="s"><v>\d+</v></c>',
        rb'<c r="A4" t="inlineStr"><is><t>007</t></is></c>',
        parts[SHEET],
    )


def far_dimension(parts: dict[str, bytes]) -> None:
    """Claim a used range that is the whole sheet."""
    parts[SHEET] = parts[SHEET].replace(b'ref="A1:C4"', b'ref="A1:XFD1048576"')


def small_dimension(parts: dict[str, bytes]) -> None:
    """Claim a used range of one cell."""
    parts[SHEET] = parts[SHEET].replace(b'ref="A1:C4"', b'ref="A1"')


def without_styles(parts: dict[str, bytes]) -> None:
    """Leave the formats out, with dates as ISO texts, as some exporters do."""
    del parts["xl/styles.xml"]
    parts["xl/_rels/workbook.xml.rels"] = re.sub(
        rb"<Relationship [^>]*styles[^>]*/>", b"", parts["xl/_rels/workbook.xml.rels"]
    )
    days = iter(row[2] for row in GRID[1:])
    parts[SHEET] = re.sub(
        rb'(<c r="C\d") s="1"><v>[^<]*</v>',
        lambda found: found[1] + b' t="d"><v>' + next(days).isoformat().encode() + b"</v>",
        parts[SHEET],
    )


def empty_fill(parts: dict[str, bytes]) -> None:
    """Add a fill without content, which openpyxl refuses."""
    parts["xl/styles.xml"] = parts["xl/styles.xml"].replace(b"</fills>", b"<fill/></fills>")


def template(parts: dict[str, bytes]) -> None:
    """Make a template with macros of it."""
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
        b"application/vnd.ms-excel.template.macroEnabled.main+xml",
    )


def formatted_to_the_end(parts: dict[str, bytes]) -> None:
    """Add a hundred thousand rows of formatted empty cells."""
    rows = "".join(
        f'<row r="{n}" s="1" customFormat="1"><c r="A{n}" s="1"/></row>' for n in range(5, 100_005)
    )
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", rows.encode() + b"</sheetData>")


def upper_case_names(parts: dict[str, bytes]) -> None:
    """Spell the name of the texts' part in another case than the relationship does."""
    parts["xl/SharedStrings.xml"] = parts.pop(STRINGS)


def with_comment(parts: dict[str, bytes]) -> None:
    """Put an XML comment and a CDATA section among the cells."""
    parts[SHEET] = parts[SHEET].replace(b"<sheetData>", b"<sheetData><!-- <row r='9'> -->")


PACKAGES: dict[str, Callable[[dict[str, bytes]], None]] = {
    "strict.xlsx": strict,
    "prefixed.xlsx": prefixed,
    "without_positions.xlsx": without_positions,
    "in_utf16.xlsx": in_utf16,
    "rich_and_inline.xlsx": rich_and_inline,
    "far_dimension.xlsx": far_dimension,
    "small_dimension.xlsx": small_dimension,
    "without_styles.xlsx": without_styles,
    "empty_fill.xlsx": empty_fill,
    "template.xltm": template,
    "formatted_to_the_end.xlsx": formatted_to_the_end,
    "upper_case_names.xlsx": upper_case_names,
    "with_comment.xlsx": with_comment,
}


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


def json_records(path: Path) -> None:
    """Write `GRID` as a list of objects."""
    names, *rows = GRID
    records = [dict(zip(map(str, names), map(_plain, row), strict=True)) for row in rows]
    path.write_text(json.dumps({"data": records}))


def _plain(value: object) -> object:
    return _iso(value) if isinstance(value, datetime.datetime) else value


TABLES: dict[str, Callable[[Path], None]] = {
    "usual.xlsx": usual,
    "from_1904.xlsx": lambda path: usual(path, from_1904=True),
    "values.ods": ods,
    "binary.xlsb": xlsb,
    "old.xls": xls,
    "excel_97.xls": xls_97,
    "wrong_count_of_texts.xls": functools.partial(xls_97, texts_said=4_000_000),
    "portal.xls": spreadsheet_2003,
    **{name: functools.partial(changed, change=change) for name, change in PACKAGES.items()},
}
"""Files that hold `GRID` with its types, by a name with the ending they might have."""


def make(name: str, directory: Path) -> Path:
    """Write the file *name* of `TABLES` into *directory*, and return where it is."""
    path = directory / name
    TABLES[name](path)
    return path


def stray_cell(path: Path) -> None:
    """Write `GRID` and one cell in the last corner of the sheet."""
    stray = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    changed(path, _replace(SHEET, (b"</sheetData>", stray)))


def entity_bomb(path: Path) -> None:
    """Write a workbook whose texts are made of entities that grow."""
    bomb = b'<!DOCTYPE sst [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><sst'
    changed(path, _replace(STRINGS, (b"<sst", bomb)))


def outside_part(path: Path) -> None:
    """Write a workbook with a part that points outside the package."""
    changed(path, lambda parts: parts.update({"../../etc/cron.d/x": b"x"}))


def zip_bomb(path: Path) -> None:
    """Write a workbook whose sheet expands a thousand times."""
    changed(path, _replace(SHEET, (b"</sheetData>", b"</sheetData>" + b" " * 150_000_000)))


def truncated(path: Path) -> None:
    """Write the first half of a workbook."""
    usual(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def sheet_broken_off(path: Path) -> None:
    """Write a workbook whose sheet ends in the middle."""
    changed(path, lambda parts: parts.update({SHEET: parts[SHEET][:-300]}))


def many_sheets(path: Path) -> None:
    """Write a workbook of ten thousand sheets."""
    sheets = "".join(
        f'<sheet name="s{n}" sheetId="{n}" r:id="rId1"/>' for n in range(1, 10_001)
    ).encode()
    changed(
        path,
        _replace(
            "xl/workbook.xml",
            (b'<sheet name="Data" sheetId="1" r:id="rId1"/>', sheets),
        ),
    )


def no_shared_text(path: Path) -> None:
    """Write a workbook that names texts which it does not have."""
    changed(path, lambda parts: parts.update({STRINGS: f"<sst xmlns='{MAIN}'/>".encode()}))


def sign_in_page(path: Path) -> None:
    """Write the page that a portal sends instead of the report."""
    path.write_text("<!DOCTYPE html><html><body><h1>Sign in</h1><form></form></body></html>")


def picture(path: Path) -> None:
    """Write the first bytes of a picture."""
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))


def random_bytes(path: Path) -> None:
    """Write bytes that are no text."""
    path.write_bytes(bytes(range(256)) * 20)


def plain_zip(path: Path) -> None:
    """Write an archive of CSV files."""
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("a.csv", "a,b\n1,2\n")


def encrypted(path: Path) -> None:
    """Write a workbook that has a password to open."""
    import msoffcrypto.format.ooxml  # type: ignore[import-untyped]

    plain = io.BytesIO()
    usual(path)
    plain.write(path.read_bytes())
    plain.seek(0)
    with path.open("wb") as file:
        msoffcrypto.format.ooxml.OOXMLFile(plain).encrypt("secret", file)


REFUSED: dict[str, tuple[str, Callable[[Path], None]]] = {
    "entity_bomb.xlsx": ("hostile-package", entity_bomb),
    "outside_part.xlsx": ("hostile-package", outside_part),
    "zip_bomb.xlsx": ("zip-bomb", zip_bomb),
    "truncated.xlsx": ("damaged", truncated),
    "sheet_broken_off.xlsx": ("damaged", sheet_broken_off),
    "many_sheets.xlsx": ("too-many-sheets", many_sheets),
    "no_shared_text.xlsx": ("damaged", no_shared_text),
    "encrypted.xlsx": ("encrypted", encrypted),
    "sign_in_page.xls": ("no-table", sign_in_page),
    "picture.xlsx": ("no-table", picture),
    "random.csv": ("no-table", random_bytes),
    "archive.xlsx": ("no-table", plain_zip),
    "empty.csv": ("empty", lambda path: path.write_bytes(b"") and None),
    "blank.csv": ("empty", lambda path: path.write_bytes(b"\xef\xbb\xbf\r\n\r\n") and None),
}
"""Files that can't be read, by name, with the code of the reason."""
