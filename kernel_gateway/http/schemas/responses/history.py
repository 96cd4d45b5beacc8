"""Checkpoints of files and of ranges, as the service sends them."""

from __future__ import annotations

from typing import Any, Literal

from kernel_gateway.http.schemas.responses.base import Exact


class UnkeptFile(Exact):
    """A file whose content a checkpoint does not keep, or that stays as it is."""

    name: str
    reason: str


class CheckpointSummary(Exact):
    """A checkpoint, with what had changed since the one before it."""

    id: str
    at: str | None
    turn: str | None
    cell: str | None
    reason: Literal["cell", "undo"]
    files: int
    size: int
    added: list[str]
    changed: list[str]
    removed: list[str]
    not_kept: list[UnkeptFile]


class History(Exact):
    """The checkpoints of a path, the newest first."""

    enabled: bool
    checkpoints: list[CheckpointSummary]


class RangeCheckpoint(Exact):
    """A range of a workbook as it was before a change in Excel."""

    id: str
    at: str
    turn: str | None
    request: str | None
    workbook: str
    sheet: str
    address: str
    tool: str
    size: int


class RangeHistory(Exact):
    """The checkpoints of ranges, the newest first."""

    enabled: bool
    checkpoints: list[RangeCheckpoint]


class RangeCheckpointContent(RangeCheckpoint):
    """A checkpoint of a range with what it held; nothing if it is not kept any more."""

    content: dict[str, Any] | None


class CheckpointFile(Exact):
    """A file in a checkpoint; ``kept``: its content can be had."""

    name: str
    size: int
    sha256: str
    kept: bool


class FileChange(Exact):
    """What restoring would do to a file; ``None`` for a file that is not there."""

    name: str
    size_now: int | None
    size_then: int | None


class CheckpointDetail(CheckpointSummary):
    """A checkpoint, its files, and what restoring it would do now."""

    contents: list[CheckpointFile]
    would_write: list[FileChange]
    would_remove: list[FileChange]
    would_not_restore: list[UnkeptFile]


class CheckpointsGone(Exact):
    """Checkpoints that were deleted, and the bytes that became free."""

    deleted: list[str]
    freed: int
