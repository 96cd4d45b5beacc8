"""``plan`` and ``plan_step``: the steps that the model means to take, and how far they have got."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from agent.tools.tool import Reach, Tool, ToolFailed

MOST_STEPS = 20


class Step(BaseModel):
    """One step."""

    title: str = Field(
        description="What is done, in the user's words.", min_length=1, max_length=200
    )
    code: str = Field("", description="Its code, as run_code will get it.", max_length=40_000)
    parameters: dict[str, Any] = Field({}, description="The parameters of that run_code.")


class PlanArguments(BaseModel):
    """The plan."""

    steps: list[Step] = Field(min_length=1, max_length=MOST_STEPS)


class StepArguments(BaseModel):
    """Which step, and where it stands."""

    step: int = Field(description="Its number, from 1.", ge=1, le=MOST_STEPS)
    status: Literal["running", "done", "failed", "skipped"]


async def make(arguments: PlanArguments, reach: Reach) -> str:
    """Set the plan; return what happens now."""
    if reach.planning is None:
        raise ToolFailed("There is no plan here. Go on without it.")
    return await reach.planning.make(
        [(step.title, step.code, step.parameters) for step in arguments.steps]
    )


async def move(arguments: StepArguments, reach: Reach) -> str:
    """Say where one step stands."""
    if reach.planning is None:
        raise ToolFailed("There is no plan here. Go on without it.")
    return await reach.planning.move(arguments.step, arguments.status)


PLAN = Tool(
    "plan",
    "Tell the user the steps of work that takes several, before the first. Then name the step in "
    "each run_code (`step`). A new plan replaces the last one.",
    PlanArguments,
    make,
)
PLAN_STEP = Tool(
    "plan_step",
    "Say where a step of the plan stands that is not done by run_code, or that is left out.",
    StepArguments,
    move,
)
PLANNING = frozenset({PLAN.name, PLAN_STEP.name})
