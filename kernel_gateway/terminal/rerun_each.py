"""Runs a notebook on many sets of files, several at once: ``tallybook rerun --each``."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from container.errors import ContainerError
from kernel_gateway.terminal.rerun import rerun_file
from notebooks.errors import NotebookError, RerunFailed
from notebooks.record.files import file_sha256, replace_atomically
from notebooks.record.reading import read_copy
from notebooks.record.undone import withdraw_undone
from notebooks.rerun.each_report import SetResult, each_html, result_from_json
from notebooks.rerun.inputs import GivenInput, given_inputs
from notebooks.rerun.recorded import recorded_inputs
from notebooks.rerun.run import RerunReport

RESULT = "result.json"
NOTEBOOK = "notebook.ipynb"
STAGED = ".inputs"
GRACE_SECONDS = 5.0
"""What an interrupted process may take to end its kernel and tidy up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One notebook, and how it is run on every set.

    Attributes:
        notebook: The recorded notebook.
        sets: Directory with one directory for each set of input files.
        to: Directory of the results: one directory for each set, and the report.
        parameters: Values by name that replace recorded ones.
        named: Recorded input name → glob pattern of the file that stands for it in each set.
        twice: Whether each set is run twice, to leave out what differs between both runs.
    """

    notebook: Path
    sets: Path
    to: Path
    parameters: Mapping[str, str]
    named: Mapping[str, str]
    twice: bool = False


def sets_of(batch: Batch) -> list[Path]:
    """Return the directory of each set, in the order of their names.

    Raises:
        RerunFailed: There is none, or the results would go between them.
    """
    if batch.to.resolve() == batch.sets.resolve():
        raise RerunFailed(f"{batch.to} holds the sets; name another directory for the results")
    results = batch.to.resolve()
    found = [
        each
        for each in sorted(batch.sets.iterdir())
        if each.is_dir() and not each.name.startswith(".") and each.resolve() != results
    ]
    if not found:
        raise RerunFailed(
            f"{batch.sets} has no directories; --each wants one directory for each set of files"
        )
    return found


def run_each(batch: Batch, jobs: int) -> Generator[SetResult]:
    """Run the notebook on every set; yield each result as it comes.

    A set that an earlier run did with the same notebook, files and parameters is not run again,
    unless it failed. The report is written at the end, also after Ctrl-C.

    Args:
        batch: What to run.
        jobs: How many sets run at the same time.

    Raises:
        RerunFailed: There is no set, or the results can't be written.
        NotebookUnreadable: The notebook can't be read.
    """
    read_copy(batch.notebook)
    sets = sets_of(batch)
    _make_directory(batch.to)
    # Processes: papermill's clients keep state that threads would share.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(sets)), context, initializer=_leave_out_tasks)
    running: dict[Future[SetResult], str] = {}
    broken: list[SetResult] = []
    try:
        running |= {pool.submit(run_set, batch, each): each.name for each in sets}
        for future in as_completed(running):
            try:
                result = future.result()
            except BrokenProcessPool:  # the sets that run, and those that wait, end with it
                result = _cut_off(running[future])
                broken.append(result)
            yield result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        _end_processes(running)
        pool.shutdown(wait=True)
        for name in running.values():
            shutil.rmtree(batch.to / name / STAGED, ignore_errors=True)  # of a killed process
        ended = [each for each in running if not each.cancelled() and each.exception() is None]
        _write_report(batch, [*(each.result() for each in ended), *broken])


def _leave_out_tasks() -> None:
    """Log nothing of tasks that an interrupt cuts off: what failed is in the set's result."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def _end_processes(running: Collection[Future[SetResult]]) -> None:
    """Return once no set runs: Ctrl-C reaches each process, but may come where it is lost."""
    for again in (None, signal.SIGINT, signal.SIGINT, signal.SIGKILL):
        for process in multiprocessing.active_children():
            if again is not None and process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, again)
        if not wait([each for each in running if not each.done()], GRACE_SECONDS).not_done:
            return


