"""A path that is in use: its files, its notebook, and the kernel that comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from agent.run_cell import FileHashes
from container.kernel.session import KernelSession
from container.shim.quota import Usage
from container.workspace.copy import recover
from container.workspace.workspace import Workspace
from kernel_gateway.contexts.state import ExecutionContext
from kernel_gateway.ids import PathKey
from notebooks.history.blobs import Blobs
from notebooks.record.recorder import Recorder

SET_ASIDE = "set-aside"
UNFINISHED = ".unfinished"
RAN = frozenset({"ok", "error", "interrupted", "died"})
"""Outcomes of cells that have left something in their kernel."""


@dataclass(slots=True)
class OpenPath:
    """What one path works with.

    Attributes:
        key: Whose it is.
        home: Its directory: notebook, journal, workspace.
        workspace: The path's files; they stay.
        recorder: The path's notebook; it stays.
        hashes: File hashes known so far.
        blobs: What the conversation's files once held.
        session: The live kernel, if there is one.
        context: What is stored about it; ``None`` before the first kernel.
        state_note: What the kernel could not be given back; not told yet.
        last_used: Monotonic time of the last use.
        in_use: Turns and uploads that hold the path right now.
        watchers: Jupyter clients that are connected to its kernel.
        suspended: Its kernel was ended for another path while a client was connected to it;
            the next cell gets a new one with its variables.
        unseen_code: Its kernel ran code that is not in the notebook, so that a replay does
            not bring back all it holds.
        received: Bytes and files that uploads have brought since it was opened.
        replacing: Held while an upload takes the place of another one.
    """

    key: PathKey
    home: Path
    workspace: Workspace
    recorder: Recorder
    hashes: FileHashes
    blobs: Blobs
    session: KernelSession | None = None
    context: ExecutionContext | None = None
    state_note: str = ""
    last_used: float = field(default_factory=time.monotonic)
    in_use: int = 0
    watchers: int = 0
    suspended: bool = False
    unseen_code: bool = False
    received: Usage = field(default_factory=lambda: Usage(0, 0))
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    replacing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def live(self) -> KernelSession | None:
        """The kernel, if it is there and alive."""
        return self.session if self.session is not None and self.session.alive else None

    def unused(self, since: float) -> bool:
        """Whether it has no kernel, and nobody has used it since monotonic time *since*."""
        held = self.in_use or self.watchers
        idle = not held and self.session is None and not self.starting.locked()
        return idle and self.last_used < since

    def can_be_rebuilt(self) -> bool:
        """Whether a replay of the notebook gives a new kernel all that this one holds."""
        ran = [cell for cell in self.recorder.live_cells() if cell["status"] in RAN]
        return not self.unseen_code and not any(
            # What somebody allowed once is not run again without asking.
            cell["status"] != "ok" or cell["decision"]
            for cell in ran
        )

    def take_state_note(self) -> str:
        """Return `state_note` once."""
        note, self.state_note = self.state_note, ""
        return note

    @property
    def set_aside(self) -> Path:
        """Where files are while variables are rebuilt."""
        return self.home / SET_ASIDE


def unfinished(home: Path) -> Path:
    """Return where a path's directory is filled before it is put into its place, *home*."""
    return home.with_name(f".{home.name}{UNFINISHED}")


def put_in_place(home: Path) -> None:
    """Put a directory that was filled into its place, if that was not done yet."""
    if not home.exists():
        with contextlib.suppress(FileNotFoundError):  # it is as it was, or somebody else did it
            unfinished(home).rename(home)


def open_path(home: Path, key: PathKey, running: str | None, blobs: Blobs) -> OpenPath:
    """Open a path's notebook and files in *home*, settling what a crash left behind.

    Args:
        home: The path's directory; made if need be.
        key: Whose it is.
        running: The cell that a kernel which lived on runs or ran last.
        blobs: Where its files' contents are kept.

    Raises:
        NotebookUnreadable: The notebook is damaged.
    """
    put_in_place(home)
    recorder = Recorder.open(home, conversation=key.conversation, path=key.path, running=running)
    workspace = Workspace.create(home / "workspace")
    recover(workspace, home / SET_ASIDE)
    workspace.sweep_unfinished()
    return OpenPath(
        key=key,
        home=home,
        workspace=workspace,
        recorder=recorder,
        hashes=FileHashes(blobs),
        blobs=blobs,
    )


def spared(paths: Iterable[OpenPath], *, rebuilt_only: bool) -> OpenPath | None:
    """Return the path whose kernel is needed least; ``None`` when none can be spared.

    One that has died holds its place for nothing, so it goes first.
    A kernel that can be rebuilt is ended first, one without clients before one with some, the
    least recently used before the others. One that can't be rebuilt is ended only if no client
    is connected to it; one in use, never.
    """
    idle = [
        path
        for path in sorted(paths, key=lambda path: path.last_used)
        if path.session is not None and not path.in_use and not path.starting.locked()
    ]
    if (dead := next((path for path in idle if path.live is None), None)) is not None:
        return dead
    unwatched = [path for path in idle if not path.watchers]
    watched = [path for path in idle if path.watchers]
    rebuilt = next((path for path in (*unwatched, *watched) if path.can_be_rebuilt()), None)
    if rebuilt is not None or rebuilt_only:
        return rebuilt
    return next(iter(unwatched), None)
