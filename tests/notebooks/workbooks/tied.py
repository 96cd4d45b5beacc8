"""Run cells with pandas as kernels have it, and tie out what the last one wrote."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from notebooks.workbooks import pandas_defaults
from notebooks.workbooks.tie_out import journal
from notebooks.workbooks.tie_out.accounts import CellNotes, notes_of
from notebooks.workbooks.tie_out.judge import Result, read_in, tie_out
from notebooks.workbooks.tie_out.measured import measure
from notebooks.workbooks.tie_out.placed import Frame
from notebooks.workbooks.values import Unreadable


@functools.cache
def _worker() -> ProcessPoolExecutor:
    """Return a process of its own: what kernels change in pandas must not reach other tests."""
    return ProcessPoolExecutor(1, get_context("spawn"), pandas_defaults.apply)


def tied(directory: Path, *cells: str) -> list[Result]:
    """Run *cells* in *directory* one after the other; return the results of the last one."""
    return _worker().submit(_tied, directory, cells).result()


def _tied(directory: Path, cells: Sequence[str]) -> list[Result]:
    variables: dict[str, object] = {"__name__": "__main__", "pd": pd}
    notes: list[CellNotes] = []
    root, here = journal.ROOT, Path.cwd()
    journal.ROOT = f"{directory.resolve()}/"
    os.chdir(directory)
    (directory / "outputs").mkdir(exist_ok=True)
    before: dict[Path, tuple[int, int]] = {}
    try:
        for number, source in enumerate(cells):
            before = {file: _version(file) for file in directory.rglob("*") if file.is_file()}
            journal.take()
            exec(compile(source, f"<cell {number}>", "exec"), variables)
            notes.append(notes_of(source, journal.take(), f"cell-{number}"))
    finally:
        journal.ROOT = root
        os.chdir(here)
        for value in variables.values():  # a workbook keeps the file it was read from open
            if origin := getattr(value, "__dict__", {}).get("_origin"):
                origin.file.close()
    written = [
        str(file.relative_to(directory))
        for file in sorted(directory.rglob("*"))
        if file.is_file() and before.get(file) != _version(file)
    ]
    measured = {}
    for name in {*written, *read_in(notes)}:
        try:
            frames = [
                Frame(t.sheet, t.rows, [column.name for column in t.columns])
                for t in notes[-1].writes
                if t.file == name and t.rows is not None
            ]
            measured[name] = measure(directory / name, name, frames)
        except Unreadable:
            measured[name] = None
    return tie_out(notes, written, measured)


def _version(file: Path) -> tuple[int, int]:
    return file.stat().st_mtime_ns, file.stat().st_ino


def codes(results: Sequence[Result]) -> list[str]:
    """Return the codes of all findings."""
    return [finding.code for result in results for finding in result.findings]
