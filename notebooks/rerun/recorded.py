"""What a notebook has recorded of files: its inputs, and what it left in ``outputs/``."""

from __future__ import annotations

from collections.abc import Mapping

from notebooks.record.cells import REST_OF_OUTPUT
from notebooks.record.chain import facts_of, mapping
from notebooks.record.document import Notebook
from notebooks.record.undone import UNDONE, knows_files

OUTPUTS = "outputs/"


def recorded_inputs(notebook: Notebook) -> dict[str, str]:
    """Return each input file's sha256 as of the first cell that had it."""
    found: dict[str, str] = {}
    for cell in notebook.cells:
        if facts_of(cell).get("status") == UNDONE:
            continue
        for name, sha256 in mapping(facts_of(cell).get("files_before")).items():
            if name.startswith("inputs/"):
                found.setdefault(name.removeprefix("inputs/"), str(sha256))
    return found


def recorded_outputs(notebook: Notebook) -> dict[str, str]:
    """Return sha256 by name of the files in ``outputs/`` after the last cell that ran.

    Files with a cell's overlong printed text are left out: they are compared with the cell.
    """
    last: Mapping[str, str] = {}
    spilled = set()
    for cell in notebook.cells:
        facts = facts_of(cell)
        if facts.get("status") == UNDONE:
            continue
        after = mapping(facts.get("files_after"))
        if after or knows_files(facts):  # a refused cell has no recorded files
            last = after
        outputs = cell.get("outputs", facts.get("outputs"))
        for output in outputs if isinstance(outputs, list) else ():
            if REST_OF_OUTPUT.search(str(mapping(output).get("text", ""))):
                spilled.add(f"{OUTPUTS}cell-{cell.id}-output.txt")
    return {
        name: str(sha256)
        for name, sha256 in last.items()
        if name.startswith(OUTPUTS) and name not in spilled
    }
