"""A path in memory: its files, its notebook, and its kernel if it has one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.cells.file_hashes import FileHashes
from container.kernel.session import KernelSession
from container.shim.quota import Usage
from container.tree import remove
from container.workspace.copy import recover
from container.workspace.kept_copy import put_copy_back
from container.workspace.workspace import Workspace
from kernel_gateway.contexts.state import ExecutionContext
from kernel_gateway.ids import PathKey
from notebooks.history.blobs import Blobs
from notebooks.history.checkpoints import RANGES, Checkpoints, Retention
from notebooks.history.sealing import SealingKeys
from notebooks.history.snapshots import SnapshotLimits, Snapshots, owner_of
from notebooks.lineage.record import RecordedCells
from notebooks.lineage.staleness import LiveCells
from notebooks.record.chain import Attester
from notebooks.record.recorder import Recorder

SET_ASIDE = "set-aside"
STAGED = "restoring"
"""Contents that a restoration is about to put in place; see `putting_back`."""
KEPT_COPY = "kept-copy"
UNFINISHED = ".unfinished"
USUAL_RETENTION = Retention()
NO_SNAPSHOTS = SnapshotLimits()
RAN = frozenset({"ok", "error", "interrupted", "died"})
"""Outcomes of cells that may have changed their kernel's state."""


@dataclass(slots=True)
class SnapshotState:
    """What is known of making snapshots of a path's variables.

    Attributes:
        run_seconds: How long the cells since the last one took.
        cost_seconds: How long the last one took.
        problem: Why the last one was not made, in plain words.
    """

    run_seconds: float = 0.0
    cost_seconds: float = 0.0
    problem: str = ""


@dataclass(slots=True)
class OpenPath:
    """The files, notebook and kernel of one open path.

    Attributes:
        key: The path's key.
        home: Its directory: notebook, journal, workspace.
        workspace: The path's files; they outlive the kernel.
        recorder: The path's notebook; it outlives the kernel.
        new: It was created just now, and no Jupyter client has used it: the store has no context,
            cursors or kernel messages of it.
        hashes: File hashes known so far.
        blobs: Earlier contents of the conversation's files.
        checkpoints: Which files the workspace held, before each cell that followed a change.
        ranges: What ranges of the workbook open in Excel held, before each change of them.
        snapshots: Snapshots of its variables.
        snapshot_state: What is known of making them.
        restored: What became of the variables when the kernel was last replaced; the reply to the
            next request takes it.
        recorded: The notebook's cells as lineage reads them, kept from cell to cell.
        live_cells: Those with variables, followed for what is stale, likewise.
        session: The current Python kernel, if there is one.
        others: Its kernels for other languages, by name.
        context: The stored context; ``None`` before the first kernel.
        state_note: The variables that could not be restored; the next turn takes it.
        last_used: Monotonic time of the last use.
        in_use: Number of turns and uploads that hold the path right now.
        has_clients: Jupyter clients use its kernel: its events also hold the kernel's messages.
        watchers: Number of Jupyter clients connected to its kernel.
        suspended: Its kernel was ended for another path while a client was connected to it;
            the next cell gets a new kernel with the variables restored.
        unseen_code: Its kernel ran code that is not in the notebook, so a replay does not
            restore all variables.
        received: Bytes and files uploaded since it was opened.
        starting: Held while the kernel is started or ended.
        replacing: Held while an upload replaces another one, and while an undo changes files.
    """

    key: PathKey
    home: Path
    workspace: Workspace
    recorder: Recorder
    new: bool
    hashes: FileHashes
    blobs: Blobs
    checkpoints: Checkpoints
    ranges: Checkpoints
    snapshots: Snapshots
    snapshot_state: SnapshotState = field(default_factory=SnapshotState)
    restored: dict[str, Any] | None = None
    recorded: RecordedCells = field(default_factory=RecordedCells)
    live_cells: LiveCells = field(default_factory=LiveCells)
    session: KernelSession | None = None
    others: dict[str, KernelSession] = field(default_factory=dict)
    context: ExecutionContext | None = None
    state_note: str = ""
    last_used: float = field(default_factory=time.monotonic)
    in_use: int = 0
    has_clients: bool = False
    watchers: int = 0
    suspended: bool = False
    unseen_code: bool = False
    received: Usage = field(default_factory=lambda: Usage(0, 0))
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    replacing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def live(self) -> KernelSession | None:
        """The kernel, if there is one and it is alive."""
        return self.session if self.session is not None and self.session.alive else None

    @property
    def kernels(self) -> list[KernelSession]:
        """All its kernels, dead ones included."""
        python = [] if self.session is None else [self.session]
        return [*python, *self.others.values()]

    def unused(self, since: float) -> bool:
        """Whether it has no kernel and was not used since monotonic time *since*."""
        held = self.in_use or self.watchers or self.others
        idle = not held and self.session is None and not self.starting.locked()
        return idle and self.last_used < since

    def can_be_rebuilt(self) -> bool:
        """Whether a replay of the notebook restores all variables of this kernel."""
        ran = [cell for cell in self.recorder.live_cells() if cell["status"] in RAN]
        return not self.unseen_code and not any(
            # A cell that a user allowed once is not run again without asking.
            cell["status"] != "ok" or cell["decision"]
            for cell in ran
        )

    def take_state_note(self) -> str:
        """Return `state_note` and clear it."""
        note, self.state_note = self.state_note, ""
        return note

    @property
    def set_aside(self) -> Path:
        """Directory that holds the files while variables are rebuilt."""
        return self.home / SET_ASIDE

    @property
    def kept_copy(self) -> Path:
        """Directory that holds a copy of the files during a turn that writes none."""
        return self.home / KEPT_COPY


