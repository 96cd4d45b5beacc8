"""What a file is, by its content: its name is only a claim."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..values import Unreadable, damaged
from .package import Package, encrypted
from .text_format import TextFormat, text_format_of
from .xls import OLE_MAGIC

MEMBERS_SHOWN = 40
_MAIN_PARTS = {
    b"spreadsheetml.sheet.main+xml": ("xlsx", "Excel workbook"),
    b"sheet.macroEnabled.main+xml": ("xlsm", "Excel workbook with macros"),
    b"spreadsheetml.template.main+xml": ("xltx", "Excel template"),
    b"template.macroEnabled.main+xml": ("xltm", "Excel template with macros"),
    b"addin.macroEnabled.main+xml": ("xlsm", "Excel add-in"),
    b"sheet.binary.macroEnabled.main": ("xlsb", "Excel binary workbook"),
}
_OTHERS = (
    (b"%PDF-", "a PDF document", "Export the table itself as .xlsx or CSV."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (b"Rar!", "a RAR archive", "Unpack it first."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it first."),
    (b"\x89PNG", "a picture", "Ask for the table itself."),
    (b"\xff\xd8\xff", "a picture", "Ask for the table itself."),
    (b"ID;P", "a SYLK file", "Open it in Excel and save it as .xlsx."),
    (b"{\\rtf", "a rich text document", "Copy its table into a workbook."),
)
_OLE_TEXTS = {
    name: name.lower().encode("utf-16-le")
    for name in ("EncryptedPackage", "WordDocument", "PowerPoint Document", "Workbook", "Book")
}
_HTML = re.compile(
    r"(<\?xml[^>]*>\s*)?<(!doctype html|html|head|meta|body|table|style|div|center|font|!--)"
)


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What a file is.

    Attributes:
        kind: ``"xlsx"``, ``"xlsm"``, ``"xltx"``, ``"xltm"``, ``"xlsb"``, ``"xls"``, ``"ods"``,
            ``"html"``, ``"xml2003"``, ``"text"``, ``"json"`` or ``"parquet"``.
        description: In words; names a wrong ending, as in "HTML table saved as .xls".
        text: How a text file is written; ``None`` for other kinds.
    """

    kind: str
    description: str
    text: TextFormat | None = None


def identify(path: Path) -> FileFormat:
    """Return what the file at *path* is.

    Raises:
        Unreadable: It is empty, encrypted, damaged, hostile, or has no table.
        OSError: It can't be opened.
    """
    with path.open("rb") as file:
        head = file.read(8192)
    if not head:
        raise Unreadable("empty", "The file is empty.", "Ask for it to be exported again.")
    found = _by_content(path, head)
    ending = path.suffix.lower().lstrip(".")
    usual = {"text": ("csv", "tsv", "txt", "tab", "prn"), "html": ("html", "htm"),
             "xml2003": ("xml",), "ods": ("ods", "ots"), "json": ("json", "jsonl", "ndjson"),
             "xlsm": ("xlsm", "xlam"), "xls": ("xls", "xlt")}  # fmt: skip
    if ending in usual.get(found.kind, (found.kind,)) or not ending:
        return found
    return FileFormat(found.kind, f"{found.description} saved as .{ending}", found.text)


def _by_content(path: Path, head: bytes) -> FileFormat:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_format(path)
    if head.startswith(OLE_MAGIC):
        return _ole_format(path)
    if head.startswith(b"PAR1"):
        return FileFormat("parquet", "Parquet table")
    if head[:2] in (b"\x09\x00", b"\x09\x02", b"\x09\x04") and head[2:4] in (b"\x04\0", b"\x06\0"):
        return FileFormat("xls", "Excel 2 to 4 sheet")
    for magic, what, hint in _OTHERS:
        if head.startswith(magic):
            raise Unreadable("no-table", f"The file is {what}, not a table.", hint)
    return _text_kind(path, _readable_head(head))


def _readable_head(head: bytes) -> str:
    for mark, codec in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le")):
        if head.startswith(mark):
            return head.decode(codec, "replace").lstrip("\ufeff \r\n\t")
    return head.removeprefix(b"\xef\xbb\xbf").decode("latin-1").lstrip()


