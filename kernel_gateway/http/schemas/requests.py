"""What clients send, as pydantic models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from kernel_gateway.ids import MAIN_PATH

FileName = Annotated[str, Field(min_length=1, max_length=4096)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewConversation(_Strict):
    """``POST /conversations``."""

    title: str = Field("", max_length=200)


class Rename(_Strict):
    """``PATCH /conversations/{c}``: its new title."""

    title: str = Field(min_length=1, max_length=200)


class NewPath(_Strict):
    """``POST …/paths``: a branch, from the end of a path or from one of its turns."""

    name: str = Field(min_length=1, max_length=200)
    source_path: str = MAIN_PATH
    source_turn_id: str | None = None


class MergeRequest(_Strict):
    """``POST …/merge``: where to, and how much."""

    into: str = MAIN_PATH
    mode: Literal["summary", "full"] = "summary"


class Rating(_Strict):
    """``POST /turns/{t}/rating``: what a user thinks of a turn."""

    rating: Literal["up", "down"]
    comment: str = Field("", max_length=2000)


class PutBack(_Strict):
    """``POST …/versions/{name}``: which version of an upload is to be the current one."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class RestoreRequest(_Strict):
    """``POST …/history/{checkpoint}/restore``: which files; whether data may be removed."""

    files: list[FileName] | None = Field(None, min_length=1, max_length=1000)
    confirm: bool = False


class UndoBody(RestoreRequest):
    """``POST …/history/undo``: back to a turn, or one turn alone; by default the last one."""

    to: str | None = Field(None, pattern=r"^(start|turn_[0-9a-f]{16})$")
    turn: str | None = Field(None, pattern=r"^turn_[0-9a-f]{16}$")


class SignOffRequest(_Strict):
    """``POST …/notebook/sign-off``: a reviewer signs off, or leaves a note alone."""

    kind: Literal["sign-off", "review-note"] = "sign-off"
    note: str = Field("", max_length=10_000)


class CleanupRequest(_Strict):
    """``POST /admin/cleanup``: how many to end at most."""

    limit: int = Field(50, ge=1, le=10_000)


class TurnRequest(_Strict):
    """``turn.request``: one request in plain words."""

    request: str


class ExecuteRequest(_Strict):
    """``POST /execute`` and ``execute.request``: code to run as it is."""

    code: str
    language: str = "python"
    conversation: str | None = None
    path: str = MAIN_PATH


class ChatRequest(_Strict):
    """``POST /chat/completion``: a question, in a new conversation or an existing one."""

    message: str
    conversation_id: str | None = None


class PermissionReply(_Strict):
    """``permission.reply``: a user's decision."""

    decision: Literal["once", "always", "until", "deny"]
    until: AwareDatetime | None = Field(
        None, strict=False, description="For `until`: when it ends, ISO 8601 with an offset."
    )

    @model_validator(mode="after")
    def _until_has_a_time(self) -> PermissionReply:
        if (self.decision == "until") != (self.until is not None):
            raise ValueError("give `until`, a time, with the decision `until`, and only with it")
        if self.until is not None and self.until <= datetime.now(UTC):
            raise ValueError("`until` is past; give a later time")
        return self

    @property
    def ends_at(self) -> float | None:
        """When the permission ends, in seconds since the epoch."""
        return None if self.until is None else self.until.timestamp()


class PermissionReplyMessage(PermissionReply):
    """``permission.reply`` over a websocket names its request."""

    id: str


class Cancel(_Strict):
    """``cancel``: one turn, or all of the path."""

    turn: str | None = None


class OpenWorkbook(_Strict):
    """The workbook that is open in a pane's Excel."""

    name: str = Field(min_length=1, max_length=400)
    url: str = Field("", max_length=4000)


class OfficePaneMessage(_Strict):
    """``office.pane``: a pane in Excel says that it is here, and what it can do."""

    pane: str = Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")
    workbook: OpenWorkbook
    tools: list[Annotated[str, Field(max_length=60)]] = Field(max_length=100)


class OfficeFailure(_Strict):
    """Why the pane could not do it."""

    code: str = Field(min_length=1, max_length=60)
    message: str = Field(min_length=1, max_length=2000)
    hint: str = Field("", max_length=2000)


class OfficeReplyMessage(_Strict):
    """``office.reply``: what came of an ``office.requested``; a result or an error."""

    id: str = Field(max_length=60)
    result: dict[str, Any] | None = None
    error: OfficeFailure | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.result is None) == (self.error is None):
            raise ValueError("a reply has a result or an error")
        return self


Word = Annotated[str, Field(max_length=400)]


class RangeAbout(_Strict):
    """Which range a checkpoint has, and what is about to change it."""

    workbook: Word
    sheet: Word = ""
    address: Word = ""
    tool: Word = ""


class NewRangeCheckpoint(_Strict):
    """``POST …/history/ranges``: what a range of the open workbook holds before a change."""

    request: str | None = Field(
        None, max_length=60, description="The Excel request that is about to change it."
    )
    about: RangeAbout
    content: dict[str, Any] = Field(description="As the pane takes it back.")


class NewRerun(_Strict):
    """``POST …/notebook/reruns``: run the notebook again, with the recorded inputs unless said."""

    parameters: dict[str, Any] = Field(
        default_factory=dict,
        max_length=200,
        description="Name → value in place of the recorded one; a text is read as its type.",
    )
    inputs: dict[Word, Word] = Field(
        default_factory=dict,
        max_length=200,
        description="Recorded input → file of the workspace that stands for it.",
    )
    twice: bool = Field(
        default=False,
        description="Run it twice: what differs between both runs is volatile, and does not count.",
    )


class ClientMessage(BaseModel):
    """The envelope of every websocket message: ``kind`` and that kind's fields."""

    model_config = ConfigDict(extra="allow", strict=True)
    kind: str

    def fields(self) -> dict[str, Any]:
        """Return everything but the kind."""
        return dict(self.model_extra or {})
