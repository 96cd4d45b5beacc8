"""What every kind of event shares: the base class, errors, names with a reason."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["ok", "error", "interrupted", "died", "blocked", "not-run"]


class EventData(BaseModel):
    """What an event of one kind holds."""

    # Built when a document or a test asks for them: the service only writes events.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class FoundError(EventData):
    """An error: code, plain words, what to do next."""

    code: str
    message: str
    hint: str = ""
    details: dict[str, Any] = {}


class CellError(EventData):
    """Why a cell did not end well."""

    code: str
    message: str
    ename: str = Field("", description="The exception's class, of an error in the code.")


class NamedCell(EventData):
    """A cell that a restoration names."""

    cell: str
    reason: str


class NamedFile(EventData):
    """A file that a restoration names."""

    name: str
    reason: str
