"""Check the workbooks that a cell has written, in a sandbox."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from agent.workbook_programs import run_program
from container.errors import ContainerError
from container.limits import MIB, Limits
from container.untrusted_json import untrusted_json
from container.workspace.workspace import INPUTS, Workspace

WRITTEN = frozenset({".xlsx", ".xlsm", ".xltx", ".xltm", ".xls", ".xlsb", ".ods"})
PLACED = WRITTEN | {".csv", ".tsv", ".parquet"}
"""Results that the user looks for in ``outputs/``."""
ELSEWHERE = ("/tmp/", "/dev/shm/")  # noqa: S108 (of the kernel)
ORIGINALS = frozenset({".xlsx", ".xlsm", ".xltx", ".xltm"})
MOST_CHECKED, MOST_CHARACTERS, MOST_CODE = 50, 30_000, 60_000
CHECK_FAILED, CHECK_CANCELLED = "because the check failed", "because the request was cancelled"
MOST_ELSEWHERE, LONGEST_NAME = 20, 300
CHECK_LIMITS = Limits(memory_bytes=1024 * MIB, pids=16, seconds=20.0, tmp_bytes=16 * MIB)
NOTHING_READ: Mapping[str, Any] = {
    "code": "nothing-read",
    "message": "No upload was opened before this file was written: its data come from the code.",
    "hint": "Read the uploads, or say in the answer that the data are made up.",
    "count": 1,
}
log = logging.getLogger("tallybook.checks")

Checks = Mapping[str, Sequence[Mapping[str, Any]]]
"""Findings (``code``, ``message``, ``hint``, ``count``) by file; none for a sound one."""


async def check_workbooks(
    workspace: Workspace,
    written: Sequence[str],
    codes: Sequence[str] = (),
    *,
    computed: Sequence[str] = (),
) -> Checks:
    """Check files that a cell has written, and name what they lost of the inputs.

    Args:
        workspace: The path's workspace.
        written: Names of new and changed files. Of those that are no workbooks, tables outside
            ``outputs/`` are named, and the rest don't count.
        codes: The code that ran up to now, cell by cell: what it changed without naming it is
            named. Long code is left out, and nothing is said of it.
        computed: Those whose formulas have been computed: a zero is a value there.

    Returns:
        What was found; empty if there is no workbook, or this host can't confine the check.
    """
    placed = {name: _place(name) for name in written if _suffix(name) in PLACED}
    names = [name for name in placed if is_workbook(name)]
    misplaced = {name: found for name, found in placed.items() if found and name not in names}
    if not names:
        return misplaced
    checked = _within_limits(names)
    originals = [file.name for file in workspace.files(INPUTS) if _suffix(file.name) in ORIGINALS]
    asked = {
        "directory": "/workspace",
        "files": checked,
        "originals": _within_limits(originals),
        "codes": list(codes) if len(json.dumps(list(codes))) <= MOST_CODE else [],
        "computed": list(computed),
    }
    try:
        result = await run_program("check", (json.dumps(asked),), workspace, CHECK_LIMITS)
    except (ContainerError, OSError) as error:
        log.warning("written workbooks could not be checked: %s", error)
        return misplaced
    found = _found(result.printed) if result.status and result.status.exit_code == 0 else None
    if found is None:
        log.warning("the check of written workbooks failed: %s", result.printed[-1000:])
        why = f"within {CHECK_LIMITS.seconds:g} s and {CHECK_LIMITS.memory_bytes // MIB} MB"
        return misplaced | {name: [unchecked(why)] for name in names}
    others = {name: [unchecked("beside so many others")] for name in names}
    return misplaced | {name: [*placed[name], *found.get(name, others[name])] for name in names}


def written_elsewhere(tables: Mapping[str, Sequence[Any]]) -> Checks:
    """Return a finding for each file that a cell wrote outside its workspace and left there.

    Args:
        tables: What its kernel noted of tables (see `notebooks.workbooks.tie_out.journal`); the
            code in it can forge that.
    """
    notes = [note for note in tables.get("writes", ()) if isinstance(note, Mapping)]
    files = [file for note in notes if isinstance(file := note.get("file"), str)]
    named = dict.fromkeys(
        file for file in files if file.startswith(ELSEWHERE) and len(file) <= LONGEST_NAME
    )
    return {file: _place(file) for file in list(named)[:MOST_ELSEWHERE]}


def is_workbook(name: str) -> bool:
    """Whether a file of this name is checked."""
    return _suffix(name) in WRITTEN


def without_values(checks: Checks) -> list[str]:
    """Return the files with formulas that have no value."""
    return [
        name
        for name, findings in checks.items()
        if any(finding["code"] == "formulas-without-values" for finding in findings)
    ]


def _within_limits(names: Sequence[str]) -> list[str]:
    """Return the first names that one command line takes."""
    taken, characters = [], 0
    for name in names[:MOST_CHECKED]:
        characters += len(json.dumps(name))
        if characters > MOST_CHARACTERS:
            break
        taken.append(name)
    return taken


def _found(printed: str) -> dict[str, list[dict[str, Any]]] | None:
    try:
        found = untrusted_json(printed)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _place(name: str) -> list[dict[str, Any]]:
    if name.startswith("outputs/"):
        return []
    message = f"{name} was written outside outputs/, where the user looks for results."
    hint = f"Write it to outputs/{PurePosixPath(name).name}."
    return [{"code": "outside-outputs", "message": message, "hint": hint, "count": 1}]


def unchecked(why: str) -> dict[str, Any]:
    """Return the finding that a file was not checked; *why* ends ``could not be checked``."""
    message = f"The file could not be checked {why}."
    hint = "Read it again with pandas before relying on it."
    return {"code": "unchecked", "message": message, "hint": hint, "count": 1}
