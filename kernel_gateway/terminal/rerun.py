"""Re-runs a notebook file: finds its inputs, prepares a workspace, writes a report."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agent.checks.comparison import compare_contents
from agent.checks.pictures import pictures_difference
from container.workspace.copy import copy_files
from container.workspace.workspace import INPUTS, OUTPUTS, Workspace
from notebooks.errors import InputMissing, RerunFailed
from notebooks.history.network_responses import RESPONSES
from notebooks.record.files import is_recorded
from notebooks.record.reading import read_copy
from notebooks.record.undone import withdraw_undone
from notebooks.rerun.inputs import stand_ins
from notebooks.rerun.programs import LAYERS, MOST_PLACES, Programs
from notebooks.rerun.recorded import recorded_inputs
from notebooks.rerun.run import (
    CELL_SECONDS,
    Progress,
    RerunReport,
    rerun_notebook,
)
from notebooks.workbooks.compare.difference import Comparison


def rerun_file(
    notebook_file: Path,
    *,
    parameters: Mapping[str, Any],
    inputs: Path | None = None,
    saved: Path | None = None,
    produced: Path | None = None,
    cell_seconds: int = CELL_SECONDS,
    launch: Mapping[str, Any] = MappingProxyType({}),
    progress: Progress | None = None,
    work: Path | None = None,
    twice: bool = False,
) -> RerunReport:
    """Run *notebook_file* again in a fresh sandbox and compare.

    Args:
        notebook_file: The recorded notebook.
        parameters: Values by name that replace the recorded ones; a string, as from the command
            line, is parsed as the recorded type.
        inputs: Directory of the input files; by default ``workspace/inputs`` or
            ``inputs`` beside the notebook.
        saved: File for the re-run's notebook; ``NAME.rerun.ipynb`` by default, with a report
            beside it, ``NAME.rerun.json``.
        produced: Directory that gets a copy of the re-run's ``outputs/``; by default the
            produced files are compared and not kept.
        cell_seconds: Time limit of a cell, in seconds.
        launch: Further options of the kernel's start, as its provisioner takes them.
        progress: Called before each cell with the number of cells begun, and of all of them.
        twice: Run it twice: what differs between both runs is volatile, and does not count.
        work: Directory for the re-run's workspace; the usual one for temporary files by default.

    Raises:
        NotebookError: See `notebooks.rerun.run.rerun_notebook`.
    """
    recorded = withdraw_undone(read_copy(notebook_file)[0])
    of = hashlib.sha256(notebook_file.read_bytes()).hexdigest()
    found = _first_directory(notebook_file, INPUTS) if inputs is None else inputs
    wanted = recorded_inputs(recorded)
    if found is None and wanted:
        raise InputMissing(sorted(wanted), str(notebook_file.parent / INPUTS))
    saved = saved or notebook_file.with_suffix(".rerun.ipynb")
    report_file = _report_file(notebook_file, saved)
    standing = {} if found is None else stand_ins(wanted, found)
    given = _given(found, standing)
    with _workspace(given, work) as workspace, _second(given, work, twice=twice) as second:
        report = rerun_notebook(
            notebook_file,
            workspace.directory,
            saved,
            parameters=parameters,
            inputs=found,
            outputs=_first_directory(notebook_file, OUTPUTS),
            replaced_inputs=_replaced(wanted, workspace.directory / INPUTS),
            stand_ins=standing,
            cell_seconds=cell_seconds,
            responses=workspace.directory.parent / RESPONSES,
            launch=launch,
            progress=progress,
            twice=None if second is None else second.directory,
            programs=Programs(workbooks=_compare_workbooks, pictures=_compare_pictures),
        )
        if produced is not None:
            copy_files(workspace, produced, [f.name for f in workspace.files(OUTPUTS)], None)
    facts = {"verdict": report.verdict, "of_sha256": of, **asdict(report)}
    text = json.dumps(facts, default=str, indent=1)
    report_file.write_text(text, encoding="utf-8")
    return report


def _report_file(notebook_file: Path, saved: Path) -> Path:
    """Return the report's file; raise `RerunFailed` early if it or *saved* can't be written."""
    report_file = saved.with_suffix(".json")
    if notebook_file.resolve() in (saved.resolve(), report_file.resolve()):
        raise RerunFailed(f"{saved} would replace the notebook itself; name another file")
    if saved == report_file:
        raise RerunFailed(f"{saved} is where the report goes; name an .ipynb file")
    if not saved.parent.is_dir() or saved.is_dir():
        raise RerunFailed(f"{saved} can't be written: name a file in a directory that exists")
    return report_file


def _replaced(wanted: Mapping[str, str], inputs: Path) -> tuple[str, ...]:
    """Return the names of the inputs that differ from the recorded ones."""
    return tuple(
        file.name
        for file in sorted(inputs.iterdir())
        if file.name in wanted and not is_recorded(file, wanted[file.name])
    )


def _first_directory(notebook_file: Path, name: str) -> Path | None:
    beside = notebook_file.resolve().parent
    return next((d for d in (beside / "workspace" / name, beside / name) if d.is_dir()), None)


def _compare_workbooks(before: Path, after: Path) -> Comparison:
    """Compare two workbooks in a sandbox: the re-run's was made by code that may be hostile."""
    with before.open("rb") as one, after.open("rb") as other:
        files = (before.name, one), (after.name, other)
        return asyncio.run(compare_contents(*files, layers=LAYERS, most=MOST_PLACES))


def _compare_pictures(before: bytes, after: bytes) -> str:
    return asyncio.run(pictures_difference(before, after))


def _given(inputs: Path | None, standing: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files of *inputs* by the names that the code opens."""
    files = sorted(inputs.iterdir()) if inputs is not None else ()
    plain = {file.name: file for file in files if file.is_file() and not file.is_symlink()}
    return {**plain, **standing}


@contextmanager
def _second(
    inputs: Mapping[str, Path], work: Path | None, *, twice: bool
) -> Iterator[Workspace | None]:
    if not twice:
        yield None
        return
    with _workspace(inputs, work) as workspace:
        yield workspace


@contextmanager
def _workspace(inputs: Mapping[str, Path], work: Path | None) -> Iterator[Workspace]:
    """Yield a fresh workspace in *work* that holds copies of *inputs* under their names."""
    with tempfile.TemporaryDirectory(prefix="tallybook-rerun-", dir=work) as directory:
        workspace = Workspace.create(Path(directory) / "workspace")
        for name, source in inputs.items():
            with source.open("rb") as file, workspace.add_input(name) as copy:
                shutil.copyfileobj(file, copy.file)
        yield workspace
