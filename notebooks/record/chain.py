"""The hash chain over a notebook's cells.

Each cell's ``tallybook.hash`` is the sha256 of its content and of the hash before it. A change
anywhere breaks the chain at that cell. Two versions exist; a cell's ``tallybook.chain`` says
which one made it, a record without it is of the first:

1. The hash covers the whole cell as Python's json renders it.
2. The hash covers the sha256 of each field's canonical JSON (RFC 8785). ``tallybook.fields``
   keeps the first digits of each, so that a changed field can be named. What Jupyter alone sets
   (`VIEW`) is not covered: saving there changes no record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

from notebooks.record.canonical import canonical_json, legacy_json

GENESIS = "0" * 64
KEY = "tallybook"
CHAIN = 2
"""Version of the chain that new cells join."""
FIELD_DIGITS = 12
"""Hex digits kept of a field's sha256: they name a changed field, `cell_hash` proves it."""
PLACE = frozenset({"prev", "hash", "fields", "signature"})
"""Facts that say where a cell is in the chain; not part of its content."""
VIEW = frozenset(
    {
        "ExecuteTime",
        "collapsed",
        "deletable",
        "editable",
        "execution",
        "heading_collapsed",
        "hidden",
        "jp-MarkdownHeadingCollapsed",
        "jupyter",
        "scrolled",
        "slideshow",
        "trusted",
        "vscode",
    }
)
"""Metadata of a cell that Jupyter's programs set and remove: how it is shown."""
SEALED_APART = frozenset({"head", "cells", "seal", "statement", "public_key"})
"""Facts of a notebook that its seal does not cover."""


class CellSigner(Protocol):
    """Signs one cell with one key."""

    @property
    def key_id(self) -> str:
        """The id of the key."""

    def sign_cell(self, digest: str) -> Mapping[str, str]:
        """Return the signature over a cell's hash *digest*, as JSON."""


class Attester(Protocol):
    """Signs what a recorder writes; its key is outside every sandbox."""

    def cell_signer(self) -> CellSigner:
        """Return what signs the next cell, with the key in force."""

    def attest(self, notebook: Any) -> Mapping[str, Any]:
        """Return the notebook's facts that sign its head: ``statement`` and ``public_key``."""


def facts_of(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return Tallybook's metadata of *cell*; empty if Tallybook did not record it."""
    return mapping(cell["metadata"].get(KEY))


def mapping(value: Any) -> Mapping[str, Any]:
    """Return *value* if it is a mapping, else an empty one: a notebook's metadata is untrusted."""
    return value if isinstance(value, Mapping) else {}


def field_digests(cell: Mapping[str, Any]) -> dict[str, str]:
    """Return field name → sha256 of its canonical JSON, for everything that the chain covers.

    Names are those of nbformat (``source``, ``outputs``), of a cell's metadata (``metadata.tags``)
    and of Tallybook's own (``tallybook.decision``).
    """
    metadata = mapping(cell.get("metadata"))
    content = {name: value for name, value in cell.items() if name != "metadata"}
    content |= {f"metadata.{k}": v for k, v in metadata.items() if k != KEY and k not in VIEW}
    facts = mapping(metadata.get(KEY))
    content |= {f"{KEY}.{k}": v for k, v in facts.items() if k not in PLACE}
    return {
        name: hashlib.sha256(canonical_json(value)).hexdigest() for name, value in content.items()
    }


def kept_digits(digests: Mapping[str, str]) -> dict[str, str]:
    """Return what ``tallybook.fields`` keeps of `field_digests`."""
    return {name: digest[:FIELD_DIGITS] for name, digest in digests.items()}


def joined_hash(digests: Mapping[str, str], prev: str) -> str:
    """Return the hash of a cell with these `field_digests` after a cell with hash *prev*."""
    link = {"chain": CHAIN, "prev": prev, "fields": digests}
    return hashlib.sha256(canonical_json(link)).hexdigest()


def cell_hash(cell: Mapping[str, Any], prev: str) -> str:
    """Return the hash that *cell* must carry after a cell with hash *prev*."""
    if facts_of(cell).get("chain") == CHAIN:
        return joined_hash(field_digests(cell), prev)
    content = json.loads(json.dumps(cell))
    _take_out(content, "hash")
    return hashlib.sha256(legacy_json({"prev": prev, "cell": content})).hexdigest()


def seal(notebook: Mapping[str, Any]) -> str:
    """Return the hash over Tallybook's own facts in the metadata of *notebook*.

    Of a notebook of the first format it is over everything that is not a cell.
    """
    facts = mapping(mapping(notebook.get("metadata")).get(KEY))
    if facts.get("format") != 1:
        own = {name: value for name, value in facts.items() if name not in SEALED_APART}
        return hashlib.sha256(canonical_json(own)).hexdigest()
    content = json.loads(json.dumps({k: v for k, v in notebook.items() if k != "cells"}))
    _take_out(content, "seal")
    return hashlib.sha256(legacy_json(content)).hexdigest()


def _take_out(content: dict[str, Any], name: str) -> None:
    """Take *name* out of Tallybook's own facts in *content*, a cell or a notebook."""
    metadata = content.get("metadata")
    facts = metadata.get(KEY) if isinstance(metadata, dict) else None
    if isinstance(facts, dict):
        facts.pop(name, None)


def frame(notebook: Mapping[str, Any]) -> str:
    """Return the hash over what Jupyter's programs may set: all but the cells and our own facts."""
    metadata = {k: v for k, v in mapping(notebook.get("metadata")).items() if k != KEY}
    around = {k: v for k, v in notebook.items() if k not in ("cells", "metadata")}
    return hashlib.sha256(canonical_json({**around, "metadata": metadata})).hexdigest()


def source_sha256(source: str) -> str:
    """Return the hex sha256 of a cell's code."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