def _text_kind(path: Path, head: str) -> FileFormat:
    lower = head.lower()
    is_2003 = "urn:schemas-microsoft-com:office:spreadsheet" in lower
    if is_2003 and lower.startswith("<") and not lower.startswith(("<html", "<!doctype html")):
        return FileFormat("xml2003", "XML Spreadsheet 2003")
    if _HTML.match(lower):
        return FileFormat("html", "HTML table")
    if lower.startswith("<"):
        raise Unreadable(
            "no-table", "The file is XML that is no spreadsheet.",
            "Read it with pandas.read_xml, or ask for it as .xlsx or CSV.",
        )  # fmt: skip
    if head[:1] in "[{" and head and _looks_like_json(head):
        return FileFormat("json", "JSON records")
    written = text_format_of(path)
    names = {"\t": "Tab-separated text", ";": "Semicolon-separated text",
             ",": "Comma-separated text", "|": "Text separated by |"}  # fmt: skip
    return FileFormat("text", names.get(written.delimiter, "Delimited text"), written)


def _looks_like_json(head: str) -> bool:
    return re.match(r'(\[\s*([\[{"\d\-tfn\]])|\{\s*("|\}))', head) is not None


def _zip_format(path: Path) -> FileFormat:
    package = Package(path)
    try:
        if package.has("[Content_Types].xml"):
            return _office_format(package)
        if package.has("mimetype"):
            kind = package.small("mimetype").decode("ascii", "replace")
            if "opendocument.spreadsheet" in kind:
                manifest = "META-INF/manifest.xml"
                if package.has(manifest) and b"encryption-data" in package.small(manifest):
                    raise encrypted()
                return FileFormat("ods", "OpenDocument spreadsheet")
            raise Unreadable(
                "no-table", "The file is an OpenDocument file, but no spreadsheet.",
                "Copy its table into a spreadsheet.",
            )  # fmt: skip
        if package.has("xl/workbook.xml"):
            return FileFormat("xlsx", "Excel workbook")
        raise Unreadable(
            "no-table", f"The file is a zip archive of {_members(package)}, not a workbook.",
            "Unpack it and give the files in it, or read them with zipfile.",
        )  # fmt: skip
    finally:
        package.close()


def _members(package: Package) -> str:
    """Return how many files an archive has, and the names and sizes of the first of them."""
    names = [name for name in package.names.values() if not name.endswith("/")]
    shown = [f"{name[:80]!r} {package.size(name):,} bytes" for name in names[:MEMBERS_SHOWN]]
    more = [f"{len(names) - MEMBERS_SHOWN} more"] if len(names) > MEMBERS_SHOWN else []
    return f"{len(names):,} files ({', '.join([*shown, *more])})"


def _office_format(package: Package) -> FileFormat:
    types = package.small("[Content_Types].xml")
    if b"<!DOCTYPE" in types or b"<!ENTITY" in types:
        raise Unreadable(
            "hostile-package", "The file declares XML entities, which no workbook does.",
            "Don't use it; ask its sender for a file saved by a spreadsheet program.",
        )  # fmt: skip
    for part, (kind, description) in _MAIN_PARTS.items():
        if part in types:
            return FileFormat(kind, description)
    for directory, what in (("word/", "a Word document"), ("ppt/", "a PowerPoint presentation")):
        if any(name.startswith(directory) for name in package.names):
            raise Unreadable(
                "no-table", f"The file is {what}, not a workbook.",
                "Copy its table into a workbook.",
            )  # fmt: skip
    if package.has("xl/workbook.bin"):
        return FileFormat("xlsb", "Excel binary workbook")
    if any(name.startswith("xl/") for name in package.names):
        return FileFormat("xlsx", "Excel workbook")
    raise damaged("it has none of a workbook's parts")


def _ole_format(path: Path) -> FileFormat:
    content = path.read_bytes().lower()  # some programs name the parts in capitals
    if _OLE_TEXTS["EncryptedPackage"] in content:
        raise encrypted()
    if _OLE_TEXTS["Workbook"] in content or _OLE_TEXTS["Book"] in content:
        return FileFormat("xls", "Excel 97-2003 workbook")
    for name, what in (("WordDocument", "a Word document"), ("PowerPoint Document", "slides")):
        if _OLE_TEXTS[name] in content:
            raise Unreadable(
                "no-table", f"The file is {what}, not a workbook.",
                "Copy its table into a workbook.",
            )  # fmt: skip
    raise damaged("it has no workbook inside")
