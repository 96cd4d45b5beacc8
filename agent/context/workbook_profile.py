"""Profile one workbook: sheets, true header row, column types, tables, names, totals.

Workbooks come from anywhere, so this file is run as a program inside a sandbox of
its own (``workbook_profile.py FILE``) and prints one JSON object. It needs only
the standard library and python-calamine.
"""

from __future__ import annotations

import csv
import datetime
import itertools
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

Row = Sequence[Any]

HEAD_ROWS = 2_000
TAIL_ROWS = 50
HEADER_SEARCH_ROWS = 40
MAX_SHEETS = 40
MAX_COLUMNS = 100
MAX_MERGED = 30
MAX_NAMES = 60
TEXT = 80
MAX_EXPANDED_BYTES = 1_500_000_000
MAX_RATIO = 200
TAIL_SCAN_CELLS = 4_000_000
OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

_TOTAL = re.compile(r"^\s*(grand\s+|sub\s*-?\s*)?(total|totals|sum|summe|gesamt)\b", re.I)
_DATE_TEXT = (
    (re.compile(r"^\d{4}-\d{1,2}-\d{1,2}$"), "yyyy-mm-dd"),
    (re.compile(r"^\d{1,2}/\d{1,2}/\d{4}$"), "dd/mm/yyyy or mm/dd/yyyy"),
    (re.compile(r"^\d{1,2}\.\d{1,2}\.\d{4}$"), "dd.mm.yyyy"),
    (re.compile(r"^\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}$"), "dd mmm yyyy"),
    (re.compile(r"^[A-Za-z]{3,9} \d{1,2},? \d{4}$"), "mmm dd, yyyy"),
)
_NUMBER_TEXT = re.compile(r"^\s*[-+(]?[$€£]?\s?\d{1,3}([, ]?\d{3})*([.,]\d+)?\)?%?\s*$")


class Unreadable(Exception):
    """The file can't be profiled; carries code, message and hint."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(code, message, hint)
        self.code, self.message, self.hint = code, message, hint


def profile_file(path: Path) -> dict[str, Any]:
    """Profile the workbook or CSV file at *path*.

    Returns:
        ``{"kind", "sheets": [...], "tables": [...], "defined_names": [...]}``; row
        and column numbers are Excel's, from 1.

    Raises:
        Unreadable: It is empty, encrypted, damaged, too large, or no workbook.
    """
    size = path.stat().st_size
    if size == 0:
        raise Unreadable("empty-file", "The file is empty (0 bytes).", "Upload it again.")
    if path.suffix.lower() in (".csv", ".tsv"):
        return _profile_csv(path)
    with path.open("rb") as file:
        magic = file.read(8)
    names: list[dict[str, str]] = []
    if magic.startswith(b"PK"):
        names = _check_zip(path)
    elif magic != OLE_MAGIC:
        raise Unreadable(
            "not-a-workbook",
            "The file's name says workbook, its content does not.",
            "Open it in the program it came from and save it as .xlsx.",
        )
    return {"kind": "workbook", "defined_names": names, **_profile_workbook(path, magic)}


def _check_zip(path: Path) -> list[dict[str, str]]:
    """Check the container before anything is unpacked; return the defined names."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            expanded = sum(entry.file_size for entry in entries)
            packed = max(1, path.stat().st_size)
            suspicious = expanded > 100_000_000 and expanded / packed > MAX_RATIO
            if expanded > MAX_EXPANDED_BYTES or suspicious:
                raise Unreadable(
                    "zip-bomb",
                    f"The file unpacks to {expanded / 1e6:,.0f} MB from {packed / 1e6:,.1f} MB.",
                    "If it is a real workbook, split it or save it again in Excel.",
                )
            if "xl/workbook.xml" in archive.namelist():
                return _defined_names(archive.read("xl/workbook.xml"))
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise Unreadable(
            "workbook-damaged",
            f"The file starts like a workbook but is damaged or cut short ({error}).",
            "Upload it again; if that fails, open it in Excel, which may repair it.",
        ) from None
    except (ElementTree.ParseError, KeyError, NotImplementedError, RuntimeError):
        return []
    return []


def _defined_names(content: bytes) -> list[dict[str, str]]:
    root = ElementTree.fromstring(content)  # noqa: S314 (confined; expat stops entity bombs)
    found = [
        {"name": element.get("name", "")[:TEXT], "refers_to": (element.text or "")[:TEXT]}
        for element in root.iter(f"{SPREADSHEET}definedName")
        if not element.get("name", "").startswith("_xlnm._FilterDatabase")
    ]
    return found[:MAX_NAMES]


