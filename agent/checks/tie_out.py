"""Tie out what a cell has written against what was read.

The kernel says which tables it read and wrote, which is a claim; the files themselves are
measured in a sandbox, once for each content.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.workbook_programs import library_version, run_program
from container.errors import ContainerError
from container.limits import MIB, Limits
from container.untrusted_json import untrusted_json
from container.workspace.workspace import INPUTS, Workspace
from notebooks.workbooks.tie_out.accounts import CellNotes, notes_of, step_to_json
from notebooks.workbooks.tie_out.judge import read_in, result_to_json, tie_out
from notebooks.workbooks.tie_out.tables import Column, Table, table_from_json, table_to_json

MEASURE_LIMITS = Limits(memory_bytes=1024 * MIB, pids=16, seconds=10.0, tmp_bytes=16 * MIB)
MOST_BYTES = 20 * MIB
"""Larger files are not measured: the kernel's own figures stand for them, and that is said."""
MOST_FILES, MOST_READS, MOST_COLUMNS = 30, 50, 30
REMEMBERED, MOST_ASKED = 500, 100_000
TABLES = frozenset(
    """xlsx xlsm xltx xltm xls xlsb ods csv tsv txt tab json parquet htm html xml prn""".split()
)
log = logging.getLogger("tallybook.checks")
Measured = dict[str, Sequence[Table] | None]


class Measures:
    """The tables of files, measured once for each content."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._known: OrderedDict[tuple[str, ...], list[Table] | None] = OrderedDict()

    async def of(
        self, workspace: Workspace, files: Mapping[str, str], frames: Sequence[Table]
    ) -> Measured:
        """Return the tables of files; ``None`` for one that is not measured.

        Args:
            workspace: Has the files.
            files: Name → sha256.
            frames: What the kernel says it wrote to them.
        """
        sizes = {file.name: file.size for file in workspace.files()}
        ours = str(workspace.directory), library_version()
        written = _frames_of(frames)
        keys = {
            name: (*ours, name, sha256, json.dumps(written.get(name)))
            for name, sha256 in files.items()
        }
        new = [
            name
            for name, key in keys.items()
            if key not in self._known
            and _is_table(name)
            and sizes.get(name, MOST_BYTES + 1) <= MOST_BYTES
        ]
        for name, tables in (await _measured(workspace, new[:MOST_FILES], written)).items():
            self._known[keys[name]] = tables
        found: Measured = {name: self._known.get(key) for name, key in keys.items()}
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found


_measures = Measures()


def _frames_of(frames: Sequence[Table]) -> dict[str, list[dict[str, Any]]]:
    """Return sheet, rows and names of frames by the file they were written to, bounded."""
    found: dict[str, list[dict[str, Any]]] = {}
    for frame in frames[:MOST_READS]:
        if frame.rows is not None:
            names = [column.name for column in frame.columns[:MOST_COLUMNS]]
            facts = {"sheet": frame.sheet, "rows": frame.rows, "names": names}
            found.setdefault(frame.file, []).append(facts)
    return found


async def _measured(
    workspace: Workspace, names: Sequence[str], frames: Mapping[str, list[dict[str, Any]]]
) -> dict[str, list[Table] | None]:
    """Measure files in a sandbox; those that the time limit leaves out are not in the result."""
    if not names:
        return {}
    asked = json.dumps(
        {
            "directory": "/workspace",
            "files": list(names),
            "frames": {name: frames[name] for name in names if name in frames},
        }
    )
    if len(asked) > MOST_ASKED:
        asked = json.dumps({"directory": "/workspace", "files": list(names), "frames": {}})
    try:
        result = await run_program("tie_out", (asked,), workspace, MEASURE_LIMITS)
    except (ContainerError, OSError) as error:
        log.warning("files could not be measured: %s", error)
        return {}
    found: dict[str, list[Table] | None] = {}
    for line in result.printed.splitlines():
        try:
            printed = untrusted_json(line)
        except ValueError:
            log.warning("the measuring of files failed: %s", result.printed[-1000:])
            break
        for name, tables in printed.items() if isinstance(printed, dict) else ():
            if name in names and isinstance(tables, list):
                valid = [table_from_json(table) for table in tables]
                found[name] = [table for table in valid if table is not None]
            elif name in names:
                found[name] = None
    return found


async def tie_out_cell(
    own: CellNotes,
    earlier: Sequence[Mapping[str, Any]],
    written: Mapping[str, str],
    files: Mapping[str, str],
    workspace: Workspace,
) -> list[dict[str, Any]]:
    """Tie out what one cell has written.

    Args:
        own: What is known of the cell.
        earlier: The cells before it, as `Recorder.live_cells` returns them.
        written: Files that are new or changed after it, name → sha256.
        files: All files after it, likewise.
        workspace: The path's workspace.

    Returns:
        The results (see `notebooks.workbooks.tie_out.judge.Result`) as plain JSON values.
    """
    tables = [name for name in written if _is_table(name) and not name.startswith(f"{INPUTS}/")]
    if not tables:
        return []
    cells = [*_before(earlier), own]
    names = [*tables, *read_in(cells)]
    known = {name: files[name] for name in names if name in files}
    measured = await _measures.of(workspace, known, own.writes)
    # In a thread: the code may be long.
    results = await asyncio.to_thread(tie_out, cells, tables, measured)
    return [result_to_json(result) for result in results]


def _is_table(name: str) -> bool:
    return name.rpartition(".")[2].lower() in TABLES


def kept_notes(noted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the record keeps of a kernel's notes for later cells, valid and bounded."""
    if not noted:
        return {}
    notes = notes_of("", noted)
    reads = [
        table_to_json(replace(table, columns=_numbers_first(table)[:MOST_COLUMNS], totals=()))
        for table in notes.reads[:MOST_READS]
    ]
    steps = [step_to_json(step) for step in notes.steps]
    return {key: value for key, value in (("reads", reads), ("steps", steps)) if value}


def _numbers_first(table: Table) -> list[Column]:
    return sorted(table.columns, key=lambda column: column.sum is None)


def _before(earlier: Sequence[Mapping[str, Any]]) -> list[CellNotes]:
    ran = [cell for cell in earlier if cell["status"] in ("ok", "error", "interrupted")]
    return [
        notes_of(str(cell["source"]), cell.get("tie_out"), cell["id"], cell["inputs_read"] or ())
        for cell in ran
    ]


def said_to_model(found: Mapping[str, Any]) -> list[str]:
    """Return each result in a line or two, with what is suspicious and what to do about it."""
    said = []
    for result in found.get("results", ()):
        said.append(result["line"])
        said += [f"SUSPICIOUS: {each['message']} {each['hint']}" for each in result["findings"]]
    return said
