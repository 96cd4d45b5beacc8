"""Compares a notebook with the hashes that the service's database has of its cells.

The database tells what the file alone can't: a cell that was removed from the end together with
its signed statement, or a chain that somebody with the signing key made anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notebooks.ledger.chain_check import stated_hash
from notebooks.ledger.report import By, Problem
from notebooks.record.chain import CHAIN, facts_of


@dataclass(frozen=True, slots=True)
class Announced:
    """A cell as the database has it: its position, from 1, its id and its hash."""

    number: int
    cell: str
    hash: str


def announced_from_json(value: Mapping[str, Any]) -> Announced:
    """Return the entry that `notebooks.record.recorder.Recorder.unannounced` made."""
    return Announced(int(value["number"]), str(value["cell"]), str(value["hash"]))


def cross_check(
    cells: Sequence[Mapping[str, Any]],
    announced: Collection[Announced],
    *,
    elsewhere: Collection[str] = (),
    pending: Collection[str] = (),
    by: By,
) -> list[Problem]:
    """Return cells that are missing, moved, added or changed as against the database.

    Args:
        cells: The notebook's cells.
        announced: The cells as the database has them for this path, in any order.
        elsewhere: Hashes of the conversation's other paths: a branch inherits cells.
        pending: Ids of cells that are recorded, but not in the database yet.
        by: Who could have made such a change: somebody with the key, if the signature is valid.

    Returns:
        One problem for each cell; of changed cells the first only, since all hashes after it
        differ too.
    """
    expected = {entry.cell: entry for entry in announced}
    order = [e.cell for e in sorted(expected.values(), key=lambda entry: entry.number)]
    here = [str(cell.get("id")) for cell in cells]
    problems = []
    for cell_id in order:
        if cell_id not in here:
            number = expected[cell_id].number
            what = f"cell {number} of the audit list ({cell_id}) is missing"
            problems.append(Problem(cell=None, cell_id=cell_id, what=what, by=by))
    problems += _moved(here, [cell_id for cell_id in order if cell_id in here], by)
    skip = {*expected, *pending}
    for number, cell in enumerate(cells, 1):
        old = facts_of(cell).get("chain") != CHAIN  # recorded before there was such a list
        known = old or stated_hash(cell) in elsewhere
        if here[number - 1] not in skip and not known:
            what = "it was added: the audit list does not have it"
            problems.append(Problem(cell=number, cell_id=here[number - 1], what=what, by=by))
    if not problems:
        problems += _changed(cells, expected, by)
    return problems


def _moved(here: Sequence[str], order: Sequence[str], by: By) -> list[Problem]:
    """Return a problem for each cell that is not where the audit list has it among the others."""
    known = set(order)
    now = [cell_id for cell_id in here if cell_id in known]
    return [
        Problem(
            cell=here.index(found) + 1,
            cell_id=found,
            what=f"it was moved: the audit list has cell {wanted} there",
            by=by,
        )
        for found, wanted in zip(now, order, strict=True)
        if found != wanted
    ]


def _changed(
    cells: Sequence[Mapping[str, Any]], expected: Mapping[str, Announced], by: By
) -> list[Problem]:
    for number, cell in enumerate(cells, 1):
        cell_id = str(cell.get("id"))
        entry = expected.get(cell_id)
        if entry is not None and entry.hash != stated_hash(cell):
            what = "it was changed: its hash is not the one in the audit list"
            return [Problem(cell=number, cell_id=cell_id, what=what, field="", by=by)]
    return []
