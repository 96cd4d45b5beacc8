"""Bring what another path came to into this one: a summary, or its cells run again here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agent.admission import TurnPorts
from agent.run_cell import run_cell
from notebooks.cells import CellIntent, Execution

ANSWER_CHARACTERS = 2000


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
    intents: Sequence[CellIntent], turn: str, path: str, ports: TurnPorts
) -> tuple[int, Execution | None]:
    """Run another path's cells in this one; each is recorded as its own, with where it is from.

    Args:
        intents: The cells, oldest first; each was allowed to run there.
        turn: The turn that merges.
        path: The path they come from.
        ports: This path's.

    Returns:
        How many ended well, and the execution that did not; the rest was not run.
    """
    for done, intent in enumerate(intents):
        why = replace(intent.provenance, turn_id=turn)
        tags = [*(t for t in intent.tags if t != "parameters"), f"merged-from-{path}"]
        execution = await run_cell(
            intent.source, why, ports.bench, ports.sink, ports.hashes, tags=tags
        )
        if execution.outcome != "ok":
            return done, execution
    return len(intents), None
