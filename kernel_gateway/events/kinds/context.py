"""Events of how a request starts: what the model is sent, who works on it, its kernel."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from kernel_gateway.events.kinds.base import EventData, FoundError, NamedCell


class SeenSheet(EventData):
    """A sheet as the model was sent it."""

    name: str
    header_row: int | None
    rows: int | None


class SeenWorkbook(EventData):
    """A workbook as the model was sent it."""

    file: str
    sheets: list[SeenSheet]
    problem: FoundError | None
    unchanged: bool = Field(description="An earlier request had its profile: now it was in short.")


class SeenHistory(EventData):
    """How many of the path's earlier requests and cells the model was sent, and how."""

    whole: int
    shortened: int = Field(description="With long texts cut.")
    digests: int = Field(description="In one line each.")
    left_out: int = Field(description="The oldest, of which only the number was given.")


class SeenPastTurn(BaseModel):
    """A request of the same user in another conversation."""

    turn: str
    conversation: str


class SeenHits(BaseModel):
    """What was found for a request."""

    symbols: list[str] = Field([], description="Kind and name, as in `column Net Amount`.")
    functions: list[str] = Field([], description="Names of Excel's functions.")
    past_turns: list[SeenPastTurn] = []
    worked: list[SeenPastTurn] = Field([], description="Whose code worked on tables like these.")
    preferences: list[str] = Field([], description="Ids of the user's preferences.")


class ContextUsed(EventData):
    """What the model is sent before it answers."""

    workbooks: list[SeenWorkbook]
    files: list[str]
    variables: list[str] = Field(description="Names of live variables.")
    found: SeenHits = Field(description="What was found for the request.")
    history: SeenHistory
    tokens: dict[str, int] = Field(
        description="An upper estimate for each part (`system`, `workbooks`, `files`, "
        "`variables`, `state`, `symbols`, `functions`, `past_turns`, `preferences`, `worked`, "
        "`history`, `request`) and "
        "the `total`."
    )
    prompt: str = Field(description="The version of the system prompt.")
    kernel_is_new: bool
    state_note: str = Field(description="What a new kernel could not be given back.")


class RouteChosen(EventData):
    """Where the request is worked on: in the workbook open in Excel, or in Python on files."""

    way: Literal["office", "python"]
    reason: str
    operation: str = Field(
        description="The kind of operation that the request names, such as `merge`, `pivot`, "
        "`chart`, `clean`, `reconcile`; `other` without one."
    )


class ContextWaiting(EventData):
    """No kernel can be had just now: the path waits in line."""

    ahead: int = Field(description="How many wait before it.")
    reason: str


class ContextRestoring(EventData):
    """A new kernel's variables are being rebuilt."""

    cell: str = Field(description="The cell that runs again now.")
    done: int
    of: int


class ContextRestored(EventData):
    """A new kernel has as many variables as could be rebuilt."""

    replayed: int
    complete: bool
    failed: list[NamedCell]
    differs: list[NamedCell]
    not_replayed: list[NamedCell]
    seconds: float
    snapshot: str | None = Field(None, description="The snapshot of the variables that was read.")
    covered: int = Field(0, description="How many cells did not have to run because of it.")
    restored: list[str] = Field([], description="Variables that come from it.")
