"""Tables in text and parquet files: one sheet each, named like the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ..values import MAX_COLUMNS, Row, SheetInfo, Unreadable, damaged, text_value
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
