"""Merge another path into this one: add its summary, or run its cells again here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.cells.run import ran_before, run_cell
from agent.permission.admission import TurnPorts, admit
from agent.turn_state import PendingCode, TurnState
from notebooks.record.cells import CellIntent, Execution
from notebooks.record.recorder import Recorder

ANSWER_CHARACTERS = 2000
ID_CHARACTERS = 60
"""The part of a cell's id kept in a new one; nbformat 4.5 allows 64 characters."""


def summary(path: str, texts: Sequence[Mapping[str, Any]], files: Sequence[str]) -> str:
    """Return a markdown summary of the requests, answers and files of *path*.

    Args:
        path: The path merged.
        texts: Its requests and answers, from `Recorder.own_texts`.
        files: Names of the files it created.
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
    """Run another path's cells in this one; record each here, tagged with its origin.

    A cell keeps its id, so one that succeeded here before, in this or an unfinished merge,
    is skipped. One that was running when the service stopped is awaited.

    Each cell is admitted like new code: a permission given once on the other path is asked
    for again.

    Args:
        intents: The cells, oldest first.
        state: The turn that merges; changed in place while it waits for a permission.
        path: The path they come from.
        ports: The interfaces and limits of this path's turn.

    Returns:
        The number of cells that succeeded, and the execution that failed, if any; cells
        after it were not run.
    """
    last = None
    if state.recovered:
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
    """Run one cell if it is admitted; return its execution unless it succeeded."""
    if state.pending is None or state.pending.code != intent.source:  # else it was asked before
        state.pending = PendingCode(code=intent.source, language=intent.language)
    admission = await admit(state, state.pending, ports)
    state.pending = None
    if admission.refusal is not None:
        return admission.refusal
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
        kept=admission.kept,
        language=intent.language,
    )
    return None if execution.outcome == "ok" else execution


def _next_attempt(cell: str, recorder: Recorder) -> str | None:
    """Return the id of the next attempt at a cell; ``None`` if one has succeeded."""
    name, attempt = cell, 1
    while (outcome := recorder.outcome_of(name)) is not None:
        if outcome == "ok":
            return None
        attempt += 1
        name = f"{cell[:ID_CHARACTERS]}-{attempt}"
    return name
