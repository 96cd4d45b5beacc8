"""Reads notebook files: checks them against nbformat 4.5, and repairs a copy where asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import nbjson

from notebooks.errors import NotebookUnreadable
from notebooks.record.document import Notebook, encodable_value

PairsHook = Callable[[list[tuple[str, Any]]], dict[str, Any]]

_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def read_notebook(path: Path) -> Notebook:
    """Read a notebook file.

    Raises:
        NotebookUnreadable: It is missing, not JSON, or not a valid notebook.
    """
    return _read(path)[0]


def read_copy(path: Path) -> tuple[Notebook, tuple[int, ...]]:
    """Read a notebook file; repair missing and duplicate cell ids, replace lone surrogates.

    The file is not changed.

    Returns:
        The notebook, and the numbers (from 1) of the cells whose id was missing, invalid or a
        duplicate.

    Raises:
        NotebookUnreadable: It is missing, not JSON, or otherwise not a valid notebook.
    """
    return _read(path, repair=True)


def _read(path: Path, *, repair: bool = False) -> tuple[Notebook, tuple[int, ...]]:
    try:
        value = _parse(path.read_bytes())
        repaired = _repair_ids(value) if repair else ()
        return _valid(encodable_value(value) if repair else value), repaired
    except OSError as error:
        raise NotebookUnreadable(str(path), error.strerror or "it can't be opened") from None
    except (ValueError, nbformat.ValidationError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NotebookUnreadable(str(path), reason[:200]) from None


def parse_notebook(content: bytes) -> Notebook:
    """Parse notebook bytes; raise `ValueError` or `nbformat.ValidationError` if invalid."""
    return _valid(_parse(content))


def plain_notebook(content: bytes, pairs_hook: PairsHook | None = None) -> dict[str, Any]:
    """Parse notebook bytes to plain JSON values, with the lines of each text still apart.

    Args:
        content: The file.
        pairs_hook: Makes each object of its names and values, as for `json.loads`.

    Raises:
        ValueError: It is no notebook.
        nbformat.ValidationError: It does not fit the format.
    """
    value = _parse(content, pairs_hook)
    if problem := _id_problem(value["cells"]):
        raise ValueError(problem)
    try:
        nbformat.validate(value)
    except (AssertionError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its structure is broken ({type(error).__name__})") from None
    return value


def _parse(content: bytes, pairs_hook: PairsHook | None = None) -> dict[str, Any]:
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=pairs_hook)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict) or value.get("nbformat") != 4:
        raise ValueError("it is not an nbformat 4 notebook")
    cells = value.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise ValueError("it has no list of cells")
    return value


def _valid(value: dict[str, Any]) -> Notebook:
    if problem := _id_problem(value["cells"]):
        raise ValueError(problem)
    try:
        notebook = nbjson.reads(json.dumps(value))
        nbformat.validate(notebook)
    except (AssertionError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its structure is broken ({type(error).__name__})") from None
    return notebook


def _id_problem(cells: Sequence[Mapping[str, Any]]) -> str:
    first: dict[str, int] = {}
    for number, cell in enumerate(cells, 1):
        if "id" not in cell:
            return f"cell {number} has no id; nbformat 4.5 asks for one"
        if not _is_id(cell["id"]):
            return f"cell {number} has no valid id: {str(cell['id'])[:70]!r}"
        if first.setdefault(cell["id"], number) != number:
            return f"cells {first[cell['id']]} and {number} have the same id {cell['id']!r}"
    return ""


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _CELL_ID.fullmatch(value) is not None


def _repair_ids(value: dict[str, Any]) -> tuple[int, ...]:
    """Replace missing, invalid and duplicate ids (except the first of its kind) by ``cell-N``."""
    taken = {cell["id"] for cell in value["cells"] if _is_id(cell.get("id"))}
    seen: set[str] = set()
    repaired = []
    for number, cell in enumerate(value["cells"], 1):
        if not _is_id(cell.get("id")) or cell["id"] in seen:
            new = f"cell-{number}"
            while new in taken:
                new += "-copy"
            cell["id"] = new
            repaired.append(number)
        seen.add(cell["id"])
        taken.add(cell["id"])
    if repaired:
        value["nbformat_minor"] = 5  # the first version in which cells have ids
    return tuple(repaired)
