"""Records in JSON files (RFC 8259), and one JSON value a line: a sheet for each list of records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..values import Row, SheetInfo, Unreadable, Value, damaged

MAX_DEPTH = 6
MAX_TABLES = 100
LISTS = "records[1:]"
SPLIT = 'records["data"], columns=records["columns"]'


@dataclass(frozen=True)
class JsonCode:
    """How code gets at one list of records of a JSON file.

    Attributes:
        encoding: Of the file.
        lines: The file has one record a line.
        path: The subscripts from the document to the records, such as ``['data']['items']``.
        frame: What a data frame of ``records`` is made of.
        names: The names of its columns as the frame has them.
    """

    encoding: str
    lines: bool
    path: str
    frame: str
    names: Sequence[Any]


@dataclass(frozen=True)
class _Records:
    """A list of records: where it is, its names, its rows, and what a frame of it is made of."""

    path: tuple[str, ...]
    names: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    frame: str


class JsonSource:
    """A list of objects, one object a line, lists by name at any depth, or columns by name."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            Unreadable: It is no JSON, or has no records.
        """
        document, self._encoding, self._lines = _document(path)
        self._tables = list(_tables(document, ()))[:MAX_TABLES]
        if not self._tables:
            raise Unreadable(
                "no-table", "The JSON file has no list of records.",
                "Read it with json.load, and make a table of what you need.",
            )  # fmt: skip
        self.sheets = [SheetInfo(name) for name in _names(self._tables, path.stem)]

    def filled(self, index: int) -> Iterator[Row]:
        """Yield a row of names, then the records, blank ones too."""
        table = self._tables[index]
        yield 0, list(table.names)
        for number, record in enumerate(table.rows, 1):
            values = [_plain(value) for value in record]
            while values and values[-1] is None:
                values.pop()
            yield number, values

    def code(self, index: int) -> JsonCode:
        """Return how code gets at the records of sheet *index*."""
        table = self._tables[index]
        path = "".join(f"[{key!r}]" for key in table.path)
        names = range(len(table.names)) if table.frame == LISTS else table.names
        return JsonCode(self._encoding, self._lines, path, table.frame, names)

    def close(self) -> None:
        """Do nothing: the file is closed."""


def _plain(value: Any) -> Value:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return json.dumps(value, ensure_ascii=False)


def _document(path: Path) -> tuple[Any, str, bool]:
    """Return (the document, the file's encoding, whether it has a value a line)."""
    from .encodings import encoding_of

    with path.open("rb") as file:
        encoding, _ = encoding_of(file)
    text = path.read_text(encoding, errors="replace")
    try:
        return json.loads(text), encoding, False
    except (ValueError, RecursionError) as error:
        try:
            lines = [json.loads(line) for line in text.split("\n") if line.strip()]
        except (ValueError, RecursionError):
            raise damaged(f"it is no valid JSON ({error})") from error
        return lines, encoding, True


def _tables(document: Any, path: tuple[str, ...]) -> Iterator[_Records]:
    """Yield the lists of records in *document*, the outer ones first."""
    if isinstance(document, list):
        if document and all(isinstance(record, dict) for record in document):
            yield _of_objects(document, path)
        elif len(document) > 1 and all(isinstance(record, list) for record in document):
            yield _of_lists(document, path)
        return
    if not isinstance(document, dict) or len(path) > MAX_DEPTH:
        return
    if {"columns", "data"} <= document.keys() and _is_split(document["columns"], document["data"]):
        yield _Records(path, document["columns"], document["data"], SPLIT)
        return
    inner = [table for key, value in document.items() for table in _tables(value, (*path, key))]
    lists = [table for table in inner if not table.frame.startswith("[")]
    if lists or (inner and not path):
        yield from lists or inner
    elif document and all(isinstance(column, list) for column in document.values()):
        yield _of_columns(document, path)
    elif document:
        names = list(document)
        yield _Records(path, names, [list(document.values())], "[records]")


def _is_split(columns: Any, data: Any) -> bool:
    """Return whether *columns* name the values of each list of *data*, as pandas writes them."""
    if not (isinstance(columns, list) and isinstance(data, list) and columns and data):
        return False
    named = all(isinstance(name, str) for name in columns)
    return named and all(isinstance(row, list) and len(row) == len(columns) for row in data)


def _of_objects(records: Sequence[Mapping[str, Any]], path: tuple[str, ...]) -> _Records:
    names = list(dict.fromkeys(name for record in records for name in record))
    rows = [[record.get(name) for name in names] for record in records]
    return _Records(path, names, rows, "records")


def _of_lists(records: Sequence[Sequence[Any]], path: tuple[str, ...]) -> _Records:
    """Return lists as records, the first of which has the names."""
    width = max(map(len, records))
    rows = [[*record, *[None] * (width - len(record))] for record in records]
    return _Records(path, rows[0], rows[1:], LISTS)


def _of_columns(columns: Mapping[str, Sequence[Any]], path: tuple[str, ...]) -> _Records:
    height = max(map(len, columns.values()))
    rows = [[c[n] if n < len(c) else None for c in columns.values()] for n in range(height)]
    frame = "{name: pd.Series(column, dtype=object) for name, column in records.items()}"
    return _Records(path, list(columns), rows, frame)


def _names(tables: Sequence[_Records], stem: str) -> Iterator[str]:
    """Yield a name for each table: that of its list, with those around it where it repeats."""
    last = [table.path[-1] if table.path else stem for table in tables]
    for table, name in zip(tables, last, strict=True):
        yield name if last.count(name) == 1 else ".".join(table.path)
