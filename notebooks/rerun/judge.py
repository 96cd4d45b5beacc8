"""Judge a re-run: one verdict per code cell and per file.

papermill saves cells that never ran as "completed" after a dead kernel or a time-out, so its
status is never read. A cell is judged by the kernel's own reply and by its outputs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from notebooks.record.cells import REST_OF_OUTPUT
from notebooks.record.chain import KEY
from notebooks.record.document import Notebook
from notebooks.record.files import is_recorded
from notebooks.rerun.compare import outputs_difference
from notebooks.rerun.compare_files import file_difference
from notebooks.rerun.tolerance import printable

Verdict = Literal["reproduced", "differs", "failed", "not-run", "incomplete"]
SEVERITY: tuple[Verdict, ...] = ("failed", "not-run", "differs", "incomplete", "reproduced")
"""The worst first."""
OUTPUTS = "outputs/"


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
    """How one file compares with the recorded one."""

    name: str
    verdict: Verdict
    detail: str = ""

    @property
    def label(self) -> str:
        """How a report names it."""
        return printable(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of the cells that were sent to the kernel.

    Attributes:
        replies: Content of the kernel's reply by cell id, in order; ``None`` when none came.
        stopped: Why no reply came, or why the kernel could not go on; ``""`` otherwise.
    """

    replies: Mapping[str, Mapping[str, Any] | None]
    stopped: str = ""


def ends_notebook(reply: Mapping[str, Any]) -> bool:
    """Return whether a cell asked the kernel to end, by ``exit()`` or ``quit()``."""
    return any(item.get("source") == "ask_exit" for item in reply.get("payload") or ())


def judge_cells(recorded: Notebook, again: Notebook, run: Run) -> tuple[CellVerdict, ...]:
    """Return one verdict per code cell of *recorded*, by what *run* made of it in *again*."""
    shown = {cell.id: cell for cell in again.cells if cell.cell_type == "code"}
    last = list(run.replies)[-1] if run.replies else ""
    numbers = {cell.id: number for number, cell in enumerate(recorded.cells, 1)}
    verdicts = []
    for number, cell in enumerate(recorded.cells, 1):
        if cell.cell_type != "code":
            continue
        verdict: Verdict = "reproduced"
        detail = ""  # as it is for an empty cell, in which there is nothing to run
        if cell.id in run.replies:
            verdict, detail = _judge_cell(cell, shown[cell.id], run)
        elif cell.source.strip():
            verdict, detail = "not-run", _not_run(cell, last, numbers)
        verdicts.append(
            CellVerdict(cell=number, cell_id=cell.id, verdict=verdict, detail=printable(detail))
        )
    return tuple(verdicts)


def _not_run(cell: Any, last: str, numbers: Mapping[str, int]) -> str:
    if "skip-execution" in cell.metadata.get("tags", ()):
        return "it is tagged skip-execution"
    if last in numbers:
        return f"the re-run ended at cell {numbers[last]} ({last})"
    return "the re-run ended before it"


def _judge_cell(cell: Any, again: Any, run: Run) -> tuple[Verdict, str]:
    reply = run.replies[cell.id]
    last = cell.id == list(run.replies)[-1]
    if reply is None or (last and run.stopped):
        return "failed", run.stopped or "the kernel gave no reply"
    if ends_notebook(reply):
        return "failed", "exit() or quit() ended the notebook here"
    facts = cell.metadata.get(KEY, {})
    errors = [output for output in cell.outputs if output["output_type"] == "error"]
    was_error = bool(errors) or facts.get("status") == "error"
    if reply.get("status") != "ok" and not was_error:
        what = f"{reply.get('ename', reply.get('status'))}: {reply.get('evalue', '')}"
        return "failed", " ".join(what.split())[:300].rstrip(": ")
    if reply.get("status") == "ok" and was_error:
        name = errors[0]["ename"] if errors else "an error"
        return "differs", f"the record ends in {name}, the re-run does not"
    difference = outputs_difference(cell.outputs, again.outputs, facts.get("files_after"))
    return ("differs", difference) if difference else ("reproduced", "")


def recorded_outputs(notebook: Notebook) -> dict[str, str]:
    """Return sha256 by name of the files that were in ``outputs/`` after the last cell.

    Text that was too long for a cell is left out: it is compared with the cell.
    """
    last: Mapping[str, str] = {}
    spilled = set()
    for cell in notebook.cells:
        facts = cell.metadata.get(KEY, {})
        last = facts.get("files_after", last)
        for output in cell.get("outputs", facts.get("outputs", ())):
            if REST_OF_OUTPUT.search("".join(output.get("text", ""))):
                spilled.add(f"{OUTPUTS}cell-{cell.id}-output.txt")
    return {
        name: sha256
        for name, sha256 in last.items()
        if name.startswith(OUTPUTS) and name not in spilled
    }


def judge_files(
    wanted: Mapping[str, str], recorded: Path | None, produced: Path
) -> tuple[FileVerdict, ...]:
    """Return one verdict per file in ``outputs/``.

    Args:
        wanted: sha256 by name, from the record; empty when the record names no file, in
            which case the files in *recorded* are taken for the recorded ones.
        recorded: Directory of the recorded ``outputs/``; ``None`` when there is none.
        produced: Directory of those of the re-run.
    """
    made = _plain_files(produced)
    there = {} if recorded is None else _plain_files(recorded)
    hashes = {name.removeprefix(OUTPUTS): sha256 for name, sha256 in wanted.items()}
    verdicts = []
    for name in sorted({*made, *(hashes or there)}):
        if name not in there and (name in hashes or recorded is None):
            verdict, detail = _without_record(recorded)
        elif name not in (hashes or there):
            verdict, detail = "differs", "the record has no such file"
        elif name not in made:
            verdict, detail = "differs", "the re-run did not produce it"
        else:
            verdict, detail = _compare(there[name], made[name], hashes.get(name))
        verdicts.append(FileVerdict(name=OUTPUTS + name, verdict=verdict, detail=printable(detail)))
    return tuple(verdicts)


def _without_record(recorded: Path | None) -> tuple[Verdict, str]:
    where = "there is no outputs/ beside the notebook" if recorded is None else "it is not there"
    return "incomplete", f"not compared: the recorded file is missing, {where}"


def _compare(before: Path, after: Path, sha256: str | None) -> tuple[Verdict, str]:
    if difference := file_difference(before, after):
        return "differs", difference
    if sha256 is not None and not is_recorded(before, sha256):
        return "reproduced", "(as the file beside the notebook, whose sha256 the record has not)"
    return "reproduced", ""


def judge_inputs(wanted: Mapping[str, str], given: Path | None) -> tuple[FileVerdict, ...]:
    """Return a verdict for each recorded input file that is not in the directory *given*.

    Args:
        wanted: sha256 by name below ``inputs/``, from the record.
        given: Where the re-run's inputs came from.
    """
    there = {} if given is None else _plain_files(given)
    detail = "the record names this input, it was not given"
    return tuple(
        FileVerdict(name=f"inputs/{name}", verdict="incomplete", detail=detail)
        for name in sorted(wanted)
        if name not in there
    )


def _plain_files(directory: Path) -> dict[str, Path]:
    """Return the plain files below *directory* by their names in it; no link is followed."""
    if directory.is_symlink():
        return {}
    found = {}
    for place, _, names in os.walk(directory):
        for name in names:
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(directory).as_posix()] = path
    return found
