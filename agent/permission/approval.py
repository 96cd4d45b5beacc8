"""What a conversation's mode asks the user for, beside what the risk of the code does."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from agent.modes import Mode
from agent.ports import PermissionRequest
from agent.turn_state import PendingCode, PendingOffice, PlanStep, TurnState
from container.kernel.languages import PYTHON

WORDS = {
    "preview": "Preview: nothing runs before you have seen it.",
    "step": "Step by step: each cell waits for you.",
}
READ_ONLY = (
    "This conversation is read-only: nothing is written in Excel. Read, compute and answer, and "
    "say that nothing was changed."
)


def digest_of(code: str, parameters: Mapping[str, Any], language: str = PYTHON) -> str:
    """Return what stands for *code* with its *parameters* among what a user has approved."""
    coded = json.dumps([language, code.strip(), dict(parameters)], sort_keys=True, default=str)
    return hashlib.sha256(coded.encode("utf-8", "surrogatepass")).hexdigest()


def waits_for_user(mode: Mode, state: TurnState, pending: PendingCode) -> bool:
    """Whether *mode* has the user approve *pending*, whatever its risk."""
    if mode.name == "preview":
        return _digest(pending) not in state.approved
    return mode.name == "step"


def _digest(pending: PendingCode) -> str:
    return digest_of(pending.code, pending.parameters, pending.language)


def approve(state: TurnState, pending: PendingCode) -> None:
    """Note that the user has seen and approved *pending*, and the code of the plan's steps."""
    shown = [_digest(pending)]
    shown += [digest_of(step.code, step.parameters) for step in state.plan if step.code]
    state.approved = list(dict.fromkeys([*state.approved, *shown]))


def plan_facts(steps: Sequence[PlanStep]) -> list[dict[str, Any]]:
    """Return the steps of a plan as a permission request and the events have them."""
    return [
        {"number": number, "title": step.title, "code": step.code, "status": step.status}
        for number, step in enumerate(steps, 1)
    ]


def preview_of(pending: PendingCode) -> str:
    """Return the code that a user is shown, with the constants that it runs with."""
    lines = [f"{name} = {value!r}" for name, value in pending.parameters.items()]
    return "\n".join(["# parameters", *lines, "", pending.code]) if lines else pending.code


def new_permission_id() -> str:
    """Return the id of a new permission request."""
    return f"perm_{secrets.token_hex(8)}"


def office_request(pending: PendingOffice, mode: Mode, state: TurnState) -> PermissionRequest:
    """Build the request to change the workbook that is open in Excel."""
    book = pending.workbook.get("name", "")
    return PermissionRequest(
        id=pending.permission_id or "",
        capabilities=(),
        explanation=f"{WORDS.get(mode.name, '')} The model wants to change {book!r} in Excel.",
        imports=(),
        targets=(book,),
        preview=f"{pending.tool}\n{json.dumps(pending.arguments, ensure_ascii=False, indent=1)}",
        findings=(),
        mode=mode.name,
        plan=tuple(plan_facts(state.plan)),
    )
