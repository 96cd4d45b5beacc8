"""What is true of a labelled sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrueTable:
    """One table of a sheet.

    Attributes:
        range: Header, body and totals, such as ``B3:F20``.
        header_rows: Excel's numbers of the rows that name the columns.
        names: The columns' names as the frame has them.
        kinds: The columns' kinds.
        totals: Excel's numbers of total and subtotal rows.
        rows: The frame's rows: data only, numbers and dates as such.
    """

    range: str
    header_rows: tuple[int, ...]
    names: tuple[Any, ...]
    kinds: tuple[str, ...]
    totals: tuple[int, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A labelled sheet: its tables in the file that *write* makes."""

    name: str
    tables: tuple[TrueTable, ...]
    sheet: str = "Sheet1"


@dataclass
class File:
    """A labelled file.

    Attributes:
        name: Its file name.
        write: Writes it to a path.
        sheets: Its labelled sheets.
    """

    name: str
    write: Callable[[Path], None]
    sheets: list[Sheet] = field(default_factory=list)
