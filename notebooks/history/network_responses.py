"""Responses of the network calls that a notebook records: found again by content, and laid out.

A re-run sends nothing: its kernel gets the recorded responses as a directory with ``calls.json``
and a file for each content, named by its sha256. `container.inside.network` reads it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notebooks.errors import NotebookError
from notebooks.history.blobs import Blobs
from notebooks.record.chain import facts_of, mapping
from notebooks.record.document import Notebook
from notebooks.record.undone import UNDONE

RESPONSES = "responses"
"""Directory beside a notebook, as in a review bundle, with the contents by sha256."""
_NAME = re.compile(f"{RESPONSES}/[0-9a-f]{{64}}")
BLOBS = ".blobs"
"""The service's own directory of contents, beside that of the path."""
CALLS = "calls.json"
MOST_BYTES = 64 * 1024 * 1024
"""Of one content."""


@dataclass(slots=True)
class Laid:
    """What was laid out.

    Attributes:
        found: Cell's id → number of its calls whose response is there.
        missing: Cell's id → number of its calls whose response is not there any more.
    """

    found: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)


def is_response(name: str) -> bool:
    """Whether *name* is that of a response's content in a review bundle."""
    return _NAME.fullmatch(name) is not None


def recorded_calls(notebook: Notebook) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the id of each cell in force with each of its calls that had a response."""
    for cell in notebook.cells:
        facts = facts_of(cell)
        calls = facts.get("network")
        if cell.cell_type != "code" or facts.get("status") == UNDONE or not isinstance(calls, list):
            continue
        for call in calls:
            facts_of_call = mapping(call)
            if isinstance(facts_of_call.get("status"), int):
                yield str(cell.id), facts_of_call


def response_of(notebook_file: Path, sha256: Any, blobs: Blobs | None = None) -> bytes | None:
    """Return the content of a response, from beside the notebook or from the service's own files.

    Args:
        notebook_file: The notebook.
        sha256: As the notebook names it; it is hostile text.
        blobs: The service's own files; without it, those beside the notebook that are not sealed.

    Returns:
        The content; ``None`` if it is not there, not readable here, or another one.
    """
    if not is_response(f"{RESPONSES}/{sha256}"):
        return None
    home = notebook_file.resolve().parent
    beside = home / RESPONSES / sha256
    if beside.is_file() and not beside.is_symlink() and beside.stat().st_size <= MOST_BYTES:
        content = beside.read_bytes()
        return content if hashlib.sha256(content).hexdigest() == sha256 else None
    copy = io.BytesIO()
    try:
        (blobs or Blobs(home.parent / BLOBS, None, 0)).copy(sha256, copy)
    except (NotebookError, OSError):
        return None
    return copy.getvalue()


def lay_out(
    notebook: Notebook,
    notebook_file: Path,
    target: Path,
    cells: Collection[str] | None = None,
    blobs: Blobs | None = None,
) -> Laid:
    """Write the responses that *notebook* records into *target*; it is made if there are calls.

    Args:
        notebook: The notebook.
        notebook_file: Its file.
        target: Where its kernel finds them.
        cells: Ids of the cells that will run; by default all.
        blobs: See `response_of`.
    """
    laid, entries = Laid(), list[dict[str, Any]]()
    for cell, call in recorded_calls(notebook):
        if cells is not None and cell not in cells:
            continue
        content = response_of(notebook_file, call.get("sha256"), blobs)
        if content is None:
            laid.missing[cell] += 1
            continue
        laid.found[cell] += 1
        target.mkdir(exist_ok=True)
        (target / str(call["sha256"])).write_bytes(content)
        entries.append(
            {
                "key": f"{call.get('method')} {call.get('url')} {call.get('request_sha256')}",
                "status": call["status"],
                "reason": _line(call.get("reason")),
                "headers": _headers(call.get("headers")),
                "sha256": call["sha256"],
                "size": len(content),
            }
        )
    if laid.found or laid.missing:
        target.mkdir(exist_ok=True)
        (target / CALLS).write_text(json.dumps(entries), encoding="utf-8")
    return laid


def _headers(value: Any) -> list[list[str]]:
    pairs = value if isinstance(value, list) else []
    return [[_line(pair[0]), _line(pair[1])] for pair in pairs if _is_pair(pair)]


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _line(value: Any) -> str:
    return " ".join(str(value or "").split())
