"""What was read into the rows that were written, as the kernel says and as it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .accounts import CellNotes
from .flow import Flow
from .tables import Column, Table

Measured = Mapping[str, Sequence[Table] | None]
"""The tables of each file as measured outside the kernel; ``None`` for one that was not."""


@dataclass(slots=True)
class Source:
    """A table that was read: the frame as the kernel says, the table as measured."""

    read: Table
    table: Table | None

    @property
    def rows(self) -> int | None:
        """Rows that were read, total rows included."""
        if self.read.rows is not None:
            return self.read.rows
        return None if self.table is None else all_rows(self.table)

    @property
    def facts(self) -> Table:
        """The measured table; the frame where there is none.

        Numbers that the file keeps as text are the kernel's, unless total rows are among them.
        """
        if self.table is None:
            return self.read
        columns = list(self.table.columns)
        if not self.table.totals:
            columns = [_with_sum(column, self.read) for column in columns]
        # Rows that hold nothing are rows of the frame, and none of the table.
        blank = (self.read.rows or 0) - (all_rows(self.table) or 0)
        if blank > 0:
            columns = [replace(c, blanks=(c.blanks or 0) + blank) for c in columns]
        columns = [_with_blanked(column, self.read) for column in columns]
        return replace(self.table, columns=columns)


def sources_of(
    cells: Sequence[CellNotes], flow: Flow, measured: Measured, own: set[str]
) -> list[Source]:
    """Return what was read into the rows that were written; into all of them if that is unclear."""
    if flow.found:
        reads = [
            table
            for cell, first, last, _ in sorted(flow.reads)
            for table in cells[cell].reads
            if first <= table.line <= last and table.rows is not None
        ]
        return [Source(read, _table_of(read, measured)) for read in dict.fromkeys(reads)]
    others = [t for t in cells[-1].reads if t.file not in own]
    # What the cell wrote too is mostly read back, to look at it.
    written = {t.file for t in cells[-1].writes}
    reads = [t for t in others if t.file not in written]
    reads = reads or [t for cell in cells[:-1] for t in cell.reads if t.file not in own] or others
    found: dict[tuple[str, str], Source] = {}
    for read in reads:
        if read.rows is not None:
            found[read.file, read.sheet] = Source(read, _table_of(read, measured))
            continue
        for table in measured.get(read.file) or ():
            found.setdefault((table.file, table.sheet), Source(Table(file=table.file), table))
    return list(found.values())


def _table_of(read: Table, measured: Measured) -> Table | None:
    """Return the measured table that *read* is a frame of."""
    tables = [t for t in measured.get(read.file) or () if t.sheet == read.sheet]
    names = {column.name for column in read.columns}
    alike = [(len(names & {c.name for c in table.columns}), table) for table in tables]
    best = max(alike, key=lambda each: each[0], default=None)
    if best is None:
        return None
    return best[1] if best[0] * 2 >= len(names) else None


def as_measured(claimed: Table, measured: Measured) -> Table:
    """Return the table in the file that *claimed* was written to; *claimed* if there is none."""
    if claimed.measured:
        return claimed
    found = _table_of(claimed, measured)
    return claimed if found is None else _with_blank_rows(found, claimed)


def _with_blank_rows(table: Table, claimed: Table) -> Table:
    """Count rows that hold nothing, at the end of a frame: no file shows them."""
    fewer = (claimed.rows or 0) - (all_rows(table) or 0)
    if fewer <= 0 or table.rows is None:
        return table
    for column in claimed.columns:
        own = table.column(column.name)
        if own is None or column.blanks is None or own.blanks is None:
            return table
        if column.blanks - own.blanks != fewer:
            return table
    return replace(table, rows=table.rows + fewer)


def alike(sources: Sequence[Source], written: Sequence[Table]) -> list[Source]:
    """Return the sources that share most columns with what was written."""
    names = {column.name for table in written for column in table.columns}
    sheets = {table.sheet for table in written}
    found = []
    for source in sources:
        own = {column.name for column in source.facts.columns}
        if own and len(own & names) * 2 >= len(own):
            found.append(source)
    return [source for source in found if source.facts.sheet in sheets] or found


def all_rows(table: Table) -> int | None:
    """Return the rows of *table* with its total rows; ``None`` if they were not counted."""
    return None if table.rows is None else table.rows + len(table.totals)


def _with_blanked(column: Column, read: Table) -> Column:
    said = read.column(column.name)
    if said is None or said.blanks is None or column.blanks is None:
        return column
    known = column.blanks + column.errors + column.uncalculated
    return replace(column, read_as_blank=max(0, said.blanks - known))


def _with_sum(column: Column, read: Table) -> Column:
    if column.sum is not None or (said := read.column(column.name)) is None or said.sum is None:
        return column
    return replace(column, sum=said.sum)
