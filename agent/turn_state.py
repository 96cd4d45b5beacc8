"""A turn's state as plain JSON, so that a paused turn survives a restart of the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from agent.ports import Message


@dataclass(slots=True, kw_only=True)
class PendingCode:
    """Code the model gave that has not run yet.

    Attributes:
        code: Its source.
        language: One of `container.kernel.languages.KERNEL_OF`.
        parameters: The constants that came with it.
        fenced: It came as a fenced block.
        permission_id: Set once the user is asked; a resumed turn asks with the same id.
        tokens: Token counts of the reply that contained it.
        version: The model version that wrote it.
        then: Where in Excel its result is to be written (see `agent.tools.office.transform`).
        step: The step of the plan that it does, from 1; ``None`` for none.
    """

    code: str
    language: str = "python"
    parameters: dict[str, Any] = field(default_factory=dict)
    fenced: bool = False
    permission_id: str | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    version: str | None = None
    then: dict[str, Any] | None = None
    step: int | None = None


@dataclass(slots=True, kw_only=True)
class PlanStep:
    """A step of the model's plan.

    Attributes:
        title: What is done, in words.
        code: Its code, if the plan has it; else empty.
        parameters: The constants that go with the code.
        status: ``waiting``, ``running``, ``done``, ``failed`` or ``skipped``.
    """

    title: str
    code: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    status: str = "waiting"


@dataclass(slots=True, kw_only=True)
class PendingOffice:
    """A call of an Office tool that has no reply yet.

    Attributes:
        id: Its permanent id.
        pane: The pane that is asked, before and after a restart.
        tool: The tool's name.
        arguments: Its arguments, checked.
        workbook: The workbook it is meant for.
        permission_id: Set once the user is asked; a resumed turn asks with the same id.
    """

    id: str
    pane: str
    tool: str
    arguments: dict[str, Any]
    workbook: dict[str, str]
    permission_id: str | None = None


@dataclass(slots=True, kw_only=True)
class TurnState:
    """The state of a turn.

    Attributes:
        id: The turn's id.
        request: The user's request.
        history: Messages to and from the model, in this turn.
        calls: The last reply's calls that are still to be done, in order: ``name``, ``id``,
            ``arguments``, ``problem``, ``comment``, ``tokens``, ``version``.
        answering: ``name`` and ``id`` of the call that is being done; ``None`` for code of a
            fenced block.
        repairs_before: `repairs` when the last reply came: after a failed call, those that
            follow it in the same reply are not done.
        pending: Code that waits to be run.
        office: A call that waits for the pane's reply.
        running: The id of the cell that runs it, once it is started.
        repairs: How many failed, blocked or unusable replies there were.
        steps: How many cells ran.
        cells: Outcomes so far, oldest first.
        last_error: The last error, for `TurnBudgetSpent`.
        stopped: An answer of this turn was stopped, as the checks said otherwise.
        advice: The answer is to be in words: nothing is run, no kernel is started.
        recovered: An earlier run of the service began the turn: its cell may have run already.
        plan: The steps that the model means to take; empty without a plan.
        approved: Digests of the code that the user has seen and approved in this turn.
        after: Ids of the turns that have to end well before this one begins.
        shapes: Of each uploaded table, its columns with their kinds, when the turn began.
        recorded: The model's replies are recorded ones: it is a turn of the demo conversation.
    """

    id: str
    request: str
    history: list[Message] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    answering: dict[str, Any] | None = None
    repairs_before: int = 0
    pending: PendingCode | None = None
    office: PendingOffice | None = None
    running: str | None = None
    repairs: int = 0
    steps: int = 0
    cells: list[str] = field(default_factory=list)
    last_error: str = ""
    stopped: bool = False
    advice: bool = False
    recovered: bool = False
    plan: list[PlanStep] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    shapes: list[list[str]] = field(default_factory=list)
    recorded: bool = False


def turn_state_to_json(state: TurnState) -> dict[str, Any]:
    """Render *state* as plain JSON values."""
    return asdict(state)


def turn_state_from_json(value: Mapping[str, Any]) -> TurnState:
    """Rebuild a state from `turn_state_to_json`."""
    pending, office = value.get("pending"), value.get("office")
    return TurnState(
        **{
            **value,
            "pending": PendingCode(**pending) if pending else None,
            "office": PendingOffice(**office) if office else None,
            "plan": [PlanStep(**step) for step in value.get("plan", ())],
        }
    )
