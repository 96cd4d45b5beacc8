"""The plan of a turn: made by the model, kept in the turn's state, told as it gets on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.permission.admission import TurnPorts
from agent.permission.approval import digest_of, plan_facts
from agent.tools.tool import ToolFailed
from agent.turn_state import PendingCode, PlanStep, TurnState

SHOWN = "The user sees the plan now. Go on with step 1."
WAITS = (
    "The user sees the plan with its code. Call run_code with the code of step 1 as it is: the "
    "user approves all of it at once."
)


class TurnPlan:
    """Makes and moves the plan of one turn (see `agent.tools.tool.Planning`)."""

    def __init__(self, state: TurnState, ports: TurnPorts) -> None:
        self._state, self._ports = state, ports

    async def make(self, steps: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
        """Set the plan and emit ``plan.made``; return the reply to the model."""
        self._state.plan = [
            PlanStep(title=title, code=code, parameters=dict(parameters))
            for title, code, parameters in steps
        ]
        facts = plan_facts(self._state.plan)
        await self._ports.sink.emit("plan.made", {"steps": facts})
        return WAITS if (await self._ports.modes.current()).name == "preview" else SHOWN

    async def move(self, number: int, status: str) -> str:
        """Set where a step stands; return the reply to the model."""
        if number > len(self._state.plan):
            known = f"it has {len(self._state.plan)} steps" if self._state.plan else "there is none"
            raise ToolFailed(f"The plan has no step {number}: {known}.")
        await step_to(self._state, self._ports, number, status)
        return f"Step {number} is {status}."


def step_of(state: TurnState, code: str, parameters: Mapping[str, Any], given: Any) -> int | None:
    """Return the number of the step that *code* does: the *given* one, or the one with the code."""
    if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= len(state.plan):
        return given
    wanted = digest_of(code, parameters)
    for number, step in enumerate(state.plan, 1):
        if step.code and digest_of(step.code, step.parameters) == wanted:
            return number
    return None


async def cell_of_step(
    state: TurnState, pending: PendingCode, ports: TurnPorts, status: str, cell: str | None
) -> None:
    """Set where the step of *pending*, if it is one's, stands now that its cell has got on."""
    if pending.step is not None and pending.step <= len(state.plan):
        await step_to(state, ports, pending.step, status, cell)


async def step_to(
    state: TurnState, ports: TurnPorts, number: int, status: str, cell: str | None = None
) -> None:
    """Set where a step stands, and emit ``plan.step``."""
    step = state.plan[number - 1]
    step.status = status
    done = sum(each.status == "done" for each in state.plan)
    facts = {"number": number, "title": step.title, "status": status}
    facts |= {"done": done, "of": len(state.plan)} | ({"cell": cell} if cell else {})
    await ports.sink.emit("plan.step", facts)
