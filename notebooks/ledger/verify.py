"""Finds changes made to a recorded notebook, and the changed cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from notebooks.errors import NotebookUnreadable
from notebooks.record.chain import GENESIS, KEY, cell_hash, facts_of, seal, source_sha256
from notebooks.record.document import notebook_bytes, parse_notebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One difference from the record.

    Attributes:
        cell: Position of the cell, from 1; ``None`` for the notebook itself.
        cell_id: Its nbformat id, where there is one.
        what: What is wrong, in plain words.
    """

    cell: int | None
    cell_id: str | None
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """Result of `verify_notebook`; without problems, no byte has changed."""

    cells: int
    head: str
    problems: tuple[Problem, ...]

    @property
    def verified(self) -> bool:
        """Whether the notebook is exactly as it was recorded."""
        return not self.problems


def verify_notebook(path: Path) -> VerifyReport:
    """Check every byte of the notebook at *path* against its hash chain.

    The chain detects every change by someone who did not also recompute every hash. To exclude
    that too, compare `VerifyReport.head` with the service's audit list.

    Raises:
        NotebookUnreadable: There is no such file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotebookUnreadable(str(path), error.strerror or "it can't be opened") from None
    return verify_bytes(content)


def verify_bytes(content: bytes) -> VerifyReport:
    """Check a notebook's bytes; see `verify_notebook`."""
    try:
        notebook = parse_notebook(content)
    except (ValueError, nbformat.ValidationError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        problem = Problem(cell=None, cell_id=None, what=f"not a valid notebook: {reason}")
        return VerifyReport(cells=0, head="", problems=(problem,))
    problems, head = _check_cells(notebook.cells)
    problems += _check_notebook(notebook, head)
    if not problems and notebook_bytes(notebook) != content:
        problems.append(_layout_problem(notebook_bytes(notebook), content))
    return VerifyReport(cells=len(notebook.cells), head=head, problems=tuple(problems))


def _check_cells(cells: list[Any]) -> tuple[list[Problem], str]:
    problems, prev = [], GENESIS
    for number, cell in enumerate(cells, 1):
        what = _cell_problem(cell, prev)
        if what:
            problems.append(Problem(cell=number, cell_id=cell.get("id"), what=what))
        # Continue from the hash the cell states, so that one change is reported once.
        prev = str(facts_of(cell).get("hash", GENESIS))
    return problems, prev


def _cell_problem(cell: Mapping[str, Any], prev: str) -> str:
    facts = facts_of(cell)
    if "hash" not in facts:
        return "it was not recorded by Tallybook (no hash)"
    if facts.get("prev") != prev:
        return "the cell before it is not the one it was recorded after"
    if facts["hash"] != cell_hash(cell, prev):
        recorded = facts.get("code_sha256")
        if recorded and recorded != source_sha256(str(cell["source"])):
            return "its code was changed"
        return "its content, outputs or metadata were changed"
    return ""


def _check_notebook(notebook: Any, head: str) -> list[Problem]:
    facts = notebook.metadata.get(KEY)
    if not isinstance(facts, Mapping):
        return [Problem(cell=None, cell_id=None, what="it was not recorded by Tallybook")]
    found = []
    if facts.get("cells") != len(notebook.cells) or facts.get("head") != head:
        found.append("cells were removed from its end or added to it")
    if facts.get("seal") != seal(notebook):
        found.append("the notebook's own metadata was changed")
    return [Problem(cell=None, cell_id=None, what=what) for what in found]


def _layout_problem(expected: bytes, content: bytes) -> Problem:
    pairs = zip(expected, content, strict=False)
    at = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(expected), len(content)))
    line = content[:at].count(b"\n") + 1
    what = f"the file's text was changed at byte {at} (line {line}); the recorded content was not"
    return Problem(cell=None, cell_id=None, what=what)
