"""Collect and render the facts that precede a request to the model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.context.profile_text import quoted, render_profiles
from agent.context.profiler import Profile, Profiler
from agent.prompts.render import render_earlier_cells, render_variables
from container.errors import UnsafePath, WorkspaceFileNotFound
from container.workspace.workspace import INPUTS, OUTPUTS, Workspace, WorkspaceFile

MAX_FILES = 40
MAX_OUTPUTS, MAX_OUTPUT_BYTES = 8, 3_000_000
"""Outputs that are read at the start of a request, which must not wait long for it."""
MAX_MERGED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnContext:
    """The facts of a path at the start of a turn.

    Attributes:
        profiles: File name → its profile: of inputs, and of small outputs.
        other_files: Names of the other files.
        variables: The live variables.
        earlier_cells: Earlier cells with source and status.
        kernel_is_new: No cell has run in the kernel.
        merged: Summaries of the paths merged into this one.
        state_note: Which state could not be rebuilt in a new kernel, in plain words.
    """

    profiles: Mapping[str, Profile]
    other_files: Sequence[str]
    variables: Sequence[Mapping[str, Any]]
    earlier_cells: Sequence[Mapping[str, Any]]
    kernel_is_new: bool = False
    state_note: str = ""
    merged: Sequence[str] = ()


async def read_profiles(
    workspace: Workspace, profiler: Profiler
) -> tuple[dict[str, Profile], list[str]]:
    """Return the profiles of inputs and small outputs with tables, and all other files' names."""
    profiles: dict[str, Profile] = {}
    other: list[str] = []
    files = workspace.files(INPUTS)[:MAX_FILES]
    outputs = workspace.files(OUTPUTS)[:MAX_FILES]
    small = [file for file in outputs if file.size <= MAX_OUTPUT_BYTES][:MAX_OUTPUTS]
    found = await asyncio.gather(
        *(profiler.profile(workspace, file) for file in files),
        *(_profile_of_output(workspace, profiler, file) for file in small),
    )
    for file, profile in zip([*files, *small], found, strict=True):
        if profile is None:
            other.append(file.name)
        else:
            profiles[file.name] = profile
    other += [file.name for file in outputs if file not in small]
    return profiles, other


async def _profile_of_output(
    workspace: Workspace, profiler: Profiler, file: WorkspaceFile
) -> Profile | None:
    """Return the profile of an output; ``None`` also if a running cell has removed it."""
    try:
        return await profiler.profile(workspace, file)
    except (WorkspaceFileNotFound, UnsafePath):
        return None


def render_context(context: TurnContext) -> str:
    """Render *context* as the text that precedes the request."""
    parts = [render_profiles(context.profiles)] if context.profiles else []
    if context.other_files:
        parts.append("Other files: " + ", ".join(map(quoted, context.other_files)))
    if not context.profiles and not context.other_files:
        parts.append("No file has been uploaded.")
    if context.variables:
        parts.append("Live variables:\n" + render_variables(context.variables))
    if context.earlier_cells:
        parts.append("Earlier cells:\n" + render_earlier_cells(context.earlier_cells))
    if context.merged:
        parts.append("Merged from other paths:\n" + "\n\n".join(context.merged[-MAX_MERGED:]))
    if context.state_note:
        parts.append(context.state_note)
    return "\n\n".join(parts)


def context_facts(context: TurnContext) -> dict[str, Any]:
    """Return the data of the ``context.used`` event: which facts, not their content."""
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
            }
            for name, profile in context.profiles.items()
        ],
        "files": list(context.other_files),
        "variables": [str(variable["name"]) for variable in context.variables],
        "earlier_cells": len(context.earlier_cells),
        "kernel_is_new": context.kernel_is_new,
        "state_note": context.state_note,
    }
