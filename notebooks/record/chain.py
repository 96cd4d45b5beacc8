"""The hash chain over a notebook's cells.

Each cell's ``tallybook.hash`` is the sha256 of its whole content and of the hash
before it; the notebook's metadata holds the last one and a seal over itself. A
change anywhere breaks the chain at that cell.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

GENESIS = "0" * 64
KEY = "tallybook"


def facts_of(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return Tallybook's metadata of *cell*; empty if Tallybook did not record it."""
    return mapping(cell["metadata"].get(KEY))


def mapping(value: Any) -> Mapping[str, Any]:
    """Return *value* if it is a mapping, else an empty one: a notebook's metadata is untrusted."""
    return value if isinstance(value, Mapping) else {}


def canonical_json(value: Any) -> bytes:
    """Render *value* canonically: sorted keys, no spaces, UTF-8 (after RFC 8785)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def cell_hash(cell: Mapping[str, Any], prev: str) -> str:
    """Return the hash that *cell* must carry after a cell with hash *prev*."""
    content = json.loads(json.dumps(cell))
    content.get("metadata", {}).get(KEY, {}).pop("hash", None)
    return hashlib.sha256(canonical_json({"prev": prev, "cell": content})).hexdigest()


def seal(notebook: Mapping[str, Any]) -> str:
    """Return the hash over everything in *notebook* that is not a cell."""
    content = json.loads(json.dumps({k: v for k, v in notebook.items() if k != "cells"}))
    content.get("metadata", {}).get(KEY, {}).pop("seal", None)
    return hashlib.sha256(canonical_json(content)).hexdigest()


def source_sha256(source: str) -> str:
    """Return the hex sha256 of a cell's code."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()
