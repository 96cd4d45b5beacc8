"""Snapshots of paths' variables: when one is made, and which one a restoration begins with.

One is made after a turn, in the background, once the cells since the last one took longer than a
snapshot is worth. A failure is noted and costs nothing: the variables are rebuilt by running cells.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from container.errors import ContainerError
from container.kernel.languages import KERNEL_OF, PYTHON
from container.kernel.session import KernelSession
from container.kernel.snapshots import SnapshotDeclined, manifest_of
from container.tree import remove
from container.workspace.copy import copy_files, new_file
from container.workspace.workspace import INPUTS, Workspace
from kernel_gateway.contexts.open_path import RAN, OpenPath
from kernel_gateway.ids import PathKey
from notebooks.errors import BlobError
from notebooks.history.needed import needed_cells, uses_latest
from notebooks.history.snapshots import Snapshot
from notebooks.record.shielded import in_thread
from notebooks.record.undone import files_put_back

WRITE_SECONDS = 120.0
READ_SECONDS = 60.0
COST_FACTOR = 2.0
"""A snapshot is made if the cells since the last one took this much longer than it took."""
log = logging.getLogger("tallybook.snapshots")
Cell = Mapping[str, Any]


class SnapshotUnusable(Exception):
    """A snapshot could not be read; its kernel has to be ended. The text says why."""

    def __init__(self, reason: str, *, kept: bool = False) -> None:
        """Say the *reason*; *kept* says that the snapshot itself may be good."""
        super().__init__(reason)
        self.kept = kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a restoration begins with in place of the first cells.

    Attributes:
        snapshot: The snapshot.
        first: Cells that run before it is read, for what it does not hold.
        rest: The cells after it.
        files: Workspace file → sha256 after the cells that it covers.
        names: The variables in it.
    """

    snapshot: Snapshot
    first: Sequence[Cell] = ()
    rest: Sequence[Cell] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()


def ran_cells(path: OpenPath) -> list[dict[str, Any]]:
    """Return the cells whose variables a Python kernel of *path* has."""
    cells = path.recorder.live_cells()
    return [c for c in cells if c["status"] in RAN and KERNEL_OF.get(c["language"]) == PYTHON]


async def beginning(path: OpenPath, cells: Sequence[Cell]) -> Beginning | None:
    """Return what to begin with to have the variables after *cells*; ``None`` for their replay."""
    if not path.snapshots.enabled or not cells:
        return None
    return await in_thread(_beginning, path, cells)


def _beginning(path: OpenPath, cells: Sequence[Cell]) -> Beginning | None:
    made = path.snapshots.nearest([cell["id"] for cell in cells])
    if made is None:
        return None
    try:
        manifest = manifest_of(made.manifest, path.snapshots.limits.most_bytes)
    except SnapshotDeclined:
        path.snapshots.drop(made)
        return None
    covered, rest = cells[: made.count], cells[made.count :]
    if uses_latest([str(cell["source"]) for cell in rest]):
        return None
    needed = needed_cells([str(cell["source"]) for cell in covered], manifest.not_held)
    first = [covered[n] for n in needed if covered[n]["status"] == "ok"]
    if len(first) == len(covered):
        return None
    files = dict(covered[-1]["files_after"]) if covered else {}
    last = next((cell for cell in reversed(cells) if cell["status"] == "ok"), None)
    if last is not None and _must_be_written(path, last["files_after"]):
        return None
    if rest and not _can_be_laid(path, files):
        return None
    return Beginning(
        snapshot=made,
        first=first,
        rest=rest,
        files=files,
        names=manifest.names,
    )


def _must_be_written(path: OpenPath, files: Mapping[str, str]) -> bool:
    """Whether a replay would write files that are gone, as those of a branch can be."""
    since = files_put_back(path.recorder.cells)
    wanted = files.keys() if since is None else files.keys() & since
    return not wanted <= {file.name for file in path.workspace.files()}


def _can_be_laid(path: OpenPath, files: Mapping[str, str]) -> bool:
    """Whether the cells after the snapshot find their files: else a replay writes them again."""
    return all(
        sha256 in path.blobs or _sha256(path, name) == sha256
        for name, sha256 in files.items()
        if not name.startswith(f"{INPUTS}/")
    )


def _sha256(path: OpenPath, name: str) -> str:
    try:
        return path.workspace.sha256(name)
    except ContainerError:
        return ""


