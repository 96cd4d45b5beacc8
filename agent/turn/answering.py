"""What an answer is held against: gathered from the record, the files and the turn."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agent.checks.answer import Review, review
from agent.checks.claims import Facts
from agent.checks.named_numbers import Sources, text_of_facts
from agent.context.profiler import Profiler
from agent.ports import PathRuntime
from agent.prompts.render import output_text
from agent.turn_state import TurnState
from container.errors import ContainerError
from container.workspace.workspace import INPUTS

LOST = re.compile(r"^Workbook [^\n]{1,200}: lost in saving: [^\n]{1,500}", re.M)
MOST_TEXT = 2_000_000
"""Characters of one cell's output that are read for numbers."""
MOST_FILES = 40
log = logging.getLogger("tallybook.checks")


async def reviewed(
    answer: str, state: TurnState, runtime: PathRuntime, profiler: Profiler
) -> Review:
    """Hold *answer* against the path's record, its uploads and what the model was given.

    Args:
        answer: The model's words.
        state: The turn.
        runtime: The path's files and notebook.
        profiler: Has the profiles of the uploads, which were read when the turn began.
    """
    try:
        return await _reviewed(answer, state, runtime, profiler)
    except Exception:  # a fault of this check must not cost the user the answer
        log.exception("the answer of turn %s could not be checked", state.id)
        return Review()


async def _reviewed(
    answer: str, state: TurnState, runtime: PathRuntime, profiler: Profiler
) -> Review:
    entries = runtime.recorder.entries()
    own = [e for e in entries if e.get("turn") == state.id and "source" in e]
    facts = _facts(own, runtime)
    profiles = await _profiles(runtime, profiler)
    ran = [e for e in entries if "source" in e]
    sources = None
    if ran or profiles:
        sources = Sources([*_results(ran), *profiles, *_replies(state)], _words(state, entries))
    # In a thread: long outputs take a moment.
    return await asyncio.to_thread(review, answer, facts, sources)


def _facts(own: list[dict[str, Any]], runtime: PathRuntime) -> Facts:
    """Return what was found of what the turn's cells wrote; a later save of a file counts alone."""
    findings: dict[str, Any] = {}
    computed: dict[str, Any] = {}
    results: dict[str, Any] = {}
    lost: dict[str, list[str]] = {}
    for cell in own:
        before, after = cell.get("files_before") or {}, cell.get("files_after") or {}
        written = [name for name, sha256 in after.items() if before.get(name) != sha256]
        for name in written:
            findings[name] = (cell.get("checks") or {}).get(name, ())
            computed[name] = (cell.get("computed") or {}).get(name, {})
        tied = (cell.get("tie_out") or {}).get("results", ())
        if written:
            results["; ".join(sorted(written))] = tied
            lost["; ".join(sorted(written))] = LOST.findall(output_text(cell.get("outputs", ())))
    return Facts(
        findings=findings,
        lost=[line for lines in lost.values() for line in lines],
        results=[result for each in results.values() for result in each],
        computed={name: each for name, each in computed.items() if each},
        files=[file.name for file in runtime.workspace.files()],
    )


def _results(ran: list[dict[str, Any]]) -> Iterator[str]:
    for cell in ran:
        yield output_text(cell.get("outputs", ()))[:MOST_TEXT]
        for name in ("tie_out", "checks", "computed"):
            if known := cell.get(name):
                yield text_of_facts(known)[:MOST_TEXT]


async def _profiles(runtime: PathRuntime, profiler: Profiler) -> list[str]:
    found: list[str] = []
    for file in runtime.workspace.files(INPUTS)[:MOST_FILES]:
        with contextlib.suppress(ContainerError, OSError):
            if (profile := await profiler.profile(runtime.workspace, file)) is not None:
                found.append(text_of_facts(profile)[:MOST_TEXT])
    return found


def _replies(state: TurnState) -> list[str]:
    """Return what tools and cells gave the model in this turn."""
    return [
        " ".join(_leaves(message["response"]))
        for message in state.history
        if message["role"] == "tool"
    ]


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
    else:
        yield str(value)


def _words(state: TurnState, entries: list[dict[str, Any]]) -> list[str]:
    """Return what the user asked, in this turn first, and the code that ran."""
    asked = [str(e["text"]) for e in entries if e.get("kind") == "request" and "text" in e]
    code = [str(e["source"]) for e in entries if "source" in e]
    return [state.request, *asked, *code]
