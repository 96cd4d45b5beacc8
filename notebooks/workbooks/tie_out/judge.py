"""What was read against what was written: one result for each call that writes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from .accounts import Accounts, CellNotes, LeftOut, account
from .columns import Columns, SumOf, compare, pairs, totals_included
from .finding import Finding, close, named, quoted
from .flow import Flow, Program
from .sources import Measured, Source, alike, all_rows, as_measured, sources_of
from .tables import Table
from .words import line_of

MOST_RESULTS, MOST_FINDINGS, MOST_SUMS, MOST_NAMED = 20, 12, 12, 20
Status = Literal["tied-out", "suspicious", "not-tied-out"]


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
        for line, tables in list(groups.items())[:MOST_RESULTS]
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
    sources = sources_of(cells, flow, measured, {table.file for table in claimed})
    if not sources and flow.found:  # read by openpyxl, or by hand
        flow = Flow()
        sources = sources_of(cells, flow, measured, {table.file for table in claimed})
    if not sources:
        return None
    written = [as_measured(table, measured) for table in claimed]
    if not flow.found:
        sources = alike(sources, written) or sources
    accounts = account(flow, cells)
    result = Result()
    rows_in = _sum_of(source.rows for source in sources)
    rows_out = _sum_of(all_rows(table) for table in written)
    missing = accounts.missing(rows_in, rows_out) if flow.found else None
    if missing is not None and missing < 0:  # a total row that code wrote below
        missing = min(0, missing + sum(len(table.totals) for table in written))
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
    finite = [s for s in columns.sums if math.isfinite(s.before) and math.isfinite(s.after)]
    result.sums = finite[:MOST_SUMS]
    result.read = [_named(s.facts, s.rows) for s in sources[:MOST_NAMED]]
    result.written = [_named(table, all_rows(table)) for table in written[:MOST_NAMED]]
    result.left_out = [
        {"rows": each.rows, "why": each.why, "line": each.line, "cell": cells[each.cell].id}
        for each in accounts.left_out
    ]
    result.why = _why_not(flow, accounts, missing, columns, sources, written, measured)
    result.status = _status(result)
    result.line = line_of(
        accounts,
        ([source.facts for source in sources], written),
        (rows_in, rows_out),
        result.sums,
        why_not="" if result.findings else result.why,
        cell=len(cells) - 1,
    )
    return result


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
    every = [c.sum + c.of_totals for t in written for c in t.columns if c.sum is not None]
    total = sum(new)
    candidates = {
        total,
        sum(every),
        *(total - one for one in new if close(total, 2 * one)),
        *new[:1],
    }
    for name, of_totals, before, base in _bases(sources, flow.renamed, accounts):
        # The column of totals of what was written is as large as total rows that were read.
        aggregated = list(accounts.sums.values())
        if any(close(each, before) for each in aggregated) and not any(
            close(each, before + of_totals) for each in aggregated if of_totals
        ):
            of_totals = 0.0
        if not of_totals and any(close(after, base) for after in candidates):
            columns.sums.append(SumOf(name, before, base, ties=True))
            return
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
        grew = [each for each in columns.sums if each.ties is False]
        tie = bool(columns.sums) and all(each.ties for each in columns.sums)
        if join.how == "cross" or not join.repeated or tie:
            continue
        message = (
            f"The join in line {join.line} made {join.rows_out:,} rows of {join.rows_in:,} and "
            f"{join.right:,}: a key is there several times, so rows came more than once"
        )
        if grew:
            message += f", and {quoted(grew[0].name)} is counted more than once"
            columns.findings[:] = [f for f in columns.findings if f.code != "sum-changed"]
        hint = "Drop duplicate keys first, or pass validate='many_to_one' to merge."
        findings.append(Finding("rows-multiplied", f"{message}.", hint, join.repeated))
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
    if not measured[file]:
        return f"no table was found in {file}: the figures are the kernel's"
    return f"the table in {file} has other columns than the frame: the figures are the kernel's"


def _status(result: Result) -> Status:
    if result.findings:
        return "suspicious"
    return "not-tied-out" if result.why else "tied-out"


def _named(table: Table, rows: int | None) -> dict[str, Any]:
    return {
        "file": table.file,
        "sheet": table.sheet,
        "rows": rows,
        "total_rows": len(table.totals),
    }


def _sum_of(counts: object) -> int | None:
    total = 0
    for count in counts:  # type: ignore[attr-defined]
        if count is None:
            return None
        total += count
    return total
