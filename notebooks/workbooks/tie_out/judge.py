"""What was read against what was written: one result for each call that writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from .accounts import Accounts, CellNotes, LeftOut, account
from .columns import Columns, SumOf, compare, pairs, totals_included
from .finding import Finding, close, named, quoted, said
from .flow import Flow, Program
from .tables import Table

MOST_RESULTS, MOST_FINDINGS, MOST_SUMS, MOST_NAMED, MOST_IN_LINE = 20, 12, 12, 20, 3
Status = Literal["tied-out", "suspicious", "not-tied-out"]
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
        return None if self.table is None else _all_rows(self.table)

    @property
    def facts(self) -> Table:
        """The measured table; the frame where there is none."""
        return self.table or self.read


@dataclass(slots=True)
class Result:
    """How one result ties out.

    Attributes:
        status: ``tied-out``, ``suspicious``, or ``not-tied-out`` where it can't be known.
        line: All of it in one line.
        read: What was read: ``file``, ``sheet``, ``rows``, ``total_rows``.
        written: What was written, likewise.
        left_out: ``rows`` (``None`` if not counted alone), ``why``, and where: ``cell``, ``line``.
        sums: Sums of numeric columns, the most relevant first.
        findings: What is suspicious.
        why: Why it is not tied out.
    """

    status: Status = "tied-out"
    line: str = ""
    read: list[dict[str, Any]] = field(default_factory=list)
    written: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    sums: list[SumOf] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    why: str = ""


def result_to_json(result: Result) -> dict[str, Any]:
    """Render *result* as plain JSON values."""
    return asdict(result)


def tie_out(cells: Sequence[CellNotes], written: Sequence[str], measured: Measured) -> list[Result]:
    """Tie out what the last of *cells* wrote.

    Args:
        cells: The path's live cells in order; the last one wrote.
        written: Files that it wrote, as found on the disk.
        measured: The tables of these files and of those that were read.

    Returns:
        One result for each call that wrote tables, or for a file written another way; none
        for a file whose data come from the code alone.
    """
    program = Program([cell.source for cell in cells])
    last = len(cells) - 1
    groups: dict[int, list[Table]] = {}
    for table in cells[last].writes:
        if table.rows is not None and table.file in written:
            group = groups.setdefault(table.line, [])
            group += [] if table in group else [table]
    results = [
        _result(cells, tables, program.flow(last, line), measured)
        for line, tables in groups.items()
    ]
    by_frames = {table.file for tables in groups.values() for table in tables}
    for file in written:
        if file not in by_frames and (tables := measured.get(file)):
            results.append(_result(cells, list(tables), Flow(), measured))
    return [result for result in results if result is not None][:MOST_RESULTS]


def read_in(cells: Sequence[CellNotes]) -> list[str]:
    """Return the files whose tables count for what the last of *cells* wrote, to be measured."""
    own = {table.file for table in cells[-1].writes}
    files = [t.file for cell in reversed(cells) for t in cell.reads]
    return [file for file in dict.fromkeys(files) if file not in own]


def _result(
    cells: Sequence[CellNotes], claimed: Sequence[Table], flow: Flow, measured: Measured
) -> Result | None:
    sources = _sources(cells, flow, measured, {table.file for table in claimed})
    if not sources and flow.found:  # read by openpyxl, or by hand
        flow = Flow()
        sources = _sources(cells, flow, measured, {table.file for table in claimed})
    if not sources:
        return None
    written = [_as_measured(table, measured) for table in claimed]
    if not flow.found:
        sources = _alike(sources, written) or sources
    accounts = account(flow, cells)
    result = Result()
    rows_in = _sum_of(source.rows for source in sources)
    rows_out = _sum_of(_all_rows(table) for table in written)
    missing = accounts.missing(rows_in, rows_out) if flow.found else None
    _by_elimination(accounts, rows_in, rows_out)
    columns = compare(
        pairs([s.facts for s in sources], written, flow.renamed), flow, accounts, missing
    )
    _add_unnamed_sums(columns, sources, written, flow, accounts)
    result.findings += _multiplied(accounts, columns)
    result.findings += columns.findings + _lost(missing, accounts)
    result.findings += [
        finding for source in sources for finding in _lost_in_reading(source, flow, measured)
    ]
    result.findings = result.findings[:MOST_FINDINGS]
    result.sums = columns.sums[:MOST_SUMS]
    result.read = [_named(s.facts, s.rows) for s in sources[:MOST_NAMED]]
    result.written = [_named(table, _all_rows(table)) for table in written[:MOST_NAMED]]
    result.left_out = [
        {"rows": each.rows, "why": each.why, "line": each.line, "cell": cells[each.cell].id}
        for each in accounts.left_out
    ]
    result.why = _why_not(flow, accounts, missing, columns, sources, written, measured)
    result.status = _status(result)
    result.line = _line(result, sources, written, (rows_in, rows_out), accounts, len(cells) - 1)
    return result


def _sources(
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
    reads = [t for t in cells[-1].reads if t.file not in own]
    if not reads:
        reads = [t for cell in cells[:-1] for t in cell.reads if t.file not in own]
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


def _as_measured(claimed: Table, measured: Measured) -> Table:
    if claimed.measured:
        return claimed
    return _table_of(claimed, measured) or claimed


def _alike(sources: Sequence[Source], written: Sequence[Table]) -> list[Source]:
    """Return the sources that share most columns with what was written."""
    names = {column.name for table in written for column in table.columns}
    sheets = {table.sheet for table in written}
    found = []
    for source in sources:
        own = {column.name for column in source.facts.columns}
        if own and len(own & names) * 2 >= len(own):
            found.append(source)
    return [source for source in found if source.facts.sheet in sheets] or found


def _by_elimination(accounts: Accounts, rows_in: int | None, rows_out: int | None) -> None:
    """Count the one reason that was not counted: it left out what is missing."""
    open_ones = [n for n, each in enumerate(accounts.left_out) if each.rows is None]
    if len(open_ones) != 1 or accounts.aggregated or accounts.reshaped or accounts.joins:
        return
    if rows_in is None or rows_out is None:
        return
    counted = sum(each.rows or 0 for each in accounts.left_out)
    rest = rows_in - counted - rows_out
    if rest >= 0:
        one = accounts.left_out[open_ones[0]]
        known = [replace(one, rows=rest)] if rest else []
        accounts.left_out[open_ones[0] : open_ones[0] + 1] = known


def _add_unnamed_sums(
    columns: Columns, sources: Sequence[Source], written: Sequence[Table], flow: Flow,
    accounts: Accounts,
) -> None:  # fmt: skip
    """Find the sum of a column in a pivot or a total, where it has another name."""
    if not accounts.aggregated or any(each.ties is not None for each in columns.sums):
        return
    names = {c.name for s in sources for c in s.facts.columns}
    known = {*names, *(flow.renamed[name] for name in names if name in flow.renamed)}
    new = [c.sum for t in written for c in t.columns if c.sum is not None and c.name not in known]
    if not new:
        return
    # A pivot's columns together, without its column of totals; or one total.
    candidates = {sum(new), *(sum(new) - one for one in new if close(sum(new), 2 * one)), *new[:1]}
    for name, of_totals, before, base in _bases(sources, flow.renamed, accounts):
        for after in candidates:
            if close(after, base):
                columns.sums.append(SumOf(name, before, after, ties=True))
                return
            if of_totals and close(after, before + of_totals):
                rows = [s.facts for s in sources if s.facts.totals]
                columns.findings.append(totals_included(name, rows, before, after))
                columns.sums.append(SumOf(name, before, after, ties=False))
                return


def _bases(
    sources: Sequence[Source], renamed: Mapping[str, str], accounts: Accounts
) -> list[tuple[str, float, float, float]]:
    """Return name, sum of total rows, sum read, and sum that was aggregated, of each column."""
    found: dict[str, tuple[float, float]] = {}
    for source in sources:
        for column in source.facts.columns:
            if column.sum is not None:
                name = renamed.get(column.name, column.name)
                of_totals, before = found.get(name, (0.0, 0.0))
                found[name] = of_totals + column.of_totals, before + column.sum
    bases = [(name, t, before, before) for name, (t, before) in found.items() if before]
    for name, base in accounts.sums.items():
        of_totals, before = found.get(name, (0.0, base))
        if base and not close(base, before) and not close(base, before + of_totals):
            bases.append((name, of_totals, before, base))
    return bases


def _multiplied(accounts: Accounts, columns: Columns) -> list[Finding]:
    findings = []
    for join in accounts.joins:
        main = {"left": join.rows_in, "right": join.right}
        most = main.get(join.how, max(join.rows_in, join.right))
        grew = [each for each in columns.sums if each.ties is False]
        if join.how == "cross" or join.rows_out <= most or not (grew or not columns.sums):
            continue
        message = (
            f"The join in line {join.line} made {join.rows_out:,} rows of {join.rows_in:,} and "
            f"{join.right:,}: a key is there several times, so rows came more than once"
        )
        if grew:
            message += f", and {quoted(grew[0].name)} is counted more than once"
            columns.findings[:] = [f for f in columns.findings if f.code != "sum-changed"]
        hint = "Drop duplicate keys first, or pass validate='many_to_one' to merge."
        more = join.rows_out - most
        findings.append(Finding("rows-multiplied", f"{message}.", hint, more))
    return findings


def _lost(missing: int | None, accounts: Accounts) -> list[Finding]:
    findings = [_unmatched(each) for each in accounts.left_out if each.by_join and each.rows]
    if not missing or missing < 0:
        return findings
    message = f"{named(missing, 'row')} that were read are not in what was written, and "
    message += "no other step" if accounts.left_out else "no step"
    message += " of the code leaves rows out."
    hint = "Find where they went, or say why they are not there."
    return [*findings, Finding("rows-lost", message, hint, missing)]


def _unmatched(each: LeftOut) -> Finding:
    rows = each.rows or 0
    return Finding(
        "rows-unmatched",
        f"The join in line {each.line} left out {named(rows, 'row')}: they have no match.",
        "Use how='left' and look at the keys, or say how many had no match.",
        rows,
    )


def _lost_in_reading(source: Source, flow: Flow, measured: Measured) -> list[Finding]:
    read = source.read
    beside = [t for t in measured.get(read.file) or () if t.sheet == read.sheet]
    table = source.table or (beside[0] if len(beside) == 1 else None)
    if table is None or table.rows is None or read.rows is None or flow.limited or not flow.found:
        return []
    lost = table.rows - read.rows
    if lost <= 0:
        return []
    where = f"sheet {quoted(table.sheet)} of {table.file}" if table.sheet else table.file
    message = f"{read.rows:,} of the {named(table.rows, 'row')} of {where} were read."
    return [Finding("rows-not-read", message, "Look at header=, skiprows= and filters.", lost)]


def _why_not(
    flow: Flow, accounts: Accounts, missing: int | None, columns: Columns,
    sources: Sequence[Source], written: Sequence[Table], measured: Measured,
) -> str:  # fmt: skip
    """Return why it can't be said that everything ties out; empty if it can."""
    if not flow.found:
        return "the code between reading and writing could not be followed"
    if any(s.table is None for s in sources) or not all(table.measured for table in written):
        return _unmeasured(sources, written, measured)
    if accounts.aggregated:
        sums = [each for each in columns.sums if each.ties]
        return "" if sums else "no sum of what was aggregated can be compared"
    if accounts.reshaped:
        return "" if columns.sums and all(s.ties for s in columns.sums) else "rows were reshaped"
    if accounts.uncounted and any(each.rows is None for each in accounts.left_out):
        return "rows left out were not counted one reason at a time"
    if missing is not None and missing < 0:
        return f"{named(-missing, 'row')} more than were read: the code adds them"
    unknown = [each for each in columns.sums if each.ties is None and each.why]
    return f"{quoted(unknown[0].name)}: {unknown[0].why}" if unknown else ""