def _cut_off(name: str) -> SetResult:
    reason = "a process was ended from outside, perhaps for want of memory; run it again"
    return SetResult(name=name, verdict="failed", reason=reason, inputs={}, fine=False)


def run_set(batch: Batch, directory: Path) -> SetResult:
    """Run the notebook on one set, and store its result."""
    began = time.monotonic()
    name = directory.name
    given_in = directory / "inputs" if (directory / "inputs").is_dir() else directory
    to = batch.to / name
    facts: dict[str, dict[str, str]] = {}
    try:
        wanted = recorded_inputs(withdraw_undone(read_copy(batch.notebook)[0]))
        given = given_inputs(wanted, given_in, batch.named)
        facts = {
            each.name: {"file": each.file.name, "sha256": file_sha256(each.file)} for each in given
        }
        key = _key(batch, facts)
        if (earlier := _earlier(to, key)) is not None:
            return earlier
        result = _judged(name, _run(batch, given, to), facts, to)
    except (NotebookError, ContainerError, OSError) as error:
        return SetResult(name=name, verdict="failed", reason=str(error), inputs=facts, fine=False)
    result = replace(result, seconds=time.monotonic() - began)
    stored = json.dumps({"key": key, "result": result.json()}, indent=1)
    replace_atomically(to / RESULT, stored.encode(errors="surrogateescape"))
    return result


def _run(batch: Batch, given: Sequence[GivenInput], to: Path) -> RerunReport:
    _make_directory(to)
    (to / RESULT).unlink(missing_ok=True)  # half a result must not count
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(to / "outputs")
    staged = to / STAGED
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(staged)  # of a run that was killed
    staged.mkdir()
    try:
        for each in given:
            shutil.copyfile(each.file, staged / each.name)
        return rerun_file(
            batch.notebook,
            parameters=batch.parameters,
            inputs=staged,
            saved=to / NOTEBOOK,
            produced=to,
            twice=batch.twice,
        )
    finally:
        shutil.rmtree(staged)


def _judged(
    name: str, report: RerunReport, inputs: Mapping[str, Mapping[str, str]], to: Path
) -> SetResult:
    expected = {"reproduced"}
    if report.changed:  # the recorded outputs are no measure, whether they differ or are not there
        expected |= {"differs", "incomplete"}
    wrong = [item for item in report.items if item.verdict not in expected]
    outputs = to / "outputs"
    files = [f for f in sorted(outputs.rglob("*")) if f.is_file()] if outputs.is_dir() else []
    return SetResult(
        name=name,
        verdict="ran" if report.changed and not wrong else report.verdict,
        reason=f"{wrong[0].label}: {wrong[0].detail}".rstrip(": ") if wrong else "",
        inputs=inputs,
        produced=[file.relative_to(outputs).as_posix() for file in files],
        fine=not wrong,
    )


def _key(batch: Batch, inputs: Mapping[str, Mapping[str, str]]) -> str:
    """Return what a result depends on, as one hash."""
    content = [file_sha256(batch.notebook), sorted(batch.parameters.items()), inputs]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _earlier(to: Path, key: str) -> SetResult | None:
    try:
        stored = json.loads((to / RESULT).read_bytes())
        found = result_from_json(stored["result"]) if stored["key"] == key else None
    except (OSError, ValueError, TypeError, KeyError):
        return None  # there is none, or it is not ours
    return found if found is not None and found.fine else None


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RerunFailed(f"{directory} can't be made: {error.strerror}") from None


def _write_report(batch: Batch, done: Sequence[SetResult]) -> None:
    results = sorted(done, key=lambda result: result.name)
    facts = [result.json() for result in results]
    replace_atomically(batch.to / "report.json", json.dumps(facts, indent=1).encode())
    page = each_html(batch.notebook.name, results)
    replace_atomically(batch.to / "report.html", page.encode(errors="backslashreplace"))


def usable_cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))
