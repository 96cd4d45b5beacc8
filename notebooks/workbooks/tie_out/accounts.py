"""The rows of one result: how many were read, what left some out, how many were written."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .flow import Flow, Placed
from .spine import LEAVES_OUT
from .tables import MOST_NAME, Table, table_from_json

MOST_NOTES, MOST_JOINS, MOST_SUMS = 100, 8, 50
_REASONS = {
    "filter": "filter {}", "blanks": "{}", "duplicates": "{}", "chosen": "{}", "dropped": "{}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """What a kernel counted of one filter, join or aggregation (see `journal`).

    Attributes:
        kind: ``filter``, ``join`` or ``aggregation``.
        line: The line of the cell's code.
        rows_in: Rows before it; of the left side of a join.
        rows_out: Rows after it.
        how: Of a join, as pandas names it.
        right: Rows of the right side of a join.
        repeated: Rows of the main side of a join that came more than once; where no side is the
            main one, of the side that has fewer of them.
        sums: Column → sum that was aggregated.
    """

    kind: str
    line: int
    rows_in: int
    rows_out: int
    how: str = ""
    right: int = 0
    repeated: int = 0
    sums: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CellNotes:
    """What is known of one cell: its code, and what its kernel noted."""

    source: str
    id: str = ""
    reads: Sequence[Table] = ()
    writes: Sequence[Table] = ()
    steps: Sequence[Step] = ()


def notes_of(
    source: str, noted: object, cell_id: str = "", opened: Sequence[str] = ()
) -> CellNotes:
    """Return the notes in *noted*, a kernel's or a record's; what is not valid is left out.

    Args:
        source: The cell's code.
        noted: The notes.
        cell_id: Its id.
        opened: Uploads that it opened, by whatever means; they were read, if nothing is noted.
    """
    given = noted if isinstance(noted, Mapping) else {}
    tables = {
        key: tuple(t for t in map(table_from_json, _some(given.get(key))) if t is not None)
        for key in ("reads", "writes")
    }
    known = {table.file for table in tables["reads"]}
    tables["reads"] += tuple(Table(file=name) for name in opened if name not in known)
    steps = tuple(s for s in map(_step, _some(given.get("steps"))) if s is not None)
    return CellNotes(source, cell_id, tables["reads"], tables["writes"], steps)


def _some(value: object) -> list[Any]:
    return value[:MOST_NOTES] if isinstance(value, list) else []


def _step(value: object) -> Step | None:
    if not isinstance(value, Mapping):
        return None
    line, rows_in, rows_out = (_count(value.get(key)) for key in ("line", "rows_in", "rows_out"))
    if line is None or rows_in is None or rows_out is None:
        return None
    sums = value.get("sums")
    given = list(sums.items())[:MOST_SUMS] if isinstance(sums, Mapping) else []
    return Step(
        str(value.get("step"))[:20],
        line,
        rows_in,
        rows_out,
        how=str(value.get("how", ""))[:20],
        right=_count(value.get("right")) or 0,
        repeated=_count(value.get("repeated")) or 0,
        sums={
            str(name)[:MOST_NAME]: float(number)
            for name, number in given
            if type(number) in (int, float) and abs(number) < 1e300
        },
    )


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None


def step_to_json(step: Step) -> dict[str, Any]:
    """Render *step* as the journal notes it."""
    found = {
        "step": step.kind, "line": step.line, "rows_in": step.rows_in, "rows_out": step.rows_out,
        "how": step.how, "right": step.right, "sums": dict(step.sums),
    }  # fmt: skip
    if step.repeated:
        found["repeated"] = step.repeated
    return {key: value for key, value in found.items() if value not in ("", {})}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that a step left out; ``rows`` is ``None`` where they were not counted alone."""

    why: str
    line: int
    cell: int
    rows: int | None
    by_join: bool = False