def _unmeasured(sources: Sequence[Source], written: Sequence[Table], measured: Measured) -> str:
    tables = [s.read for s in sources if s.table is None] + [t for t in written if not t.measured]
    file = tables[0].file
    if measured.get(file) is None:
        return f"{file} is too large or of an unknown kind: the figures are the kernel's"
    return f"the table in {file} has other columns than the frame: the figures are the kernel's"


def _status(result: Result) -> Status:
    if result.findings:
        return "suspicious"
    return "not-tied-out" if result.why else "tied-out"


def _line(
    result: Result, sources: Sequence[Source], written: Sequence[Table],
    rows: tuple[int | None, int | None], accounts: Accounts, last_cell: int,
) -> str:  # fmt: skip
    rows_in, rows_out = rows
    files = len({source.facts.file for source in sources})
    read = "an unknown number of rows" if rows_in is None else named(rows_in, "row")
    wrote = "an unknown number of rows" if rows_out is None else named(rows_out, "row")
    totals = sum(len(source.facts.totals) for source in sources)
    of_totals = f" ({named(totals, 'total row')} among them)" if totals else ""
    names = list(dict.fromkeys(table.file for table in written))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    fewer = rows_in is None or rows_out is None or rows_out < rows_in
    verb = "brought together in" if accounts.aggregated and fewer else "written to"
    parts = [f"{named(files, 'file')}, {read} read{of_totals} -> {wrote} {verb} {names[0]}{more}"]
    for each in accounts.left_out:
        count = "not counted alone:" if each.rows is None else f"{each.rows:,}"
        where = "" if each.cell == last_cell else " of an earlier cell"
        parts.append(f"{count} left out by {each.why} (line {each.line}{where})")
    parts += [_sum_line(each) for each in result.sums[:MOST_IN_LINE]]
    if result.why and not result.findings:
        parts.append(f"not tied out: {result.why}")
    return "; ".join(parts)


def _sum_line(each: SumOf) -> str:
    if close(each.before, each.after):
        return f"{_plain(each.name)} {said(each.after)} ties out"
    ties = " ties out with the rows that were kept" if each.ties else ""
    return f"{_plain(each.name)} {said(each.before)} -> {said(each.after)}{ties}"


def _plain(name: str) -> str:
    return name if name.isprintable() and len(name) <= 40 and ";" not in name else quoted(name)


def _named(table: Table, rows: int | None) -> dict[str, Any]:
    return {
        "file": table.file,
        "sheet": table.sheet,
        "rows": rows,
        "total_rows": len(table.totals),
    }


def _all_rows(table: Table) -> int | None:
    return None if table.rows is None else table.rows + len(table.totals)


def _sum_of(counts: object) -> int | None:
    total = 0
    for count in counts:  # type: ignore[attr-defined]
        if count is None:
            return None
        total += count
    return total
