"""Tables in text, JSON and parquet files: one sheet each, named like the file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..values import MAX_COLUMNS, Row, SheetInfo, Unreadable, Value, damaged, text_value
from .text_format import TextFormat, rows_of

SAMPLE_BYTES = 200_000


class TextSource:
    """A table in a text file; its values are the texts as they stand, not yet numbers."""

    def __init__(self, path: Path, written: TextFormat) -> None:
        self._path, self._written = path, written
        self.sheets = [SheetInfo(path.stem)]

    def filled(self, index: int) -> Iterator[Row]:
        """Yield the records that have a filled field.

        Raises:
            Unreadable: A quoted field never ends, or there are more columns than a sheet has.
        """
        try:
            for number, record in enumerate(rows_of(self._path, self._written)):
                if len(record) > MAX_COLUMNS:
                    raise damaged(f"record {number + 1} has {len(record):,} fields")
                values = [text_value(field) for field in record]
                while values and values[-1] is None:
                    values.pop()
                if values:
                    yield number, values
        except csv.Error as error:
            raise damaged(f"its text can't be cut into fields ({error})") from error

    def about_rows(self) -> int:
        """Return about how many records there are, from the lines of its first bytes."""
        with self._path.open("rb") as file:
            sample = file.read(SAMPLE_BYTES)
        lines = max(1, sample.count(b"\n"))
        return self._path.stat().st_size * lines // max(1, len(sample))

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""


class JsonSource:
    """Records in a JSON file: a list of objects, one object a line, or lists by name."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            Unreadable: It is no JSON, or has no records.
        """
        self._tables = _tables_in(_json_of(path), path.stem)
        if not self._tables:
            raise Unreadable(
                "no-table", "The JSON file has no list of records.",
                "Read it with json.load, and make a table of what you need.",
            )  # fmt: skip
        self.sheets = [SheetInfo(name) for name in self._tables]

    def filled(self, index: int) -> Iterator[Row]:
        """Yield a row of names, then the records."""
        records = self._tables[self.sheets[index].name]
        if isinstance(records[0], list):
            rows = [[_plain(value) for value in record] for record in records]
        else:
            names = list(dict.fromkeys(name for record in records for name in record))
            rows = [list(names)]
            rows += [[_plain(record.get(name)) for name in names] for record in records]
        for number, values in enumerate(rows):
            while values and values[-1] is None:
                values.pop()
            if values:
                yield number, values

    def close(self) -> None:
        """Do nothing: the file is closed."""


def _plain(value: Any) -> Value:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return json.dumps(value, ensure_ascii=False)


def _json_of(path: Path) -> Any:
    from .encodings import encoding_of

    with path.open("rb") as file:
        encoding, _ = encoding_of(file)
    text = path.read_text(encoding, errors="replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise damaged(f"it is no valid JSON ({error})") from error


def _tables_in(document: Any, name: str) -> dict[str, list[Any]]:
    if isinstance(document, list):
        for kind in (dict, list):
            if document and all(isinstance(record, kind) for record in document):
                return {name: document}
        return {}
    if not isinstance(document, dict):
        return {}
    tables = {key: found[key] for key in document if (found := _tables_in(document[key], key))}
    if tables:
        return tables
    columns = list(document.values())
    if columns and all(isinstance(column, list) for column in columns):
        height = max(map(len, columns))
        rows = [[c[n] if n < len(c) else None for c in columns] for n in range(height)]
        return {name: [list(document), *rows]}
    return {name: [document]} if document else {}


class ParquetSource:
    """A parquet file; it needs pyarrow."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            Unreadable: It is damaged, or pyarrow is not installed.
        """
        try:
            import pyarrow as arrow
            import pyarrow.parquet as parquet
        except ImportError:
            raise Unreadable(
                "no-reader", "The file is a parquet file, and pyarrow is not installed here.",
                "Save it as CSV or .xlsx, or install pyarrow beside the service.",
            ) from None  # fmt: skip
        try:
            self._file = parquet.ParquetFile(path)
        except (arrow.ArrowException, OSError, ValueError) as error:
            raise damaged(f"it can't be read ({error})") from error
        self.sheets = [SheetInfo(path.stem)]

    def filled(self, index: int) -> Iterator[Row]:
        """Yield a row of names, then the records."""
        yield 0, list(self._file.schema_arrow.names)
        number = 0
        for batch in self._file.iter_batches(batch_size=10_000):
            for record in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield number, list(record)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
