"""Re-runs a recorded notebook with papermill, in the sandbox its kernelspec names."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import papermill
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from notebooks.errors import InputMissing, NotebookUnreadable, RerunFailed
from notebooks.history.network_responses import Laid, lay_out
from notebooks.record.document import KERNELSPEC, Notebook, notebook_bytes
from notebooks.record.files import replace_atomically
from notebooks.record.reading import parse_notebook, read_copy, read_notebook
from notebooks.record.undone import withdraw_undone
from notebooks.rerun.engine import ENGINE, register
from notebooks.rerun.judge import (
    SEVERITY,
    CellVerdict,
    FileVerdict,
    Run,
    Verdict,
    ends_notebook,
    judge_cells,
    judge_files,
    judge_inputs,
)
from notebooks.rerun.parameters import given_parameters, notebook_parameters, with_parameters
from notebooks.rerun.programs import IN_THIS_PROCESS, Programs
from notebooks.rerun.recorded import OUTPUTS, recorded_inputs, recorded_outputs

CELL_SECONDS = 125
Progress = Callable[[int, int], None]
WORKSPACE = "/workspace"
"""Path of the workspace inside the kernel's sandbox."""
_MARKER_TAG = "papermill-error-cell-tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunReport:
    """The re-run's result.

    Attributes:
        notebook: The notebook of the re-run.
        cells: One verdict per code cell.
        files: One verdict per file in ``outputs/``, and per input that was not given.
        changed: Parameters or inputs were replaced, so differences are expected.
        replaced_inputs: Inputs whose content differs from the recorded one.
        repaired_cells: Numbers of the cells without a valid, unique id; they got one in the copy
            that was run.
        replayed_calls: How many network calls had a recorded response, which was given again.
        missing_responses: How many had one that is not stored any more.
    """

    notebook: Path
    cells: tuple[CellVerdict, ...]
    files: tuple[FileVerdict, ...]
    changed: bool
    replaced_inputs: tuple[str, ...] = ()
    repaired_cells: tuple[int, ...] = ()
    replayed_calls: int = 0
    missing_responses: int = 0

    @property
    def items(self) -> tuple[CellVerdict | FileVerdict, ...]:
        """Everything that was judged."""
        return (*self.cells, *self.files)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of any cell or file."""
        found = {item.verdict for item in self.items}
        return next((verdict for verdict in SEVERITY if verdict in found), "reproduced")


def rerun_notebook(
    notebook_file: Path,
    workspace: Path,
    saved: Path,
    *,
    parameters: Mapping[str, Any] | None = None,
    inputs: Path | None = None,
    outputs: Path | None = None,
    replaced_inputs: tuple[str, ...] = (),
    stand_ins: Mapping[str, Path] = MappingProxyType({}),
    cell_seconds: int = CELL_SECONDS,
    responses: Path | None = None,
    launch: Mapping[str, Any] = MappingProxyType({}),
    progress: Progress | None = None,
    twice: Path | None = None,
    programs: Programs = IN_THIS_PROCESS,
) -> RerunReport:
    """Run *notebook_file* again in a fresh kernel, with *workspace* as its working directory.

    Cells that an undo has taken out are not run, and get no verdict.

    Blocks; call it from a thread that has no running event loop.

    Args:
        notebook_file: The recorded notebook.
        workspace: A prepared workspace that holds ``inputs/``.
        saved: File for the re-run's notebook.
        parameters: Values that replace recorded ones; a string is parsed as the recorded type.
        inputs: Directory the inputs were copied from; ``None`` if there was none.
        outputs: Directory of the recorded ``outputs/``; ``None`` if there is none.
        replaced_inputs: Names of inputs that differ from the recorded ones.
        stand_ins: Recorded input → the file of another name that was taken for it.
        cell_seconds: Time limit of a cell, in seconds; a cell over it ends the re-run.
        responses: Directory to lay out the recorded responses of network calls in, from which
            the kernel gets them: a re-run sends nothing.
        launch: Further options of the kernel's start, as its provisioner takes them.
        progress: Called before each cell with the number of cells begun, and of all of them.
        twice: A second prepared workspace, to run the notebook in once more: what differs between
            both runs is volatile, and does not count.
        programs: What compares workbooks and pictures.

    Raises:
        NotebookUnreadable: *notebook_file* is not a notebook.
        UnknownParameter: The notebook has no such parameter.
        ParameterMisfit: A value is not of the recorded type.
        InputMissing: ``input_files`` names a file that is not in ``inputs/``.
        RerunFailed: The kernel could not be started, or *saved* can't be written.
    """
    recorded, repaired = read_copy(notebook_file)
    withdraw_undone(recorded)
    values = given_parameters(recorded, parameters or {})
    names = {**notebook_parameters(recorded), **values}.get("input_files")
    _require_inputs(names, workspace / "inputs", inputs or notebook_file.parent / "inputs")
    prepared = with_parameters(withdraw_undone(read_copy(notebook_file)[0]), values)
    # If the caller names other input files, the recorded ones are not needed.
    wanted = {} if "input_files" in values else recorded_inputs(recorded)
    laid = Laid() if responses is None else lay_out(recorded, notebook_file, responses)
    source = notebook_bytes(prepared)
    told = _Told(progress, twice=twice is not None)
    run, again = _run_papermill(prepared, workspace, cell_seconds, launch, told)
    second = None
    if twice is not None:
        if responses is not None and responses.is_dir():
            shutil.copytree(responses, twice.parent / responses.name)
        second = _run_papermill(parse_notebook(source), twice, cell_seconds, launch, told)[1]
    _write(_honest(again, run, notebook_file, saved, values), saved)
    cells = judge_cells(recorded, again, run, second, programs)
    return RerunReport(
        notebook=saved,
        cells=tuple(_with_network(cell, laid) for cell in cells),
        files=(
            *judge_inputs(wanted, inputs, stand_ins),
            *judge_files(
                recorded_outputs(recorded),
                outputs,
                workspace / OUTPUTS,
                None if twice is None else twice / OUTPUTS,
                programs,
            ),
        ),
        changed=bool(values or replaced_inputs),
        replaced_inputs=replaced_inputs,
        repaired_cells=repaired,
        replayed_calls=laid.found.total(),
        missing_responses=laid.missing.total(),
    )


def _with_network(cell: CellVerdict, laid: Laid) -> CellVerdict:
    """Return the verdict on *cell* that also says what became of its network calls."""
    found, missing = laid.found[cell.cell_id], laid.missing[cell.cell_id]
    if not found and not missing:
        return cell
    said = f"network: nothing was sent; recorded responses: {found}"
    if missing:
        said += f", not stored any more: {missing}"
    return replace(cell, detail=f"{cell.detail}; {said}" if cell.detail else said)


def _require_inputs(names: Any, there: Path, given: Path) -> None:
    names = [str(name) for name in names] if isinstance(names, list) else []
    if missing := [name for name in names if not (there / name).is_file()]:
        raise InputMissing(missing, str(given))


class _Told:
    """Counts the cells that have begun, over both runs if there are two."""

    def __init__(self, progress: Progress | None, *, twice: bool) -> None:
        self._progress, self._runs, self._begun = progress, 1 + twice, 0

    def begun(self, count: int) -> None:
        """Say that a cell has begun; a run has *count*."""
        self._begun += 1
        if self._progress is not None:
            self._progress(self._begun, self._runs * count)


class _NotebookEnded(Exception):
    """A cell called ``exit()`` or ``quit()``: no later cell is run."""


def _run_papermill(
    prepared: Notebook,
    workspace: Path,
    cell_seconds: int,
    launch: Mapping[str, Any],
    told: _Told,
) -> tuple[Run, Notebook]:
    """Run *prepared*; return what the kernel replied, and the notebook with its outputs.

    Raises:
        RerunFailed: No cell was run, or papermill's notebook can't be read.
    """
    replies: dict[str, Mapping[str, Any] | None] = {}
    count = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in prepared.cells)

    def begun(cell: Any, cell_index: int) -> None:
        replies[cell.id] = None
        told.begun(count)

    def replied(cell: Any, cell_index: int, execute_reply: Any) -> None:
        reply = replies[cell.id] = dict(execute_reply["content"])
        if ends_notebook(reply):
            raise _NotebookEnded

    # papermill treats paths as format strings, so they must not contain a user's file name.
    # Beside the workspace, where the caller also removes what a killed re-run leaves.
    with tempfile.TemporaryDirectory(prefix="papermill-", dir=workspace.parent) as directory:
        begin, end = Path(directory, "prepared.ipynb"), Path(directory, "again.ipynb")
        prepared.cells = [
            c for c in prepared.cells if _MARKER_TAG not in c.metadata.get("tags", ())
        ]
        begin.write_bytes(notebook_bytes(prepared))
        hooks = {"on_cell_execute": begun, "on_cell_executed": replied, "launch": launch}
        stopped = _execute(begin, end, workspace, cell_seconds, **hooks)
        stopped = stopped.replace(str(workspace), WORKSPACE).replace(directory, "")
        if not end.exists() or (stopped and not replies):
            raise RerunFailed(stopped or "papermill saved no notebook")
        try:
            return Run(replies=replies, stopped=stopped), read_notebook(end)
        except NotebookUnreadable as error:
            raise RerunFailed(f"papermill's notebook can't be read: {error.reason}") from None


def _execute(begin: Path, end: Path, workspace: Path, cell_seconds: int, **hooks: Any) -> str:
    """Run *begin* with papermill; return why the kernel stopped, or ``""``."""
    register()
    loop = ensure_event_loop()  # nbclient would create one for this thread and not close it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbclient's and papermill's own deprecations
            papermill.execute_notebook(
                str(begin),
                str(end),
                engine_name=ENGINE,
                kernel_name=KERNELSPEC["name"],
                cwd=str(workspace),
                progress_bar=False,
                log_output=False,
                execution_timeout=cell_seconds,
                iopub_timeout=cell_seconds,
                start_timeout=60,
                **hooks,
            )
    except (PapermillExecutionError, _NotebookEnded):
        return ""  # the cell's own error or exit: its reply has it
    except CellTimeoutError:
        return f"it ran longer than {cell_seconds} s and was stopped"
    except DeadKernelError:
        return "the kernel died"
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise
    except Exception as error:  # noqa: BLE001 (papermill passes on any error of nbclient)
        return f"{type(error).__name__}: {str(error).splitlines()[0][:300] if str(error) else ''}"
    finally:
        loop.close()
    return ""


def _honest(
    again: Notebook, run: Run, notebook_file: Path, saved: Path, values: Mapping[str, Any]
) -> Notebook:
    """Correct papermill's metadata: each cell's status, the user's file names, the parameters."""
    for cell in again.cells:
        facts = cell.metadata.get("papermill")
        if cell.cell_type != "code" or facts is None or not cell.source.strip():
            continue
        reply = run.replies.get(cell.id)
        if cell.id not in run.replies:
            facts["status"] = "pending"
        elif reply is None or reply.get("status") != "ok" or ends_notebook(reply):
            facts["status"], facts["exception"] = "failed", True
    about = again.metadata.setdefault("papermill", {})
    paths = [os.fsencode(path).decode("utf-8", "replace") for path in (notebook_file, saved)]
    about["input_path"], about["output_path"] = paths
    about["parameters"] = dict(values)
    return again


def _write(notebook: Notebook, saved: Path) -> None:
    try:
        replace_atomically(saved, notebook_bytes(notebook))
    except OSError as error:
        raise RerunFailed(f"{saved} can't be written: {error.strerror}") from None
