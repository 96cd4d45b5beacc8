"""A turn's steps in the workbook open in Excel: begin a call, take its reply, write back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from agent.context.profiler import Profile
from agent.permission.admission import TurnPorts
from agent.permission.approval import READ_ONLY, WORDS, new_permission_id, office_request
from agent.ports import ToolCall
from agent.route import Route, choose_route, most_rows
from agent.tools.office.call import new_call_id, prepare_office, reply_to_model, use_office
from agent.tools.office.catalog import changes
from agent.tools.office.transform import NAME as TRANSFORM
from agent.tools.office.transform import to_excel, to_python
from agent.tools.tool import ToolFailed
from agent.turn.messages import may_leave, repair, reply_to
from agent.turn_state import PendingOffice, TurnState
from container.errors import ContainerError
from container.workspace.workspace import INPUTS, OUTPUTS


def route_of(request: str, profiles: Mapping[str, Profile], ports: TurnPorts) -> Route:
    """Return where *request* is worked on, from what is connected and which files there are."""
    workspace = ports.runtime.workspace
    pane = ports.office.pane() if ports.office is not None else None
    files = [*workspace.files(INPUTS), *workspace.files(OUTPUTS)]
    return choose_route(
        request,
        workbook=pane.workbook["name"] if pane is not None else None,
        files={file.name: file.size for file in files},
        rows={name: most_rows(profile) for name, profile in profiles.items()},
    )


async def begin_office(state: TurnState, call: ToolCall, ports: TurnPorts) -> dict[str, Any] | None:
    """Make *call* what the turn waits for; return the reply to the model if it can't be done."""
    try:
        state.office = prepare_office(call, ports)
    except ToolFailed as error:
        state.steps += 1
        return _failed(error)
    await ports.save(state)  # a restarted turn waits for the same reply
    return None


async def office_done(
    state: TurnState, pending: PendingOffice, ports: TurnPorts
) -> dict[str, Any] | None:
    """Have the pane do *pending*; return the reply to the model.

    ``None``: the range that was read goes to Python first, as `TurnState.pending`.
    """
    reply = await use_office(pending, state.id, ports)
    state.office = None
    if pending.tool != TRANSFORM or reply.result is None:
        return reply_to_model(reply)
    read, workspace = dict(reply.result), ports.runtime.workspace
    try:
        state.pending = await asyncio.to_thread(to_python, pending, read, workspace)
    except (ToolFailed, ContainerError, OSError) as error:
        return _failed(error)
    return None


async def write_in_excel(
    state: TurnState, then: dict[str, Any], ports: TurnPorts
) -> dict[str, Any] | None:
    """Make the write of a cell's result what the turn waits for; return why it can't be done."""
    workspace = ports.runtime.workspace
    try:
        state.office = await asyncio.to_thread(to_excel, then, new_call_id(), workspace)
    except ToolFailed as error:
        return _failed(error)
    return None


async def use_office_step(state: TurnState, pending: PendingOffice, ports: TurnPorts) -> None:
    """Have the pane do *pending*, if it may, and give the model what came of it."""
    refusal = await _refusal(state, pending, ports)
    if refusal:
        state.office = None
        response: dict[str, Any] | None = {"status": "blocked", "error": refusal}
    else:
        response = await office_done(state, pending, ports)
    state.steps += 1
    await reply_from_office(state, response, ports)
    await ports.save(state)


async def reply_from_office(
    state: TurnState, response: dict[str, Any] | None, ports: TurnPorts
) -> None:
    """Give the model *response*; ``None``: there is more to be done for its call before."""
    if response is None:
        return
    if response["status"] != "ok":
        repair(state, response["error"])
    reply_to(state, await may_leave(response, ports))


async def _refusal(state: TurnState, pending: PendingOffice, ports: TurnPorts) -> str:
    """Return why the conversation's mode, or the user it asks, does not allow *pending*."""
    if not changes(pending.tool, pending.arguments):
        return ""
    mode = await ports.modes.current()
    if mode.name == "read-only":
        return READ_ONLY
    if mode.name not in WORDS and pending.permission_id is None:
        return ""
    if pending.tool == TRANSFORM:  # it only reads now; its code and its write are asked for
        return ""
    if pending.permission_id is None:
        pending.permission_id = new_permission_id()
        await ports.save(state)
    decision = await ports.approver.ask(office_request(pending, mode, state))
    if decision.allowed and (await ports.modes.current()).name != "read-only":
        return ""
    return "The user did not allow this change in Excel. Ask what they want instead."


def _failed(error: Exception) -> dict[str, Any]:
    return {"status": "error", "error": str(error)}
