"""How to mend a failed cell, from what is known of the path: names, recipes, limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from agent.context.profile_text import quoted
from agent.repair.failure import Failure
from agent.repair.nearest import nearest, parts_of
from agent.repair.rules import REPLACED
from container.limits import MIB, Limits

MOST_NAMES, MOST_RECIPE = 40, 2_000
IMPORTS = {
    "pd": "import pandas as pd",
    "np": "import numpy as np",
    "plt": "import matplotlib.pyplot as plt",
    "openpyxl": "import openpyxl",
    "Path": "from pathlib import Path",
    "sns": "import seaborn as sns",
    "re": "import re",
    "datetime": "from datetime import datetime",
    "load_workbook": "from openpyxl import load_workbook",
    "stats": "from scipy import stats",
    "npf": "import numpy_financial as npf",
    "tqdm": "from tqdm import tqdm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known where a cell failed.

    Attributes:
        code: The cell's source.
        variables: The live variables.
        profiles: File name → its profile.
        files: Names of all files of the workspace.
        limits: What the kernel may use.
    """

    code: str = ""
    variables: Sequence[Mapping[str, Any]] = ()
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)


def hint(failure: Failure, known: Known) -> str:
    """Return how to mend *failure* in a few sentences; empty if nothing is known."""
    parts = [_where(failure, known), failure.advice, *_more(failure, known)]
    return " ".join(part for part in parts if part)


def _where(failure: Failure, known: Known) -> str:
    lines = known.code.splitlines()
    if failure.line is None or not 0 < failure.line <= len(lines):
        return ""
    return f"It failed in line {failure.line}: {quoted(lines[failure.line - 1].strip(), 200)}."


def _more(failure: Failure, known: Known) -> Iterator[str]:
    match failure.kind:
        case "missing-column":
            yield from _columns(failure.names["column"], known)
        case "missing-sheet":
            yield from _sheets(failure.names["sheet"], known)
        case "missing-file":
            yield from _files(failure.names.get("file", ""), known)
        case "missing-name":
            yield from _names(failure, known)
        case "wrong-type":
            yield from _recipes(known)
        case "memory":
            yield _memory(known.limits)
        case "time":
            yield _time(known.limits)
        case "syntax" if "```" in known.code:
            yield "Send plain Python: leave out the marks of a code fence (```)."
        case "library-misuse" if (name := failure.names.get("column", "")) in REPLACED:
            yield f"pandas has no {name}() here: use {REPLACED[name]}."
        case "library-misuse" if failure.names.get("module") == "numpy":
            yield "numpy has no such name any more: use Python's own float, int, bool, str, object."


def _columns(message: str, known: Known) -> Iterator[str]:
    places = dict(_columns_by_place(known))
    every = [name for names in places.values() for name in names]
    for wanted in parts_of(message)[:3]:
        if total := _total_row(wanted, known):
            yield total
        elif found := nearest(wanted, every):
            listed = ", ".join(quoted(name) for name in found)
            yield f"There is no column {quoted(wanted)}; nearest: {listed}."
        else:
            yield f"There is no column {quoted(wanted)}, nor one like it."
    mentioned = {
        p: names for p, names in places.items() if p.split(" ")[-1].strip("'") in known.code
    }
    for place, names in list((mentioned or places).items())[:3]:
        listed = ", ".join(quoted(name) for name in names[:MOST_NAMES])
        yield f"Columns of {place}: {listed}{' …' if len(names) > MOST_NAMES else ''}."


def _total_row(wanted: str, known: Known) -> str:
    """Say that the label of a row was asked for which the recipe leaves out as a total."""
    for file, profile in _mentioned(known):
        for sheet in profile.get("sheets", ()):
            for table in sheet.get("tables", ()):
                for total in table.get("totals", ()):
                    if str(total.get("label", "")).strip().casefold() == wanted.strip().casefold():
                        return (
                            f"{quoted(wanted)} is row {total['row']} of sheet "
                            f"{quoted(sheet['name'])} of {quoted(file)}, a total row which the "
                            "recipe leaves out: add up the rows it is the sum of, or read it from "
                            "the sheet before the recipe leaves total rows out."
                        )
    return ""