@dataclass(slots=True)
class Accounts:
    """The rows between reading and writing.

    Attributes:
        left_out: By reason, in the order of the code.
        joins: The joins that were counted.
        sums: Column → sum that went into an aggregation.
        aggregated: Whether rows were brought together.
        reshaped: Whether rows and columns changed places, or one row became many.
        uncounted: Whether a step could not be counted, so that rows can't be added up.
    """

    left_out: list[LeftOut] = field(default_factory=list)
    joins: list[Step] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    aggregated: bool = False
    reshaped: bool = False
    uncounted: bool = False

    def missing(self, read: int | None, written: int | None) -> int | None:
        """Return how many rows that were read are neither written nor left out by a reason.

        Returns:
            ``None`` if that can't be known.
        """
        comparable = not (self.aggregated or self.reshaped or self.uncounted)
        if read is None or written is None or not comparable:
            return None
        counted = sum(each.rows or 0 for each in self.left_out if not each.by_join)
        rest = read - counted - written
        if not self.joins:
            return rest
        # What a join adds may have been read, or made by the code; only one of them adds up.
        rest += sum(join.rows_out - join.rows_in for join in self.joins)
        sides = [join.right for join in self.joins[:MOST_JOINS]]
        sums = {sum(itertools.compress(sides, which)) for which in _choices(len(sides))}
        return 0 if rest in sums else None


def _choices(count: int) -> Iterator[tuple[int, ...]]:
    return itertools.product((0, 1), repeat=count)


def account(flow: Flow, cells: Sequence[CellNotes]) -> Accounts:
    """Put what was counted beside the steps that lie in *flow*."""
    accounts = Accounts()
    reading_loops = {(cell, loop) for cell, _, _, loop in flow.reads}
    groups: dict[tuple[int, int, int], list[Placed]] = {}
    for placed in flow.operations:
        operation = placed.operation
        groups.setdefault((placed.cell, operation.first, operation.last), []).append(placed)
    for place, steps in _assigned(groups, cells).items():
        kinds = {placed.operation.kind for placed in groups[place]}
        accounts.aggregated |= "aggregation" in kinds
        accounts.reshaped |= "reshaped" in kinds
        for step in steps:
            if step.kind == "aggregation" and "aggregation" in kinds:
                accounts.sums |= step.sums
        if "join" in kinds:
            joins = [step for step in steps if step.kind == "join"]
            accounts.joins += joins
            accounts.uncounted |= not joins
            accounts.left_out += _unmatched(joins, place[0])
        if kinds & LEAVES_OUT:
            _add_left_out(accounts, place, groups[place], steps, reading_loops)
    accounts.left_out.sort(key=lambda each: (each.cell, each.line))
    return accounts


def _assigned(
    groups: Mapping[tuple[int, int, int], Sequence[Placed]], cells: Sequence[CellNotes]
) -> dict[tuple[int, int, int], list[Step]]:
    """Give each counted step to the narrowest place in the code that has its line."""
    found: dict[tuple[int, int, int], list[Step]] = {place: [] for place in groups}
    of_cell: dict[int, list[tuple[int, int, int]]] = {}
    for place in groups:
        of_cell.setdefault(place[0], []).append(place)
    for number, own in of_cell.items():
        for step in cells[number].steps:
            places = [place for place in own if place[1] <= step.line <= place[2]]
            if places:
                found[min(places, key=lambda place: place[2] - place[1])].append(step)
    return found


def _unmatched(joins: Sequence[Step], cell: int) -> list[LeftOut]:
    """Return the rows of the larger table that joins surely left out."""
    found = []
    for join in joins:
        larger = join.right if join.how == "right" else max(join.rows_in, join.right)
        larger = join.rows_in if join.how == "left" else larger
        if (lost := larger - join.rows_out) > 0:
            found.append(LeftOut("a join, without a match", join.line, cell, lost, by_join=True))
    return found


def _add_left_out(
    accounts: Accounts,
    place: tuple[int, int, int],
    placed: Sequence[Placed],
    steps: Sequence[Step],
    reading_loops: set[tuple[int, int]],
) -> None:
    filters = [step for step in steps if step.kind == "filter"]
    counted = sum(step.rows_in - step.rows_out for step in filters)
    ones = [p for p in placed if p.operation.kind in LEAVES_OUT]
    sure = [p for p in ones if p.operation.sure]
    if not filters and not sure:
        return  # ``frame[columns]``
    repeated = any(p.loop and (p.cell, p.loop) not in reading_loops for p in ones)
    by_hand = any(p.operation.kind in ("chosen", "dropped") for p in ones)
    known = bool(filters) and not by_hand and not repeated
    if known and not counted:
        return
    accounts.uncounted |= not known
    texts = [_REASONS[p.operation.kind].format(p.operation.text) for p in reversed(sure or ones)]
    why = " and ".join(dict.fromkeys(texts))
    accounts.left_out.append(LeftOut(why, place[1], place[0], counted if known else None))
