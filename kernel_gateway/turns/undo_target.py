"""Reads what an undo is asked to do, and finds the files and cells that it goes back to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kernel_gateway.errors import Conflict, NotFound, named_files
from notebooks.history.checkpoints import Checkpoints
from notebooks.history.plan import UPLOADS, changes
from notebooks.record.chain import facts_of
from notebooks.record.undone import (
    UNDO,
    before_turn,
    end_of_turn,
    files_at,
    standing,
)

START = "start"
"""In place of a turn: the state before the first request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """What a user asks for; without any of the first three, the last request is undone.

    Attributes:
        to: Back to the state after this turn, files and variables; or `START`.
        turn: Undo this turn alone.
        checkpoint: Put the files of this checkpoint back; variables stay.
        files: Only these files; variables stay.
        confirm: Files that hold data may be removed.
    """

    to: str | None = None
    turn: str | None = None
    checkpoint: str | None = None
    files: tuple[str, ...] | None = None
    confirm: bool = False

    def to_json(self) -> str:
        """Render it as a turn's request."""
        return json.dumps({key: value for key, value in asdict(self).items() if value})


def undo_request(text: str) -> UndoRequest:
    """Return the request that `UndoRequest.to_json` rendered."""
    value = json.loads(text)
    if "files" in value:
        value["files"] = tuple(value["files"])
    return UndoRequest(**value)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoTarget:
    """What an undo goes back to.

    Attributes:
        what: It in plain words.
        files: Name → sha256 of the files then.
        only: The files concerned; ``None`` for all.
        uploads: Uploads that may change; ``None`` for all. Only users change uploads, so undoing
            a request leaves them alone.
        standing: The metadata that says which cells count: ``back_to``, ``without`` or nothing.
        rebuild: Whether variables are rebuilt.
        checkpoint: The checkpoint, if one is put back.
        to_turn: The turn after which the path stands again, if it is one.
    """

    what: str
    files: Mapping[str, str]
    only: tuple[str, ...] | None = None
    uploads: tuple[str, ...] | None = None
    standing: Mapping[str, Any]
    rebuild: bool
    checkpoint: str | None = None
    to_turn: str | None = None


def find_target(
    asked: UndoRequest, cells: Sequence[Any], checkpoints: Checkpoints, current: Mapping[str, str]
) -> UndoTarget:
    """Return what *asked* goes back to. Blocks.

    Args:
        asked: The request.
        cells: The notebook's cells.
        checkpoints: The path's checkpoints.
        current: The files as they are, name → sha256.

    Raises:
        NotFound: No cell of the turn is recorded; there is no such file.
        Conflict: There is nothing to undo, or a later request changed the same files.
        CheckpointNotFound: There is no such checkpoint.
    """
    if asked.checkpoint is not None:
        kept = checkpoints.get(asked.checkpoint)
        target = UndoTarget(
            what=f"the files are those of checkpoint {kept.id}",
            files=kept.hashes,
            standing={},
            rebuild=False,
            checkpoint=kept.id,
        )
    elif asked.turn is not None:
        target = _without_turn(asked.turn, cells, checkpoints, current)
    elif asked.to is not None:
        target = _back_to(asked.to, cells)
    else:
        target = _before_last(cells, checkpoints)
    return target if asked.files is None else _only(target, asked.files, current)


def _only(target: UndoTarget, files: tuple[str, ...], current: Mapping[str, str]) -> UndoTarget:
    for name in files:
        if name not in target.files and name not in current:
            raise NotFound("file, then or now,", name)
    only = files if target.only is None else tuple(n for n in files if n in target.only)
    return UndoTarget(
        what=f"{named_files(files)} as when {target.what}",
        files=target.files,
        only=only,
        uploads=target.uploads,
        standing={},
        rebuild=False,
        checkpoint=target.checkpoint,
    )


def _back_to(turn: str, cells: Sequence[Any]) -> UndoTarget:
    if turn == START:
        return _at("", cells, "the path stands before its first request", None)
    try:
        end = end_of_turn(cells, turn)
    except KeyError:
        raise NotFound("recorded turn", turn) from None
    return _at(end, cells, f"the path stands after request {turn}", turn)


