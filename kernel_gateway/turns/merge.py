"""Merges a path into another: adds a summary, optionally runs its cells again, then closes it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from agent.permission.admission import TurnPorts
from agent.turn.merge import run_again, summary
from agent.turn_state import TurnState
from container.errors import ContainerError
from container.workspace.workspace import OUTPUTS
from kernel_gateway.contexts.manager import ExecutionContextManager
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.errors import GatewayError
from kernel_gateway.events.log import EventLog
from kernel_gateway.ids import PathKey
from kernel_gateway.store.audit import audit_line
from kernel_gateway.store.repository import Repository
from kernel_gateway.turns.outcome import Ending, execution_error

MERGED = "path.merged"
log = logging.getLogger("tallybook.paths")


async def merge(source: OpenPath, mode: str, state: TurnState, ports: TurnPorts) -> Ending:
    """Merge *source* into the path that *ports* belong to, or continue after a restart.

    Args:
        source: The path that ends.
        mode: ``summary`` or ``full``.
        state: The merge's turn.
        ports: The turn's ports, of the target path.

    Returns:
        The turn's ending.
    """
    name, turn = source.key.path, state.id
    files = [file.name for file in source.workspace.files(OUTPUTS)]
    recorder = ports.runtime.recorder
    if all((t["kind"], t["turn"]) != ("merge", turn) for t in recorder.own_texts()):
        text = summary(name, source.recorder.own_texts(), files)
        await recorder.note(text, {"turn": turn, "kind": "merge", "path": name})
    result: dict[str, Any] = {"merged": name, "mode": mode, "cells": 0}
    if mode == "full":
        intents = source.recorder.own_intents()
        result["cells"], failed = await run_again(intents, state, name, ports)
        if failed is not None:
            return Ending("error", result, execution_error(failed))
    return Ending("ok", result)


async def close_merged(
    source: PathKey,
    facts: Mapping[str, str],
    user: str,
    repository: Repository,
    events: EventLog,
    contexts: ExecutionContextManager,
) -> None:
    """Close a merged path; idempotent, as it is repeated after a restart.

    Args:
        source: The path.
        facts: Its target as ``into``, and the ``mode``.
        user: The user who merged it.
        repository: Has the path's row.
        events: Gets the ``path.merged`` event.
        contexts: Ends the path's kernel; a failure of that is only logged.

    Raises:
        Conflict: It was merged into another path.
    """
    await repository.conversations.set_merged(source, facts["into"])
    if not await events.containing(source, {MERGED}, "", limit=1):
        line = audit_line(source.tenant, user, MERGED, source.path, source.conversation, **facts)
        await events.append(source, MERGED, facts, None, add=[line])
    try:
        await contexts.terminate(source)
    except (ContainerError, GatewayError, OSError):
        log.exception("the kernel of merged path %s could not be ended", source.path)
