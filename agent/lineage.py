"""Trace a cell of a written file, with what a sandboxed program finds in the files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.permission.risk.assess import assess
from agent.workbook_programs import run_program
from container.errors import ContainerError
from container.limits import MIB, Limits
from container.untrusted_json import untrusted_json
from container.workspace.workspace import Workspace
from notebooks.export.workspace_files import open_below, safe_name
from notebooks.lineage.record import Cell
from notebooks.lineage.trace import Trace, question, trace, with_origin

TRACE_LIMITS = Limits(memory_bytes=2048 * MIB, pids=16, seconds=60.0, tmp_bytes=64 * MIB)
MOST_ASKED = 100_000
NOT_RUN = "its code is of high risk and is not run again"
log = logging.getLogger("tallybook.lineage")


async def trace_cell(
    cells: Sequence[Cell],
    workspace: Workspace,
    files: Mapping[str, str],
    place: tuple[str, str, str],
    *,
    replay: bool = True,
) -> Trace:
    """Trace one cell of a file in *workspace*.

    Args:
        cells: The recorded cells.
        workspace: Has the file and what it was made from.
        files: Workspace file → sha256.
        place: File, sheet (empty: the only one) and cell.
        replay: Also read the files, and run the recorded code on the way again, in a sandbox
            that can write nothing: rows and values come from there.

    Raises:
        FileNotTraceable: No recorded cell wrote the file.
    """
    found = await asyncio.to_thread(trace, cells, *place, files)
    if not replay:
        return found
    if place[0] not in files:
        return replace(found, notes=(*found.notes, f"{place[0]!r} is not there, so not read."))
    asked = question(found)
    notes = await asyncio.to_thread(_without_high_risk, asked)
    text = json.dumps(asked)
    if len(text) > MOST_ASKED:
        text = json.dumps({**asked, "statements": [], "names": []})
        notes.append("The code on the way is too long to be run again: rows are looked for alone.")
    printed = await _ask(text, workspace, notes)
    for failure in printed.get("failures", ())[:3]:
        notes.append(
            f"Cell {failure['cell']}, line {failure['line']}, could not be run again: "
            f"{failure['reason']}."
        )
    if problem := printed.get("problem"):
        notes.append(str(problem["message"]))
    return with_origin(found, printed.get("answer") or {}, notes)


def _without_high_risk(asked: dict[str, Any]) -> list[str]:
    """Take out of *asked* what the risk rules never let run; return what to say of it."""
    kept, notes = [], []
    for statement in asked["statements"]:
        if assess(statement["code"]).tier == "high":
            notes.append(f"Cell {statement['cell']}, line {statement['line']}: {NOT_RUN}.")
        else:
            kept.append(statement)
    asked["statements"] = kept
    return notes


async def _ask(text: str, workspace: Workspace, notes: list[str]) -> dict[str, Any]:
    try:
        result = await run_program("origin", (text,), workspace, TRACE_LIMITS)
    except (ContainerError, OSError) as error:
        log.warning("a cell could not be traced into the files: %s", error)
        notes.append(f"The files could not be read: {error}")
        return {}
    last = result.printed.strip().rpartition("\n")[2]
    with contextlib.suppress(ValueError):
        printed = untrusted_json(last)
        if isinstance(printed, dict) and isinstance(printed.get("answer", {}), dict):
            return printed
    if result.status is None:
        why = f"took longer than {TRACE_LIMITS.seconds:g} s"
    elif result.status.out_of_memory or result.status.signal:
        why = f"needs more than {TRACE_LIMITS.memory_bytes // MIB} MB of memory"
    else:
        why = "stopped"
        log.warning("the tracing of a cell failed: %s", result.printed[-2000:])
    notes.append(f"Looking for the rows in the files {why}: they are not known.")
    return {}


@contextlib.asynccontextmanager
async def workspace_beside(
    roots: Sequence[Path], names: Sequence[str]
) -> AsyncIterator[tuple[Workspace, list[str]]]:
    """Yield a workspace of its own with copies of files, and the names of those that it has.

    Args:
        roots: Directories that may have ``inputs/`` and ``outputs/``.
        names: The files' names; names that leave these directories are left out.

    Raises:
        OSError: There is no room for the copies.
    """
    with tempfile.TemporaryDirectory(prefix="tallybook-trace-") as directory:
        workspace = await asyncio.to_thread(Workspace.create, Path(directory) / "workspace")
        copied = await asyncio.to_thread(_copy, roots, names, workspace)
        yield workspace, copied


def _copy(roots: Sequence[Path], names: Sequence[str], workspace: Workspace) -> list[str]:
    copied = []
    for name in names:
        source = open_below(roots, name) if safe_name(name) else None
        if source is None:
            continue
        target = workspace.directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
        target.chmod(0o644)
        copied.append(name)
    return copied
