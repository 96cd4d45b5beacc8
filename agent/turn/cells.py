"""The cells of a turn: admitted, run, recorded; what came of them goes to the model."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from agent.cells.run import ran_before, run_cell
from agent.cells.staleness import last_cell, made_stale, said
from agent.checks.formula_values import summary
from agent.checks.tie_out import said_to_model
from agent.parameters import parameters_source, turn_parameters_source
from agent.permission.admission import TurnPorts, admit
from agent.ports import PathRuntime
from agent.prompts.render import render_output
from agent.repair.advice import REFUSED, UNREADABLE, advice
from agent.turn.messages import may_leave, repair, reply_to
from agent.turn.office import reply_from_office, write_in_excel
from agent.turn.planning import cell_of_step
from agent.turn_state import PendingCode, TurnState
from container.kernel.execute_reply import ClientRequest
from container.kernel.languages import PYTHON
from container.workspace.workspace import INPUTS
from notebooks.record.cells import Execution, Provenance, new_cell_id

MOST_FINDINGS = 12
ENDED = (
    "The kernel ended. Before the next cell runs, variables are rebuilt by running the "
    "recorded successful cells again."
)
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""A valid cell id in nbformat 4.5."""


async def run_pending(state: TurnState, pending: PendingCode, ports: TurnPorts) -> None:
    """Run the code that waits, if it may, and give the model what came of it."""
    earlier = await _ran_before(state, ports) if state.recovered else None
    if earlier is not None:
        await _take_execution(state, earlier, pending, ports)
        return
    admission = await admit(state, pending, ports)
    if admission.outcome is not None:
        repair(state, admission.reason)
        way = UNREADABLE if admission.outcome == "not-run" else REFUSED
        reply_to(state, {"status": admission.outcome, "error": admission.reason, **way})
        return
    await cell_of_step(state, pending, ports, "running", None)
    python = pending.language == PYTHON
    failed = await _run_parameters(state, pending, ports, admission.kept) if python else None
    if failed is None:
        state.running = new_cell_id()
        await ports.save(state)
    execution = failed or await run_cell(
        pending.code,
        admission.provenance,
        ports.runtime,
        ports.sink,
        ports.hashes,
        cell_id=state.running,
        granted=admission.granted,
        kept=admission.kept,
        language=pending.language,
    )
    await _take_execution(state, execution, pending, ports)


async def _ran_before(state: TurnState, ports: TurnPorts) -> Execution | None:
    """Return the pending code's execution if it started before a restart; await its end."""
    state.recovered = False  # only the first code of a recovered turn may have run
    recorded = await ran_before(state.id, ports.runtime, ports.sink, ports.hashes)
    # A turn with direct code has one cell; a model's turn has several, so compare the id.
    if recorded is None or (ports.model is not None and recorded[0] != state.running):
        return None
    return recorded[1]


async def _take_execution(
    state: TurnState, execution: Execution, pending: PendingCode, ports: TurnPorts
) -> None:
    runtime = ports.runtime
    state.steps += 1
    state.cells.append(execution.outcome)
    ended = "done" if execution.outcome == "ok" else "failed"
    await cell_of_step(state, pending, ports, ended, state.running)
    response: dict[str, Any] = {
        "status": execution.outcome,
        "output": render_output(execution.outputs),
    }
    outputs = [name for name in execution.files_after if not name.startswith(f"{INPUTS}/")]
    if outputs:
        response["files"] = outputs[:50]
    if checks := _checks(execution):
        response["checks"] = checks
    if execution.computed:
        response["computed"] = _computed(execution)
    if execution.outcome == "ok":
        last = last_cell(runtime)
        stale = await made_stale(runtime, execution.files_after, lambda cell: cell.id == last)
        if stale:
            response["stale"] = said(stale)
    if tied := said_to_model(execution.tie_out):
        response["tie_out"] = tied
    if note := runtime.take_state_note():
        response["state"] = note
    if execution.outcome == "ok" and state.pending is not None and state.pending.then is not None:
        failed = await write_in_excel(state, state.pending.then, ports)
        await reply_from_office(state, failed and response | failed, ports)
        return
    if execution.outcome != "ok":
        response["error"] = execution.error_text or execution.outcome
        if pending.language == PYTHON:
            response |= await advice(execution, pending.code, runtime, ports.profiler)
        if execution.outcome == "died":
            response["state"] = ENDED
        repair(state, response["error"])
    reply_to(state, await may_leave(response, ports))


