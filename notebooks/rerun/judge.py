"""Judges a re-run: one verdict per code cell and per file.

After a dead kernel or a timeout papermill saves cells that never ran as "completed", so its
status is ignored. A cell is judged by the kernel's reply and by its outputs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from notebooks.record.cells import PYTHON
from notebooks.record.chain import facts_of, mapping
from notebooks.record.document import Notebook, language_of
from notebooks.record.files import is_recorded
from notebooks.rerun.compare import compare_outputs
from notebooks.rerun.compare_files import file_difference, volatile_in_file
from notebooks.rerun.programs import IN_THIS_PROCESS, Programs
from notebooks.rerun.recorded import OUTPUTS
from notebooks.rerun.tolerance import printable

Verdict = Literal["reproduced", "differs", "failed", "not-run", "incomplete"]
SEVERITY: tuple[Verdict, ...] = ("failed", "not-run", "differs", "incomplete", "reproduced")
"""Verdicts, worst first."""
_VOLATILE = "volatile, as it differs between two re-runs: "
LANGUAGES = frozenset({PYTHON, "bash", "javascript", "typescript"})
"""The languages of cells that `notebooks.rerun.engine` runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellVerdict:
    """The verdict on one cell of the re-run."""

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
    """The verdict on one file of the re-run."""

    name: str
    verdict: Verdict
    detail: str = ""

    @property
    def label(self) -> str:
        """How a report names it."""
        return printable(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The kernel's replies to the cells of the re-run.

    Attributes:
        replies: Content of the kernel's reply by cell id, in order; ``None`` for no reply.
        stopped: Why there was no reply, or why the kernel stopped; ``""`` otherwise.
    """

    replies: Mapping[str, Mapping[str, Any] | None]
    stopped: str = ""


def ends_notebook(reply: Mapping[str, Any]) -> bool:
    """Return whether a cell asked the kernel to end, by ``exit()`` or ``quit()``."""
    return any(item.get("source") == "ask_exit" for item in reply.get("payload") or ())


def judge_cells(
    recorded: Notebook,
    again: Notebook,
    run: Run,
    twice: Notebook | None = None,
    programs: Programs = IN_THIS_PROCESS,
) -> tuple[CellVerdict, ...]:
    """Return one verdict per code cell of *recorded*.

    Args:
        recorded: The recorded notebook.
        again: The re-run's notebook.
        run: The kernel's replies.
        twice: The notebook of a second re-run: what differs between both does not count.
        programs: What compares pictures.
    """
    second = {} if twice is None else {cell.id: cell for cell in twice.cells}
    shown = {cell.id: cell for cell in again.cells if cell.cell_type == "code"}
    last = list(run.replies)[-1] if run.replies else ""
    numbers = {cell.id: number for number, cell in enumerate(recorded.cells, 1)}
    verdicts = []
    for number, cell in enumerate(recorded.cells, 1):
        if cell.cell_type != "code":
            continue
        verdict: Verdict = "reproduced"
        detail = ""  # an empty cell stays so: there is nothing to run
        if cell.id in run.replies:
            third = second[cell.id].get("outputs") if cell.id in second else None
            verdict, detail = _judge_cell(cell, shown[cell.id], run, third, programs)
        elif cell.source.strip():
            verdict, detail = "not-run", _not_run(cell, last, numbers)
        verdicts.append(
            CellVerdict(cell=number, cell_id=cell.id, verdict=verdict, detail=printable(detail))
        )
    return tuple(verdicts)


def _not_run(cell: Any, last: str, numbers: Mapping[str, int]) -> str:
    if "skip-execution" in cell.metadata.get("tags", ()):
        return "it is tagged skip-execution"
    if (language := language_of(facts_of(cell))) not in LANGUAGES:
        return f"no kernel here speaks its language, {language[:40]!r}"
    if last in numbers:
        return f"the re-run ended at cell {numbers[last]} ({last})"
    return "the re-run ended before it"


def _judge_cell(
    cell: Any, again: Any, run: Run, third: Any, programs: Programs
) -> tuple[Verdict, str]:
    reply = run.replies[cell.id]
    last = cell.id == list(run.replies)[-1]
    if reply is None or (last and run.stopped):
        return "failed", run.stopped or "the kernel gave no reply"
    if ends_notebook(reply):
        return "failed", "exit() or quit() ended the notebook here"
    facts = facts_of(cell)
    errors = [output for output in cell.outputs if output["output_type"] == "error"]
    was_error = bool(errors) or facts.get("status") == "error"
    if reply.get("status") != "ok" and not was_error:
        what = f"{reply.get('ename', reply.get('status'))}: {reply.get('evalue', '')}"
        return "failed", " ".join(what.split())[:300].rstrip(": ")
    if reply.get("status") == "ok" and was_error:
        name = errors[0]["ename"] if errors else "an error"
        return "differs", f"the record ends in {name}, the re-run does not"
    found = compare_outputs(
        cell.outputs,
        again.outputs,
        mapping(facts.get("files_after")),
        twice=third,
        pictures=programs.pictures,
    )
    if found.difference:
        return "differs", found.difference
    return "reproduced", _VOLATILE + found.volatile if found.volatile else ""


def judge_files(
    wanted: Mapping[str, str],
    recorded: Path | None,
    produced: Path,
    twice: Path | None = None,
    programs: Programs = IN_THIS_PROCESS,
) -> tuple[FileVerdict, ...]:
    """Return one verdict per file in ``outputs/``.

    Args:
        wanted: sha256 by name, from the record; if empty, the files in *recorded* count as the
            recorded ones.
        recorded: Directory of the recorded ``outputs/``; ``None`` if there is none.
        produced: Directory of the re-run's ``outputs/``.
        twice: That of a second re-run: what differs between both does not count.
        programs: What compares workbooks and pictures.
    """
    made = _plain_files(produced)
    again = {} if twice is None else _plain_files(twice)
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
            files = there[name], made[name], again.get(name)
            verdict, detail = _compare(*files, hashes.get(name), programs)
        verdicts.append(FileVerdict(name=OUTPUTS + name, verdict=verdict, detail=printable(detail)))
    return tuple(verdicts)


def _without_record(recorded: Path | None) -> tuple[Verdict, str]:
    where = "there is no outputs/ beside the notebook" if recorded is None else "it is not there"
    return "incomplete", f"not compared: the recorded file is missing, {where}"


def _compare(
    before: Path, after: Path, again: Path | None, sha256: str | None, programs: Programs
) -> tuple[Verdict, str]:
    volatile = None
    try:
        difference = file_difference(before, after, programs)
        if difference and again is not None:
            volatile = volatile_in_file(before, after, again, programs)
    except OSError as error:
        return "incomplete", f"not compared: {error.strerror}"
    if difference and volatile is None:
        return "differs", difference
    if volatile is not None:
        return "reproduced", _VOLATILE + volatile
    if sha256 is not None and not is_recorded(before, sha256):
        return "reproduced", "(as the file beside the notebook, whose sha256 the record has not)"
    return "reproduced", ""


def judge_inputs(
    wanted: Mapping[str, str], given: Path | None, stand_ins: Mapping[str, Path]
) -> tuple[FileVerdict, ...]:
    """Return a verdict for each recorded input file that is not in the directory *given*.

    Args:
        wanted: sha256 by name below ``inputs/``, from the record.
        given: Directory of the re-run's inputs; ``None`` if there is none.
        stand_ins: Recorded input → the file of another name that was taken for it.
    """
    there = {} if given is None else _plain_files(given)
    absent = "the record names this input, it was not given"
    found = []
    for name in sorted(wanted):
        if name in stand_ins:
            detail = f"{stand_ins[name].name!r} was taken for it"
            found.append(FileVerdict(name=f"inputs/{name}", verdict="reproduced", detail=detail))
        elif name not in there:
            found.append(FileVerdict(name=f"inputs/{name}", verdict="incomplete", detail=absent))
    return tuple(found)


def _plain_files(directory: Path) -> dict[str, Path]:
    """Return the plain files below *directory* by relative name; links are not followed."""
    if directory.is_symlink():
        return {}
    found = {}
    for place, _, names in os.walk(directory):
        for name in names:
            path = Path(place, name)
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(directory).as_posix()] = path
    return found
