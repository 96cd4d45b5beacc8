"""Which cells of a notebook count: an undo takes cells out, and puts those it goes back to in.

Nothing is ever removed from a notebook. An undo is a text cell of its own whose metadata has
``back_to``, the cell after whose end the path stands again (``""`` for the beginning), or
``without``, the cells it takes out. So every reader can work out which cells count.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notebooks.record.cells import RERUNNABLE
from notebooks.record.chain import KEY, facts_of

UNDO = "undo"
"""Kind of the note that an undo leaves."""
UNDONE = "undone"
"""Status that `withdraw_undone` gives a cell, in its copy of the notebook alone."""
WITHDRAWN: Mapping[str, Any] = {
    "status": UNDONE,
    "error": {"message": "A user undid it: what it set and wrote does not count any more."},
}
"""Metadata of such a cell for the model."""
RESTART = "restart"
"""Kind of the note that marks the start of a new, empty kernel."""
CODE = frozenset({"code", "raw"})


@dataclass(frozen=True, slots=True)
class Standing:
    """The cells in force at one point of a notebook, by id, in order.

    Attributes:
        counted: Cells that no undo has taken out; a re-run runs these.
        live: Those of them that ran since the kernel was last restarted by a user.
    """

    counted: tuple[str, ...] = ()
    live: tuple[str, ...] = ()


def standing(cells: Sequence[Any], after: str | None = None) -> Standing:
    """Return the cells in force after the cell with id *after*; by default, after the last one.

    Args:
        cells: A notebook's cells.
        after: A cell's id; ``""`` is the beginning.

    Raises:
        KeyError: There is no cell *after*.
    """
    if after == "":
        return Standing()
    notes = [facts_of(cell) for cell in cells]
    wanted = {str(f["back_to"]) for f in notes if f.get("kind") == UNDO and "back_to" in f}
    known = {"": Standing()}
    counted: list[str] = []
    live: list[str] = []
    for cell, facts in zip(cells, notes, strict=True):
        kind = facts.get("kind")
        if kind == UNDO:
            counted, live = _after_undo(facts, counted, live, known)
        elif kind == RESTART:
            live = []
        elif is_recorded_code(cell):
            counted.append(cell.id)
            live.append(cell.id)
        if cell.id in wanted:
            known[cell.id] = Standing(tuple(counted), tuple(live))
        if cell.id == after:
            return Standing(tuple(counted), tuple(live))
    if after is not None:
        raise KeyError(after)
    return Standing(tuple(counted), tuple(live))


def _after_undo(
    facts: Mapping[str, Any], counted: list[str], live: list[str], known: Mapping[str, Standing]
) -> tuple[list[str], list[str]]:
    if "back_to" in facts:
        then = known.get(str(facts["back_to"]))
        return (list(then.counted), list(then.live)) if then is not None else (counted, live)
    listed = facts.get("without")
    out = set(map(str, listed)) if isinstance(listed, list) else set()
    return [c for c in counted if c not in out], [c for c in live if c not in out]


def is_recorded_code(cell: Any) -> bool:
    """Whether *cell* is a code cell, or one that may not run again, as Tallybook recorded it."""
    return cell.cell_type in CODE and isinstance(cell.metadata.get(KEY), Mapping)


def undone(cells: Sequence[Any]) -> frozenset[str]:
    """Return the ids of the code cells that an undo has taken out."""
    if not any(facts_of(cell).get("kind") == UNDO for cell in cells):
        return frozenset()
    counted = set(standing(cells).counted)
    return frozenset(c.id for c in cells if is_recorded_code(c) and c.id not in counted)


def undone_turns(cells: Sequence[Any]) -> frozenset[str]:
    """Return the turns all of whose code cells an undo has taken out."""
    out = undone(cells)
    turns = {True: set[str](), False: set[str]()}
    for cell in cells if out else ():
        if is_recorded_code(cell):
            turns[cell.id in out].add(str(facts_of(cell).get("turn")))
    return frozenset(turns[True] - turns[False])


def end_of_turn(cells: Sequence[Any], turn: str) -> str:
    """Return the id of the last cell that *turn* recorded; `KeyError` if there is none."""
    found = [cell.id for cell in cells if facts_of(cell).get("turn") == turn]
    if not found:
        raise KeyError(turn)
    return str(found[-1])


def before_turn(cells: Sequence[Any], turn: str) -> str:
    """Return the id of the cell before the first that *turn* recorded, ``""`` if it is the first.

    Raises:
        KeyError: It recorded none.
    """
    before = ""
    for cell in cells:
        if facts_of(cell).get("turn") == turn:
            return before
        before = cell.id
    raise KeyError(turn)


def files_at(cells: Sequence[Any], after: str) -> dict[str, str]:
    """Return file name → sha256 as of the end of the cell with id *after* (``""``: no files).

    A refused cell, and one whose end nobody saw, has no files on record: those before it count.
    """
    last: dict[str, str] = {}
    for cell in cells if after else ():
        facts = facts_of(cell)
        files = facts.get("files_after")
        if isinstance(files, Mapping) and (files or knows_files(facts)):
            last = {str(name): str(sha256) for name, sha256 in files.items()}
        if cell.id == after:
            break
    return last


def files_put_back(cells: Sequence[Any]) -> frozenset[str] | None:
    """Return the files right after an undo, if no code cell ran since; else ``None``."""
    for cell in reversed(cells):
        facts = facts_of(cell)
        if facts.get("kind") == UNDO:
            return frozenset(facts["files_after"])
        if "status" in facts:
            return None
    return None


def checkpoints_of(cells: Sequence[Any], turn: str | None) -> set[str]:
    """Return the ids of the checkpoints that the cells up to *turn* name, by default all cells."""
    notes = [facts_of(cell) for cell in cells]
    of_turn = [number for number, facts in enumerate(notes) if facts.get("turn") == turn]
    upto = notes if turn is None else notes[: of_turn[-1] + 1 if of_turn else 0]
    return {str(facts[k]) for facts in upto for k in ("checkpoint", "inverse") if facts.get(k)}


def knows_files(facts: Mapping[str, Any]) -> bool:
    """Whether no ``files_after`` in a cell's metadata means that there were no files."""
    return facts.get("status") in RERUNNABLE or facts.get("kind") == UNDO


def withdraw_undone(notebook: Any) -> Any:
    """Turn the undone code cells of *notebook*, a copy, into raw cells that never run.

    Their outputs move to the metadata, as those of a cell that was refused; ``status`` becomes
    ``undone``, with who did it in ``error``.

    Returns:
        *notebook*.
    """
    out = undone(notebook.cells)
    if out:
        reasons = _reasons(notebook.cells, out)
        for cell in notebook.cells:
            if cell.id in out:
                facts = cell.metadata[KEY]
                if cell.cell_type == "code":
                    facts["outputs"] = cell.pop("outputs", [])
                    cell.pop("execution_count", None)
                cell["cell_type"] = "raw"
                facts["status"] = UNDONE
                facts["error"] = {"code": "undone", "message": reasons.get(cell.id, "")}
    return notebook


def _reasons(cells: Sequence[Any], out: Collection[str]) -> dict[str, str]:
    """Return who undid each cell and when, in words."""
    found: dict[str, str] = {}
    for cell in cells:
        facts = facts_of(cell)
        listed = facts.get("undone")
        if facts.get("kind") == UNDO and isinstance(listed, list):
            words = f"by {facts.get('user')} at {facts.get('at')}"
            found |= {str(cell_id): words for cell_id in listed if str(cell_id) in out}
    return found
