"""Finds changes made to a recorded notebook: the cell, the field, and who could have made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from notebooks.errors import NotebookUnreadable
from notebooks.ledger.chain_check import chain_problems, stated_hash
from notebooks.ledger.report import FileState, Problem, Signature, VerifyReport
from notebooks.ledger.review import reviews
from notebooks.ledger.signatures import check_signatures
from notebooks.ledger.statement import produced_files
from notebooks.record.chain import GENESIS, KEY, VIEW, frame, seal
from notebooks.record.document import notebook_bytes, parse_notebook

__all__ = ["Problem", "VerifyReport", "verify_bytes", "verify_notebook"]


def verify_notebook(path: Path, keys: Mapping[str, Ed25519PublicKey] | None = None) -> VerifyReport:
    """Check the notebook at *path*, and the produced files beside it, against its record.

    With the service's public keys, every change by somebody without the private key is found.
    Without, only one by somebody who did not sign the whole chain anew with a key of their own.

    Args:
        path: The notebook.
        keys: Trusted public keys by id: the service's, and those of reviewers.

    Raises:
        NotebookUnreadable: There is no such file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotebookUnreadable(str(path), error.strerror or "it can't be opened") from None
    return verify_bytes(content, keys, beside=path.parent)


def verify_bytes(
    content: bytes,
    keys: Mapping[str, Ed25519PublicKey] | None = None,
    *,
    beside: Path | None = None,
) -> VerifyReport:
    """Check a notebook's bytes, and the produced files in *beside*; see `verify_notebook`."""
    try:
        notebook = parse_notebook(content)
    except (ValueError, nbformat.ValidationError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return VerifyReport(
            cells=0, head="", problems=(_of_notebook(f"not a valid notebook: {reason}"),)
        )
    cells = notebook.cells
    problems = chain_problems(cells)
    signature = Signature(trusted=None if keys is None else False)
    notes: tuple[str, ...] = ()
    if not isinstance(notebook.metadata.get(KEY), Mapping):
        problems.append(_of_notebook("it was not recorded by Tallybook"))
    else:
        signature, more = check_signatures(notebook, keys, problems)
        problems += more
        if notebook.metadata[KEY].get("seal") != seal(notebook):
            problems.append(_of_notebook("the notebook's own metadata was changed", KEY))
    if not problems:
        notes, problems = _layout(notebook, content)
    files = {} if beside is None else _files(produced_files(cells), beside)
    problems += [
        _of_notebook(f"{name} beside it is not the recorded file", name)
        for name, state in files.items()
        if state == "changed"
    ]
    return VerifyReport(
        cells=len(cells),
        head=_last_hash(cells),
        problems=tuple(problems),
        notes=notes,
        signature=signature,
        reviews=reviews(cells, keys, problems),
        files=files,
    )


def _of_notebook(what: str, field: str = "") -> Problem:
    return Problem(cell=None, cell_id=None, what=what, field=field)


def _last_hash(cells: Sequence[Any]) -> str:
    return next((h for cell in reversed(cells) if (h := stated_hash(cell)) is not None), GENESIS)


def _layout(notebook: Any, content: bytes) -> tuple[tuple[str, ...], list[Problem]]:
    """Return what differs in the text alone, as notes, and what is no longer mere layout."""
    rendered, notes = notebook_bytes(notebook), []
    if rendered != content:
        at = _first_difference(rendered, content)
        line = content[:at].count(b"\n") + 1
        what = (
            f"the file's text was changed at byte {at} (line {line}); the recorded content was not"
        )
        if notebook.metadata[KEY].get("format") == 1:
            return (), [_of_notebook(what)]
        if (name := _repeated_name(content)) is not None:
            return (), [_of_notebook(f"an object in it has the name {name[:60]!r} twice")]
        notes.append(f"{what}, as when Jupyter saves it")
    facts = notebook.metadata[KEY]
    if "frame" in facts and facts["frame"] != frame(notebook):
        notes.append(
            "kernel, language or other metadata of the notebook is not as Tallybook wrote it, as "
            "when Jupyter saves it"
        )
    shown = [str(n) for n, cell in enumerate(notebook.cells, 1) if VIEW & cell.metadata.keys()]
    if shown:
        notes.append(f"view settings were added to cells: {', '.join(shown[:20])}")
    return tuple(notes), []


def _first_difference(expected: bytes, content: bytes) -> int:
    pairs = zip(expected, content, strict=False)
    shorter = min(len(expected), len(content))
    return next((i for i, (a, b) in enumerate(pairs) if a != b), shorter)


def _repeated_name(content: bytes) -> str | None:
    """Return a name that an object in the JSON has twice: readers differ in which one counts."""
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            repeated.append(next(name for name in names if names.count(name) > 1))
        return found

    json.loads(content, object_pairs_hook=unique)
    return repeated[0] if repeated else None


def _files(recorded: Mapping[str, str], beside: Path) -> dict[str, FileState]:
    """Compare the produced files beside the notebook with the recorded hashes."""
    found: dict[str, FileState] = {}
    root = beside.resolve()
    for name, sha256 in recorded.items():
        file = (root / name).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            found[name] = "not here"
            continue
        with file.open("rb") as source:
            same = hashlib.file_digest(source, "sha256").hexdigest() == sha256
        found[name] = "as recorded" if same else "changed"
    return found