def _profile_workbook(path: Path, magic: bytes) -> dict[str, Any]:
    import python_calamine as calamine

    try:
        try:
            book = calamine.load_workbook(str(path), load_tables=True)
        except (calamine.TablesNotSupported, calamine.XmlError):
            book = calamine.load_workbook(str(path))
        sheets = [
            _profile_sheet(book, meta, calamine) for meta in book.sheets_metadata[:MAX_SHEETS]
        ]
        result = {"sheets": sheets, "tables": _tables(book), "sheet_count": len(book.sheet_names)}
    except calamine.PasswordError:
        raise _encrypted() from None
    except (calamine.CalamineError, OSError, ValueError) as error:
        if magic == OLE_MAGIC and _holds_encrypted_package(path):
            raise _encrypted() from None
        code = "not-a-workbook" if magic == OLE_MAGIC else "workbook-damaged"
        raise Unreadable(
            code,
            f"No workbook could be read from the file ({str(error)[:120]}).",
            "Open it in Excel and save it as .xlsx, then upload that.",
        ) from None
    return result


def _encrypted() -> Unreadable:
    return Unreadable(
        "workbook-encrypted",
        "The workbook is protected with a password to open.",
        "Remove the password in Excel (File, Info, Protect Workbook) and upload it again.",
    )


def _holds_encrypted_package(path: Path) -> bool:
    return "EncryptedPackage".encode("utf-16-le") in path.read_bytes()


def _tables(book: Any) -> list[dict[str, Any]]:
    found = []
    try:
        names = book.table_names or []
    except Exception:  # noqa: BLE001 (calamine: tables not loaded or not supported)
        return []
    for name in names[:MAX_NAMES]:
        table = book.get_table_by_name(name)
        columns = [_text(column) for column in table.columns[:MAX_COLUMNS]]
        entry = {"name": name, "sheet": table.sheet, "columns": columns, "rows": table.height}
        if table.start and table.end:
            entry["range"] = _range((table.start, table.end))
        found.append(entry)
    return found


def _profile_sheet(book: Any, meta: Any, calamine: Any) -> dict[str, Any]:
    kind = str(meta.typ).rpartition(".")[2]
    visible = str(meta.visible).rpartition(".")[2]
    sheet: dict[str, Any] = {"name": meta.name, "kind": kind, "visible": visible}
    if kind != "WorkSheet":
        return sheet
    try:
        data = book.get_sheet_by_name(meta.name)
    except calamine.WorksheetNotFound:
        return sheet
    start = data.start or (0, 0)
    rows, columns = (data.end[0] + 1, data.end[1] + 1) if data.end else (0, 0)
    sheet |= {"rows": rows, "columns_used": columns}
    merged = data.merged_cell_ranges or []
    sheet["merged"] = [_range(cells) for cells in merged[:MAX_MERGED]]
    sheet["merged_count"] = len(merged)
    head = data.to_python(nrows=HEAD_ROWS)
    tail: list[Row] = head[-TAIL_ROWS:]
    scanned = data.height <= HEAD_ROWS or data.height * data.width <= TAIL_SCAN_CELLS
    if data.height > HEAD_ROWS and scanned:
        tail = list(itertools.islice(data.iter_rows(), data.height - TAIL_ROWS, None))
    sheet |= _describe_rows(head, tail, first_row=start[0], first_column=start[1])
    if sheet.get("header_row"):
        sheet["data_rows"] = rows - sheet["header_row"] - len(sheet["totals_rows"])
        if not scanned:
            sheet["note"] = "too large to look for a totals row at its end"
    return sheet


