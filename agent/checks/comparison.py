"""Compare two workbooks in a sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import math
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection
from pathlib import Path, PurePosixPath
from typing import IO

from agent.workbook_programs import run_program
from container.limits import MIB, Limits
from container.untrusted_json import untrusted_json
from container.workspace.workspace import INPUTS, Workspace
from notebooks.workbooks.compare.difference import (
    LAYERS,
    MOST_LISTED,
    Comparison,
    Problem,
    comparison_from_json,
)

TOLERANCE = 1e-9
"""Relative tolerance unless another is asked for."""
COMPARE_LIMITS = Limits(
    cpus=2.0, memory_bytes=2048 * MIB, pids=16, seconds=90.0, tmp_bytes=16 * MIB
)
"""Two processors and processes: both files are read at the same time."""


async def compare_in_sandbox(
    workspace: Workspace,
    before: str,
    after: str,
    *,
    tolerance: float = TOLERANCE,
    layers: Collection[str] = LAYERS,
    most: int = MOST_LISTED,
) -> Comparison:
    """Compare two files of a workspace.

    Args:
        workspace: Has both files.
        before: Name of the first.
        after: Name of the second.
        tolerance: Relative tolerance of numbers, from 0 up to below 1.
        layers: Which layers to compare.
        most: How many differences of each layer are listed.

    Returns:
        What differs; its ``problem`` says why nothing could be compared.

    Raises:
        ValueError: *tolerance* is out of range.
        SandboxUnavailable: This host can't confine it.
    """
    if not (math.isfinite(tolerance) and 0 <= tolerance < 1):
        raise ValueError(f"A tolerance is a number from 0 up to below 1, not {tolerance}.")
    asked = {
        "before": f"/workspace/{before}",
        "after": f"/workspace/{after}",
        "tolerance": tolerance,
        "layers": sorted(layers),
        "most": most,
    }
    result = await run_program("compare", (json.dumps(asked),), workspace, COMPARE_LIMITS)
    if result.status is not None and result.status.exit_code == 0:
        try:
            return comparison_from_json(untrusted_json(result.printed))
        except (ValueError, TypeError, KeyError, AttributeError):
            pass  # no result of the program: it broke
    if result.status is None:
        why = f"Comparing them took longer than {COMPARE_LIMITS.seconds:g} s."
    elif result.status.out_of_memory or result.status.signal:
        why = f"Comparing them needs more than {COMPARE_LIMITS.memory_bytes // MIB} MB of memory."
    else:
        why = "The comparison stopped while reading them."
    hint = "Compare smaller workbooks, or save them again in Excel as .xlsx."
    return Comparison(
        before=PurePosixPath(before).name,
        after=PurePosixPath(after).name,
        tolerance=tolerance,
        problem=Problem(file="", code="not-compared", message=why, hint=hint),
    )


@contextlib.asynccontextmanager
async def side_by_side(
    before: tuple[str, IO[bytes]], after: tuple[str, IO[bytes]]
) -> AsyncIterator[tuple[Workspace, str, str]]:
    """Yield a workspace of its own with copies of two files, and their names in it.

    Args:
        before: The first file's name and content.
        after: The second's.

    Raises:
        OSError: There is no room for the copies, or a file can't be read.
    """
    with tempfile.TemporaryDirectory(prefix="tallybook-compare-") as directory:
        workspace = await asyncio.to_thread(Workspace.create, Path(directory) / "workspace")
        names = []
        for which, (name, content) in (("before", before), ("after", after)):
            suffix = PurePosixPath(name).suffix[:10]
            names.append(await asyncio.to_thread(_copy, workspace, f"{which}{suffix}", content))
        yield workspace, names[0], names[1]


def _copy(workspace: Workspace, name: str, content: IO[bytes]) -> str:
    with workspace.add_input(name) as new:
        shutil.copyfileobj(content, new.file)
    return f"{INPUTS}/{name}"


async def compare_contents(
    before: tuple[str, IO[bytes]],
    after: tuple[str, IO[bytes]],
    *,
    tolerance: float = TOLERANCE,
    layers: Collection[str] = LAYERS,
    most: int = MOST_LISTED,
) -> Comparison:
    """Compare two open files: copies of them are read in a sandbox.

    Args:
        before: The first file's name and content.
        after: The second's.
        tolerance: Relative tolerance of numbers, from 0 up to below 1.
        layers: Which layers to compare.
        most: How many differences of each layer are listed.

    Raises:
        ValueError: *tolerance* is out of range.
        SandboxUnavailable: This host can't confine it.
        OSError: There is no room for the copies, or a file can't be read.
    """
    async with side_by_side(before, after) as (workspace, one, other):
        found = await compare_in_sandbox(
            workspace, one, other, tolerance=tolerance, layers=layers, most=most
        )
    names = [PurePosixPath(name).name for name, _ in (before, after)]
    return dataclasses.replace(found, before=names[0], after=names[1])
