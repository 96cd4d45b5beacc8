"""Rebuild a path's variables in a new kernel by replaying its recorded cells.

During the replay the cells work on copies of the files; afterwards the originals are put back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.permission.admission import judge_replay
from container.kernel.languages import KERNEL_OF, PYTHON
from container.kernel.session import KernelSession
from container.workspace.copy import put_back, recover, set_aside
from kernel_gateway.contexts.open_path import RAN, OpenPath
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
    """

    replayed: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    differs: list[dict[str, str]] = field(default_factory=list)
    not_replayed: list[dict[str, str]] = field(default_factory=list)
    killer: str | None = None

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
        opening = (
            "The kernel is new. Variables were rebuilt by running the notebook's successful "
            "cells again, but not all of them may be as they were:"
        )
        return "\n".join([opening, *lines])


async def restore(
    path: OpenPath,
    session: KernelSession,
    emit: Emit,
    skip: Mapping[str, str],
    held: HeldCapabilities,
    kernel: str = PYTHON,
) -> Restored:
    """Replay the successful cells of *path*'s notebook in *session*, a new kernel of theirs.

    Emits ``context.restoring`` before each cell and, unless the kernel ended meanwhile,
    ``context.restored``.

    Args:
        path: The path to restore.
        session: Its new kernel.
        emit: Emits the events.
        skip: Cells to leave out, with the reason.
        held: Returns what the standing permissions of the user who allowed a cell cover.
        kernel: Which kernel it is: the cells of its languages are replayed.

    Returns:
        What could and could not be rebuilt; a cell's failure does not raise.
    """
    began = time.monotonic()
    restored = Restored()
    cells = [
        cell for cell in path.recorder.live_cells() if KERNEL_OF.get(cell["language"]) == kernel
    ]
    if not any(cell["status"] in RAN for cell in cells):
        return restored
    again = []
    for cell in cells:
        if reason := skip.get(cell["id"]):
            restored.failed.append({"cell": cell["id"], "reason": reason})
        elif cell["status"] == "ok":
            again.append(cell)
        elif cell["status"] in RAN:
            reason = f"it is recorded as {cell['status']}"
            restored.not_replayed.append({"cell": cell["id"], "reason": reason})
    try:
        await in_thread(set_aside, path.workspace, path.set_aside)
    except BaseException:  # the disk is full, or the caller was cancelled
        await shielded(asyncio.to_thread(recover, path.workspace, path.set_aside))
        raise
    try:
        for number, cell in enumerate(again):
            await emit("context.restoring", {"cell": cell["id"], "done": number, "of": len(again)})
            await _replay(cell, session, restored, await _held_for(cell, path, held))
            if not session.alive:
                restored.killer = cell["id"]
                return restored
    finally:
        keep = set(again[-1]["files_after"]) if again else set[str]()
        if (put_back_since := files_put_back(path.recorder.cells)) is not None:
            keep &= put_back_since  # an undo has removed the others
        await in_thread(put_back, path.workspace, path.set_aside, keep)
    path.state_note = restored.words()
    await emit("context.restored", restored.facts(time.monotonic() - began))
    return restored


async def _held_for(
    cell: Mapping[str, Any], path: OpenPath, held: HeldCapabilities
) -> Collection[str]:
    """Return the standing permissions that apply to a cell: those of the user who allowed it."""
    who = (cell["decision"] or {}).get("who")
    return await held(path.key.tenant, who) if who else ()


async def _replay(
    cell: Mapping[str, Any], session: KernelSession, restored: Restored, held: Collection[str]
) -> None:
    verdict = await judge_replay(cell["source"], held, cell["language"])
    if verdict.refusal:
        restored.not_replayed.append({"cell": cell["id"], "reason": verdict.refusal[:300]})
        return
    shown = OutputCollector()

    async def keep(output: Mapping[str, Any]) -> None:
        shown.add(output)

    reply = await session.execute(cell["source"], keep, granted=verdict.granted)
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
