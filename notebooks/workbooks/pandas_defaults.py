"""What pandas, openpyxl and xlsxwriter do with files in a kernel unless a cell says otherwise."""

from __future__ import annotations

from . import direct_writes, pandas_csv, pandas_reader, pandas_writer


def apply() -> None:
    """Let pandas read every kind of table file, and keep text and limits when it writes."""
    pandas_reader.use_by_default()
    pandas_csv.use_by_default()
    pandas_writer.use_by_default()
    direct_writes.install()
