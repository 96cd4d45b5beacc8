"""Recovers unfinished turns of an earlier run of the service: resumes or ends them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from agent.turn_state import TurnState, turn_state_from_json
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.errors import PermissionAlreadyDecided
from kernel_gateway.store.repository import Repository
from kernel_gateway.store.tables import TurnRow
from kernel_gateway.turns.outcome import key_of
from kernel_gateway.turns.queue import Turns
from notebooks.errors import NotebookError


async def recover_turns(
    turns: Turns,
    repository: Repository,
    contexts: ExecutionContextManager,
    conversations: Collection[str] | None = None,
) -> None:
    """Resume every unfinished turn that can be resumed; end the others.

    A queued turn starts. A turn that waits for a permission, or for Excel, keeps waiting. A turn
    whose kernel is alive resumes with the cell it was running. A merge resumes with the cells that
    have not run, an undo where it was.

    Args:
        turns: The queue of turns.
        repository: Has the unfinished turns.
        contexts: Has the living kernels.
        conversations: Only turns of these; ``None`` for all.
    """
    for row in await repository.turns.unfinished(conversations):
        if row.status == "queued":
            queued = turn_state_from_json(row.state) if row.state is not None else None
            new = queued or TurnState(id=row.id, request=row.request)
            turns.go_on(row, new, begun=False)
            continue
        state = await _state_to_go_on_from(row, contexts)
        if row.status == "waiting" and await _runs_a_cell(row, contexts):
            await _close_question(row, repository)
        if state is None:
            await turns.end_interrupted(row, await _left_cell(row, contexts))
        else:
            state.recovered = True
            turns.go_on(row, state, begun=True)


async def _state_to_go_on_from(row: TurnRow, contexts: ExecutionContextManager) -> TurnState | None:
    """Return the state from which a turn can resume; ``None`` if it can't."""
    state = turn_state_from_json(row.state) if row.state is not None else None
    if state is not None and state.office is not None:
        return state
    if row.status == "waiting" and not await _runs_a_cell(row, contexts):
        return state
    if row.kind in ("merge", "undo"):
        return TurnState(id=row.id, request=row.request)
    kernel_lives = contexts.waits_for_adoption(key_of(row))
    if row.kind == "turn":
        return state if kernel_lives else None
    try:
        path = await contexts.open(key_of(row))
    except NotebookError:
        return None
    interrupted = path.recorder.interrupted
    ours = interrupted is not None and interrupted.provenance.turn_id == row.id
    ran = ours or path.recorder.execution_of(row.id) is not None
    return TurnState(id=row.id, request=row.request) if ran and kernel_lives else None


async def _close_question(row: TurnRow, repository: Repository) -> None:
    """Close what a running cell asked: its connection ended with the service."""
    if pending := await repository.permissions.pending(row.tenant, row.id):
        with contextlib.suppress(PermissionAlreadyDecided):
            await repository.permissions.decide(row.tenant, pending.id, "timeout", None)


async def _runs_a_cell(row: TurnRow, contexts: ExecutionContextManager) -> bool:
    """Whether this turn waits within a cell, which asked while it ran, and not before one."""
    try:
        interrupted = (await contexts.open(key_of(row))).recorder.interrupted
    except NotebookError:
        return False
    return interrupted is not None and interrupted.provenance.turn_id == row.id


async def _left_cell(row: TurnRow, contexts: ExecutionContextManager) -> tuple[str, str] | None:
    """Return id and outcome of this turn's cell that the crash cut off, after recording it."""
    try:
        path = await contexts.open(key_of(row))
    except NotebookError:  # the next use of the path reports it
        return None
    interrupted = path.recorder.interrupted
    if interrupted is not None and interrupted.provenance.turn_id == row.id:
        await path.recorder.abandon()
    return path.recorder.take_recovered(row.id)
