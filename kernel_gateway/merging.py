"""What a merge does in its target path: a note of what the source did, or its cells again."""

from __future__ import annotations

from typing import Any

from agent.admission import TurnPorts
from agent.merge import run_again, summary
from container.workspace import OUTPUTS
from kernel_gateway.contexts.open_path import OpenPath
from kernel_gateway.turn_results import Ending, execution_error


async def merge(source: OpenPath, mode: str, turn: str, ports: TurnPorts) -> Ending:
    """Merge *source* into the path that *ports* belong to.

    Args:
        source: The path that ends.
        mode: ``summary`` or ``full``.
        turn: The turn that does it.
        ports: What that turn works with.

    Returns:
        How the turn ended.
    """
    name = source.key.path
    files = [file.name for file in source.workspace.files(OUTPUTS)]
    text = summary(name, source.recorder.own_texts(), files)
    await ports.bench.recorder.note(text, {"turn": turn, "kind": "merge", "path": name})
    result: dict[str, Any] = {"merged": name, "mode": mode, "cells": 0}
    if mode == "full":
        intents = source.recorder.own_intents()
        result["cells"], failed = await run_again(intents, turn, name, ports)
        if failed is not None:
            return Ending("error", result, execution_error(failed))
    return Ending("ok", result)
