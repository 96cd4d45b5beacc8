"""The path's earlier requests and cells, in order, from its notebook.

The notebook is the source because it is where they are stored durably: it survives a restart, a
branch begins with its source's cells up to the branched turn, a merge adds its summary and cells,
and deleting a conversation deletes it. Nothing of a conversation's memory is kept anywhere else,
except how a turn without an answer ended, which is in the turn's row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from container.workspace.workspace import INPUTS

Kind = Literal["request", "code", "note"]
OFFICE_TAG = "office"
"""Of what a pane did in Excel; no cell of the notebook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCell:
    """A cell that ran, or was not allowed to.

    Attributes:
        id: Its id in the notebook.
        source: Its code.
        status: How it ended.
        tags: Its tags; ``parameters`` and ``turn-parameters`` mark constants.
        outputs: Its outputs, as nbformat stores them.
        error: Why it did not end well, in one line; else empty.
        files: Names of the files it wrote or changed.
    """

    id: str
    source: str
    status: str
    tags: Sequence[str] = ()
    outputs: Sequence[Mapping[str, Any]] = ()
    error: str = ""
    files: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request with all that was done for it; or code that the user ran; or a note.

    Attributes:
        kind: ``request`` for one to the model, ``code`` for the user's own, ``note`` for what
            was recorded beside them, such as a merge.
        turn: The turn's id; empty for a note without one.
        text: The request or the note.
        note: The note's kind, such as ``merge`` or ``restart``; else empty.
        cells: Its cells, oldest first.
        answer: The answer; empty if there is none.
        ending: How a request without an answer ended, in plain words.
        profiles: File name → digest of the profile that the request's prompt had.
    """

    kind: Kind
    turn: str = ""
    text: str = ""
    note: str = ""
    cells: tuple[PastCell, ...] = ()
    answer: str = ""
    ending: str = ""
    profiles: Mapping[str, str] = field(default_factory=dict)


def entries_of(recorded: Iterable[Mapping[str, Any]], *, without: str = "") -> list[Entry]:
    """Group a notebook's cells into entries, oldest first.

    Args:
        recorded: `notebooks.record.recorder.Recorder.entries`.
        without: The turn that is being worked on, which is not the past.
    """
    found: list[Entry] = []
    for facts in recorded:
        turn = str(facts.get("turn") or "")
        if without and turn == without:
            continue
        kind = facts.get("kind")
        last = found[-1] if found and turn and found[-1].turn == turn else None
        if "text" not in facts:
            cell = _past_cell(facts)
            if last is not None:
                found[-1] = replace(last, cells=(*last.cells, cell))
            else:
                found.append(Entry(kind="code", turn=turn, cells=(cell,)))
        elif kind == "office" and last is not None:
            found[-1] = replace(last, cells=(*last.cells, _office_call(facts)))
        elif kind == "answer" and last is not None:
            found[-1] = replace(last, answer=str(facts["text"]))
        elif kind == "request":
            profiles = {str(k): str(v) for k, v in (facts.get("profiles") or {}).items()}
            found.append(
                Entry(kind="request", turn=turn, text=str(facts["text"]), profiles=profiles)
            )
        else:
            note = str(kind or "")
            found.append(Entry(kind="note", turn=turn, text=str(facts["text"]), note=note))
    return found


def with_endings(entries: Sequence[Entry], endings: Mapping[str, str]) -> list[Entry]:
    """Return *entries* with the *endings* (turn id → words) of those without an answer."""
    return [replace(e, ending=endings[e.turn]) if e.turn in endings else e for e in entries]


def unanswered(entries: Sequence[Entry]) -> list[str]:
    """Return the turns of the requests without an answer."""
    return [entry.turn for entry in entries if entry.kind == "request" and not entry.answer]


def profiles_seen(entries: Sequence[Entry]) -> dict[str, str]:
    """Return file name → digest of the profile that the model was sent last."""
    return {name: digest for entry in entries for name, digest in entry.profiles.items()}


def _office_call(facts: Mapping[str, Any]) -> PastCell:
    source, status = str(facts["text"]), str(facts.get("status"))
    return PastCell(id=str(facts.get("call")), source=source, status=status, tags=(OFFICE_TAG,))


def _past_cell(facts: Mapping[str, Any]) -> PastCell:
    before, after = facts.get("files_before") or {}, facts.get("files_after") or {}
    error = dict(facts.get("error") or {})
    name = f"{error['ename']}: " if error.get("ename") else ""
    return PastCell(
        id=str(facts["id"]),
        source=str(facts["source"]),
        status=str(facts.get("status")),
        tags=tuple(facts.get("tags", ())),
        outputs=facts.get("outputs", ()),
        error=name + str(error.get("message", "")) if error else "",
        files=[
            file
            for file, sha256 in after.items()
            if before.get(file) != sha256 and not file.startswith(f"{INPUTS}/")
        ],
    )
