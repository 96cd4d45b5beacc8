"""Events of files and their history: uploads, checkpoints, what an undo put back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kernel_gateway.events.kinds.base import EventData, FoundError, NamedFile


class FileProfiling(EventData):
    """A large upload is being read."""

    name: str
    sha256: str
    share: float = Field(description="How much of it is done, from 0 to 1.")


class FileProfiled(EventData):
    """An upload was read: how many tables it has, or why it can't be read."""

    name: str
    sha256: str
    tables: int
    problem: FoundError | None


class FileCreated(EventData):
    """A file is new, or has new content."""

    name: str
    size: int
    sha256: str
    cell: str | None = Field(None, description="The cell that made it.")
    user: str | None = Field(None, description="Who uploaded it or put it back.")


class NotKept(EventData):
    """A file whose content a checkpoint does not keep."""

    name: str
    size: int
    reason: str


class CheckpointCreated(EventData):
    """What the files held was kept, before something changes them."""

    checkpoint: str
    cell: str | None = Field(description="The cell that runs next; none before an undo.")
    reason: Literal["cell", "undo"]
    files: int
    size: int = Field(description="Bytes of all files.")
    not_kept: list[NotKept] = Field(description="Files that can't be had back, with the reason.")


class CheckpointSkipped(EventData):
    """No checkpoint could be made."""

    cell: str | None
    message: str
    files: int
    size: int


class RebuiltVariables(EventData):
    """What became of the variables."""

    restored: list[str] = Field([], description="Names that a snapshot gave back.")
    recomputed: list[str] = Field(description="Names that the cells in force gave again.")
    uncertain: list[str] = Field(description="Set by a cell that showed something else this time.")
    lost: list[str] = Field(description="Names that could not be had again.")
    gone: list[str] = Field(description="Names that only undone cells had set.")
    pending: str = Field(description="Why they are rebuilt only before the next cell.")


class UndoResult(EventData):
    """What an undo put back."""

    turn: str
    what: str = Field(description="In plain words.")
    checkpoint: str | None = Field(description="The checkpoint that was restored, if one was.")
    to_turn: str | None = Field(description="The request after which the path stands again.")
    inverse: str | None = Field(description="The checkpoint of the files before this.")
    restored: list[str] = Field(description="Files put back.")
    removed: list[str]
    not_restored: list[NamedFile] = Field(description="Files left as they are, with the reason.")
    undone: list[str] = Field(description="Cells that do not count any more.")
    redone: list[str] = Field(description="Cells that count again.")


class HistoryRestored(UndoResult):
    """Somebody put files, or files and variables, back to what they were."""

    user: str


class CheckpointsDeleted(EventData):
    """Checkpoints were deleted by a user."""

    user: str
    checkpoints: list[str]
    freed: int = Field(description="Bytes.")
