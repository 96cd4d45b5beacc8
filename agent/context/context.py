"""Collect and render the facts that precede a request to the model."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.context.other_files import describe_file
from agent.context.profile_text import digest_of, quoted, render_profile, render_profiles
from agent.context.profiler import Profile, Profiler
from agent.memory.compaction import Memory
from agent.prompts.render import prompt_version, render_variables, system_prompt
from agent.prompts.tokens import estimate_tokens
from agent.retrieval.hits import Hits
from container.errors import UnsafePath, WorkspaceFileNotFound
from container.workspace.workspace import INPUTS, OUTPUTS, Workspace, WorkspaceFile

MAX_FILES = 40
MAX_OUTPUTS, MAX_OUTPUT_BYTES = 8, 3_000_000
"""Outputs that are read at the start of a request, which must not wait long for it."""


@dataclass(frozen=True, kw_only=True)
class TurnContext:
    """The facts of a path at the start of a turn.

    Attributes:
        profiles: File name → its profile: of inputs, and of small outputs.
        other_files: The names of the other files → what they are, in words.
        variables: The live variables.
        seen: File name → digest of the profile that an earlier request's prompt had.
        memory: The path's earlier requests and cells.
        hits: What was found for the request.
        kernel_is_new: No cell has run in the kernel.
        mode: How the request is to be answered, if not as usual.
        learned: What was learned of the user, as texts by part.
        learned_facts: The same for ``context.used``, without contents.
        state_note: Which state could not be rebuilt in a new kernel, in plain words.
        stale: Which recorded cells are stale, a line each.
    """

    profiles: Mapping[str, Profile]
    other_files: Mapping[str, str]
    variables: Sequence[Mapping[str, Any]] = ()
    seen: Mapping[str, str] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    hits: Hits = field(default_factory=Hits)
    kernel_is_new: bool = False
    state_note: str = ""
    stale: str = ""
    mode: str = ""
    learned: Mapping[str, str] = field(default_factory=dict)
    learned_facts: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @functools.cached_property
    def _full(self) -> dict[str, str]:
        """File name → all that can be said of it; it takes most of the time, so it is done once."""
        return {name: render_profile(name, found) for name, found in self.profiles.items()}

    @functools.cached_property
    def digests(self) -> dict[str, str]:
        """File name → digest of its profile."""
        return {name: digest_of(text) for name, text in self._full.items()}

    @functools.cached_property
    def unchanged(self) -> set[str]:
        """Names of the files whose profile an earlier prompt had."""
        return {name for name, digest in self.digests.items() if self.seen.get(name) == digest}

    @functools.cached_property
    def texts(self) -> dict[str, str]:
        """The facts as text, by part; empty where there are none."""
        files = ""
        if self.other_files:
            others = self.other_files.items()
            files = "Other files: " + ", ".join(f"{quoted(n)} ({what})" for n, what in others)
        elif not self.profiles:
            files = "No file has been uploaded."
        live = self.variables
        return {
            "workbooks": render_profiles(self.profiles, unchanged=self.unchanged, full=self._full),
            "files": files,
            "variables": "Live variables:\n" + render_variables(live) if live else "",
            "state": "\n".join(filter(None, (self.state_note, self.stale))),
            **self.hits.texts,
            **self.learned,
            "mode": self.mode,
        }


async def read_profiles(
    workspace: Workspace, profiler: Profiler
) -> tuple[dict[str, Profile], dict[str, str]]:
    """Return the profiles of inputs and small outputs with tables, and what all other files are."""
    profiles: dict[str, Profile] = {}
    other: dict[str, str] = {}
    files = workspace.files(INPUTS)[:MAX_FILES]
    outputs = workspace.files(OUTPUTS)[:MAX_FILES]
    small = [file for file in outputs if file.size <= MAX_OUTPUT_BYTES][:MAX_OUTPUTS]
    found = await asyncio.gather(
        *(profiler.profile(workspace, file) for file in files),
        *(_profile_of_output(workspace, profiler, file) for file in small),
    )
    for file, profile in zip([*files, *small], found, strict=True):
        if profile is None:
            other[file.name] = profiler.describe(workspace, file)
        else:
            profiles[file.name] = profile
    for file in outputs:
        if file not in small:
            other[file.name] = describe_file(file.name, file.size, None)
    return profiles, other


async def _profile_of_output(
    workspace: Workspace, profiler: Profiler, file: WorkspaceFile
) -> Profile | None:
    """Return the profile of an output; ``None`` also if a running cell has removed it."""
    try:
        return await profiler.profile(workspace, file)
    except (WorkspaceFileNotFound, UnsafePath):
        return None


def opening(context: TurnContext, request: str) -> list[str]:
    """Return the texts of the first message to the model: facts and memory, then the request."""
    known = (render_context(context), context.memory.text)
    return ["\n\n".join(text for text in known if text), request]


def render_context(context: TurnContext) -> str:
    """Return the facts of *context* as one text: files, variables, state."""
    return "\n\n".join(text for text in context.texts.values() if text)


def context_facts(context: TurnContext, request: str) -> dict[str, Any]:
    """Return the data of the ``context.used`` event: which facts, and what they cost.

    Contents are not in it.
    """
    memory = context.memory
    parts = {"system": system_prompt(), **context.texts, "request": request}
    tokens = {name: estimate_tokens(text) for name, text in parts.items()}
    tokens["history"] = memory.tokens
    return {
        "workbooks": [
            {
                "file": name,
                "sheets": [
                    {
                        "name": sheet["name"],
                        "header_row": sheet.get("header_row"),
                        "rows": sheet.get("data_rows", sheet.get("rows")),
                    }
                    for sheet in profile.get("sheets", ())
                ],
                "problem": profile.get("problem"),
                "unchanged": name in context.unchanged,
            }
            for name, profile in context.profiles.items()
        ],
        "files": list(context.other_files),
        "variables": [str(variable["name"]) for variable in context.variables],
        "found": {
            name: list(found)
            for name, found in (*context.hits.facts.items(), *context.learned_facts.items())
        },
        "history": {
            "whole": memory.whole,
            "shortened": memory.shortened,
            "digests": memory.digests,
            "left_out": memory.left_out,
        },
        "tokens": {**tokens, "total": sum(tokens.values())},
        "prompt": prompt_version(),
        "kernel_is_new": context.kernel_is_new,
        "state_note": context.state_note,
    }
