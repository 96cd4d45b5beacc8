"""Events of a cell while it runs: output, calls of the network, what became stale."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from kernel_gateway.events.kinds.base import CellError, EventData, Outcome


class KernelMessageSeen(EventData):
    """A kernel's message for Jupyter clients that no `cell.started` or `cell.output` holds."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    channel: str
    header: dict[str, Any]
    parent_header: dict[str, Any]
    metadata: dict[str, Any]
    content: dict[str, Any]
    buffers: list[str] = Field(description="In base64.")


class NetworkCalled(EventData):
    """A cell, or the model, called an address, or was not allowed to."""

    cell: str | None = Field(description="None if the model's `fetch_url` called.")
    method: str
    url: str
    at: str
    request_bytes: int = Field(description="Of the body that left.")
    request_sha256: str
    grant: str | None = Field(description="`once`, or the id of the standing permission.")
    secrets: list[str] = Field(description="Names of the operator's secrets that were added.")
    status: int | None = Field(description="Of the response; none if there was no response.")
    reason: str = ""
    headers: list[list[str]] = Field([], description="Of the response.")
    response_bytes: int | None = Field(None, description="Of the response's body.")
    sha256: str | None = Field(
        None, description="Of the response's body, which is kept for re-runs; none if it is not."
    )
    problem: str = Field("", description="Why it was refused, or failed.")


class CellStarted(EventData):
    """A cell begins to run."""

    cell: str
    code: str
    language: str | None = Field(None, description="Its language, if it is not Python.")
    tags: list[str]
    messages: list[dict[str, Any]] | None = Field(
        None, description="The kernel's messages about it, while Jupyter clients use the kernel."
    )


class CellOutput(EventData):
    """A cell showed something."""

    cell: str
    output: dict[str, Any] = Field(
        description="An nbformat output, an `update_display_data` like it, or a `clear_output`."
    )
    late: bool = Field(
        default=False,
        description="The cell had ended, but a thread of it prints on; not in the record.",
    )
    message: dict[str, Any] | None = Field(
        None,
        description="The rest of the kernel's message, while Jupyter clients use the kernel: "
        "`header`, `parent_header`, `metadata`; what the output lacks of `content` and `buffers`.",
    )


class CellChecking(EventData):
    """A cell's code has ended, and the workbooks that it wrote are looked at, before it ends."""

    cell: str
    step: Literal["check", "formulas"] = Field(
        description="`check`: they are opened and checked; `formulas`: formulas without a value "
        "are computed."
    )
    names: list[str] = Field(description="The workbooks.")
    seconds: float = Field(description="How long the code took.")


class CellFinished(EventData):
    """A cell has ended and is recorded."""

    cell: str
    status: Outcome
    seconds: float | None
    execution_count: int | None = None
    error: CellError | None = None


class CellStale(EventData):
    """A cell has changed what an earlier one used, whose results are of an earlier state."""

    cell: str = Field(description="The stale cell.")
    number: int = Field(description="Its place in the notebook, from 1.")
    names: dict[str, int] = Field(description="Variable → number of the cell that changed it.")
    files: list[str] = Field(description="Files that are not those it read.")
    through: list[int] = Field(description="Numbers of stale cells whose variables it used.")
    certain: bool = Field(description="`false` if code that can't be followed may have changed it.")
    reason: str = Field(description="All of it in a sentence.")
    by: str = Field(description="The cell that changed it.")
