"""What every model of the schemas shares."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Exact(BaseModel):
    """A body with these fields and no others."""

    # Only the OpenAPI document needs them, so they are built when it is made.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Open(BaseModel):
    """A body that may hold further fields."""

    model_config = ConfigDict(extra="allow", defer_build=True)


class Error(Exact):
    """Code, plain words, what to do next."""

    code: str
    message: str
    hint: str
    details: dict[str, Any]


class ErrorBody(Open):
    """The body of every 4xx and 5xx; Jupyter's addresses add ``message`` and ``reason``."""

    error: Error
