"""Bring what another path came to into this one: a summary, or its cells run again here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.permission.admission import TurnPorts, admit
from agent.run_cell import ran_before, run_cell
from agent.turn_state import PendingCode, TurnState
from notebooks.record.cells import CellIntent, Execution
from notebooks.record.recorder import Recorder

ANSWER_CHARACTERS = 2000
ID_CHARACTERS = 60
"""Of a cell's id; nbformat 4.5 takes 64."""


def summary(path: str, texts: Sequence[Mapping[str, Any]], files: Sequence[str]) -> str:
    """Return, as markdown, what was asked on *path* and what came of it.

    Args:
        path: The path merged.
        texts: Its requests and answers, as `Recorder.own_texts` gives them.
        files: Names of the files it made.
    """
    lines = [f"## Merged from path {path}"]
    for text in texts:
        opening = "**Asked:** " if text["kind"] == "request" else ""
        lines.append(opening + str(text["text"])[:ANSWER_CHARACTERS])
    if files:
        lines.append("Files there: " + ", ".join(files))
    return "\n\n".join(lines)


async def run_again(
    intents: Sequence[CellIntent], state: TurnState, path: str, ports: TurnPorts
) -> tuple[int, Execution | None]:
    """Run another path's cells in this one; each is recorded as its own, with where it is from.

    One that ended well here before, in this merge or one that was not finished, is not run
    again: a cell keeps its id. One that was running when the service stopped is waited for.

    Each is admitted like new code: what was allowed once there is asked for here.

    Args:
        intents: The cells, oldest first.
        state: The turn that merges; changed in place while it waits for a permission.
        path: The path they come from.
        ports: This path's.

    Returns:
        How many ended well, and the execution that did not; the rest was not run.
    """
    last = await ran_before(state.id, ports.runtime, ports.sink, ports.hashes)
    failed = last[1] if last is not None and last[1].outcome != "ok" else None
    for done, intent in enumerate(intents):
        cell_id = _next_attempt(intent.id, ports.runtime.recorder)
        if cell_id is None:
            continue
        if failed is None:
            failed = await _run_again(intent, cell_id, state, path, ports)
        if failed is not None:
            return done, failed
    return len(intents), None


async def _run_again(
    intent: CellIntent, cell_id: str, state: TurnState, path: str, ports: TurnPorts
) -> Execution | None:
    """Run one of the cells if it may; return its execution unless it ended well."""
    if state.pending is None or state.pending.code != intent.source:  # else it is asked for
        state.pending = PendingCode(code=intent.source)
    admission = await admit(state, state.pending, ports)
    state.pending = None
    if admission.outcome is not None:
        error = {"code": admission.outcome, "message": admission.reason}
        return Execution(outcome=admission.outcome, error=error)
    why = replace(
        intent.provenance,
        turn_id=state.id,
        risk=admission.provenance.risk,
        findings=admission.provenance.findings,
        decision=admission.provenance.decision,
    )
    tags = [*(t for t in intent.tags if t != "parameters"), f"merged-from-{path}"]
    execution = await run_cell(
        intent.source,
        why,
        ports.runtime,
        ports.sink,
        ports.hashes,
        tags=tags,
        cell_id=cell_id,
        granted=admission.granted,
    )
    return None if execution.outcome == "ok" else execution


def _next_attempt(cell: str, recorder: Recorder) -> str | None:
    """Return the id of the next attempt at a cell; ``None`` when one ended well."""
    name, attempt = cell, 1
    while (outcome := recorder.outcome_of(name)) is not None:
        if outcome == "ok":
            return None
        attempt += 1
        name = f"{cell[:ID_CHARACTERS]}-{attempt}"
    return name
