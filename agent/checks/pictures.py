"""Compare two pictures in a sandbox: hostile code may have made them."""

from __future__ import annotations

import io
import json

from agent.checks.comparison import side_by_side
from agent.workbook_programs import run_program
from container.limits import MIB, Limits

PICTURE_LIMITS = Limits(memory_bytes=1024 * MIB, pids=16, seconds=30.0, tmp_bytes=16 * MIB)
"""Two pictures of 40 million pixels, each with the differences in 16 bits, take 0.9 GB."""


async def pictures_difference(before: bytes, after: bytes) -> str:
    """Return how two pictures look different, in plain words; empty if they look the same.

    Raises:
        SandboxUnavailable: This host can't confine it.
    """
    files = (("before.png", io.BytesIO(before)), ("after.png", io.BytesIO(after)))
    async with side_by_side(*files) as (workspace, one, other):
        names = tuple(f"/workspace/{name}" for name in (one, other))
        result = await run_program("pictures", names, workspace, PICTURE_LIMITS)
    try:
        return str(json.loads(result.printed)["difference"])
    except (ValueError, TypeError, KeyError):
        return "it is another one, and comparing the pixels failed"