def _checks(execution: Execution) -> dict[str, list[str]]:
    """Return the findings about the workbooks that the model's code wrote, for its reply."""
    return {
        name: [f"{each['message']} {each['hint']}" for each in findings[:MOST_FINDINGS]]
        for name, findings in execution.checks.items()
        if findings
    }


def _computed(execution: Execution) -> dict[str, dict[str, Any]]:
    """Return what the formulas of written workbooks give, for the model's reply."""
    return {
        name: {"summary": summary(each), "cells": each.get("cells", {})}
        for name, each in execution.computed.items()
    }


async def _run_parameters(
    state: TurnState,
    pending: PendingCode,
    ports: TurnPorts,
    kept: Mapping[str, str] | None,
) -> Execution | None:
    """Run the parameters cell if one is needed; return its execution only if it failed."""
    known = ports.runtime.recorder.parameters()
    if known is None:
        files = [f.name.removeprefix(f"{INPUTS}/") for f in ports.runtime.workspace.files(INPUTS)]
        source, tag = parameters_source(files, pending.parameters), "parameters"
    else:
        await _set_again(known, ports.runtime)
        changed = {k: v for k, v in pending.parameters.items() if k not in known or known[k] != v}
        if not changed:
            return None
        source, tag = turn_parameters_source(changed), "turn-parameters"
    provenance = Provenance(turn_id=state.id, request=state.request)
    execution = await run_cell(
        source, provenance, ports.runtime, ports.sink, ports.hashes, tags=(tag,), kept=kept
    )
    return None if execution.outcome == "ok" else execution


async def _set_again(known: Mapping[str, Any], runtime: PathRuntime) -> None:
    """Set the notebook's existing parameters in a new kernel.

    This is not recorded: in a re-run the parameters cell sets them, with that run's values.
    """
    session = await runtime.session()
    if session.fresh:
        await session.execute(turn_parameters_source(known), _no_output, silent=True)


async def _no_output(output: Mapping[str, Any]) -> None:
    """Discard outputs; assignments have none."""


async def run_direct(
    state: TurnState, ports: TurnPorts, client: ClientRequest | None = None
) -> Execution:
    """Check and run code that a client sent; `state.request` is the code.

    Args:
        state: The turn.
        ports: The interfaces and limits it uses.
        client: The Jupyter client's own ``execute_request``, if there is one.

    Returns:
        The execution; its outcome is ``blocked`` or ``not-run`` when it was refused.
    """
    earlier = await _ran_before(state, ports) if state.recovered else None
    if earlier is not None:
        return earlier
    pending = state.pending or PendingCode(code=state.request)
    state.pending = pending
    admission = await admit(state, pending, ports)
    if admission.refusal is not None:
        return admission.refusal
    provenance = dataclasses.replace(admission.provenance, request="")
    return await run_cell(
        pending.code,
        provenance,
        ports.runtime,
        ports.sink,
        ports.hashes,
        cell_id=_cell_id(client, ports.runtime) if client is not None else None,
        client=client,
        granted=admission.granted,
        kept=admission.kept,
        language=pending.language,
    )


def _cell_id(client: ClientRequest, runtime: PathRuntime) -> str | None:
    """Return the request's ``msg_id`` if it is a valid, unused cell id.

    A successor finds the running cell by the ``msg_id``.
    """
    message_id = str(client.message["header"]["msg_id"])
    fits = CELL_ID.fullmatch(message_id) and not runtime.recorder.knows(message_id)
    return message_id if fits else None
