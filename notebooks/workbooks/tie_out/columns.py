"""The columns of one result, before and after: sums, types, blanks, dates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .accounts import Accounts
from .finding import Finding, close, named, quoted, said
from .flow import Flow
from .tables import Column, Table

YEAR_OF_ZERO = "1970-"
MOST_NAMES = 6


@dataclass(frozen=True, slots=True)
class Compared:
    """A column that was read and written.

    Attributes:
        name: As it was written.
        before: The column in each source that has it, by the source.
        after: The column in each table that was written.
        lacking: Names of sources without it.
        rows_lacking: Their rows.
        forms: The tables that were written differ in rows or columns: one may be the whole, and
            another one a summary of it.
        longest: The column in the longest table that was written, and in those with the same
            columns: others beside it may be summaries.
        untyped: Text files were written: they hold digits, whether of texts or of numbers.
    """

    name: str
    before: Sequence[tuple[Table, Column]]
    after: Sequence[Column]
    lacking: Sequence[str] = ()
    rows_lacking: Sequence[int] = ()
    forms: bool = False
    longest: Sequence[Column] = ()
    untyped: bool = False

    @property
    def sum_before(self) -> float | None:
        """Sum in rows of data; ``None`` if one source's can't be added up."""
        return _total(column.sum for _, column in self.before)

    @property
    def of_totals(self) -> float:
        """What total rows of the sources would add to that."""
        return sum(column.of_totals for _, column in self.before)

    @property
    def sum_after(self) -> float | None:
        """Sum in what was written."""
        return _total(column.sum for column in self.after)

    @property
    def filled_from_others(self) -> bool:
        """Whether rows of sources without it have values: of a column with another name."""
        rows = sum(self.rows_lacking)
        blanks = _total(column.blanks for column in self.after)
        return bool(rows) and (blanks is None or blanks < rows)

    @property
    def only_grows(self) -> bool:
        """Whether no number of it is negative, so that fewer rows can't have a larger sum."""
        return all(c.lowest is not None and c.lowest >= 0 for _, c in self.before)


@dataclass(slots=True)
class SumOf:
    """The sum of one column, before and after; ``ties`` is ``None`` if that can't be known."""

    name: str
    before: float
    after: float
    ties: bool | None
    why: str = ""


@dataclass(slots=True)
class Columns:
    """What came of comparing columns."""

    sums: list[SumOf] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def pairs(
    sources: Sequence[Table], written: Sequence[Table], renamed: Mapping[str, str]
) -> list[Compared]:
    """Return the columns that sources and results share, by name or by ``rename``."""
    names = dict.fromkeys(column.name for table in written for column in table.columns)
    untyped = all(not table.sheet for table in written)
    forms = len({(table.rows, *(c.name for c in table.columns)) for table in written}) > 1
    found = []
    renames = {old: new for old, new in renamed.items() if old not in names}
    for name in names:
        before: list[tuple[Table, Column]] = []
        lacking: list[Table] = []
        for table in sources:
            of = [c for c in table.columns if name in (c.name, renames.get(c.name))]
            before += [(table, of[0])] if of else []
            lacking += [] if of else [table]
        after = [c for table in written if (c := table.column(name)) is not None]
        if before and len(after) == len(written):
            files, rows = [table.file for table in lacking], [table.rows or 0 for table in lacking]
            longest = [c for table in _like_longest(written) if (c := table.column(name))]
            found.append(Compared(name, before, after, files, rows, forms, longest, untyped))
    return found


def _like_longest(written: Sequence[Table]) -> list[Table]:
    """Return the longest table, and those that have its columns."""
    names = [{column.name for column in table.columns} for table in written]
    longest = max(range(len(written)), key=lambda n: written[n].rows or 0)
    return [table for table, own in zip(written, names, strict=True) if own == names[longest]]


def compare(
    compared: Sequence[Compared], flow: Flow, accounts: Accounts, missing: int | None
) -> Columns:
    """Compare sums, types, blanks and dates.

    Args:
        compared: The columns.
        flow: What the code does between.
        accounts: What it does to rows.
        missing: Rows that no reason accounts for; ``None`` if that can't be known.
    """
    result = Columns()
    for column in compared:
        if (found := _sum(column, flow, accounts, missing, result.findings)) is not None:
            result.sums.append(found)
        result.findings += _of_types(column, accounts)
    result.findings += _of_blanks(compared, accounts)
    result.sums.sort(key=lambda each: (each.before == int(each.before), -abs(each.before)))
    return result


