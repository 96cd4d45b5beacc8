"""Rebuild a path's variables in a new kernel: from a snapshot, and by replaying recorded cells.

During the replay the cells work on files of their own; afterwards the originals are put back. They
never reach the network: a cell gets the responses that are recorded of its calls, or fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.permission.admission import judge_replay
from container.inside.network import STORED
from container.kernel.languages import KERNEL_OF, PYTHON
from container.kernel.session import KernelSession
from container.tree import remove
from container.workspace.copy import put_back, recover, set_aside
from kernel_gateway.contexts.open_path import RAN, OpenPath
from kernel_gateway.contexts.snapshots import (
    Beginning,
    Cell,
    SnapshotUnusable,
    beginning,
    lay_files,
    read,
)
from notebooks.history.names import assigned_names
from notebooks.history.network_responses import Laid, lay_out, recorded_calls
from notebooks.record.cells import OutputCollector
from notebooks.record.shielded import in_thread, shielded
from notebooks.record.undone import files_put_back

MOST_NAMED = 8
Emit = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Emits an event: its kind and data."""
HeldCapabilities = Callable[[str, str], Awaitable[Collection[str]]]
"""Returns the capabilities that the standing permissions of a tenant's user cover."""


@dataclass(slots=True)
class Restored:
    """The result of a replay: cells by id, each with the reason in plain words.

    Attributes:
        replayed: Number of cells that ran again.
        failed: Cells whose outcome differs from the recorded one.
        differs: Cells whose outputs differ from the recorded ones.
        not_replayed: Cells that were not run again: they had failed, were interrupted, or were
            allowed for one run only.
        killer: The cell during which the kernel ended.
        snapshot: The snapshot that was read, if one was.
        covered: Number of cells whose variables came from it.
        restored: Names of the variables that came from it.
    """

    replayed: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    differs: list[dict[str, str]] = field(default_factory=list)
    not_replayed: list[dict[str, str]] = field(default_factory=list)
    killer: str | None = None
    snapshot: str | None = None
    covered: int = 0
    restored: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every cell ran again with its recorded outputs."""
        return not (self.failed or self.differs or self.not_replayed)

    def facts(self, seconds: float) -> dict[str, Any]:
        """Return the data of ``context.restored``."""
        return {
            "replayed": self.replayed,
            "failed": self.failed,
            "differs": self.differs,
            "not_replayed": self.not_replayed,
            "snapshot": self.snapshot,
            "covered": self.covered,
            "restored": self.restored,
            "complete": self.complete,
            "seconds": round(seconds, 3),
        }

    def words(self) -> str:
        """Return what could not be rebuilt, in plain words; empty if all was."""
        lines = [
            f"Cell {entry['cell']} {what}: {entry['reason']}."
            for what, entries in (
                ("could not be run again", self.failed),
                ("showed something else", self.differs),
                ("was not run again", self.not_replayed),
            )
            for entry in entries[:MOST_NAMED]
        ]
        if not lines:
            return ""
        source = "from a snapshot and " if self.snapshot else ""
        opening = (
            f"The kernel is new. Variables were rebuilt {source}by running the notebook's "
            "successful cells again, but not all of them may be as they were:"
        )
        return "\n".join([opening, *lines])


@dataclass(frozen=True, slots=True)
class _Work:
    """What one restoration works with."""

    path: OpenPath
    session: KernelSession
    emit: Emit
    skip: Mapping[str, str]
    held: HeldCapabilities
    restored: Restored
    offline: set[str] = field(default_factory=set)


async def restore(
    path: OpenPath,
    session: KernelSession,
    emit: Emit,
    skip: Mapping[str, str],
    held: HeldCapabilities,
    kernel: str = PYTHON,
    *,
    from_snapshot: bool = True,
) -> Restored:
    """Rebuild the variables of *path* in *session*, a new kernel: from a snapshot, or by replay.

    Emits ``context.restoring`` before each cell and, unless the kernel ended meanwhile,
    ``context.restored``.

    Args:
        path: The path to restore.
        session: Its new kernel.
        emit: Emits the events.
        skip: Cells to leave out, with the reason.
        held: Returns what the standing permissions of the user who allowed a cell cover.
        kernel: Which kernel it is: the cells of its languages are replayed.
        from_snapshot: Begin with a snapshot, if there is one.

    Returns:
        What could and could not be rebuilt; a cell's failure does not raise.

    Raises:
        SnapshotUnusable: The snapshot could not be read. The kernel must be ended, since code of
            the snapshot may have run in it.
    """
    began = time.monotonic()
    work = _Work(path, session, emit, skip, held, Restored())
    live = [c for c in path.recorder.live_cells() if KERNEL_OF.get(c["language"]) == kernel]
    cells = [cell for cell in live if cell["status"] in RAN]
    if not cells:
        return work.restored
    begin = None
    if kernel == PYTHON and from_snapshot:
        begin = await beginning(path, cells)
    if begin is None:
        await _in_empty_workspace(work, cells, cells)
    elif not (begin.first or begin.rest):
        await _read(work, begin)
    else:
        await _in_empty_workspace(work, [*begin.first, *begin.rest], cells, begin)
    if work.restored.killer is None:
        seconds = time.monotonic() - began
        path.state_note = work.restored.words()
        path.restored = await _became(work)
        if kernel == PYTHON:
            path.snapshot_state.run_seconds = seconds
        await emit("context.restored", work.restored.facts(seconds))
    return work.restored


async def _became(work: _Work) -> dict[str, Any]:
    """Return by name what became of the variables: restored, recomputed or lost."""
    restored = work.restored
    after = {str(variable["name"]) for variable in await work.session.variables()}
    held = set(restored.restored) & after
    sources = {str(cell["id"]): str(cell["source"]) for cell in work.path.recorder.code_cells()}

    def names_of(entries: Sequence[Mapping[str, str]]) -> set[str]:
        return {n for entry in entries for n in assigned_names(sources.get(entry["cell"], ""))}

    lost = names_of([*restored.failed, *restored.not_replayed])
    uncertain = names_of(restored.differs)
    return {
        "restored": sorted(held),
        "recomputed": sorted(after - held),
        "uncertain": sorted(uncertain & after),
        "lost": sorted(lost - after),
        "gone": [],
        "pending": "",
    }


async def _in_empty_workspace(
    work: _Work, again: Sequence[Cell], cells: Sequence[Cell], begin: Beginning | None = None
) -> None:
    """Run the cells *again* in a workspace without their files; put the files back afterwards.

    Args:
        work: The restoration.
        again: Those of *cells* that run.
        cells: All cells whose variables are wanted.
        begin: The snapshot to read after the first of them.
    """
    path = work.path
    try:
        await in_thread(set_aside, path.workspace, path.set_aside)
    except BaseException:  # the disk is full, or the caller was cancelled
        await shielded(asyncio.to_thread(recover, path.workspace, path.set_aside))
        raise
    try:
        with await _responses(work, again):
            await _run(work, again, begin)
    finally:
        ok = [cell for cell in cells if cell["status"] == "ok" and cell["id"] not in work.skip]
        keep = set(ok[-1]["files_after"]) if ok else set[str]()
        if (put_back_since := files_put_back(path.recorder.cells)) is not None:
            keep &= put_back_since  # an undo has removed the others
        await in_thread(put_back, path.workspace, path.set_aside, keep)


async def _run(work: _Work, again: Sequence[Cell], begin: Beginning | None) -> None:
    first = len(begin.first) if begin is not None else 0
    runs = [cell for cell in again if cell["status"] == "ok" and cell["id"] not in work.skip]
    done = 0
    for number, cell in enumerate(again):
        if begin is not None and number == first:
            await _read_between(work, begin)
        if reason := work.skip.get(cell["id"]):
            work.restored.failed.append({"cell": cell["id"], "reason": reason})
        elif cell["status"] != "ok":
            reason = f"it is recorded as {cell['status']}"
            work.restored.not_replayed.append({"cell": cell["id"], "reason": reason})
        else:
            facts = {"cell": cell["id"], "done": done, "of": len(runs)}
            await work.emit("context.restoring", facts)
            await _replay(cell, work)
            done += 1
            if not work.session.alive:
                work.restored.killer = cell["id"]
                return
    if begin is not None and first == len(again):
        await _read_between(work, begin)


async def _read_between(work: _Work, begin: Beginning) -> None:
    """Read the snapshot after the cells that run before it, and lay out the files of that time."""
    if work.restored.failed or work.restored.not_replayed:
        raise SnapshotUnusable("a cell that it needs could not be run again", kept=True)
    await _read(work, begin)
    if begin.rest:
        await in_thread(lay_files, work.path, begin.files)


async def _read(work: _Work, begin: Beginning) -> None:
    await read(work.path, work.session, begin)
    changed = {n for cell in begin.rest for n in assigned_names(str(cell["source"]))}
    restored = work.restored
    restored.snapshot, restored.covered = begin.snapshot.id, begin.snapshot.count
    restored.restored = sorted(set(begin.names) - changed)


async def _responses(work: _Work, again: Sequence[Cell]) -> contextlib.ExitStack:
    """Lay out the recorded responses of the network calls of the cells *again*, until closed.

    The cells whose responses are all there need no permission for the network: nothing is sent.
    """
    stack, directory = contextlib.ExitStack(), work.session.network_directory
    ids = {cell["id"] for cell in again}
    calling = {cell for cell, _ in recorded_calls(work.path.recorder)} & ids
    if directory is not None and calling:
        target = directory / Path(STORED).name
        stack.callback(remove, target)
        laid = await in_thread(_lay_out, work.path, target, calling)
        work.offline.update(cell for cell in calling if not laid.missing[cell])
    return stack


def _lay_out(path: OpenPath, target: Path, cells: Collection[str]) -> Laid:
    laid = lay_out(path.recorder, path.recorder.file, target, cells, path.blobs)
    for file in (target, *target.iterdir()):
        file.chmod(0o755 if file.is_dir() else 0o644)
    return laid


async def _held_for(
    cell: Mapping[str, Any], path: OpenPath, held: HeldCapabilities
) -> Collection[str]:
    """Return the standing permissions that apply to a cell: those of the user who allowed it."""
    who = (cell["decision"] or {}).get("who")
    return await held(path.key.tenant, who) if who else ()


async def _replay(cell: Mapping[str, Any], work: _Work) -> None:
    restored, held = work.restored, await _held_for(cell, work.path, work.held)
    offline = cell["id"] in work.offline
    verdict = await judge_replay(cell["source"], held, cell["language"], offline=offline)
    if verdict.refusal:
        restored.not_replayed.append({"cell": cell["id"], "reason": verdict.refusal[:300]})
        return
    shown = OutputCollector()

    async def keep(output: Mapping[str, Any]) -> None:
        shown.add(output)

    reply = await work.session.execute(cell["source"], keep, granted=verdict.granted)
    if reply.status != "ok":
        reason = str(reply.error) if reply.error else f"{reply.ename}: {reply.evalue}"
        restored.failed.append({"cell": cell["id"], "reason": reason[:300]})
        return
    restored.replayed += 1
    if difference := _difference(cell["outputs"], shown.outputs()):
        restored.differs.append({"cell": cell["id"], "reason": difference})


def _difference(recorded: Any, shown: Any) -> str | None:
    from notebooks.rerun.compare import (
        outputs_difference,  # imported late: openpyxl and numpy take 0.15 s
    )

    return outputs_difference(recorded, shown)
