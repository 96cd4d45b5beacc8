"""The records of re-runs, in ``reruns/`` of their path, and what a re-run's process is given."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

from container.errors import ContainerError
from container.workspace.workspace import INPUTS, OUTPUTS
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import BadRequest
from notebooks.errors import BlobError
from notebooks.export.workspace_files import safe_name
from notebooks.history.network_responses import RESPONSES, is_response, recorded_calls
from notebooks.record.document import Notebook
from notebooks.record.files import replace_atomically
from notebooks.record.reading import parse_notebook
from notebooks.record.undone import withdraw_undone
from notebooks.rerun.parameters import given_parameters
from notebooks.rerun.recorded import recorded_inputs, recorded_outputs

PLACE = "reruns"
NOTEBOOK, AGAIN = "notebook.ipynb", "rerun.ipynb"
"""In the process's directory: the recorded notebook, and the one that the re-run saves."""
MOST_KEPT = 20
"""Records kept of one path; the oldest go first."""
UNFINISHED = frozenset({"waiting", "running"})
Status = Literal["waiting", "running", "finished", "failed", "cancelled", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """One re-run.

    Attributes:
        id: Its id.
        status: ``finished`` has a report, ``failed`` an error; ``interrupted``: the service ended.
        at: When it was asked for; the audit list has by whom.
        finished_at: When it ended.
        parameters: Values that replace the recorded ones.
        inputs: Recorded input → the workspace file that stands for it.
        twice: Whether it runs twice, to find what differs in each run.
        of_sha256: The sha256 of the notebook that is run again.
        cell: How many cells have begun.
        cells: How many there are; 0 until that is known.
        report: What `notebooks.rerun.report.report_to_json` gives.
        error: Why there is no report.
    """

    id: str
    status: Status
    at: str
    finished_at: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    twice: bool = False
    of_sha256: str = ""
    cell: int = 0
    cells: int = 0
    report: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


def check(
    content: bytes, path: OpenPath, parameters: Mapping[str, Any], inputs: Mapping[str, str]
) -> None:
    """Refuse values and files that don't fit the notebook *content*.

    Raises:
        UnknownParameter, ParameterMisfit: *parameters* don't fit.
        BadRequest: *inputs* names an input that the record has not, or a file that is not there.
    """
    notebook = withdraw_undone(parse_notebook(content))
    given_parameters(notebook, parameters)
    wanted = recorded_inputs(notebook)
    for name, file in inputs.items():
        if name not in wanted:
            known = ", ".join(sorted(wanted)) or "none"
            raise BadRequest(f"The notebook has no input {name[:80]!r}. It has: {known[:400]}.")
        try:
            path.workspace.open_read(file).close()
        except (ContainerError, OSError, ValueError):
            raise BadRequest(f"The workspace has no file {file[:80]!r} to stand for it.") from None


def lay_out(path: OpenPath, work: Path, content: bytes, inputs: Mapping[str, str]) -> None:
    """Put the notebook, its inputs and its outputs as they were recorded into *work*.

    A content that is not kept any more is taken from the workspace; the report then says that it is
    not the recorded one.

    Args:
        path: The path; a request may change its files meanwhile.
        work: An empty directory.
        content: The notebook.
        inputs: Recorded input → the workspace file that stands for it.
    """
    (work / NOTEBOOK).write_bytes(content)
    notebook = withdraw_undone(parse_notebook(content))
    wanted = {file.name: "" for file in path.workspace.files(INPUTS)}
    wanted |= {f"{INPUTS}/{name}": sha256 for name, sha256 in recorded_inputs(notebook).items()}
    wanted |= recorded_outputs(notebook)
    standing = {f"{INPUTS}/{name}": file for name, file in inputs.items()}
    for directory in (INPUTS, OUTPUTS):
        (work / directory).mkdir()
    for name, sha256 in wanted.items():
        if not safe_name(name):
            continue
        target = work / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            kept = name not in standing and _copy_kept(path, sha256, file)
            found = kept or _copy_present(path, standing.get(name, name), file)
        if not found:
            target.unlink()
    _lay_out_responses(path, work, notebook)


def _lay_out_responses(path: OpenPath, work: Path, notebook: Notebook) -> None:
    (work / RESPONSES).mkdir()
    for _, call in recorded_calls(notebook):
        name = f"{RESPONSES}/{call.get('sha256')}"
        if is_response(name) and not (work / name).exists():
            with (work / name).open("wb") as file:
                kept = _copy_kept(path, str(call["sha256"]), file)
            if not kept:
                (work / name).unlink()


def _copy_kept(path: OpenPath, sha256: str, file: IO[bytes]) -> bool:
    if not sha256:
        return False
    try:
        path.blobs.copy(sha256, file)  # type: ignore[arg-type]
    except (BlobError, OSError):
        file.seek(0)
        file.truncate()
        return False
    return True


def _copy_present(path: OpenPath, name: str, file: IO[bytes]) -> bool:
    try:
        with path.workspace.open_read(name) as source:
            shutil.copyfileobj(source, file)
    except (ContainerError, OSError):
        return False
    return True


def finished(home: Path, running: Rerun, work: Path, last: Mapping[str, Any]) -> Rerun:
    """Keep the re-run's notebook; return the re-run as it ended.

    Args:
        home: The path's directory.
        running: The re-run.
        work: Its process's directory.
        last: What its process printed last: ``report`` or ``error``.
    """
    if "report" not in last:
        return replace(running, status="failed", error=last["error"])
    replace_atomically(notebook_of(home, running.id), (work / AGAIN).read_bytes())
    cells = len(last["report"]["cells"])
    return replace(running, status="finished", report=last["report"], cell=cells, cells=cells)


def store(home: Path, made: Rerun) -> None:
    """Store a re-run's record; the oldest ones go. Nothing is stored if *home* is gone."""
    if not home.is_dir():
        return
    place = home / PLACE
    place.mkdir(mode=0o700, exist_ok=True)
    replace_atomically(place / f"{made.id}.json", json.dumps(asdict(made)).encode())
    records = sorted(place.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    for file in records[:-MOST_KEPT]:
        remove_record(home, file.stem)


def remove_record(home: Path, rerun: str) -> None:
    """Remove the record of a re-run, and its notebook."""
    for suffix in (".json", ".ipynb"):
        (home / PLACE / f"{rerun}{suffix}").unlink(missing_ok=True)


def stored(home: Path) -> list[Rerun]:
    """Return the stored re-runs of the path in *home*."""
    found = [read(file) for file in (home / PLACE).glob("*.json")]
    return [each for each in found if each is not None]


def read(file: Path) -> Rerun | None:
    """Return the re-run whose record is *file*; ``None`` if there is none (any more)."""
    try:
        return Rerun(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None  # removed just now


def as_ended(found: Rerun) -> Rerun:
    """Return a stored re-run; one that nobody follows any more was interrupted."""
    return replace(found, status="interrupted") if found.status in UNFINISHED else found


def report_on(home: Path, content: bytes) -> bytes | None:
    """Return the newest report on the very notebook *content*, as the command writes it.

    Args:
        home: The path's directory.
        content: The notebook.

    Returns:
        The report as JSON; ``None`` if there is none.
    """
    of = hashlib.sha256(content).hexdigest()
    found = [each for each in stored(home) if each.report is not None and each.of_sha256 == of]
    if not found:
        return None
    newest = max(found, key=lambda each: (each.at, each.id))
    return json.dumps({**(newest.report or {}), "of_sha256": of}).encode()


def notebook_of(home: Path, rerun: str) -> Path:
    """Return the file of the notebook that a re-run gave."""
    return home / PLACE / f"{rerun}.ipynb"
