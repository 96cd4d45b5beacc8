"""Several requests at once, as clients send them, and what they get."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kernel_gateway.http.schemas.responses.turns import TurnReply

Name = Annotated[str, Field(min_length=1, max_length=60)]


class OneRequest(BaseModel):
    """One request of a batch."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Name = Field(description="Its name within the batch.")
    text: str = Field(description="What should be done, in plain words.")
    after: list[Name] = Field(
        [], max_length=20, description="Names of those that have to end well before it begins."
    )


class Batch(BaseModel):
    """``POST …/batches``: requests that belong together."""

    model_config = ConfigDict(extra="forbid", strict=True)

    requests: list[OneRequest] = Field(min_length=1, max_length=20)


class StartedRequest(TurnReply):
    """A request of a batch with its turn."""

    id: str


class BatchReply(BaseModel):
    """The turns of a batch, in the order in which they run."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    turns: list[StartedRequest]
