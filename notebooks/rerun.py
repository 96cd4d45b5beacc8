"""Re-run a recorded notebook with papermill and judge every cell ourselves.

papermill saves cells that never ran as "completed" after a dead kernel or a
time-out, so its status is never read: a verdict comes from what each cell of the
saved notebook shows.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
from jupyter_core.utils import ensure_event_loop
from papermill.exceptions import PapermillExecutionError

from notebooks.cells import literal_assignments
from notebooks.compare import WORKBOOK_SUFFIXES, Verdict, outputs_difference, workbook_difference
from notebooks.document import KERNELSPEC, Notebook, read_notebook
from notebooks.errors import InputMissing, RerunFailed, UnknownParameter
from notebooks.ledger import KEY

CELL_SECONDS = 125


@dataclass(frozen=True, slots=True, kw_only=True)
class CellVerdict:
    """How one cell of the re-run compares with the record."""

    cell: int
    cell_id: str
    verdict: Verdict
    detail: str = ""

    @property
    def label(self) -> str:
        """How a report names it."""
        return f"cell {self.cell} ({self.cell_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVerdict:
    """How one produced file compares with the recorded one."""

    name: str
    verdict: Verdict
    detail: str = ""

    @property
    def label(self) -> str:
        """How a report names it."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunReport:
    """The re-run's result.

    Attributes:
        notebook: The notebook papermill saved.
        cells: One verdict per code cell.
        files: One verdict per workbook or file in ``outputs/``.
        changed: Parameters or inputs were replaced, so differences are expected.
    """

    notebook: Path
    cells: tuple[CellVerdict, ...]
    files: tuple[FileVerdict, ...]
    changed: bool

    @property
    def items(self) -> tuple[CellVerdict | FileVerdict, ...]:
        """Everything that was judged."""
        return (*self.cells, *self.files)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of any cell or file."""
        found = {item.verdict for item in self.items}
        order: tuple[Verdict, ...] = ("failed", "not-run", "differs")
        return next((verdict for verdict in order if verdict in found), "reproduced")


def notebook_parameters(notebook: Notebook) -> dict[str, Any]:
    """Return the names and literal values that the ``parameters`` cell sets."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", ()):
            return literal_assignments(str(cell.source))
    return {}


def recorded_inputs(notebook: Notebook) -> dict[str, str]:
    """Return each input file's sha256 as it was when a cell first saw it."""
    found: dict[str, str] = {}
    for cell in notebook.cells:
        for name, sha256 in cell.metadata.get(KEY, {}).get("files_before", {}).items():
            if name.startswith("inputs/"):
                found.setdefault(name.removeprefix("inputs/"), sha256)
    return found


def rerun_notebook(
    notebook_file: Path,
    workspace: Path,
    saved: Path,
    *,
    parameters: Mapping[str, Any] | None = None,
    recorded_outputs: Path | None = None,
    inputs_changed: bool = False,
) -> RerunReport:
    """Run *notebook_file* again in a fresh kernel, with *workspace* as its working directory.

    Blocks; call it from a thread that has no running event loop.

    Args:
        notebook_file: The recorded notebook.
        workspace: A prepared workspace that holds ``inputs/``.
        saved: Where papermill's notebook goes.
        parameters: Values that replace those of the ``parameters`` cell.
        recorded_outputs: Directory of the recorded ``outputs/``, to compare by value.
        inputs_changed: The inputs are not those of the record.

    Raises:
        NotebookUnreadable: *notebook_file* is not a notebook.
        UnknownParameter: A parameter the notebook does not have.
        InputMissing: ``input_files`` names a file that is not in ``inputs/``.
        RerunFailed: The kernel could not be started.
    """
    recorded = read_notebook(notebook_file)
    given = dict(parameters or {})
    known = notebook_parameters(recorded)
    for name in given:
        if name not in known:
            raise UnknownParameter(name, sorted(known))
    _require_inputs({**known, **given}, workspace / "inputs")
    failure = _run_papermill(notebook_file, saved, given, workspace)
    if not saved.exists():
        raise RerunFailed(failure or "papermill saved no notebook")
    cells = _judge_cells(recorded, read_notebook(saved), failure)
    files = _judge_files(recorded_outputs, workspace / "outputs")
    changed = bool(given) or inputs_changed
    return RerunReport(notebook=saved, cells=cells, files=files, changed=changed)


def _require_inputs(parameters: Mapping[str, Any], directory: Path) -> None:
    names = parameters.get("input_files", [])
    names = names if isinstance(names, list) else []
    if missing := [str(name) for name in names if not (directory / str(name)).is_file()]:
        raise InputMissing(missing, str(directory))


def _run_papermill(
    notebook_file: Path, saved: Path, parameters: Mapping[str, Any], workspace: Path
) -> str:
    """Run it; return why it stopped early, or ``""``."""
    loop = ensure_event_loop()  # the one nbclient would make for this thread and leave open
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbclient's and papermill's own deprecations
            papermill.execute_notebook(
                str(notebook_file),
                str(saved),
                parameters=dict(parameters),
                kernel_name=KERNELSPEC["name"],
                cwd=str(workspace),
                progress_bar=False,
                log_output=False,
                execution_timeout=CELL_SECONDS,
                start_timeout=60,
            )
    except PapermillExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise
    except Exception as error:  # noqa: BLE001 (papermill raises whatever nbclient or the kernel did)
        return f"{type(error).__name__}: {str(error).splitlines()[0][:300] if str(error) else ''}"
    finally:
        loop.close()
    return ""


def _judge_cells(recorded: Notebook, again: Notebook, failure: str) -> tuple[CellVerdict, ...]:
    by_id = {cell.get("id"): cell for cell in again.cells}
    verdicts = []
    for number, cell in enumerate(recorded.cells, 1):
        if cell.cell_type == "code":
            verdict, detail = _judge_cell(cell, by_id.get(cell.id), failure)
            verdicts.append(
                CellVerdict(cell=number, cell_id=cell.id, verdict=verdict, detail=detail)
            )
    return tuple(verdicts)


def _judge_cell(recorded: Any, again: Any, failure: str) -> tuple[Verdict, str]:
    if again is None or (again.execution_count is None and recorded.source.strip()):
        return "not-run", failure or "the re-run never reached it"
    was_error = any(output.output_type == "error" for output in recorded.outputs)
    errors = [output for output in again.outputs if output.output_type == "error"]
    if errors and not was_error:
        return "failed", f"{errors[0].ename}: {errors[0].evalue}"
    difference = outputs_difference(recorded.outputs, again.outputs)
    return ("differs", difference) if difference else ("reproduced", "")


def _judge_files(recorded: Path | None, produced: Path) -> tuple[FileVerdict, ...]:
    if recorded is None or not recorded.is_dir():
        return ()
    verdicts = []
    for before in sorted(p for p in recorded.rglob("*") if p.is_file() and not p.is_symlink()):
        name = before.relative_to(recorded).as_posix()
        after = produced / name
        if after.is_symlink() or not after.is_file():
            verdicts.append(FileVerdict(name=name, verdict="not-run", detail="not produced"))
            continue
        if before.suffix.lower() in WORKBOOK_SUFFIXES:
            detail = workbook_difference(before, after)
        else:
            detail = "" if before.read_bytes() == after.read_bytes() else "its bytes differ"
        verdicts.append(
            FileVerdict(name=name, verdict="differs" if detail else "reproduced", detail=detail)
        )
    return tuple(verdicts)
