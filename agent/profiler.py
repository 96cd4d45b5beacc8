"""Profiles of a workspace's files, read in a sandbox and remembered by content."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import OrderedDict
from pathlib import Path, PurePosixPath
from typing import Any

from agent import workbook_profile
from container.confined import run_confined
from container.limits import MIB, Limits
from container.workspace import Workspace, WorkspaceFile

PROFILED = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".xltx", ".xltm", ".csv", ".tsv"})
PROFILE_LIMITS = Limits(memory_bytes=1024 * MIB, pids=16, seconds=60.0, tmp_bytes=16 * MIB)
REMEMBERED = 500
PROGRAM = "/opt/tallybook/workbook_profile.py"

Profile = dict[str, Any]


class Profiler:
    """Profiles files on demand, one at a time; remembers the last of them."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str], Profile] = OrderedDict()
        self._lock = asyncio.Lock()

    async def profile(self, workspace: Workspace, file: WorkspaceFile) -> Profile | None:
        """Return the profile of *file*, ``{"problem": …}`` if unreadable, ``None`` if no table.

        Raises:
            SandboxUnavailable: This host can't confine the reader.
        """
        if PurePosixPath(file.name).suffix.lower() not in PROFILED:
            return None
        key = (str(workspace.directory), file.name, file.version)
        async with self._lock:
            if key not in self._known:
                self._known[key] = await _profile(workspace, file.name)
            self._known.move_to_end(key)
            profile = self._known[key]
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
            return profile


async def _profile(workspace: Workspace, name: str) -> Profile:
    program = Path(workbook_profile.__file__).resolve()
    result = await run_confined(
        (sys.executable, PROGRAM, f"/workspace/{name}"),
        workspace,
        PROFILE_LIMITS,
        readonly=((program, PROGRAM),),
    )
    if result.status is not None and result.status.exit_code == 0:
        try:
            profile = json.loads(result.printed)
        except ValueError:
            profile = None
        if isinstance(profile, dict):
            return profile
    if result.status is None:
        reason = f"Reading it took longer than {PROFILE_LIMITS.seconds:g} s."
    elif result.status.out_of_memory or result.status.signal:
        reason = f"Reading it needs more than {PROFILE_LIMITS.memory_bytes // MIB} MB of memory."
    else:
        reason = "The reader stopped while reading it."
    return {
        "problem": {
            "code": "workbook-too-large" if result.status is None else "workbook-unreadable",
            "message": reason,
            "hint": "Split it into smaller workbooks, or save it again in Excel as .xlsx.",
        }
    }
