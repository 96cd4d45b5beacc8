"""What pandas does with files in a kernel unless a cell says otherwise."""

from __future__ import annotations

from . import pandas_csv, pandas_reader


def apply() -> None:
    """Let ``pandas.read_excel`` and ``pandas.read_csv`` read every kind of table file."""
    pandas_reader.use_by_default()
    pandas_csv.use_by_default()