def _columns_by_place(known: Known) -> Iterator[tuple[str, list[str]]]:
    for variable in known.variables:
        if columns := variable.get("columns"):
            yield f"the frame {variable['name']}", [str(column) for column in columns]
    for file, profile in known.profiles.items():
        for sheet in profile.get("sheets", ()):
            for table in sheet.get("tables", ()):
                names = [_unquoted(column["name"]) for column in table["columns"]]
                yield f"sheet {quoted(sheet['name'])} of {quoted(file)}", names


def _unquoted(name: str) -> str:
    """Return a column's name without the quotes that its profile gives it."""
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"" else name


def _sheets(wanted: str, known: Known) -> Iterator[str]:
    for file, profile in _mentioned(known):
        names = [str(sheet["name"]) for sheet in profile.get("sheets", ())]
        if not names:
            continue
        if found := nearest(wanted, names):
            yield f"Nearest: {', '.join(map(quoted, found))}."
        yield f"Sheets of {quoted(file)}: {', '.join(map(quoted, names[:MOST_NAMES]))}."


def _mentioned(known: Known) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the files that the code names; all of them if it names none."""
    named = [(f, p) for f, p in known.profiles.items() if PurePosixPath(f).name in known.code]
    return named or list(known.profiles.items())[:3]


def _files(wanted: str, known: Known) -> Iterator[str]:
    if not wanted:
        return
    by_name = {PurePosixPath(file).name: file for file in known.files}
    stems = {PurePosixPath(name).stem: file for name, file in by_name.items()}
    name = PurePosixPath(wanted).name
    near = [by_name[found] for found in nearest(name, by_name)]
    near += [stems[found] for found in nearest(PurePosixPath(name).stem, stems)]
    if near:
        yield f"Nearest: {', '.join(quoted(file) for file in dict.fromkeys(near))}."
    listed = ", ".join(quoted(file) for file in known.files[:MOST_NAMES])
    yield f"Files there are: {listed}." if listed else "No file has been uploaded."


def _names(failure: Failure, known: Known) -> Iterator[str]:
    if "key" in failure.names:
        keys = [
            name
            for wanted in parts_of(failure.names["key"])
            for name in nearest(wanted, _keys(known))
        ]
        if keys:
            yield f"Nearest: {', '.join(map(quoted, keys))}."
        return
    name = failure.names["name"]
    if name in IMPORTS:
        yield f"Import it first: {IMPORTS[name]}."
        return
    live = [str(variable["name"]) for variable in known.variables]
    if found := nearest(name, live):
        yield f"Nearest live variables: {', '.join(found)}."
    elif live:
        yield f"Live variables: {', '.join(live[:MOST_NAMES])}. Make {name} first."
    else:
        yield f"There are no variables: read the files again, then make {name}."


def _keys(known: Known) -> list[str]:
    return [name for _, names in _columns_by_place(known) for name in names]


def _recipes(known: Known) -> Iterator[str]:
    for file, profile in known.profiles.items():
        if PurePosixPath(file).name not in known.code:
            continue
        for sheet in profile.get("sheets", ()):
            for table in sheet.get("tables", ()):
                recipe = table.get("recipe", "")
                if 0 < len(recipe) <= MOST_RECIPE:
                    place = f"sheet {quoted(sheet['name'])} of {quoted(file)}"
                    yield f"\nRecipe of {place}:\n{recipe}\n"
                    return


def _memory(limits: Limits) -> str:
    return (
        f"The limit is {limits.memory_bytes // MIB} MB. Read only what is needed (usecols=, and "
        "dtype='category' for texts that repeat), work in chunks (pd.read_csv(path, "
        "chunksize=100_000) for text; nrows= and skiprows= for sheets), sum up each chunk and "
        "delete it (del frame)."
    )


def _time(limits: Limits) -> str:
    return (
        f"The limit is {limits.seconds:g} s a cell. Use whole columns instead of iterrows() and "
        "apply(), merge() instead of nested loops, and split the work into several cells."
    )