def _sum(
    column: Compared, flow: Flow, accounts: Accounts, missing: int | None, findings: list[Finding]
) -> SumOf | None:
    before, after = column.sum_before, column.sum_after
    if before is None or after is None or _joined_to_others(column, accounts):
        return None
    with_its_totals = after + sum(each.of_totals for each in column.after)
    if close(before, after) or close(before, with_its_totals):
        after = before if close(before, with_its_totals) else after
        return SumOf(column.name, before, after, ties=True)
    if column.forms and any(
        close(before, (each.sum or 0) + extra)
        for each in column.after
        for extra in (0, each.of_totals)
    ):
        return SumOf(column.name, before, before, ties=True)
    after = _total(each.sum for each in column.longest) or after
    with_totals = before + column.of_totals
    if column.of_totals and close(after, with_totals):
        tables = [table for table, c in column.before if c.of_totals]
        findings.append(totals_included(column.name, tables, before, after))
        return SumOf(column.name, before, after, ties=False, why="total rows are included")
    base = accounts.sums.get(column.name)
    if base is not None and close(base, after) and accounts.left_out:
        return SumOf(column.name, before, after, ties=True)
    if column.name in flow.assigned:
        return SumOf(column.name, before, after, ties=None, why="the code gives it other values")
    if column.filled_from_others and not accounts.joins:
        why = "columns were renamed in a way that could not be followed"
        return SumOf(column.name, before, after, ties=None, why=why)
    if not flow.found or flow.changes:
        return SumOf(column.name, before, after, ties=None, why="the code may change its values")
    grew = column.only_grows and after > max(before, with_totals)
    if accounts.aggregated and base is None:
        return None  # a mean, a count: no sum
    if accounts.left_out or accounts.reshaped:
        if not (grew and accounts.left_out):
            return SumOf(column.name, before, after, ties=None)
    elif missing is None and not accounts.aggregated:
        return SumOf(column.name, before, after, ties=None, why="rows could not be counted")
    if missing and missing > 0:  # lost rows are said by themselves
        return SumOf(column.name, before, after, ties=None, why="rows were lost")
    findings.append(_changed(column.name, before, after, accounts))
    return SumOf(column.name, before, after, ties=False)


def _joined_to_others(column: Compared, accounts: Accounts) -> bool:
    """Whether a join may rightly repeat it: a price is there once for each sale."""
    if not accounts.joins:
        return False
    if len(column.before) != 1:
        return True
    rows = column.before[0][0].rows or 0
    largest = max(max(join.rows_in, join.right) for join in accounts.joins)
    repeated = {join.rows_in for join in accounts.joins if join.how == "left"}
    return rows < largest and rows not in repeated


def _changed(name: str, before: float, after: float, accounts: Accounts) -> Finding:
    message = f"The sum of {quoted(name)} was {said(before)} and is {said(after)}"
    if accounts.left_out and after > before:
        message += ", although rows were left out and none is negative."
    elif accounts.aggregated:
        message += ", although groups were only added up."
    else:
        message += ", although no row was left out."
    hint = "Look for rows that came twice, in a join or a second concat, and for changed values."
    return Finding("sum-changed", message, hint)


def totals_included(name: str, tables: Sequence[Table], before: float, after: float) -> Finding:
    """Return the finding that the sum of column *name* includes the total rows of *tables*."""
    rows = [f"{table.file}: row {_rows(table.totals)}" for table in tables]
    return Finding(
        "totals-included",
        f"The sum of {quoted(name)} is {said(after)}: it includes total rows "
        f"({'; '.join(rows[:5])}). Without them it is {said(before)}.",
        "Leave the total rows out before adding up.",
        sum(len(table.totals) for table in tables),
    )


def _rows(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:6]))
    return f"{shown} …" if len(numbers) > 6 else shown


