"""Re-run a notebook file: find its inputs, prepare a workspace, report."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from container.workspace import INPUTS, OUTPUTS, Workspace
from notebooks.document import read_notebook
from notebooks.errors import InputMissing
from notebooks.rerun import RerunReport, recorded_inputs, rerun_notebook


def parse_parameters(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Turn ``-p NAME VALUE`` pairs into values: JSON where it is JSON, else text."""
    values: dict[str, Any] = {}
    for name, text in pairs:
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


def rerun_file(
    notebook_file: Path,
    *,
    parameters: Mapping[str, Any],
    inputs: Path | None = None,
    saved: Path | None = None,
) -> RerunReport:
    """Run *notebook_file* again in a fresh sandbox and compare.

    Args:
        notebook_file: The recorded notebook.
        parameters: Replacements for the ``parameters`` cell.
        inputs: Directory of the input files; by default ``workspace/inputs`` or
            ``inputs`` beside the notebook.
        saved: Where the re-run's notebook goes; ``NAME.rerun.ipynb`` by default,
            with a report beside it.

    Raises:
        NotebookError: See `notebooks.rerun.rerun_notebook`.
    """
    recorded = read_notebook(notebook_file)
    found = _first_directory(notebook_file, INPUTS) if inputs is None else inputs
    outputs = _first_directory(notebook_file, OUTPUTS)
    wanted = recorded_inputs(recorded)
    if found is None and wanted:
        raise InputMissing(sorted(wanted), str(notebook_file.parent / INPUTS))
    saved = saved or notebook_file.with_suffix(".rerun.ipynb")
    with _workspace(found) as (workspace, copied):
        changed = any(copied.get(name, sha256) != sha256 for name, sha256 in wanted.items())
        report = rerun_notebook(
            notebook_file,
            workspace.directory,
            saved,
            parameters=parameters,
            recorded_outputs=outputs,
            inputs_changed=changed,
        )
    text = json.dumps({"verdict": report.verdict, **asdict(report)}, default=str, indent=1)
    saved.with_suffix(".json").write_text(text, encoding="utf-8")
    return report


def _first_directory(notebook_file: Path, name: str) -> Path | None:
    beside = notebook_file.resolve().parent
    return next((d for d in (beside / "workspace" / name, beside / name) if d.is_dir()), None)


@contextmanager
def _workspace(inputs: Path | None) -> Iterator[tuple[Workspace, dict[str, str]]]:
    """Yield a fresh workspace that holds a copy of *inputs*, and each copy's sha256."""
    with tempfile.TemporaryDirectory(prefix="tallybook-rerun-") as directory:
        workspace = Workspace.create(Path(directory) / "workspace")
        copied: dict[str, str] = {}
        for source in sorted(inputs.iterdir()) if inputs is not None else ():
            if source.is_file() and not source.is_symlink():
                with source.open("rb") as file, workspace.add_input(source.name) as copy:
                    shutil.copyfileobj(file, copy.file)
                with source.open("rb") as file:
                    copied[source.name] = hashlib.file_digest(file, "sha256").hexdigest()
        yield workspace, copied