def _profile_csv(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        sample = file.read(64 * 1024)
        file.seek(0)
        try:
            dialect: Any = csv.Sniffer().sniff(sample, delimiters=",;\t|")
        except csv.Error:
            dialect = csv.excel
        try:
            rows = list(itertools.islice(csv.reader(file, dialect), HEAD_ROWS))
            count = len(rows) + sum(1 for _ in file)
        except csv.Error as error:
            raise Unreadable(
                "not-a-table", f"The file is not a table of text ({error}).", "Check its content."
            ) from None
    sheet: dict[str, Any] = {
        "name": path.name,
        "kind": "WorkSheet",
        "visible": "Visible",
        "rows": count,
    }
    sheet |= {"delimiter": dialect.delimiter, "merged": [], "merged_count": 0}
    sheet |= _describe_rows(rows, rows[-TAIL_ROWS:], first_row=0, first_column=0)
    if sheet.get("header_row"):
        sheet["data_rows"] = count - int(sheet["header_row"])
    return {"kind": "csv", "sheets": [sheet], "tables": [], "defined_names": []}


def _describe_rows(
    head: Sequence[Row], tail: Sequence[Row], *, first_row: int, first_column: int
) -> dict[str, Any]:
    at = find_header(head)
    if at is None:
        texts = [[_text(v) for v in row[:8] if not _blank(v)] for row in head[:3]]
        return {"header_row": None, "columns": [], "totals_rows": [], "first_rows": texts}
    body = head[at + 1 :]
    totals = [row for row in tail if row is not head[at] and _is_total(row)]
    if len(head) > at + 1:
        body = [row for row in body if not _is_total(row)]
    header = head[at]
    columns = [
        {
            "name": _text(header[i]) if i < len(header) else "",
            "letter": column_letter(first_column + i),
            **_describe_column([row[i] for row in body if i < len(row)]),
        }
        for i in range(min(len(header), MAX_COLUMNS))
    ]
    while columns and not columns[-1]["name"] and columns[-1]["type"] == "empty":
        columns.pop()
    titles = [" ".join(_text(v) for v in row if not _blank(v)) for row in head[:at]]
    return {
        "header_row": first_row + at + 1,
        "title_rows": [title[:TEXT] for title in titles if title],
        "columns": columns,
        "more_columns": max(0, len(header) - MAX_COLUMNS),
        "totals_rows": [[_text(v) for v in row[:8]] for row in totals[-5:]],
    }


def find_header(rows: Sequence[Row]) -> int | None:
    """Return the index of the row that names the columns, or ``None``.

    It is the first row, under any titles, that is about as wide as the data below
    it, made of distinct texts, and followed by data.
    """
    search = rows[:HEADER_SEARCH_ROWS]
    widths = [sum(not _blank(v) for v in row) for row in search]
    widest = max(widths, default=0)
    if widest == 0:
        return None
    for index, row in enumerate(search):
        if widths[index] < max(1, 0.6 * widest) or (widest > 1 and widths[index] < 2):
            continue
        values = [v for v in row if not _blank(v)]
        texts = [str(v).strip().lower() for v in values if isinstance(v, str)]
        years = [v for v in values if isinstance(v, float | int) and 1900 <= v <= 2100]
        if len(texts) + len(years) < 0.8 * len(values) or not texts:
            continue
        below = any(width >= 0.5 * widest for width in widths[index + 1 : index + 6])
        if len(set(texts)) == len(texts) and (below or len(rows) == index + 1):
            return index
    return None


def _describe_column(values: Iterable[Any]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    blanks = total = 0
    samples: list[str] = []
    for value in values:
        total += 1
        if _blank(value):
            blanks += 1
            continue
        kind = _kind(value)
        counts[kind] = counts.get(kind, 0) + 1
        if len(samples) < 3 and (text := _text(value)) not in samples:
            samples.append(text)
    kinds = sorted(counts, key=counts.__getitem__, reverse=True)
    kind = kinds[0] if len(kinds) == 1 else "mixed: " + ", ".join(kinds[:3]) if kinds else "empty"
    if set(kinds) == {"integer", "number"}:
        kind = "number"
    return {"type": kind, "samples": samples, "blanks": blanks, "looked_at": total}


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if float(value).is_integer() else "number"
    if isinstance(value, datetime.datetime | datetime.date):
        return "date"
    if isinstance(value, datetime.time | datetime.timedelta):
        return "time"
    text = str(value).strip()
    for pattern, shape in _DATE_TEXT:
        if pattern.match(text):
            return f"text that looks like dates ({shape})"
    return "text that looks like numbers" if _NUMBER_TEXT.match(text) else "text"


def _is_total(row: Row) -> bool:
    texts = [v for v in row if isinstance(v, str) and v.strip()]
    return bool(texts) and any(not isinstance(v, str) for v in row) and bool(_TOTAL.match(texts[0]))


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    text = " ".join(str(value).split())
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"


def column_letter(index: int) -> str:
    """Return Excel's letters for the column at *index* (from 0): 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _range(cells: tuple[tuple[int, int], tuple[int, int]]) -> str:
    (top, left), (bottom, right) = cells
    return f"{column_letter(left)}{top + 1}:{column_letter(right)}{bottom + 1}"


def main() -> None:
    """Print the profile of the file named on the command line, or the problem with it."""
    try:
        result = profile_file(Path(sys.argv[1]))
    except Unreadable as problem:
        result = {
            "problem": {
                "code": problem.code,
                "message": problem.message,
                "hint": problem.hint,
            }
        }
    json.dump(result, sys.stdout, ensure_ascii=True, default=str)


if __name__ == "__main__":
    main()
