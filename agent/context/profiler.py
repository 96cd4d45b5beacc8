"""Profiles of a workspace's files, read in a sandbox and cached by content."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from agent.context.other_files import describe_file, is_a_table, may_hold_a_table
from agent.context.recovery import recover
from agent.workbook_programs import library_version, run_program
from container.limits import MIB, Limits
from container.untrusted_json import untrusted_json
from container.workspace.workspace import Workspace, WorkspaceFile
from notebooks.record.files import replace_atomically

WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".xltx", ".xltm", ".csv", ".tsv"})
PERHAPS = frozenset({".txt", ".tab", ".json", ".parquet", ".htm", ".html", ".xml", ".slk", ".prn"})
"""Endings of files that may hold a table: what holds none has no profile."""
PROFILE_LIMITS = Limits(memory_bytes=1024 * MIB, pids=16, seconds=60.0, tmp_bytes=16 * MIB)
REMEMBERED = 500
AT_ONCE = min(os.cpu_count() or 1, 4)
"""Concurrent readers: each may use a processor, and the memory of `PROFILE_LIMITS`."""
log = logging.getLogger("tallybook.profiles")
FILE = "\ue000file"
"""Stands for the file's name in the recipes of a cached profile: names differ, contents don't.
It has a private character, so that no column has this name."""

Profile = dict[str, Any]
_SHARE = re.compile(rb"\x1e([01]\.\d\d)")
_SHARES = re.compile("\x1e[^\n]*\n")


class Profiler:
    """Profiles files on demand, several at once, and caches the profiles by content.

    The cache is in memory and, with *kept_in*, on disk, so that the same content is read
    once for all paths and restarts.
    """

    def __init__(
        self, kept_in: Callable[[Workspace], Path] | None = None, *, at_once: int = AT_ONCE
    ) -> None:
        """Prepare to read; nothing is read yet.

        Args:
            kept_in: Returns the directory for the profiles of a workspace's files; ``None``
                caches them in memory only.
            at_once: How many files are read at the same time, for all users together.
        """
        self._kept_in = kept_in
        self._known: OrderedDict[tuple[str, str, str], asyncio.Future[Profile]] = OrderedDict()
        self._told: dict[tuple[str, str, str], list[Callable[[float], None]]] = {}
        self._tried: OrderedDict[tuple[str, str, str], asyncio.Future[str]] = OrderedDict()
        self._readers = asyncio.Semaphore(at_once)

    async def profile(
        self,
        workspace: Workspace,
        file: WorkspaceFile,
        on_progress: Callable[[float], None] | None = None,
    ) -> Profile | None:
        """Return the profile of *file*, ``{"problem": …}`` if unreadable, ``None`` if no table.

        Concurrent callers share one reading.

        Args:
            workspace: Has the file.
            file: The file.
            on_progress: Called with the share of a large file that is read, from 0 to 1.

        Raises:
            SandboxUnavailable: This host can't confine the reader.
            WorkspaceFileNotFound: The file is gone.
        """
        ending = PurePosixPath(file.name).suffix.lower()
        usual = ending in WORKBOOKS | PERHAPS
        if not usual and not may_hold_a_table(file.name, file.size):
            return None
        key = (str(workspace.directory), file.name, file.version)
        reading = self._known.get(key)
        if reading is None:
            reading = self._known[key] = asyncio.ensure_future(self._read(workspace, key))
            reading.add_done_callback(lambda done: self._forget_failed(key, done))
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        told = self._told.setdefault(key, []) if on_progress and not reading.done() else []
        if on_progress:
            told.append(on_progress)
        profile = await asyncio.shield(reading)  # other callers may await it too
        if usual and profile.get("problem", {}).get("code") == "damaged":
            profile = await self._with_recovered(workspace, file.name, key, profile)
        if ending not in WORKBOOKS and _holds_no_table(profile):
            return None
        return profile if usual or is_a_table(profile) else None

    def describe(self, workspace: Workspace, file: WorkspaceFile) -> str:
        """Return the kind and the size of a file that has no profile, in words.

        Args:
            workspace: Has the file.
            file: The file; `profile` has looked at it.
        """
        key = (str(workspace.directory), file.name, file.version)
        reading = self._known.get(key)
        problem = None
        if reading is not None and reading.done() and not reading.cancelled():
            problem = None if reading.exception() else reading.result().get("problem")
        return describe_file(file.name, file.size, problem)

    async def _with_recovered(
        self, workspace: Workspace, name: str, key: tuple[str, str, str], profile: Profile
    ) -> Profile:
        """Say where what LibreOffice can read of a damaged file is, if it can read any."""
        trying = self._tried.get(key)
        if trying is None:  # each content once: it takes seconds
            trying = self._tried[key] = asyncio.ensure_future(recover(workspace, name))
            if len(self._tried) > REMEMBERED:
                self._tried.popitem(last=False)
        recovered = await asyncio.shield(trying)
        if not recovered:
            return profile
        problem = profile["problem"]
        said = (
            f"{problem['message']} LibreOffice could read some of it: that is in {recovered!r}. "
            "Sheets and rows may be missing there: compare it with what the file should hold."
        )
        return {**profile, "problem": {**problem, "message": said, "recovered": recovered}}

    async def preview(
        self, workspace: Workspace, name: str, *, sheet: str, first: int, count: int
    ) -> Profile:
        """Return rows of a sheet of file *name* as they are, or ``{"problem": …}``.

        Args:
            workspace: Has the file.
            name: Its name.
            sheet: The sheet's name; empty for the first one.
            first: The first row, as Excel counts.
            count: How many rows.

        Raises:
            SandboxUnavailable: This host can't confine the reader.
        """
        async with self._readers:
            return (await _run(workspace, "preview", name, sheet, str(first), str(count)))[0]

    async def search(self, workspace: Workspace, file: WorkspaceFile, text: str) -> Profile | None:
        """Return the cells of *file* that contain *text*, or ``{"problem": …}``.

        Returns:
            See `notebooks.workbooks.search.search_file`; ``None`` if it is no table file.

        Raises:
            SandboxUnavailable: This host can't confine the reader.
        """
        if PurePosixPath(file.name).suffix.lower() not in WORKBOOKS | PERHAPS:
            return None
        async with self._readers:
            return (await _run(workspace, "search", file.name, text))[0]

    def _forget_failed(self, key: tuple[str, str, str], done: asyncio.Future[Profile]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._known.get(key) is done:
            del self._known[key]

    async def _read(self, workspace: Workspace, key: tuple[str, str, str]) -> Profile:
        try:
            return await self._read_once(workspace, key)
        finally:
            self._told.pop(key, None)

    async def _read_once(self, workspace: Workspace, key: tuple[str, str, str]) -> Profile:
        name = key[1]
        kept = await asyncio.to_thread(self._place, workspace, name)
        if kept is not None and (profile := await asyncio.to_thread(_kept_profile, kept)):
            return _with_name(profile, name)
        async with self._readers:
            shares = _Shares(lambda share: [tell(share) for tell in self._told.get(key, ())])
            profile, lasting = await _run(
                workspace, "profile", name, FILE, on_printed=shares.printed
            )
        if kept is not None and lasting:
            await asyncio.to_thread(_keep, kept, profile)
        return _with_name(profile, name)

    def _place(self, workspace: Workspace, name: str) -> Path | None:
        """Return the cache file for the profile of *name*'s content."""
        if self._kept_in is None:
            return None
        return self._kept_in(workspace) / f"{workspace.sha256(name)}-{library_version()}.json"


