"""The signed statement of a notebook: an in-toto Statement v1 in a DSSE envelope.

Its subjects are the notebook, by the head of its chain, and the files that its cells produced,
by sha256. It is in the notebook's metadata, signed anew with each cell. Sources: the in-toto
Attestation Framework, Statement v1; DSSE protocol 1.0.2 (envelope, PAE).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from notebooks.ledger.signing import KeyRing, Signer, signature_to_json
from notebooks.record.canonical import canonical_json
from notebooks.record.chain import CHAIN, KEY, facts_of, mapping
from notebooks.record.undone import knows_files

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:tallybook:notebook-record:v1"
CELL_TYPE = "application/vnd.tallybook.cell"
HEAD_DIGEST = "tallybookChain"
"""Algorithm of the notebook's own digest: the head of its chain, which any layout of it has."""
UPLOADS = "inputs/"
WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".csv", ".tsv"})
MOST_SUBJECTS = 500


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that a DSSE signature signs (PAE)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def cell_message(digest: object) -> bytes:
    """Return the bytes that a cell's signature signs, for its hash *digest*."""
    return pre_authentication(CELL_TYPE, str(digest).encode("utf-8", "surrogatepass"))


class KeyOfCell:
    """Signs one cell."""

    def __init__(self, signer: Signer) -> None:
        self._signer, self.key_id = signer, signer.key_id

    def sign_cell(self, digest: str) -> Mapping[str, str]:
        return signature_to_json(self._signer, cell_message(digest))


class SigningAttester:
    """Signs the cells and heads of a service's notebooks; the `Attester` of a recorder."""

    def __init__(self, signer: Callable[[], Signer]) -> None:
        """Sign with the key that *signer* returns, asked each time: it may be rotated."""
        self._signer = signer

    def cell_signer(self) -> KeyOfCell:
        return KeyOfCell(self._signer())

    def attest(self, notebook: Any) -> Mapping[str, Any]:
        signer = self._signer()
        return {
            "statement": signed_statement(notebook, signer),
            "public_key": signer.public_key,
        }


def attester_of(ring: KeyRing) -> SigningAttester:
    """Return the attester that signs with the key in force of *ring*."""
    return SigningAttester(ring.signer)


def signed_statement(notebook: Any, signer: Signer) -> dict[str, Any]:
    """Return the DSSE envelope of the statement of *notebook*, whose chain and seal are made."""
    payload = canonical_json(statement_of(notebook))
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [signature_to_json(signer, pre_authentication(PAYLOAD_TYPE, payload))],
    }


def statement_of(notebook: Any) -> dict[str, Any]:
    """Return the statement of *notebook*, as plain JSON."""
    facts = notebook["metadata"][KEY]
    files = produced_files(notebook["cells"])
    subjects = [{"name": "notebook.ipynb", "digest": {HEAD_DIGEST: facts["head"]}}]
    subjects += [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in files.items()]
    return {
        "_type": STATEMENT_TYPE,
        "subject": subjects,
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "chain": CHAIN,
            "head": facts["head"],
            "cells": facts["cells"],
            "seal": facts["seal"],
            "conversation": facts.get("conversation"),
            "path": facts.get("path"),
        },
    }


def produced_files(cells: Sequence[Any]) -> dict[str, str]:
    """Return name → sha256 of the files that the cells produced and that are there at the end.

    Uploads are left out, and files too large to be hashed. Of more than `MOST_SUBJECTS` files
    the workbooks come first.
    """
    files: Mapping[str, Any] = {}
    for cell in reversed(cells):
        facts = facts_of(cell)
        found = mapping(facts.get("files_after"))
        if found or knows_files(facts):
            files = found
            break
    names = [
        name
        for name, digest in files.items()
        if not name.startswith(UPLOADS) and len(str(digest)) == 64
    ]
    if len(names) > MOST_SUBJECTS:
        names.sort(key=lambda name: PurePosixPath(name).suffix.lower() not in WORKBOOKS)
    return {name: str(files[name]) for name in sorted(names[:MOST_SUBJECTS])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a statement in a notebook says, before its signature is checked.

    Attributes:
        payload: The bytes that are signed.
        key_id: Id of the key that is said to have signed it.
        signature: Base64.
        predicate: ``head``, ``cells``, ``seal``, ``conversation``, ``path``.
        files: Produced file → sha256.
    """

    payload: bytes
    key_id: str
    signature: str
    predicate: Mapping[str, Any]
    files: Mapping[str, str]

    @property
    def message(self) -> bytes:
        """The bytes that the signature signs."""
        return pre_authentication(PAYLOAD_TYPE, self.payload)


def read_statement(envelope: object) -> Statement | None:
    """Return the statement in a DSSE *envelope*; ``None`` if it is no statement of ours."""
    try:
        found: Any = envelope
        payload = base64.b64decode(found["payload"], validate=True)
        said = json.loads(payload)
        signature = found["signatures"][0]
        subjects = said["subject"][1:]
        if (found["payloadType"], said["predicateType"]) != (PAYLOAD_TYPE, PREDICATE_TYPE):
            return None
        return Statement(
            payload=payload,
            key_id=str(signature["keyid"]),
            signature=str(signature["sig"]),
            predicate=dict(said["predicate"]),
            files={str(s["name"]): str(s["digest"]["sha256"]) for s in subjects},
        )
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, binascii.Error):
        return None