async def read(path: OpenPath, session: KernelSession, begin: Beginning) -> None:
    """Read the snapshot of *begin* into *session*, a kernel of *path*.

    Raises:
        SnapshotUnusable: It could not be read, and was dropped; the kernel must be ended.
    """
    made = begin.snapshot
    opened = path.snapshots.opened(made)
    try:
        files = await in_thread(opened.__enter__)
    except (BlobError, OSError) as error:
        await in_thread(path.snapshots.drop, made)
        raise SnapshotUnusable(str(error)) from error
    try:
        answer = await session.read_snapshot(made.manifest, files, READ_SECONDS)
        if answer.get("prints") != made.manifest["prints"]:
            raise SnapshotDeclined("the variables are not what they were")
    except (SnapshotDeclined, ContainerError, OSError) as error:
        await in_thread(path.snapshots.drop, made)
        raise SnapshotUnusable(str(error)) from error
    finally:
        await in_thread(opened.__exit__, None, None, None)


def lay_files(path: OpenPath, files: Mapping[str, str]) -> None:
    """Give the workspace, whose own files are set aside, *files*, name → sha256. Blocks.

    Each content comes from the file that was set aside, if that still has it, or from those kept.
    """
    aside = Workspace(path.set_aside)
    for entry in sorted(os.listdir(path.workspace.directory)):
        if entry != INPUTS:
            remove(path.workspace.directory / entry)
    for name, sha256 in files.items():
        if name.startswith(f"{INPUTS}/"):
            continue
        if sha256 in path.blobs:
            with new_file(path.workspace.directory, name, path.workspace.uid) as file:
                path.blobs.copy(sha256, file)
        else:
            copy_files(aside, path.workspace.directory, [name], path.workspace.uid)


class SnapshotWriter:
    """Makes the snapshots of all paths, one of each at a time, in the background."""

    def __init__(self) -> None:
        self._writing: dict[PathKey, asyncio.Task[None]] = {}

    def consider(self, path: OpenPath) -> None:
        """Have a snapshot of *path* made if it is worth it; returns at once."""
        state, limits = path.snapshot_state, path.snapshots.limits
        worth = max(limits.least_seconds, COST_FACTOR * state.cost_seconds)
        worth = worth if limits.least_seconds else 0.0
        if not path.snapshots.enabled or state.run_seconds < worth or path.key in self._writing:
            return
        if path.live is not None:
            task = asyncio.create_task(self._write(path, path.live))
            self._writing[path.key] = task
            task.add_done_callback(lambda _: self._writing.pop(path.key, None))

    async def settled(self, path: OpenPath) -> None:
        """Wait until no snapshot of *path* is being made."""
        if (task := self._writing.get(path.key)) is not None:
            await asyncio.wait({task})

    async def aclose(self) -> None:
        """Stop making snapshots."""
        tasks = list(self._writing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, path: OpenPath, session: KernelSession) -> None:
        state, began = path.snapshot_state, time.monotonic()
        try:
            await _write(path, session)
            state.problem = ""
        except SnapshotDeclined as reason:
            state.problem = str(reason)
        except (OSError, ContainerError) as error:
            state.problem = f"No snapshot of the variables could be kept: {error}."
        except RecursionError:  # the manifest is the kernel's
            state.problem = "No snapshot: what the kernel said of it is nested too deeply."
        finally:
            state.cost_seconds = time.monotonic() - began
            state.run_seconds = 0.0  # not tried again at once, whatever came of it
        if state.problem:
            log.warning("path %s: %s", path.key.path, state.problem)


async def _write(path: OpenPath, session: KernelSession) -> None:
    cells: list[str] = []
    seconds = path.snapshot_state.run_seconds

    def wanted() -> bool:
        """Note the cells whose variables the kernel has at this moment."""
        cells[:] = [cell["id"] for cell in ran_cells(path)]
        return path.recorder.settled and path.live is session

    snapshots = path.snapshots
    ids = [cell["id"] for cell in ran_cells(path)]
    known = await in_thread(snapshots.nearest, ids)
    if known is not None and known.count == len(ids):
        return  # the variables came from it
    manifest = await session.write_snapshot(snapshots, snapshots.most_bytes, WRITE_SECONDS, wanted)
    segments = [(segment.sha256, segment.size) for segment in manifest.segments]
    await in_thread(snapshots.add, cells, seconds, segments, manifest.value)
