"""Reviewers' notes and sign-offs: entries of their own in the chain of a notebook."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbformat.v4 import new_markdown_cell

from notebooks.errors import NotSigned
from notebooks.ledger.chain_check import stated_hash
from notebooks.ledger.report import Problem, Review
from notebooks.ledger.signing import Signer, is_signature, key_id_of, public_key
from notebooks.ledger.statement import SigningAttester, cell_message
from notebooks.record.cells import new_cell_id, utc_now
from notebooks.record.chain import GENESIS, KEY, facts_of, mapping
from notebooks.record.document import linked, notebook_bytes
from notebooks.record.files import encodable, replace_atomically
from notebooks.record.reading import read_notebook

SIGN_OFF, NOTE = "sign-off", "review-note"
KINDS = frozenset({SIGN_OFF, NOTE})


def review_text(kind: str, name: str, at: str, note: str) -> str:
    """Return the entry as Markdown; the reviewer's words are a code block, never markup."""
    did = "Signed off" if kind == SIGN_OFF else "Review note"
    quoted = "".join(f"\n    {line}" for line in note.splitlines())
    return f"**{did}**\n\n    {json.dumps(name, ensure_ascii=False)[1:-1]}, {at}{quoted}"


def review_facts(kind: str, name: str, note: str) -> dict[str, Any]:
    """Return the metadata of a reviewer's entry."""
    return encodable(  # type: ignore[no-any-return]
        {"kind": kind, "role": "reviewer", "user": name, "at": utc_now(), "note": note}
    )


def sign_notebook(file: Path, signer: Signer, *, kind: str, name: str, note: str) -> Review:
    """Append a reviewer's entry to the notebook in *file*, signed with their own key.

    The recorded cells and the service's signature over them stay as they are.

    Args:
        file: The notebook; replaced as a whole, or not at all.
        signer: The reviewer's key.
        kind: ``sign-off`` or ``review-note``.
        name: The reviewer's name, as they give it.
        note: Their words.

    Raises:
        NotebookUnreadable: It is no notebook.
        NotSigned: It does not verify.
        OSError: It can't be written.
    """
    from notebooks.ledger.verify import verify_bytes  # it reads what this module writes

    notebook = read_notebook(file)
    report = verify_bytes(file.read_bytes())
    if not report.verified:
        problem = report.problems[0]
        where = f"cell {problem.cell}: " if problem.cell else ""
        raise NotSigned(str(file), f"{where}{problem.what}")
    facts = review_facts(kind, name, note)
    facts["public_key"] = signer.public_key
    text = review_text(kind, facts["user"], facts["at"], facts["note"])
    cell = new_markdown_cell(text, id=new_cell_id(), metadata={KEY: facts})
    prev = stated_hash(notebook.cells[-1]) if notebook.cells else GENESIS
    attester = SigningAttester(lambda: signer)
    notebook.cells.append(linked(cell, prev or GENESIS, attester))
    replace_atomically(file, notebook_bytes(notebook))
    return _review(len(notebook.cells), facts, signer.key_id, trusted=None)


def own_key_of(facts: Mapping[str, Any]) -> str | None:
    """Return the PEM of the reviewer's own key in an entry's *facts*; ``None`` if it has none."""
    found = facts.get("public_key") if str(facts.get("kind")) in KINDS else None
    return found if isinstance(found, str) else None


def entry_problem(cell: Mapping[str, Any]) -> str:
    """Return what is wrong with the signature of a reviewer's own entry; empty if nothing is."""
    facts = facts_of(cell)
    key = public_key(own_key_of(facts) or "")
    if key is None:
        return "it was added after the notebook was signed"
    signature = mapping(facts.get("signature"))
    message = cell_message(facts.get("hash"))
    if signature.get("keyid") != key_id_of(key) or not is_signature(
        key, signature.get("sig"), message
    ):
        return "the reviewer's signature does not match the entry"
    return ""


def reviews(
    cells: Sequence[Mapping[str, Any]], given: Collection[str] | None, problems: Sequence[Problem]
) -> tuple[Review, ...]:
    """Return the reviewers' entries of *cells* that have no problem.

    Args:
        cells: All cells of the notebook.
        given: Ids of the keys that the caller trusts; ``None`` if they gave none.
        problems: What is wrong with the notebook.
    """
    broken = {problem.cell for problem in problems}
    found = []
    for number, cell in enumerate(cells, 1):
        facts = facts_of(cell)
        if str(facts.get("kind")) not in KINDS or number in broken:
            continue
        pem = own_key_of(facts)
        key = None if pem is None else public_key(pem)
        key_id = None if key is None else key_id_of(key)
        trusted = None if key_id is None or given is None else key_id in given
        found.append(_review(number, facts, key_id, trusted=trusted))
    return tuple(found)


def _review(
    number: int, facts: Mapping[str, Any], key_id: str | None, *, trusted: bool | None
) -> Review:
    return Review(
        cell=number,
        kind=str(facts["kind"]),
        name=str(facts.get("user", "")),
        at=str(facts.get("at", "")),
        note=str(facts.get("note", "")),
        key_id=key_id,
        trusted=trusted,
    )
