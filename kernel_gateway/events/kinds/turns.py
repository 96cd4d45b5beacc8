"""Events of a request as a whole, and of its path."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from kernel_gateway.events.kinds.base import EventData, FoundError, Outcome
from kernel_gateway.events.kinds.files import RebuiltVariables, UndoResult


class TurnStarted(EventData):
    """A request begins to be worked on."""

    kind: Literal["turn", "execute", "jupyter", "merge", "undo"]
    user: str
    request: str | None = Field(None, description="The user's words, or what is merged.")
    recorded: bool = Field(
        default=False, description="The model's replies are recorded ones: no model is asked."
    )


class PathCreated(EventData):
    """The path was branched off."""

    source_path: str
    source_turn_id: str | None
    title: str


class PathMerged(EventData):
    """The path was merged into another one, and has ended."""

    into: str
    mode: Literal["summary", "full"]


class ErrorSeen(EventData):
    """A request could not be answered."""

    error: FoundError


class RecordedCell(EventData):
    """A cell of the notebook, as it was recorded."""

    number: int = Field(description="Its position, from 1.")
    cell: str
    hash: str = Field(description="Its hash in the notebook's chain.")


class NotebookRecorded(EventData):
    """Entries were recorded outside of a request: a restart of the kernel, a review."""

    recorded: list[RecordedCell]


class RerunProgress(EventData):
    """A re-run of the notebook waits, or has come further."""

    rerun: str
    status: Literal["waiting", "running"]
    cell: int = Field(description="How many of its cells have begun.")
    cells: int = Field(description="How many there are; 0 until that is known.")


class RerunFinished(EventData):
    """A re-run of the notebook has ended; its record has the report."""

    rerun: str
    status: Literal["finished", "failed", "cancelled", "interrupted"]
    verdict: str | None = Field(None, description="Of the whole report, if there is one.")
    error: FoundError | None = Field(None, description="Why there is no report.")


class TurnFinished(EventData):
    """A request has ended."""

    status: Literal["ok", "error", "cancelled", "interrupted"]
    answer: str | None = Field(None, description="In plain words, of a model's turn.")
    outcome: Outcome | None = Field(None, description="Of code that was sent.")
    outputs: list[dict[str, Any]] | None = None
    execution_count: int | None = None
    seconds: float | None = None
    merged: str | None = Field(None, description="The path that was merged.")
    mode: str | None = None
    cells: int | None = None
    undo: UndoResult | None = Field(None, description="What an undo put back.")
    variables: RebuiltVariables | None = Field(
        None, description="Of an undo, and of a request that needed a new kernel."
    )
    error: FoundError | None = None
    notebook_head: str | None = Field(None, description="Hash of the last recorded cell.")
    recorded: list[RecordedCell] | None = Field(
        None, description="The cells that the request recorded; they cross-check the notebook."
    )