def _of_types(column: Compared, accounts: Accounts) -> list[Finding]:
    findings = []
    name = quoted(column.name)
    kinds = {c.kind for _, c in column.before if c.kind != "empty"}
    written = {c.kind for c in column.after if c.kind != "empty"}
    if kinds == {"number"} and "text" in written:
        findings.append(
            Finding(
                "numbers-became-text",
                f"{name} held numbers and holds text: Excel does not add it up.",
                "Write the numbers, and give the cells a number format.",
            )
        )
    if kinds == {"identifier"} and written == {"number"} and not accounts.aggregated:
        findings += _of_identifiers(column, name)
    to_numbers = bool(written) and written <= {"number", "identifier"}
    if kinds == {"date"} and to_numbers and not accounts.aggregated:
        findings.append(
            Finding(
                "dates-became-numbers",
                f"{name} held dates and holds numbers.",
                "Write dates, or convert them by pd.to_datetime with the right unit.",
            )
        )
    days = [c.first_day for c in column.after if c.first_day.startswith(YEAR_OF_ZERO)]
    if days and not any(c.first_day.startswith(YEAR_OF_ZERO) for _, c in column.before):
        findings.append(
            Finding(
                "dates-in-1970",
                f"{name} has dates in 1970, the first is {days[0][:10]}; what was read has none.",
                "Numbers were read as nanoseconds: days need unit='D', origin='1899-12-30'.",
            )
        )
    return findings


def _of_identifiers(column: Compared, name: str) -> list[Finding]:
    """Return what became of identifiers that are numbers now."""
    if any(c.needs_text for _, c in column.before):
        message = (
            f"{name} held identifiers (leading zeros, or many digits) and holds plain numbers: "
            "zeros and digits may be lost."
        )
        hint = "Read them as texts, as in the recipe: dtype={…: str}, then str.zfill."
    elif column.untyped:
        return []
    else:
        message = f"{name} held digits as text and holds numbers: a lookup finds no text by them."
        hint = "Read them as texts, as in the recipe: dtype={…: str}."
    return [Finding("identifiers-became-numbers", message, hint)]


def _of_blanks(compared: Sequence[Compared], accounts: Accounts) -> list[Finding]:
    """Return the columns with more blanks, those of the same cause in one finding."""
    if accounts.aggregated or accounts.reshaped:
        return []
    alike: dict[tuple[str, str, int], list[tuple[str, int]]] = {}
    for column in compared:
        before = _total(c.blanks for _, c in column.before)
        after = _total(c.blanks for c in column.after)
        if before is not None and after is not None and after > before:
            cause = *_why_blank(column, accounts), int(after - before)
            alike.setdefault(cause, []).append((column.name, int(after)))
    return [
        Finding("blanks-appeared", f"{_with_blanks(columns, more)}: {why}.", hint, more)
        for (why, hint, more), columns in alike.items()
    ]


def _with_blanks(columns: Sequence[tuple[str, int]], more: int) -> str:
    if len(columns) == 1:
        [(name, after)] = columns
        return f"{quoted(name)} has {named(after, 'blank cell')}, and had {after - more:,}"
    names = [quoted(name) for name, _ in columns[:MOST_NAMES]]
    rest = len(columns) - len(names)
    names += [f"{rest} more"] if rest else []
    return f"{', '.join(names[:-1])} and {names[-1]} have {named(more, 'blank cell')} more each"


def _why_blank(column: Compared, accounts: Accounts) -> tuple[str, str]:
    """Return why a column has more blanks, as far as that is known, and what to do."""
    errors = sum(c.errors for _, c in column.before)
    formulas = sum(c.uncalculated for _, c in column.before)
    if formulas:
        why = f"{named(formulas, 'formula')} without a stored value were read as blanks"
        return why, "Compute them from their inputs, or say that they are not calculated."
    if errors:
        why = f"{named(errors, 'error cell')} (#N/A and the like) were read as blanks"
        return why, "Say how many values are missing."
    texts = sum(c.read_as_blank for _, c in column.before)
    if texts and not any(table.totals for table, _ in column.before):
        why = f"{named(texts, 'text')} such as 'NA' became blank in reading"
        return why, "Read them with keep_default_na=False."
    if accounts.joins:
        hint = "Look at the keys (blanks around them, type), or say how many had no match."
        return "rows without a match in the join", hint
    if column.lacking:
        why = f"{', '.join(map(quoted, dict.fromkeys(column.lacking)))} has no such column"
        return why, "Bring the columns of all files to the same names first."
    hint = "Look at the values that were not converted (errors='coerce' blanks them)."
    return "a conversion, or code that sets values", hint


def _total(values: object) -> float | None:
    total = 0.0
    for value in values:  # type: ignore[attr-defined]
        if value is None:
            return None
        total += value
    return total if math.isfinite(total) else None
