"""The mode of a conversation, as clients send and get it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from agent.modes import ModeName
from agent.permission.network import check_capability

LONGEST_ALONE = timedelta(hours=24)
Capability = Annotated[str, Field(min_length=3, max_length=8_100)]


class ModeRequest(BaseModel):
    """``PUT /conversations/{c}/mode``: how the conversation works from its next cell on."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: ModeName
    scope: list[Capability] = Field(
        [],
        max_length=100,
        description="For `autonomous`: capabilities that need no further permission, as a "
        "`permission.required` names them, such as `library:urllib` or "
        "`network:GET https://host/path/*`.",
    )
    until: AwareDatetime | None = Field(
        None, strict=False, description="For `autonomous`: when it ends, within 24 hours."
    )
    cells: int | None = Field(
        None, ge=1, le=1000, description="For `autonomous`: how many cells may run in it."
    )

    @model_validator(mode="after")
    def _autonomous_has_limits(self) -> Self:
        given = bool(self.scope) or self.until is not None or self.cells is not None
        if self.name != "autonomous":
            if given:
                raise ValueError("`scope`, `until` and `cells` go with the mode `autonomous` only")
            return self
        if not self.scope or self.until is None or self.cells is None:
            raise ValueError("`autonomous` needs a `scope`, an end (`until`) and a number of cells")
        left = self.until - datetime.now(UTC)
        if not timedelta(0) < left <= LONGEST_ALONE:
            raise ValueError("`until` must lie within the next 24 hours")
        for name in self.scope:
            check_capability(name)
        return self


class ModeReply(BaseModel):
    """How a conversation works from its next cell on."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: ModeName
    by: str | None = Field(description="Who set it; none for the `auto` that a conversation has.")
    at: str | None
    scope: list[str] = Field(description="Of `autonomous`: what needs no further permission.")
    until: str | None = Field(description="Of `autonomous`: when it ends.")
    cells: int | None = Field(description="Of `autonomous`: how many more cells may run in it.")