def _at(after: str, cells: Sequence[Any], what: str, turn: str | None) -> UndoTarget:
    return UndoTarget(
        what=what,
        files=files_at(cells, after),
        standing={"back_to": after},
        rebuild=True,
        to_turn=turn,
    )


def _before_last(cells: Sequence[Any], checkpoints: Checkpoints) -> UndoTarget:
    counted = standing(cells).counted
    by_id = {cell.id: facts_of(cell) for cell in cells}
    turns = [by_id[cell_id].get("turn") for cell_id in counted]
    if not turns:
        raise Conflict("There is nothing to undo: no cell counts on this path.")
    return _before(str(turns[-1]), cells, checkpoints)


def _before(turn: str, cells: Sequence[Any], checkpoints: Checkpoints) -> UndoTarget:
    try:
        after = before_turn(cells, turn)
    except KeyError:
        raise NotFound("recorded turn", turn) from None
    return UndoTarget(
        what=f"request {turn} is undone",
        files=_files_before(turn, cells, checkpoints),
        uploads=_uploads_put_back(turn, cells),
        standing={"back_to": after},
        rebuild=True,
        to_turn=_turn_at(cells, after),
    )


def _files_before(turn: str, cells: Sequence[Any], checkpoints: Checkpoints) -> dict[str, str]:
    """Return the files right before a turn, what was uploaded since the one before it included."""
    for cell in cells:
        facts = facts_of(cell)
        if facts.get("turn") == turn and facts.get("kind") == UNDO:
            return checkpoints.get(str(facts["inverse"])).hashes
        if facts.get("turn") == turn and facts.get("files_before"):
            return dict(facts["files_before"])
    return files_at(cells, before_turn(cells, turn))


def _uploads_put_back(turn: str, cells: Sequence[Any]) -> tuple[str, ...]:
    """Return the uploads that *turn*, an undo, put back; a request changes none."""
    notes = (facts_of(cell) for cell in cells)
    found = (f["restored"] for f in notes if (f.get("turn"), f.get("kind")) == (turn, UNDO))
    return tuple(name for names in found for name in names if name.startswith(UPLOADS))


def _turn_at(cells: Sequence[Any], after: str) -> str | None:
    turn = next((facts_of(cell).get("turn") for cell in cells if cell.id == after), None)
    return str(turn) if turn else None


def _without_turn(
    turn: str, cells: Sequence[Any], checkpoints: Checkpoints, current: Mapping[str, str]
) -> UndoTarget:
    """Return the target of undoing one turn and none of those after it."""
    counted = standing(cells).counted
    out = [c.id for c in cells if c.id in set(counted) and facts_of(c).get("turn") == turn]
    if any(facts_of(c).get("turn") == turn and facts_of(c).get("kind") == UNDO for c in cells):
        return _without_undo(turn, cells, checkpoints)
    try:
        before, after = _files_before(turn, cells, checkpoints), end_of_turn(cells, turn)
    except KeyError:
        raise NotFound("recorded turn", turn) from None
    if not out:
        raise Conflict(f"Request {turn} has no cell that counts; there is nothing to undo.")
    then = files_at(cells, after)
    touched = changes(before, then).names
    later = [name for name in touched if current.get(name) != then.get(name)]
    if later:
        raise Conflict(
            f"Later requests or uploads changed {named_files(later)} too. Undo those first, or go "
            "back to an earlier request with all that followed."
        )
    return UndoTarget(
        what=f"request {turn} alone is undone",
        files=before,
        only=touched,
        standing={"without": out},
        rebuild=True,
    )


def _without_undo(turn: str, cells: Sequence[Any], checkpoints: Checkpoints) -> UndoTarget:
    """Return the target of undoing an undo: the state right before it."""
    end = end_of_turn(cells, turn)
    ids = [cell.id for cell in cells]
    counted = set(standing(cells).counted)
    later = [c.id for c in cells[ids.index(end) + 1 :] if c.id in counted]
    if later:
        raise Conflict(
            f"Cells ran after undo {turn}: {', '.join(later[:8])}. Undo those requests first, or "
            "name the request to go back to."
        )
    return _before(turn, cells, checkpoints)