def _holds_no_table(profile: Profile) -> bool:
    if problem := profile.get("problem"):
        return bool(problem["code"] == "no-table")
    tables = [table for sheet in profile["sheets"] for table in sheet.get("tables", ())]
    lines = profile["format"]["kind"] == "text" and all(len(t["columns"]) == 1 for t in tables)
    return lines or not tables


def _with_name(profile: Profile, name: str) -> Profile:
    """Return *profile* with the file's *name* in its recipes."""
    for sheet in profile.get("sheets", ()):
        for table in sheet.get("tables", ()):
            table["recipe"] = table["recipe"].replace(repr(FILE), repr(name))
    return profile


def _kept_profile(kept: Path) -> Profile | None:
    try:
        profile = json.loads(kept.read_bytes())
    except (OSError, ValueError):
        return None  # not read before, or cut off by a full disk
    return profile if isinstance(profile, dict) else None


def _keep(kept: Path, profile: Profile) -> None:
    """Write *profile* to the cache atomically."""
    try:
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        replace_atomically(kept, json.dumps(profile).encode())
    except OSError as error:  # without the cache the next reading is slow, but works
        log.warning("a profile could not be kept: %s", error)


class _Shares:
    """Finds the lines with a share that is done in what a reader prints before the profile."""

    def __init__(self, tell: Callable[[float], object]) -> None:
        self._tell, self._rest = tell, b""

    def printed(self, piece: bytes) -> None:
        """Take the next bytes."""
        if b"\x1e" not in piece and not self._rest:
            return
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self._rest = self._rest[:20] if self._rest.startswith(b"\x1e") else b""
        for line in lines:
            if found := _SHARE.fullmatch(line):
                self._tell(float(found[1]))


async def _run(
    workspace: Workspace,
    module: str,
    name: str,
    *given: str,
    on_printed: Callable[[bytes], None] | None = None,
) -> tuple[Profile, bool]:
    """Return what a program prints of file *name*, and whether another run would print the same."""
    asked = f"/workspace/{name}", *given
    result = await run_program(module, asked, workspace, PROFILE_LIMITS, on_printed)
    if result.status is not None and result.status.exit_code == 0:
        try:
            profile = untrusted_json(_SHARES.sub("", result.printed))
        except ValueError:
            profile = None
        if isinstance(profile, dict):
            return profile, True
    if result.status is None:
        reason = f"Reading it took longer than {PROFILE_LIMITS.seconds:g} s."
    elif result.status.out_of_memory or result.status.signal:
        reason = f"Reading it needs more than {PROFILE_LIMITS.memory_bytes // MIB} MB of memory."
    else:
        reason = "The reader stopped while reading it."
        log.warning(
            "the %s of %s ended with %s: %s",
            module, name, result.status.exit_code, result.printed[-1000:],
        )  # fmt: skip
    code = "workbook-too-large" if result.status is None else "workbook-unreadable"
    hint = "Split it into smaller workbooks, or save it again in Excel as .xlsx."
    return {"problem": {"code": code, "message": reason, "hint": hint}}, False
