"""Whose signatures a notebook has, and whether they are over what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from notebooks.ledger.chain_check import stated_hash
from notebooks.ledger.report import Problem, Signature
from notebooks.ledger.review import entry_problem, own_key_of
from notebooks.ledger.signing import is_signature, key_id_of, public_key
from notebooks.ledger.statement import cell_message, read_statement
from notebooks.record.chain import GENESIS, KEY, facts_of, mapping

Cells = Sequence[Mapping[str, Any]]
Keys = Mapping[str, Ed25519PublicKey]
"""Public keys by id."""
_SIGNED = ("head", "cells", "seal")


def check_signatures(
    notebook: Any, given: Keys | None, found: Sequence[Problem]
) -> tuple[Signature, list[Problem]]:
    """Check the signed statement of *notebook*, its head, and the signatures of its cells.

    Args:
        notebook: A parsed notebook that Tallybook recorded.
        given: The keys that the caller trusts; ``None``: the one that came with the file is used.
        found: What is wrong with the chain.

    Returns:
        Whose signature the head has, and further problems.
    """
    facts, cells = notebook["metadata"][KEY], notebook["cells"]
    keys = _embedded(facts) if given is None else given
    signature, claim, problems = _statement(facts, cells, keys, trusted=given is not None)
    for name in _SIGNED:
        if facts.get(name) != claim.get(name):
            what = f"its {KEY}.{name} is not the one that was signed"
            problems.append(_of_notebook(what, f"{KEY}.{name}"))
    end = _end(cells, claim)
    if end is None:
        problems += _without_its_end(cells, claim, keys, found)
    else:
        if claim.get("cells") != end and not found:
            what = f"it says that it has {claim.get('cells')} cells, not {end}"
            problems.append(_of_notebook(what, f"{KEY}.cells"))
        problems += _cell_signatures(cells, end, keys, {p.cell for p in found})
    return signature, problems


def _of_notebook(what: str, field: str = "") -> Problem:
    return Problem(cell=None, cell_id=None, what=what, field=field)


def _embedded(facts: Mapping[str, Any]) -> Keys:
    key = public_key(str(facts.get("public_key")))
    return {} if key is None else {key_id_of(key): key}


def _statement(
    facts: Mapping[str, Any], cells: Cells, keys: Keys, *, trusted: bool
) -> tuple[Signature, Mapping[str, Any], list[Problem]]:
    """Return the head's signature, what is claimed of the head, and what is wrong with both."""
    field = f"{KEY}.statement"
    if "statement" not in facts:
        signed = "public_key" in facts or any(
            "signed_by" in facts_of(cell) and own_key_of(facts_of(cell)) is None for cell in cells
        )
        what = "its signed statement was removed" if signed else "it is not signed"
        problems = [_of_notebook(what, field)] if signed or trusted else []
        return Signature(trusted=False if trusted else None), facts, problems
    statement = read_statement(facts["statement"])
    if statement is None:
        what = "its signed statement was changed: it can't be read"
        return Signature(trusted=False if trusted else None), facts, [_of_notebook(what, field)]
    key = keys.get(statement.key_id)
    if key is None:
        here = ", ".join(keys) or "none that can be read"
        what = (
            f"it is signed by another key, {statement.key_id}, not by yours ({here})"
            if trusted
            else f"the public key in it ({here}) is not the one that signed, {statement.key_id}"
        )
        signature = Signature(key_id=statement.key_id, trusted=False if trusted else None)
        return signature, facts, [_of_notebook(what, field)]
    if not is_signature(key, statement.signature, statement.message):
        what = f"its signed statement was changed: it is not signed by the key {statement.key_id}"
        signature = Signature(key_id=statement.key_id, trusted=trusted or None)
        return signature, facts, [_of_notebook(what, field)]
    problems = []
    if statement.key_id not in _embedded(facts):
        problems.append(_of_notebook("the public key in it was changed", f"{KEY}.public_key"))
    signature = Signature(key_id=statement.key_id, valid=True, trusted=trusted or None)
    return signature, statement.predicate, problems


def _end(cells: Cells, claim: Mapping[str, Any]) -> int | None:
    """Return how many cells there are up to the claimed head; ``None`` if it is not there."""
    head = claim.get("head")
    if head == GENESIS:
        return 0
    return next((n for n, cell in enumerate(cells, 1) if stated_hash(cell) == head), None)


def _without_its_end(
    cells: Cells, claim: Mapping[str, Any], keys: Keys, found: Sequence[Problem]
) -> list[Problem]:
    """Say why the claimed head is no cell's hash: computed again, or cut off."""
    broken = {problem.cell for problem in found}
    for number, cell in enumerate(cells, 1):
        key, signature, message = _signature_of(cell, keys)
        if number in broken or key is None or is_signature(key, signature, message):
            continue
        what = "it was changed and its hash computed again: it is not the one that was signed"
        return [Problem(cell=number, cell_id=cell.get("id"), what=what)]
    if len(cells) in broken:
        return []
    count = claim.get("cells")
    missing = count - len(cells) if isinstance(count, int) else 0
    if missing > 0:
        cells_were = "cell was" if missing == 1 else "cells were"
        return [_of_notebook(f"{missing} {cells_were} removed from its end")]
    return [_of_notebook("cells were removed from its end or added to it")]


def _cell_signatures(cells: Cells, end: int, keys: Keys, broken: set[int | None]) -> list[Problem]:
    problems = []
    for number, cell in enumerate(cells, 1):
        if number in broken:
            continue
        what, field = "", f"{KEY}.signature"
        if own_key_of(facts_of(cell)) is not None:
            what = entry_problem(cell)
        elif number > end:
            what, field = "it was added after the notebook was signed", ""
        else:
            what = _signature_problem(cell, keys)
        if what:
            problems.append(Problem(cell=number, cell_id=cell.get("id"), what=what, field=field))
    return problems


def _signature_problem(cell: Mapping[str, Any], keys: Keys) -> str:
    facts = facts_of(cell)
    said, found = facts.get("signed_by"), facts.get("signature")
    if said is None:
        return "" if found is None else "a signature was added to it"
    key, signature, message = _signature_of(cell, keys)
    if mapping(found).get("keyid") != said:
        return "its signature was changed or removed"
    if key is not None and not is_signature(key, signature, message):
        return "its signature was changed"
    return ""  # or its key is not known: a former one, or another service's


def _signature_of(
    cell: Mapping[str, Any], keys: Keys
) -> tuple[Ed25519PublicKey | None, object, bytes]:
    """Return the service's key that signed *cell*, if it is known, signature and message."""
    facts = facts_of(cell)
    found = mapping(facts.get("signature"))
    return keys.get(str(found.get("keyid"))), found.get("sig"), cell_message(facts.get("hash"))
