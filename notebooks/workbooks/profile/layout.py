"""What a sheet is made of: tables, facts and notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .body import Body
from .grid import Area, ExcelTable
from .other_rows import Sections
from .totals import Total


@dataclass(frozen=True)
class Fact:
    """A label with its value, as in the lines above a table or in a form."""

    row: int
    column: int
    label: str
    value: Any


@dataclass(frozen=True)
class Note:
    """A text that belongs to no table."""

    row: int
    column: int
    text: str


@dataclass
class Table:
    """One table of a sheet; rows and columns count from 0.

    Attributes:
        area: Header, body and totals.
        header_rows: The rows that name the columns; empty if none does.
        body_top: The first row below them.
        totals: Total rows in the body.
        blank_rows: Blank rows in the body.
        repeated_headers: Rows of the body that repeat the header.
        rules: Rows of dashes in the body.
        sections: Rows of the body that are heads of those below them.
        titles: Texts above it.
        excel_table: The Excel table that it is.
        more_rows: Rows of data behind those that were looked at, of a very large sheet.
        end: Its last row; *area* ends with the rows that were looked at.
    """

    area: Area
    header_rows: tuple[int, ...]
    body_top: int
    totals: list[Total] = field(default_factory=list)
    blank_rows: list[int] = field(default_factory=list)
    repeated_headers: list[int] = field(default_factory=list)
    rules: list[int] = field(default_factory=list)
    sections: Sections | None = None
    titles: list[str] = field(default_factory=list)
    excel_table: ExcelTable | None = None
    body: Body | None = None
    more_rows: int = 0
    end: int = 0

    @property
    def left_out(self) -> set[int]:
        """Return the rows of the body that are no data: totals, blanks, dashes, heads, headers."""
        heads = self.sections.rows if self.sections else ()
        out = {*self.blank_rows, *self.repeated_headers, *self.rules, *heads}
        return out.union(t.row for t in self.totals)

    @property
    def data_rows(self) -> int:
        """Return how many rows of data there are."""
        seen = self.area[2] - self.body_top + 1
        left_out = sum(row <= self.area[2] for row in self.left_out)
        return max(0, seen - left_out) + self.more_rows


@dataclass
class Layout:
    """What a sheet is made of."""

    tables: list[Table] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
