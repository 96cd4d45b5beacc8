"""A result in one line."""

from __future__ import annotations

from collections.abc import Sequence

from .accounts import Accounts
from .columns import SumOf
from .finding import close, named, quoted, said
from .tables import Table

MOST_SUMS, MOST_REASONS = 3, 6


def line_of(
    accounts: Accounts,
    tables: tuple[Sequence[Table], Sequence[Table]],
    rows: tuple[int | None, int | None],
    sums: Sequence[SumOf],
    *,
    why_not: str,
    cell: int,
) -> str:
    """Return a result in one line.

    Args:
        accounts: Its rows.
        tables: What was read, and what was written.
        rows: How many rows, likewise.
        sums: Its sums, the most relevant first.
        why_not: Why it is not tied out; empty if it is, or if it is suspicious.
        cell: The number of the cell that wrote.
    """
    (read, written), (rows_in, rows_out) = tables, rows
    files = len({table.file for table in read})
    totals = sum(len(table.totals) for table in read)
    of_totals = f" ({named(totals, 'total row')} among them)" if totals else ""
    names = list(dict.fromkeys(table.file for table in written))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    fewer = rows_in is None or rows_out is None or rows_out < rows_in
    verb = "brought together in" if accounts.aggregated and fewer else "written to"
    parts = [
        f"{named(files, 'file')}, {_rows(rows_in)} read{of_totals} -> "
        f"{_rows(rows_out)} {verb} {names[0]}{more}"
    ]
    for each in accounts.left_out[:MOST_REASONS]:
        count = "not counted alone:" if each.rows is None else f"{each.rows:,}"
        where = "" if each.cell == cell else " of an earlier cell"
        parts.append(f"{count} left out by {each.why} (line {each.line}{where})")
    parts += [_sum_line(each) for each in sums[:MOST_SUMS]]
    if why_not:
        parts.append(f"not tied out: {why_not}")
    return "; ".join(parts)


def _rows(count: int | None) -> str:
    return "an unknown number of rows" if count is None else named(count, "row")


def _sum_line(each: SumOf) -> str:
    if close(each.before, each.after):
        return f"{_plain(each.name)} {said(each.after)} ties out"
    ties = " ties out with the rows that were kept" if each.ties else ""
    return f"{_plain(each.name)} {said(each.before)} -> {said(each.after)}{ties}"


def _plain(name: str) -> str:
    return name if name.isprintable() and len(name) <= 40 and ";" not in name else quoted(name)
