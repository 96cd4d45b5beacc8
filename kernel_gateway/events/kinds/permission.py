"""Events of risk, permission, modes and plans."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kernel_gateway.events.kinds.base import EventData


class RiskFinding(EventData):
    """One thing in the code that is more than low risk."""

    line: int
    column: int
    tier: Literal["low", "medium", "high"]
    rule: str
    reason: str
    target: str
    capability: str


class RiskAssessed(EventData):
    """The code was read by the risk check."""

    risk: Literal["low", "medium", "high"]
    findings: list[RiskFinding]
    imports: list[str]
    syntax_error: str


class AskedCall(EventData):
    """A call of the network that the code holds."""

    method: str
    url: str = Field(description="As far as it is known; empty if only the running code knows.")
    host: str
    exact: bool = Field(description="The whole path is known; else all below it is asked for.")
    body: bool = Field(description="Data would leave as the call's body.")
    body_bytes: int | None = Field(description="Its size, if it is a text in the code.")
    variables: list[str] = Field(description="Whose values go into body, query or headers.")
    always: str = Field(description="What `always` would cover: method, address, `*` for below.")


class PlannedStep(EventData):
    """A step of the model's plan."""

    number: int
    title: str
    code: str = Field(description="Its code, if the plan has it; else empty.")
    status: Literal["waiting", "running", "done", "failed", "skipped"]


class PermissionRequired(EventData):
    """The code waits for a decision."""

    id: str
    explanation: str
    capabilities: list[str]
    imports: list[str]
    targets: list[str]
    preview: str = Field(description="The code.")
    findings: list[RiskFinding]
    network: list[AskedCall] | None = Field(
        None, description="Whom it would call, and what would leave."
    )
    always: list[str] | None = Field(
        None, description="What a standing permission covers, for each capability."
    )
    mode: str | None = Field(None, description="The mode that asks: `preview`, `step`; else empty.")
    plan: list[PlannedStep] | None = Field(
        None, description="The steps that the model means to take, if a mode asks."
    )
    expires_at: float = Field(description="Seconds since 1970; then no reply counts as denied.")


class PermissionDecided(EventData):
    """Somebody, or the clock, decided."""

    id: str
    decision: Literal["once", "always", "until", "deny", "timeout"]
    who: str | None
    until: float | None = Field(
        None, description="When a permission that was given until a time ends; seconds since 1970."
    )


class ModeFacts(EventData):
    """A mode of a conversation."""

    name: Literal["auto", "preview", "step", "read-only", "autonomous"]
    scope: list[str] = Field(description="Capabilities that need no further permission.")
    ends_at: float | None = Field(description="Seconds since 1970.")
    cells: int | None = Field(description="How many more cells may run in it.")


class ModeChanged(EventData):
    """The conversation works in another mode from its next cell on."""

    mode: ModeFacts
    why: Literal["set", "ended", "spent"] = Field(
        description="`set` by a user; or an autonomous mode has `ended`, or its cells are `spent`."
    )
    who: str | None = Field(description="The user who set it.")


class PlanMade(EventData):
    """The model says which steps it means to take; a later plan of a turn replaces the earlier."""

    steps: list[PlannedStep]


class PlanStepped(EventData):
    """A step of the plan has got on."""

    number: int
    title: str
    status: Literal["waiting", "running", "done", "failed", "skipped"]
    done: int = Field(description="How many steps are done.")
    of: int
    cell: str | None = Field(None, description="The cell that does it.")
