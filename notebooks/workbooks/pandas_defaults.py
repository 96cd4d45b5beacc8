"""What pandas, openpyxl and xlsxwriter do with files in a kernel unless a cell says otherwise."""

from __future__ import annotations

from collections.abc import Callable

from .keep import openpyxl_saves
from .reading import memory, pandas_csv, pandas_reader
from .structure import openpyxl_shifts, sheet_copies
from .tie_out import journal
from .writing import direct_writes, pandas_writer


def apply(free_bytes: Callable[[], int | None] = lambda: None) -> None:
    """Let pandas read every kind of table file, and keep text and limits when it writes.

    Args:
        free_bytes: Returns how much memory is free; ``None`` if there is no limit.
    """
    memory.use(free_bytes)
    pandas_reader.use_by_default()
    pandas_csv.use_by_default()
    pandas_writer.use_by_default()
    openpyxl_saves.install()  # first: what the next one prints names the file that was asked for
    openpyxl_shifts.install()
    sheet_copies.install()
    direct_writes.install()
    journal.install()