def unfinished(home: Path) -> Path:
    """Return the temporary directory that is filled and then renamed to *home*."""
    return home.with_name(f".{home.name}{UNFINISHED}")


def put_in_place(home: Path) -> None:
    """Rename a filled temporary directory to *home*, if that was not done yet."""
    if not home.exists():
        with contextlib.suppress(FileNotFoundError):  # none was filled, or it is renamed already
            unfinished(home).rename(home)


def open_path(
    home: Path,
    key: PathKey,
    running: str | None,
    blobs: Blobs,
    retention: Retention = USUAL_RETENTION,
    attester: Attester | None = None,
    snapshots: SnapshotLimits = NO_SNAPSHOTS,
    keys: SealingKeys | None = None,
) -> OpenPath:
    """Open a path's notebook and files in *home*; recover from a crash if needed.

    Args:
        home: The path's directory; created if missing.
        key: The path's key.
        running: The last cell of a kernel that survived the service, running or not.
        blobs: Stores its files' contents.
        retention: How many checkpoints are kept.
        attester: Signs the notebook.
        snapshots: What snapshots of its variables may take.
        keys: Seal them.

    Raises:
        NotebookUnreadable: The notebook is damaged.
    """
    put_in_place(home)
    new = not home.exists()
    recorder = Recorder.open(
        home,
        conversation=key.conversation,
        path=key.path,
        running=running,
        attester=attester,
    )
    workspace = Workspace.create(home / "workspace")
    recover(workspace, home / SET_ASIDE)
    if (home / STAGED).exists():
        remove(home / STAGED)  # of a service that was killed; a plan that goes on stages anew
    if running is None:  # else the next turn ends the kernel first
        put_copy_back(workspace, home / KEPT_COPY)
    workspace.sweep_unfinished()
    return OpenPath(
        key=key,
        home=home,
        workspace=workspace,
        recorder=recorder,
        new=new,
        hashes=FileHashes(blobs),
        blobs=blobs,
        checkpoints=Checkpoints(home, blobs, retention),
        ranges=Checkpoints(home, blobs, retention, RANGES),
        snapshots=Snapshots(home, owner_of(*key), snapshots, keys),
    )


def spared(paths: Iterable[OpenPath], *, rebuilt_only: bool) -> OpenPath | None:
    """Return the path whose kernel is needed least; ``None`` if no kernel may be ended.

    Dead kernels come first, as they only take up a place in the limit. Next come those that can
    be rebuilt, first without and then with connected clients, each least recently used first. One
    that can't be rebuilt is returned only if no client is connected to it and *rebuilt_only* is
    false; a kernel in use, never.
    """
    idle = [
        path
        for path in sorted(paths, key=lambda path: path.last_used)
        if path.kernels and not path.in_use and not path.starting.locked()
    ]
    alive = [path for path in idle if any(kernel.alive for kernel in path.kernels)]
    if (dead := next((path for path in idle if path not in alive), None)) is not None:
        return dead
    unwatched = [path for path in idle if not path.watchers]
    watched = [path for path in idle if path.watchers]
    rebuilt = next((path for path in (*unwatched, *watched) if path.can_be_rebuilt()), None)
    if rebuilt is not None or rebuilt_only:
        return rebuilt
    return next(iter(unwatched), None)
