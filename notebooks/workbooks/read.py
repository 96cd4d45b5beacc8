"""Interim."""
from __future__ import annotations
import csv, datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator
class Unreadable(Exception):
    def __init__(self, code, message, hint):
        super().__init__(code, message, hint); self.code, self.message, self.hint = code, message, hint
@dataclass(frozen=True)
class CellError:
    text: str
    def __str__(self): return self.text
@dataclass(frozen=True)
class TextFormat:
    encoding: str; delimiter: str; quotechar: str = '"'; decimal: str = "."; thousands: str = ""; skip_rows: int = 0; bom: bool = False
@dataclass(frozen=True)
class FileFormat:
    kind: str; description: str; text: TextFormat | None = None
@dataclass(frozen=True)
class SheetInfo:
    name: str; kind: str = "worksheet"; visible: bool = True; very_hidden: bool = False
def identify(path: Path) -> FileFormat:
    head = path.read_bytes()[:4]
    if head[:2] == b"PK": return FileFormat("xlsx", "Excel workbook")
    if head[:4] == b"\xd0\xcf\x11\xe0": return FileFormat("xls", "Excel 97 workbook")
    raw = path.read_bytes()
    if raw[:2] == b"\xff\xfe": enc = "utf-16"
    else:
        try: raw.decode("utf-8"); enc = "utf-8"
        except UnicodeDecodeError: enc = "cp1252"
    text = raw.decode(enc).lstrip("\ufeff"); skip = 0
    first = text.split("\n", 1)[0]
    if first.startswith("sep="): skip = 1; delim = first[4]
    else: delim = max(";,\t|", key=lambda d: (min([l.count(d) for l in text.splitlines()[:1]] or [0]), text.count(d)))
    return FileFormat("text", "text", TextFormat(enc, delim, skip_rows=skip, bom=raw[:3]==b"\xef\xbb\xbf", decimal="," if delim==";" else "."))
class Book:
    def __init__(self, path, found):
        self.found = found
        if found.kind == "text":
            t = found.text
            self._rows = [[c or None for c in r] for r in csv.reader(open(path, encoding="utf-8-sig" if t.encoding=="utf-8" else t.encoding, newline=""), delimiter=t.delimiter)][t.skip_rows:]
            self.sheets = [SheetInfo(Path(path).stem)]
        else:
            import python_calamine as c
            self.book = c.load_workbook(str(path))
            self.sheets = [SheetInfo(m.name, {"WorkSheet":"worksheet","ChartSheet":"chart"}.get(str(m.typ).rpartition(".")[2],"macro"), "Visible" in str(m.visible), "Very" in str(m.visible)) for m in self.book.sheets_metadata]
    def used_range(self, sheet): ...
    def rows(self, sheet, *, first=0, count=None):
        if self.found.kind == "text":
            yield from self._rows; return
        s = self.book.get_sheet_by_name(sheet)
        if s.start is None: return
        lead = [None]*s.start[1]
        for _ in range(s.start[0]): yield []
        for r in s.to_python():
            yield lead+[None if v=="" else int(v) if type(v) is float and v.is_integer() else v for v in r]
    def __enter__(self): return self
    def __exit__(self,*a): pass
    def close(self): pass
def open_book(path: Path, found: FileFormat | None = None) -> Book:
    return Book(path, found or identify(path))
