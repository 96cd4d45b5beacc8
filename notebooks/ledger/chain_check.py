"""Which cells of a notebook are not as their hashes say, and what was done to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from notebooks.ledger.report import Problem
from notebooks.record.chain import (
    CHAIN,
    GENESIS,
    cell_hash,
    facts_of,
    field_digests,
    joined_hash,
    kept_digits,
    mapping,
    source_sha256,
)

_WORDS = {
    "source": "code",
    "outputs": "outputs",
    "execution_count": "execution count",
    "cell_type": "type",
}


def stated_hash(cell: Mapping[str, Any]) -> str | None:
    """Return the hash that *cell* carries; ``None`` if it is no recorded cell."""
    found = facts_of(cell).get("hash")
    return found if isinstance(found, str) else None


def chain_problems(cells: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Return what is wrong with each cell and its place; each change once.

    Only a change by somebody who did not compute the hashes again is found here.
    """
    position = {stated_hash(cell): number for number, cell in enumerate(cells, 1)}
    problems, prev = [], GENESIS
    for number, cell in enumerate(cells, 1):
        found = _problem(cell, prev, position)
        if found is not None:
            what, field = found
            cell_id = cell.get("id")
            problems.append(Problem(cell=number, cell_id=cell_id, what=what, field=field))
        # Continue from the hash the cell states, so that one change is reported once.
        prev = stated_hash(cell) or prev
    return problems


def _problem(
    cell: Mapping[str, Any], prev: str, position: Mapping[str | None, int]
) -> tuple[str, str] | None:
    facts, stated = facts_of(cell), stated_hash(cell)
    if stated is None:
        return "it was added: Tallybook did not record it (it has no hash)", ""
    own = str(facts.get("prev"))
    changed = _changed_content(cell, own, prev, stated)
    if changed is not None:
        return changed
    if own == prev:
        return None
    if own in position:
        return f"it was moved: it was recorded right after the cell that is now {position[own]}", ""
    if own == GENESIS:
        return "it was moved or what is before it was added: it was recorded first", ""
    return "the cell before it is not the one it was recorded after, which was removed", ""


def _changed_content(
    cell: Mapping[str, Any], own: str, prev: str, stated: str
) -> tuple[str, str] | None:
    facts = facts_of(cell)
    if facts.get("chain") != CHAIN:
        return _changed_legacy(cell, own, stated)
    digests = field_digests(cell)
    kept = mapping(facts.get("fields"))
    if joined_hash(digests, own) == stated:
        return None if kept == kept_digits(digests) else _changed({"tallybook.fields"})
    now = kept_digits(digests)
    names = {name for name in now.keys() | kept.keys() if now.get(name) != kept.get(name)}
    if names:
        return _changed(names)
    if joined_hash(digests, prev) == stated:
        return _changed({"tallybook.prev"})
    return "its content or its hash was changed; which field can't be known", ""


def _changed_legacy(cell: Mapping[str, Any], own: str, stated: str) -> tuple[str, str] | None:
    if cell_hash(cell, own) == stated:
        return None
    recorded = facts_of(cell).get("code_sha256")
    if recorded and recorded != source_sha256(str(cell["source"])):
        return _changed({"source"})
    return "its content, outputs or metadata were changed", ""


def _changed(names: set[str]) -> tuple[str, str]:
    ordered = sorted(names, key=lambda name: (name not in _WORDS, name))
    said = [_WORDS.get(name, name) for name in ordered]
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    verb = "were" if len(said) > 1 or (said[0].endswith("s") and said[0] in _WORDS) else "was"
    return f"its {listed} {verb} changed", ", ".join(ordered)
