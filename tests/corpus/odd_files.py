"""Small table files of every kind and oddity that programs write, made on the spot.

Each maker writes one file. Those in `TABLES` all hold `GRID`, so that one test reads them all.
"""

from __future__ import annotations

import datetime
import functools
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import xlsxwriter

from tests.corpus.other_kinds import GRID, RELATIONS, ods, spreadsheet_2003, xls, xls_97, xlsb

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
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
