"""Finds changes made to a recorded notebook: the cell, the field, and who could have made them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nbformat import NotebookNode
from nbformat.v4.rwbase import rejoin_lines

from notebooks.errors import NotebookUnreadable
from notebooks.ledger.chain_check import chain_problems, stated_hash
from notebooks.ledger.report import FileState, Problem, Signature, VerifyReport
from notebooks.ledger.review import reviews
from notebooks.ledger.signatures import check_signatures
from notebooks.ledger.statement import produced_files
from notebooks.record.chain import GENESIS, KEY, VIEW, frame, seal
from notebooks.record.document import notebook_bytes
from notebooks.record.files import file_sha256
from notebooks.record.reading import plain_notebook

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
        return _verified(content, keys, beside)
    except RecursionError:
        problem = _of_notebook("not a valid notebook: it is nested too deeply")
        return VerifyReport(cells=0, head="", problems=(problem,))


def _verified(
    content: bytes, keys: Mapping[str, Ed25519PublicKey] | None, beside: Path | None
) -> VerifyReport:
    repeated: list[str] = []
    try:
        notebook = plain_notebook(content, partial(_object, repeated))
    except (ValueError, nbformat.ValidationError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return VerifyReport(
            cells=0, head="", problems=(_of_notebook(f"not a valid notebook: {reason}"),)
        )
    notes = _layout(notebook, content)
    rejoin_lines(notebook)
    cells = notebook["cells"]
    problems = chain_problems(cells)
    problems += [_of_notebook(f"an object in it has the name {n[:60]!r} twice") for n in repeated]
    signature = Signature(trusted=None if keys is None else False)
    if not isinstance(notebook["metadata"].get(KEY), Mapping):
        problems.append(_of_notebook("it was not recorded by Tallybook"))
    else:
        signature, more = check_signatures(notebook, keys, problems)
        problems += more
        if notebook["metadata"][KEY].get("seal") != seal(notebook):
            problems.append(_of_notebook("the notebook's own metadata was changed", KEY))
        notes += _view(notebook)
        if notebook["metadata"][KEY].get("format") == 1:
            problems += _legacy_layout(notebook, content)
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
        notes=tuple(notes),
        signature=signature,
        reviews=reviews(cells, keys, problems),
        files=files,
    )


def _of_notebook(what: str, field: str = "") -> Problem:
    return Problem(cell=None, cell_id=None, what=what, field=field)


def _last_hash(cells: Sequence[Any]) -> str:
    return next((h for cell in reversed(cells) if (h := stated_hash(cell)) is not None), GENESIS)


def _object(repeated: list[str], pairs: list[tuple[str, Any]]) -> Any:
    """Make an object; add a name it has twice to *repeated*: readers differ in which one counts."""
    found = NotebookNode(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        repeated.append(next(name for name in names if names.count(name) > 1))
    return found


def _layout(notebook: Any, content: bytes) -> list[str]:
    """Return a note if the file's text is not laid out as Tallybook does it.

    Line breaks and the blanks at the start of lines, which no JSON value has, don't count.
    """
    text = json.dumps(notebook, sort_keys=True, separators=(",", ": "), ensure_ascii=False)
    rendered = text.encode("utf-8", "surrogatepass")
    first, *rest = content.split(b"\n")
    written = first + b"".join(line.lstrip(b" ") for line in rest)
    if written == rendered:
        return []
    return ["the file was written anew, as when Jupyter saves it; that changed no content"]


def _legacy_layout(notebook: Any, content: bytes) -> list[Problem]:
    """Return a problem if the text of a notebook of the first format is not byte for byte so."""
    expected = notebook_bytes(notebook)
    if expected == content:
        return []
    pairs = zip(expected, content, strict=False)
    shorter = min(len(expected), len(content))
    at = next((i for i, (a, b) in enumerate(pairs) if a != b), shorter)
    line = content[:at].count(b"\n") + 1
    what = f"the file's text was changed at byte {at} (line {line}); its content was not"
    return [_of_notebook(what)]


def _view(notebook: Any) -> list[str]:
    """Return notes on metadata that Jupyter's programs may set."""
    notes, facts = [], notebook["metadata"][KEY]
    if "frame" in facts and facts["frame"] != frame(notebook):
        notes.append(
            "kernel, language or other metadata of the notebook is not as Tallybook wrote it, as "
            "when Jupyter saves it"
        )
    cells = notebook["cells"]
    shown = [str(n) for n, cell in enumerate(cells, 1) if VIEW & cell["metadata"].keys()]
    if shown:
        notes.append(f"view settings were added to cells: {', '.join(shown[:20])}")
    return notes


def _files(recorded: Mapping[str, str], beside: Path) -> dict[str, FileState]:
    """Compare the produced files beside the notebook with the recorded hashes."""
    found: dict[str, FileState] = {}
    root = beside.resolve()
    for name, sha256 in recorded.items():
        file = (root / name).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            found[name] = "not here"
            continue
        found[name] = "as recorded" if file_sha256(file) == sha256 else "changed"
    return found
