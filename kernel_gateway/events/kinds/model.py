"""Events of the model's words, code and tools, and of the workbook that is open in Excel."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from kernel_gateway.events.kinds.base import EventData


class ModelText(EventData):
    """The model's words as they stream in; whole in `code.generated` or `turn.finished`."""

    text: str


class ModelRetrying(EventData):
    """The model's service failed; it is asked again."""

    attempt: int
    wait_seconds: float
    reason: str


class ToolCalled(EventData):
    """The model looked something up without running code."""

    name: str
    arguments: dict[str, str]
    status: str


class OfficeWorkbook(EventData):
    """A workbook that is open in Excel."""

    name: str
    url: str = Field("", description="Where it is saved; empty for a new one.")


class OfficeRequested(EventData):
    """The pane is asked to do something in the workbook that is open in Excel."""

    id: str
    pane: str = Field(description="The pane that is to do it; others leave it alone.")
    workbook: OfficeWorkbook = Field(description="The one it is meant for, and no other.")
    tool: str
    arguments: dict[str, Any] = Field(description="By the tool; see `OfficeTools` in OpenAPI.")
    mutates: bool
    seconds: float = Field(description="Without an `office.reply` in this time it has failed.")


class OfficeError(EventData):
    """Why Excel or its pane did not do it."""

    code: str
    message: str
    hint: str = ""


class OfficeReplied(EventData):
    """The pane has replied, or will not any more."""

    id: str
    tool: str
    status: Literal["ok", "error"]
    summary: str = Field(description="What was done, in the pane's words.")
    error: OfficeError | None = None


class CodeGenerated(EventData):
    """The model wrote code."""

    code: str
    language: str | None = Field(None, description="Its language, if it is not Python.")
    parameters: dict[str, Any] = Field(description="Constants the request named.")
    comment: str
    model: str | None
    tokens: dict[str, int]
