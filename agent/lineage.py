"""Trace a cell of a written file, with what a sandboxed program finds in the files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.permission.risk.assess import assess
from agent.workbook_programs import compile_programs, run_program
from container.errors import ContainerError
from container.kernel.session import KernelSession
from container.limits import MIB, Limits
from container.untrusted_json import untrusted_json
from container.workspace.workspace import Workspace
from notebooks.export.workspace_files import open_below, safe_name
from notebooks.lineage.record import Cell
from notebooks.lineage.trace import Trace, question, trace, with_origin

TRACE_LIMITS = Limits(memory_bytes=2048 * MIB, pids=16, seconds=60.0, tmp_bytes=64 * MIB)
MOST_ASKED = 100_000
MOST_COPIED = 64 * MIB
"""Size of a workspace up to which a kernel gets copies of its files."""
_OF_ROWS = frozenset({"kind", "computation", "sources"})
NOT_RUN = "its code is of high risk and is not run again"
log = logging.getLogger("tallybook.lineage")


async def trace_cell(
    cells: Sequence[Cell],
    workspace: Workspace,
    files: Mapping[str, str],
    place: tuple[str, str, str],
    *,
    replay: bool = True,
    forked: bool = False,
) -> Trace:
    """Trace one cell of a file in *workspace*.

    Args:
        cells: The recorded cells.
        workspace: Has the file and what it was made from.
        files: Workspace file → sha256.
        place: File, sheet (empty: the only one) and cell.
        replay: Also read the files, and run the recorded code on the way again, in a sandbox
            without network that can change nothing: rows and values come from there.
        forked: Ask a kernel that is forked from the fork server, which has imported pandas; else
            a process that imports it first.

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
    printed = await _ask_kernel(text, workspace, files) if forked else None
    if printed is None:
        printed = await _ask(text, workspace, notes)
    for failure in printed.get("failures", ())[:3]:
        notes.append(
            f"Cell {failure['cell']}, line {failure['line']}, could not be run again: "
            f"{failure['reason']}."
        )
    if problem := printed.get("problem"):
        notes.append(str(problem["message"]))
    changed = {each.file for each in found.inputs if each.changed}
    return with_origin(found, _as_read(printed.get("answer") or {}, changed), notes)


def _as_read(node: dict[str, Any], changed: Collection[str]) -> dict[str, Any]:
    """Return *node* of an answer without rows of files that are other ones than those read.

    A value that stands in such a file by chance is not where the traced one came from.
    """
    used = sorted({each["file"] for each in node.get("sources", ()) if each["file"] in changed})
    if used:
        kept = {name: each for name, each in node.items() if name not in _OF_ROWS}
        names = ", ".join(map(repr, used[:5]))
        reason = f"{names} changed since it was read, so the rows are not known."
        return {**kept, "kind": "unknown", "reason": reason}
    for area in node.get("precedents", ()):
        area["cells"] = [_as_read(cell, changed) for cell in area["cells"]]
    return node


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


async def _ask_kernel(
    text: str, workspace: Workspace, files: Mapping[str, str]
) -> dict[str, Any] | None:
    """Ask a new kernel, which gets copies of the files; ``None`` if it gave no answer."""
    code = (
        "import json\nfrom workbooks.origin.__main__ import answer_to\n"
        f"print('\\n' + json.dumps(answer_to(json.loads({text!r})), default=str))"
    )
    outputs: list[Mapping[str, Any]] = []

    async def keep(output: Mapping[str, Any]) -> None:
        outputs.append(output)

    await asyncio.to_thread(compile_programs)
    with tempfile.TemporaryDirectory(prefix="tallybook-trace-") as directory:
        own = await asyncio.to_thread(_copied, workspace, files, Path(directory) / "workspace")
        if own is None:
            return None
        session = KernelSession(own, TRACE_LIMITS)
        try:
            await session.start()
            await session.execute(code, keep)
        except ContainerError as error:
            log.warning("a cell could not be traced by a kernel: %s", error)
            return None
        finally:
            await session.aclose()
    return _last_line("".join(str(o.get("text", "")) for o in outputs if o.get("name") == "stdout"))


def _copied(workspace: Workspace, files: Mapping[str, str], directory: Path) -> Workspace | None:
    """Return a workspace with copies of *files*, which its kernel can't write; ``None`` if large.

    A link to a file would let the code on the way change it.
    """
    if sum(file.size for file in workspace.files()) > MOST_COPIED:
        return None
    own = Workspace.create(directory)
    for name in files:
        target = own.directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(ContainerError), workspace.open_read(name) as source:
            with target.open("wb") as file:
                shutil.copyfileobj(source, file)
            target.chmod(0o644)
    return own


def _last_line(printed: str) -> dict[str, Any] | None:
    """Return the answer in what a program printed; ``None`` if there is none."""
    with contextlib.suppress(ValueError):
        found = untrusted_json(printed.strip().rpartition("\n")[2])
        if isinstance(found, dict) and isinstance(found.get("answer", {}), dict):
            return found
    return None


async def _ask(text: str, workspace: Workspace, notes: list[str]) -> dict[str, Any]:
    try:
        result = await run_program("origin", (text,), workspace, TRACE_LIMITS)
    except (ContainerError, OSError) as error:
        log.warning("a cell could not be traced into the files: %s", error)
        notes.append(f"The files could not be read: {error}")
        return {}
    if (printed := _last_line(result.printed)) is not None:
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
